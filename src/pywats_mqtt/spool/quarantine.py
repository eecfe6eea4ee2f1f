"""Rows of the quarantine as SQL sees them: read with all a new try needs, released, thrown away."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Kept
from pywats_mqtt.spool.rows import CHUNK, delete_rows, write_rows
from pywats_mqtt.spool.tables import INSERT_QUARANTINE, Row

_SELECT: Final = (
    "SELECT id, device, kind, reason, path, topic, payload, received_at_us, qos, retain, content_type, user_properties"
    " FROM quarantine WHERE id IN"
)
UserProperties: TypeAlias = tuple[tuple[str, str], ...]
_properties: Final = msgspec.json.Decoder(UserProperties)


def read_kept(db: sqlite3.Connection, numbers: Sequence[int]) -> list[Kept]:
    """Read rows, oldest first; those that are not there are left out."""
    wanted = sorted(set(numbers))
    found: list[Kept] = []
    for begin in range(0, len(wanted), CHUNK):
        some = wanted[begin : begin + CHUNK]
        rows = db.execute(f"{_SELECT} ({','.join('?' * len(some))}) ORDER BY id", some)
        found += [_kept(*row) for row in rows]
    return found


def read_properties(db: sqlite3.Connection, first: int, last: int) -> dict[int, UserProperties]:
    """Read the user properties of the rows from one number to another, where there are any."""
    rows = db.execute(
        "SELECT id, user_properties FROM quarantine WHERE id BETWEEN ? AND ? AND user_properties != '[]'", (first, last)
    )
    return {number: _properties.decode(text) for number, text in rows}


def _kept(  # noqa: PLR0917 - a row
    number: int,
    device: str,
    kind: str,
    reason: str,
    path: str,
    topic: str,
    payload: bytes,
    received_at_us: int,
    qos: int,
    retain: int,
    content_type: str,
    user_properties: str,
) -> Kept:
    message = message_of(topic, payload, received_at_us, qos, retain, content_type, user_properties)
    return Kept(number, device, kind, reason, message, path)


def message_of(  # noqa: PLR0917 - a row
    topic: str,
    payload: bytes,
    received_at_us: int,
    qos: int,
    retain: int,
    content_type: str,
    user_properties: str,
) -> RawMessage:
    """Make a message of its columns."""
    return RawMessage(
        topic,
        payload,
        received_at_us,
        qos,
        retain=bool(retain),
        content_type=content_type,
        user_properties=_properties.decode(user_properties),
    )


def insert(db: sqlite3.Connection, row: Row) -> int:
    """Write a row of `tables.refused_latest_row`; gives its number."""
    write_rows(db, INSERT_QUARANTINE, [row])
    (number,) = db.execute("SELECT last_insert_rowid()").fetchone()
    return int(number)


def remove(db: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Delete rows; tells how many there were."""
    return delete_rows(db, "DELETE FROM quarantine WHERE id", list(dict.fromkeys(numbers)))


def forget(db: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    """Delete identities, so that what they name is new."""
    delete_rows(db, "DELETE FROM identity WHERE key", keys)
