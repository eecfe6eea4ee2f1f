"""`spool list` and `spool show`: what was refused, and why."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pywats_mqtt.config.load import load
from pywats_mqtt.messages import from_us
from pywats_mqtt.ports import Quarantined
from pywats_mqtt.spool.reader import SpoolReader


def read_quarantine(config_path: Path, limit: int) -> list[Quarantined]:
    """Read the oldest rows of the quarantine; works beside a running bridge and after it died."""
    with _reader(config_path) as reader:
        return list(reader.quarantined(limit))


def read_one(config_path: Path, number: int) -> Quarantined | None:
    """Read one row, or None where there is none of that number."""
    with _reader(config_path) as reader:
        return reader.quarantined_one(number)


def _reader(config_path: Path) -> SpoolReader:
    return SpoolReader(Path(load(config_path, os.environ).spool.path))


def printable(text: str) -> str:
    """Show what a device sent without letting it steer the terminal: control characters are written as escapes."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def summary(row: Quarantined) -> dict[str, object]:
    """Give the keys of `spool list --json`."""
    return {
        "id": row.id,
        "topic": row.topic,
        "reason": row.reason,
        "path": row.path,
        "received_at": from_us(row.received_at_us).isoformat(),
        "device": row.device,
    }


def details(row: Quarantined) -> dict[str, object]:
    """Give the keys of `spool show --json`: the summary, and the payload as JSON where it is some, else as text."""
    try:
        payload: object = msgspec.json.decode(row.payload)
    except msgspec.DecodeError:
        payload = row.payload.decode(errors="backslashreplace")
    return {**summary(row), "kind": row.kind, "payload": payload, "payload_bytes": len(row.payload)}
