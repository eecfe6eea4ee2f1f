"""Rows of the spool's tables: how values become rows, and what is read back in numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from pywats_mqtt import events
from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Rejection
from pywats_mqtt.spool.imports import Whereabouts
from pywats_mqtt.spool.latest import Entry
from pywats_mqtt.spool.lines import Item, Scan
from pywats_mqtt.spool.rows import Value, select_text

Row = tuple[Value, ...]

_pack: Final = msgspec.msgpack.Encoder()
_unpack: Final = msgspec.msgpack.Decoder(tuple[RawMessage, ...])


def pack_messages(messages: Sequence[RawMessage]) -> bytes:
    """Pack the messages of a batch."""
    return _pack.encode(messages)


def unpack_messages(packed: bytes) -> tuple[RawMessage, ...]:
    """Unpack the messages of a batch."""
    return _unpack.decode(packed)


def write_batch(db: sqlite3.Connection, batch: Batch) -> None:
    """Write a batch that is not routed yet."""
    row = (batch.number, pack_messages(batch.messages), batch.stored_at_us)
    db.execute("INSERT INTO batch (number, messages, stored_at_us) VALUES (?, ?, ?)", row)


def read_batches(db: sqlite3.Connection, after: int, limit: int) -> list[Batch]:
    """Read the oldest batches above a number."""
    rows = db.execute(
        "SELECT number, messages, stored_at_us FROM batch WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
    )
    return [Batch(number, unpack_messages(packed), at_us) for number, packed, at_us in rows]


# --- what came --------------------------------------------------------------------------------------------------------

CAME: Final = "topic, received_at_us, qos, retain, content_type, user_properties, payload"
"""Columns of a message, alike in `delivery` and `quarantine`: all that a new try needs."""


def came(message: RawMessage) -> Row:
    """Give the values of CAME."""
    properties = msgspec.json.encode(message.user_properties).decode() if message.user_properties else "[]"
    return (
        message.topic,
        message.received_at_us,
        message.qos,
        message.retain,
        message.content_type,
        properties,
        message.payload,
    )


# --- quarantine -------------------------------------------------------------------------------------------------------

INSERT_QUARANTINE: Final = f"INSERT INTO quarantine (device, reason, path, kind, {CAME})"
INSERT_QUARANTINE_ID: Final = f"INSERT INTO quarantine (id, device, reason, path, kind, {CAME})"
_SELECT_CAME: Final = f"SELECT {CAME} FROM delivery WHERE id = ?"  # noqa: S608 - constant names


def held_row(message: RawMessage, rejection: Rejection) -> Row:
    """Make the row of a refused message."""
    return (rejection.device, rejection.reason, rejection.path, "message", *came(message))


def refused_row(db: sqlite3.Connection, item: Item, rejection: Rejection) -> Row:
    """Make the row of a refused ordered delivery: with the message it was made of, which is read from its own row.

    Raises:
        sqlite3.Error: that cannot be read.
    """
    message: Row = db.execute(_SELECT_CAME, (item.id,)).fetchone()
    return (rejection.device or item.key, rejection.reason, rejection.path, item.kind, *message)


def refused_latest_row(entry: Entry, event: events.Event, rejection: Rejection) -> Row:
    """Make the row of a refused latest delivery: with its event as JSON, for many messages made it."""
    message = RawMessage(entry.topic, msgspec.json.encode(event), entry.received_at_us)
    return (rejection.device or entry.key, rejection.reason, rejection.path, entry.kind, *came(message))


# --- delivery ---------------------------------------------------------------------------------------------------------

INSERT_DELIVERY: Final = f"INSERT INTO delivery (id, key, kind, attempts, due_us, messages, event, cause, {CAME})"


def delivery_row(item: Item, message: RawMessage) -> Row:
    """Make the row of a new delivery, with the message it was made of."""
    return (
        item.id,
        item.key,
        item.kind,
        item.attempts,
        item.due_us,
        item.messages,
        item.packed,
        "",
        *came(message),
    )


# The inner columns are named: `*` would read the payloads too.
_LIST: Final = """
SELECT json_group_array(json_array(id, key, kind, attempts, due_us, messages, hex(event)))
FROM (SELECT id, key, kind, attempts, due_us, messages, event FROM delivery
      WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)
