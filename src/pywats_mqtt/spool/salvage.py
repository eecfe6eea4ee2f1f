"""Brings back what can be read of a spool that SQLite refuses, into a new one.

Every page is read on its own, every row too; a row's table is told by its columns, for the pages that would lead to it
may be the damaged ones. A row counts as readable only if the bridge could use it. What SQLite itself cannot see is not
seen here either: a changed byte within a payload.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from pywats_mqtt import events
from pywats_mqtt.errors import Fatal
from pywats_mqtt.ports import Export, ExportState, LatestRow, OwedRow, RefusedRow
from pywats_mqtt.ports.handover import ROWS
from pywats_mqtt.spool import tables
from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.imports import Whereabouts
from pywats_mqtt.spool.packets import SINCE
from pywats_mqtt.spool.pages import Pages
from pywats_mqtt.spool.records import Column, Damaged, Record, records
from pywats_mqtt.spool.sqlerrors import outcome_of
from pywats_mqtt.spool.tally import Tally

_AT_ONCE: Final = 500
_NONE: Final = type(None)
_NAMED: Final = (str, str, str, bytes, str)
_CAME: Final = (str, int, int, int, str, str, bytes)

SHAPES: Final[dict[str, tuple[bool, tuple[type, ...]]]] = {
    "batch": (True, (_NONE, bytes, int)),
    "delivery": (True, (_NONE, str, str, int, int, int, str, bytes, *_CAME)),
    "quarantine": (True, (_NONE, str, str, str, str, int, bytes, str, int, int, str, str)),
    "packet": (True, (_NONE,)),
    "refused_packet": (True, (_NONE, int)),
    "exported": (True, (_NONE, str, bytes)),
    "latest": (False, (str, str, int, int, int, int, int, int, int, int, int, str, str, bytes)),
    "identity": (False, (bytes, bytes, int, int)),
    "delivery_identity": (True, (_NONE, bytes, bytes)),
    "note": (False, (str, bytes)),
    "counter": (False, (str, int)),
    "export": (False, (str, int, int, str, int, int, int, int, int)),
    "trace": (True, (_NONE, *_NAMED, *[int] * 7, str, str, int, int, str, str, int, str, str, int, int, str)),
}
"""Each table: whether it has row ids, and the types of its columns."""

_ADDED: Final[dict[str, Column]] = {"batch": 0, "trace": "", "identity": Whereabouts.UNTOLD.value}
"""What the last column holds in rows that are older than it: SQLite does not write them anew for a new column."""

_OLD: Final = {(SHAPES[name][0], SHAPES[name][1][:-1]): name for name in _ADDED}
_BY_SHAPE: Final = {shape: name for name, shape in SHAPES.items()} | _OLD
_SQLITES: Final = {(str, str, str, int, str), (str, int), (str, str, int), (int, int)}
"""Columns of SQLite's own tables and of indices, which are made anew: schema, numbers given out, those of traces."""

_properties: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...])


