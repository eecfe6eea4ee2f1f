"""Finds the cases and interprets them."""

from __future__ import annotations

import json
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Rejection

CASES = Path(__file__).parent
RECEIVED_AT = datetime(2026, 1, 26, 12, 0, tzinfo=UTC)
"""When every case's message arrives."""
THEN_AT = datetime(2026, 1, 26, 12, 1, tzinfo=UTC)
"""When the second message of a case arrives, where it has one in `then.json`."""


def folders() -> list[Path]:
    """Give all case folders, in order."""
    return sorted(path.parent for path in CASES.glob("*/*/topic.txt"))


def outcome(folder: Path) -> object:
    """Interpret a case's message, and the one that follows it, and give the outcome as it stands in `expected.json`."""
    said = _said(folder, "message.json", RECEIVED_AT)
    return said | {"then": _said(folder, "then.json", THEN_AT)} if (folder / "then.json").exists() else said


def _said(folder: Path, name: str, received_at: datetime) -> dict[str, object]:
    topic, *options = (folder / "topic.txt").read_text().splitlines()
    words = [option.partition(" ")[::2] for option in options]
    domain = folder.parent.name
    filters = {f"{domain}_topics": tuple(rest for word, rest in words if word == "filter")}
    config = msgspec.convert(
        {"strict_ids": "strict_ids" in options, **{name: value for name, value in filters.items() if value}},
        TopicConfig,
    )
    lines = "\n".join(rest for word, rest in words if word == "assets")
    assets = msgspec.convert(tomllib.loads(lines), AssetConfig)
    message = RawMessage(
        topic,
        (folder / name).read_bytes().removesuffix(b"\n"),
        to_us(received_at),
        qos=1,
        retain="retained" in options,
        user_properties=tuple(rest.partition("=")[::2] for word, rest in words if word == "property"),
    )
    found = interpret(message, RouteTable(config, assets=assets))
    said = (
        {"refused": {"reason": found.reason, "path": found.path, "device": found.device}}
        if isinstance(found, Rejection)
        else {"events": [{"identity": item.identity and item.identity.id, "event": item.event} for item in found]}
    )
    read: dict[str, object] = json.loads(msgspec.json.encode(said))
    return read


def expected(folder: Path) -> object:
    """Read what a case expects."""
    read: object = json.loads((folder / "expected.json").read_text())
    return read


def write(folder: Path) -> None:
    """Write what a case gives now."""
    (folder / "expected.json").write_text(json.dumps(outcome(folder), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name))