"""
_LIST_KEYS: Final = """
SELECT json_group_array(json_array(id, key, kind, attempts, due_us, messages, hex(event)))
FROM (SELECT id, key, kind, attempts, due_us, messages, event FROM delivery
      WHERE id BETWEEN ? AND ? AND key IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?)
"""
_listed: Final = msgspec.json.Decoder(list[tuple[int, str, str, int, int, int, str]])


def read_deliveries(db: sqlite3.Connection, scan: Scan) -> list[Item]:
    """Read the rows a scan asks for, in one value (see `rows`)."""
    if scan.keys:
        keys = msgspec.json.encode(scan.keys).decode()
        (text,) = db.execute(_LIST_KEYS, (scan.first, scan.last, keys, scan.limit)).fetchone()
    else:
        (text,) = db.execute(_LIST, (scan.first, scan.last, scan.limit)).fetchone()
    items = [Item(*row[:-1], packed=bytes.fromhex(row[-1])) for row in _listed.decode(text)]
    return sorted(items, key=_id)


def _id(item: Item) -> int:
    return item.id


# --- latest -----------------------------------------------------------------------------------------------------------

_LATEST_COLUMNS: Final = Entry.__struct_fields__
REPLACE_LATEST: Final = f"REPLACE INTO latest ({', '.join(_LATEST_COLUMNS)})"
_SELECT_LATEST: Final = f"SELECT {', '.join(_LATEST_COLUMNS)} FROM latest"  # noqa: S608 - constant names


def latest_row(entry: Entry) -> Row:
    """Make the row of a latest delivery."""
    return (
        entry.key,
        entry.kind,
        entry.id,
        entry.version,
        entry.settled_version,
        entry.messages,
        entry.attempts,
        entry.due_us,
        entry.settled_at_us,
        entry.owed_since_us,
        entry.received_at_us,
        entry.topic,
        entry.cause,
        events.encode(entry.event),
    )


def read_latest(db: sqlite3.Connection, path: str) -> list[Entry]:
    """Read all latest deliveries.

    Raises:
        Fatal: one cannot be unpacked; to go on without it would lose its asset's ledger.
    """
    entries: list[Entry] = []
    for row in db.execute(_SELECT_LATEST):
        fields = dict(zip(_LATEST_COLUMNS, row, strict=True))
        try:
            event = events.decode(fields["event"])
        except msgspec.MsgspecError as error:
            raise Fatal(
                f"spool {path}: the {fields['kind']} of {fields['key']} cannot be read ({error}): "
                "a newer program may have written it; run that one"
            ) from error
        if isinstance(event, events.Ordered):
            raise Fatal(f"spool {path}: the {fields['kind']} of {fields['key']} is of a kind that is not folded")
        entries.append(Entry(**(fields | {"event": event})))
    return entries


# --- identity ---------------------------------------------------------------------------------------------------------

INSERT_IDENTITY: Final = "INSERT INTO identity (key, digest, at_us, handed)"
MARK_IDENTITY: Final = "UPDATE identity SET handed = ? WHERE key"
_MARKED: Final = "SELECT group_concat(hex(key)) FROM identity WHERE handed = {} AND key"
_KNOWN: Final = "SELECT group_concat(hex(key) || ':' || hex(digest)) FROM identity WHERE key"


def read_known(db: sqlite3.Connection, keys: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    """Give id and digest of those among `keys` that are stored."""
    for text in select_text(db, _KNOWN, keys):
        for pair in text.split(","):
            key, _, digest = pair.partition(":")
            yield bytes.fromhex(key), bytes.fromhex(digest)


def read_marked(db: sqlite3.Connection, keys: Sequence[bytes], where: Whereabouts) -> Iterable[bytes]:
    """Give those ids among `keys` whose events are there."""
    for text in select_text(db, _MARKED.format(where.value), keys):
        yield from map(bytes.fromhex, text.split(","))