class Salvaged(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        rows: brought back, by table.
        unreadable: rows that were seen and cannot be used, in all tables.
        damaged_pages: pages that should hold rows and cannot be read at all.
        pages: of the file.
        lost: what the counters say there was more: batches, messages that wait, rows of the quarantine. None where the
            counters themselves are lost.
    """

    rows: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(SHAPES, 0))
    unreadable: int = 0
    damaged_pages: int = 0
    pages: int = 0
    is_spool: bool = True
    lost: dict[str, int] | None = None


def salvage(broken: Path, new: Path) -> Salvaged:
    """Read a damaged spool, which stays as it is, and write a new one.

    Raises:
        Fatal: there is none, the new one is there already, or cannot be written.
    """
    if new.exists():
        raise Fatal(f"{new} is there already: name another file")
    part = new.with_name(f".{new.name}.part")
    part.unlink(missing_ok=True)
    try:
        with Pages(broken) as pages, closing(connect(part, max_bytes=1 << 40)) as db:
            found = _Salvage(db, pages).run()
    except OSError as error:
        raise Fatal(f"{error.filename or broken} cannot be read or written: {error.strerror}") from error
    except sqlite3.Error as error:
        raise outcome_of(error, str(part)) from error
    if not any(found.rows.values()) and not found.is_spool:
        part.unlink()
        raise Fatal(f"{broken} is no spool, and nothing in it is of one: name the file of [spool] path")
    part.rename(new)
    return found


class _Salvage:
    def __init__(self, db: sqlite3.Connection, pages: Pages) -> None:
        self._db = db
        self._pages = pages
        self._found = Salvaged(pages=pages.count, is_spool=pages.is_spool)

    def run(self) -> Salvaged:
        """Bring back all that can be."""
        found: list[tuple[str, tables.Row]] = []
        for each in self._rows():
            found.append(each)
            if len(found) == _AT_ONCE:
                self._write(found)
                found = []
        self._write(found)
        self._db.execute("BEGIN IMMEDIATE")
        self._renumber()
        self._count()
        self._db.execute("COMMIT")
        for name in SHAPES:
            self._found.rows[name] = self._one(f"SELECT count(*) FROM {name}")  # noqa: S608 - constant
        return self._found

    def _rows(self) -> Iterator[tuple[str, tables.Row]]:
        for number in self._pages.in_use():
            try:
                yield from self._rows_of(number)
            except Damaged:
                self._found.damaged_pages += any(self._pages.page(number))  # else it was never used

    def _rows_of(self, number: int) -> Iterator[tuple[str, tables.Row]]:
        for record in records(self._pages, number):
            if isinstance(record, Damaged):
                self._found.unreadable += 1
                continue
            types = tuple(map(type, record.columns))
            name = _BY_SHAPE.get((record.table, types))
            row = None if name is None else _usable(name, record)
            if name is not None and row is not None:
                yield name, row
            elif types not in _SQLITES:
                self._found.unreadable += 1

    def _write(self, found: Sequence[tuple[str, tables.Row]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for name, row in found:
            self._db.execute(f"INSERT OR IGNORE INTO {name} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 - constant
        self._db.execute("COMMIT")

    def _renumber(self) -> None:
        """Number batches anew, without holes, since they are routed one after the other; so is what names one."""
        former = self._one(
            "SELECT count(*) FROM batch WHERE number < (SELECT digest FROM refused_packet WHERE id = ?)", SINCE
        )
        self._db.execute("UPDATE refused_packet SET digest = ? WHERE id = ?", (former + 1, SINCE))
        old = [number for (number,) in self._db.execute("SELECT number FROM batch ORDER BY number")]
        for index, number in enumerate(old):
            self._db.execute("UPDATE batch SET number = ? WHERE number = ?", (index + 1 - len(old), number))
        self._db.execute("UPDATE batch SET number = number + ?", (len(old),))

    def _count(self) -> None:
        """Make the counters agree with what is there."""
        before = Tally.of(dict(self._db.execute("SELECT name, value FROM counter")))
        counted = bool(before.last_batch or before.last_id)
        tally = before.copy()
        self._db.execute("DELETE FROM delivery_identity WHERE id NOT IN (SELECT id FROM delivery)")
        stored = self._db.execute("SELECT messages FROM batch")
        tally.waiting = sum(len(tables.unpack_messages(packed)) for (packed,) in stored)
        tally.waiting += self._one("SELECT coalesce(sum(messages), 0) FROM delivery")
        tally.waiting += self._one("SELECT coalesce(sum(messages), 0) FROM latest")
        tally.quarantined = self._one("SELECT count(*) FROM quarantine")
        tally.refused = max(tally.refused, tally.quarantined)
        batches = tally.last_batch = self._one("SELECT count(*) FROM batch")
        tally.last_routed = 0
        tally.last_id = max(
            tally.last_id,
            self._one("SELECT coalesce(max(id), 0) FROM delivery"),
            self._one("SELECT coalesce(max(id), 0) FROM latest"),
            self._one("SELECT coalesce(max(id), 0) FROM trace"),
        )
        tally.traced = self._one("SELECT count(*) FROM trace")
        tally.last_export = max(tally.last_export, self._one("SELECT coalesce(max(number), 0) FROM export"))
        self._exports(tally)
        tally.stored = (
            tally.delivered + tally.waiting + tally.refused + tally.duplicates + tally.ignored + tally.handed_over
        )
        if counted:
            self._found.lost = {
                "batches": max(0, before.last_batch - before.last_routed - batches),
                "waiting": max(0, before.waiting - tally.waiting),
                "quarantined": max(0, before.quarantined - tally.quarantined),
            }
        self._db.execute("DELETE FROM counter")
        self._db.executemany("INSERT INTO counter VALUES (?, ?)", tally.changed_since(Tally()))

    def _exports(self, tally: Tally) -> None:
        """Make exports agree with their rows; one that is lost itself is made anew, as if there was no file.

        A revoked one puts its rows back under the numbers that they had: nothing else may get these meanwhile.
        """
        last_refused = self._one("SELECT coalesce(max(id), 0) FROM quarantine")
        known = {row[0] for row in self._db.execute("SELECT id FROM export")}
        for (export,) in self._db.execute("SELECT DISTINCT export FROM exported").fetchall():
            owed = latest = refused = messages = 0
            for (packed,) in self._db.execute("SELECT packed FROM exported WHERE export = ?", (export,)):
                row = ROWS.decode(packed)
                owed += isinstance(row, OwedRow)
                latest += isinstance(row, LatestRow)
                refused += isinstance(row, RefusedRow)
                messages += 0 if isinstance(row, RefusedRow) else row.messages
                if isinstance(row, OwedRow):
                    tally.last_id = max(tally.last_id, row.id)
                elif isinstance(row, RefusedRow):
                    last_refused = max(last_refused, row.id)
            if export not in known:
                first = self._one("SELECT min(row) - 1 FROM exported WHERE export = ?", export)
                lost = Export(id=export, number=tally.last_export, at_us=0, state=ExportState.SEALED, first_row=first)
                self._db.execute(
                    "INSERT INTO export VALUES (?,?,?,?,?,?,?,?,?)", list(msgspec.to_builtins(lost).values())
                )
            self._db.execute(
                "UPDATE export SET owed = ?, latest = ?, refused = ?, messages = ? WHERE id = ?",
                (owed, latest, refused, messages, export),
            )
        self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'quarantine'")
        self._db.execute("INSERT INTO sqlite_sequence VALUES ('quarantine', ?)", (last_refused,))

    def _one(self, query: str, *values: str | int) -> int:
        (found,) = self._db.execute(query, values).fetchone()
        return int(found)


def _usable(name: str, record: Record) -> tables.Row | None:
    """Give a row as it is written, with its row id; None where the bridge could not use it."""
    columns: list[Column] = list(record.columns)
    if record.table:
        columns[0] = record.row_id
    if len(columns) < len(SHAPES[name][1]):
        columns.append(_ADDED[name])
    row = tuple(each for each in columns if isinstance(each, str | bytes | int))
    try:
        match name, row:
            case "batch", (_, bytes(packed), _):
                tables.unpack_messages(packed)
            case "delivery", (*_, str(properties), _):
                _properties.decode(properties)
            case "quarantine", (*_, str(properties)):
                _properties.decode(properties)
            case "latest", (*_, bytes(packed)) if isinstance(events.decode(packed), events.Ordered):
                return None
            case "exported", (_, _, bytes(packed)):
                ROWS.decode(packed)
            case "export", (_, _, _, str(state), *_):
                ExportState(state)
            case _:
                pass
    except (msgspec.MsgspecError, ValueError):
        return None
    return row
