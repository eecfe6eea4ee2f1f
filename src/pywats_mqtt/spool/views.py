"""What the owner of a spool and a second process read alike: counters, quarantine, notes, size."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pywats_mqtt.ports import Quarantined
from pywats_mqtt.spool.rows import CHUNK
from pywats_mqtt.spool.tally import Tally

PAGE_BYTES = 16_777_216
"""Payload after which a page of the quarantine ends: payloads are megabytes where `[limits]` refused them."""

_QUARANTINED = Quarantined.__struct_fields__
"""Its columns have the names of the port's fields."""


def read_tally(db: sqlite3.Connection) -> Tally:
    """Read the counters as of the last transaction."""
    return Tally.of(dict(db.execute("SELECT name, value FROM counter")))


def size_on_disk(path: Path) -> int:
    """Give the bytes the database and its write-ahead log take on disk."""
    total = 0
    for file in (path, Path(f"{path}-wal")):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total


def read_quarantine(db: sqlite3.Connection, limit: int, after: int) -> list[Quarantined]:
    """Read rows with ids above `after`, oldest first; fewer than `limit`, and at least one, where they are large."""
    rows = db.execute(
        f"SELECT {', '.join(_QUARANTINED)} FROM quarantine WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 - constants
        (after, limit),
    )
    page: list[Quarantined] = []
    size = 0
    for row in rows:
        page.append(Quarantined(**dict(zip(_QUARANTINED, row, strict=True))))
        size += len(page[-1].payload)
        if size >= PAGE_BYTES:
            rows.close()
            break
    return page


def read_sizes(db: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Read how many bytes the payloads of these rows of the quarantine have; those that are not there are left out."""
    sizes: dict[int, int] = {}
    for begin in range(0, len(numbers), CHUNK):
        some = numbers[begin : begin + CHUNK]
        marks = ",".join("?" * len(some))
        query = f"SELECT id, length(payload) FROM quarantine WHERE id IN ({marks})"  # noqa: S608 - marks alone
        sizes |= dict(db.execute(query, some))
    return sizes


def read_owed(db: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Read which latest deliveries are owed: asset, kind, and since when."""
    return db.execute("SELECT key, kind, owed_since_us FROM latest WHERE version > settled_version").fetchall()


def read_note(db: sqlite3.Connection, name: str) -> bytes | None:
    """Read a note."""
    row = db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def read_notes(db: sqlite3.Connection, prefix: str) -> dict[str, bytes]:
    """Read the notes whose name begins so."""
    rows = db.execute(
        "SELECT name, value FROM note WHERE name >= ? AND substr(name, 1, ?) = ?", (prefix, len(prefix), prefix)
    )
    return {name: bytes(value) for name, value in rows}
