"""Assets as WATS writes them, read into values; and what is written back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from pywats_mqtt.limits.values import Schedule
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Asset

Wire: TypeAlias = dict[str, object]
"""An asset or an asset type as the JSON object of an answer."""

_VIEWS = {"assetType", "assetChildren", "assetLog"}
"""What a server shows with an asset, and what belongs to other routes: not sent back."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z", re.ASCII)
_ROUTES = {"types", "status", "log", "subassets", "count", "state", "message", "calibration", "maintenance"}
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)


class _Tag(msgspec.Struct):
    key: str
    value: str | None = None


class _Asset(msgspec.Struct, rename="camel"):
    """The fields we read; a server may send a number where a text is described, and null for nothing."""

    asset_id: str | int
    serial_number: str
    state: int | None = None
    running_count: int | None = None
    total_count: int | None = None
    tags: list[_Tag] | None = None
    type_id: str | None = None
    first_seen_date: object = None
    last_calibration_date: object = None
    next_calibration_date: object = None
    last_maintenance_date: object = None
    next_maintenance_date: object = None


def asset_of(wire: Wire) -> Asset:
    """Read an asset.

    Raises:
        msgspec.ValidationError: it is none.
    """
    read = msgspec.convert(wire, _Asset)
    return Asset(
        id=str(read.asset_id),
        serial_number=read.serial_number,
        state=read.state or 0,
        running=read.running_count or 0,
        total=read.total_count or 0,
        tags={tag.key: tag.value or "" for tag in read.tags or ()},
        schedule=Schedule(
            type_id=(read.type_id or "").lower(),
            first_seen_us=_moment(read.first_seen_date),
            calibrated_us=_moment(read.last_calibration_date),
            calibration_due_us=_moment(read.next_calibration_date),
            maintained_us=_moment(read.last_maintenance_date),
            maintenance_due_us=_moment(read.next_maintenance_date),
        ),
    )


def _moment(sent: object) -> int | None:
    """Read a date of an asset; None where there is none, or it is none: nothing else of the asset hangs on it.

    A time without zone is UTC. The year 1 is how .NET writes that there is no date.
    """
    if not isinstance(sent, str):
        return None
    try:
        moment = datetime.fromisoformat(sent)
    except ValueError:
        return None
    if moment.year == 1:
        return None
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def path_key(serial_number: str) -> str | None:
    """Give what addresses an asset in a path by its serial number, or None where only a filter is safe.

    pywats does not encode paths, so `/`, `?` and `#` would address something else; only digits could be the id of
    another asset; and some words are routes.
    """
    if _PLAIN.match(serial_number) and not serial_number.isdigit() and serial_number.lower() not in _ROUTES:
        return serial_number
    return None


def equals(field: str, text: str) -> str:
    """Write an OData filter; a quote in the text is doubled (OData 4.0, 5.1.1.6.1)."""
    return f"{field} eq '{text.replace(chr(39), chr(39) * 2)}'"


def rows(listed: object) -> list[Wire]:
    """Give the objects of a list; none where it is no list."""
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def named(listed: object, field: str, text: str) -> Wire | None:
    """Pick from a list the one whose field is the text: exactly, else but for case, as the server compares."""
    entries = rows(listed)
    exact = [entry for entry in entries if entry.get(field) == text]
    alike = [entry for entry in entries if str(entry.get(field)).casefold() == text.casefold()]
    return next(iter(exact + alike), None)


def with_tags(wire: Wire, tags: Mapping[str, str]) -> Wire | None:
    """Give the asset to send back, with tags merged into its own; None where they say nothing new.

    All other fields go back as they came: a missing `state` would reset it. Tags go as the full list, since nobody
    knows whether a server merges or replaces. Empty fields are left out, since null clears nothing.
    """
    known = asset_of(wire).tags
    merged = known | xml_safe(tags)
    if merged == known:
        return None
    kept = {key: value for key, value in wire.items() if value is not None and key not in _VIEWS}
    return {**kept, "tags": [{"key": key, "value": value} for key, value in merged.items()]}


def xml_safe(tags: Mapping[str, str]) -> dict[str, str]:
    """Give tags keys that name an XML element, in which WATS keeps them (XML 1.0, 2.3, ASCII only).

    Two keys that would become one are told apart by a digest.
    """
    safe: dict[str, str] = {}
    for key, value in tags.items():
        name = _UNSAFE.sub("_", key)
        if not name or not (name[0].isalpha() or name[0] == "_") or name.lower().startswith("xml"):
            name = f"_{name}"
        if name in safe or (name != key and name in tags):
            name = f"{name}_{blake2b(key.encode(), digest_size=4).hexdigest()}"
        safe[name] = value
    return safe
