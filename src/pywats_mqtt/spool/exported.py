"""Exports and their rows as the tables hold them; what is owed, and what is refused, as rows of an export."""

from __future__ import annotations

import sqlite3
from typing import Final
from uuid import UUID

import msgspec

from pywats_mqtt.events import Identity
from pywats_mqtt.ports import Export, OwedRow, RefusedRow
from pywats_mqtt.spool import quarantine, tables

_SELECT_OWED: Final = (
    "SELECT id, delivery.key, kind, messages, event, topic, payload, received_at_us, qos, retain, content_type,"
    " user_properties, delivery_identity.key, digest FROM delivery LEFT JOIN delivery_identity USING (id)"
    " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
)


def read_exports(db: sqlite3.Connection) -> list[Export]:
    """Read all exports, oldest first."""
    names = Export.__struct_fields__
    rows = db.execute(f"SELECT {', '.join(names)} FROM export ORDER BY number")  # noqa: S608 - constant names
    return [msgspec.convert(dict(zip(names, row, strict=True)), Export) for row in rows]


def read_exported(db: sqlite3.Connection, export: Export, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Read packed rows of an export above a number."""
    return db.execute(
        "SELECT row, packed FROM exported WHERE row > ? AND export = ? ORDER BY row LIMIT ?",
        (max(after, export.first_row), export.id, limit),
    ).fetchall()


def refused_row(row: RefusedRow) -> tables.Row:
    """Make the row of the quarantine that it was, or becomes."""
    return (row.device, row.reason, row.path, row.kind, *tables.came(row.message))


def read_owed(db: sqlite3.Connection, after: int, up_to: int, limit: int) -> list[OwedRow]:
    """Read the oldest ordered deliveries with numbers above `after` and up to `up_to`, as an export takes them."""
    return [_owed(*row) for row in db.execute(_SELECT_OWED, (after, up_to, limit))]


def _owed(  # noqa: PLR0917 - a row
    number: int,
    key: str,
    kind: str,
    messages: int,
    event: bytes,
    topic: str,
    payload: bytes,
    received_at_us: int,
    qos: int,
    retain: int,
    content_type: str,
    user_properties: str,
    identity_key: bytes | None,
    digest: bytes | None,
) -> OwedRow:
    message = quarantine.message_of(topic, payload, received_at_us, qos, retain, content_type, user_properties)
    identity = None if identity_key is None or digest is None else Identity(UUID(bytes=identity_key), digest)
    return OwedRow(number, key, kind, messages, event, message, identity)
