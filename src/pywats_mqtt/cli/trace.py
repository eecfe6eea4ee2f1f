"""`trace`: the way of a unit's messages, read from the spool beside a running bridge and after it died."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pywats_mqtt.cli.hops import Way, is_of, way_of_row, way_of_trace, way_of_unread
from pywats_mqtt.config.load import load
from pywats_mqtt.errors import Fatal
from pywats_mqtt.ports import Quarantined
from pywats_mqtt.schemas.naming import LONGEST, names_of
from pywats_mqtt.spool.quarantine import UserProperties
from pywats_mqtt.spool.reader import SpoolReader

PAGE: Final = 1_000
"""Rows of the quarantine read at once."""
UNREAD_BATCHES: Final = 200
"""Batches looked into that are not interpreted yet: of a running bridge there is hardly one."""


def trace(config_path: Path, word: str, limit: int) -> list[Way]:
    """Tell the ways of the messages that a word names, oldest first; the newest ones where there are more.

    Args:
        config_path: names the spool.
        word: a serial number, a message id or a report id; also an asset, a station or a line.
        limit: messages at most.

    Raises:
        Fatal: the word can name nothing, the configuration is wrong, or there is no spool yet.
    """
    _require_name(word)
    wanted = word[:LONGEST]
    with SpoolReader(Path(load(config_path, os.environ).spool.path)) as reader, reader.snapshot():
        traces = reader.traces(wanted, limit)
        held: list[Quarantined] = []
        refused: deque[Quarantined] = deque(maxlen=limit)
        for row, properties in _rows(reader):
            if any(is_of(row, known) for known in traces):
                held.append(row)
            elif row.device == wanted or wanted in names_of(row.payload, properties):
                refused.append(row)
        messages = {kept.id: kept.message for kept in reader.kept([row.id for row in refused])}
        unread = [
            way_of_unread(message, batch)
            for batch in reader.unread(UNREAD_BATCHES)
            for message in batch.messages
            if wanted in names_of(message.payload, message.user_properties)
        ]
    still = [way_of_row(row, messages[row.id]) for row in refused if row.id in messages]
    ways = [*still, *(way_of_trace(known, traces, held) for known in traces), *unread]
    return sorted(ways, key=_begin)[-limit:]


def _require_name(word: str) -> None:
    if not word.strip():
        raise Fatal("an empty word names no message: give a serial number, a message id or a report id")
    if any("\ud800" <= character <= "\udfff" for character in word):
        raise Fatal(f"{word!a} is no UTF-8 text: no message can name it")


def _begin(way: Way) -> tuple[str, int]:
    return way.hops[0].at or "", way.batch


def _rows(reader: SpoolReader) -> Iterator[tuple[Quarantined, UserProperties]]:
    after = 0
    while rows := reader.quarantined(PAGE, after):
        properties = reader.properties(rows)
        yield from ((row, properties.get(row.id, ())) for row in rows)
        after = rows[-1].id


def unknown(config_path: Path, word: str) -> str:
    """Say why nothing may be known of a word; raises as `trace`."""
    if not load(config_path, os.environ).spool.trace_rows:
        return f"nothing is known of {word}: [spool] trace_rows is 0, so that only what waits or was refused is known"
    return (
        f"nothing is known of {word}: it never came, or too long ago, or it is telemetry, of which only a message_id"
        " is known"
    )


def heading(way: Way) -> str:
    """Name a message in one line."""
    names = [way.kind, way.subject]
    names += [f"message {way.message_id}"] if way.message_id else []
    names += [f"report {way.report_id}"] if way.report_id else []
    return ", ".join(name for name in names if name) + f": {way.state}"
