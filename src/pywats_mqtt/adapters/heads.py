"""What results and repairs have in common: who, when, which unit, and what is noted on the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from pywats_mqtt.adapters.context import Context, message_id
from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.clocks.starts import correction
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetUse, Identity, SubUnit, identify, payload_digest
from pywats_mqtt.schemas.report import AssetUseMessage, SubUnitMessage
from pywats_mqtt.schemas.scalars import any_text_of, is_sent, text_of

PART_TYPE_CHARACTERS = 50
"""WATS refuses a sub-unit with a longer type."""

_REQUEST_ID_CHARACTERS = 200


class Notes(msgspec.Struct):
    """What goes on the report beside the device's own fields: misc infos and cut texts, as they turn up."""

    texts: Texts
    misc: list[tuple[str, str]]

    def fitted(self) -> tuple[tuple[str, str], ...]:
        """Give the misc infos as they go on the report."""
        return tuple(
            (self.texts.fit(name, f"$.misc name {number}"), self.texts.fit(text, f"$.misc.{name[:60]}"))
            for number, (name, text) in enumerate(self.misc)
        )


def misc_of(sent: Mapping[str, msgspec.Raw] | None) -> list[tuple[str, str]]:
    """Give what the device wants noted, as texts; empty names and values are left out, WATS refuses them."""
    pairs = ((name, any_text_of(value, f"$.misc.{name[:60]}")) for name, value in (sent or {}).items())
    return [(name, text) for name, text in pairs if name and text]


def identity_of(
    context: Context, who: tuple[str, str], own: msgspec.Raw, said: tuple[str, ...], *, tells: bool
) -> Identity | None:
    """Identify a report by the device's id for it, else by what it says, all as sent and before any correction.

    Args:
        context: its message.
        who: kind and device.
        own: its `message_id`, as sent.
        said: what tells it from others, beside its digest.
        tells: whether that is enough; else two equal ones are two, as far as anyone can tell.

    Returns:
        None where nothing tells.
    """
    payload = context.message.payload
    named = message_id(context, own)
    if named:
        return identify((*who, named), payload)
    return identify((*who, *said, payload_digest(payload).hex()), payload) if tells else None


def received_id(context: Context, who: tuple[str, str]) -> UUID:
    """Give a report without identity an id of its reception: kept when it is read again after a crash."""
    message = context.message
    received = str(message.received_at_us)
    return identify((*who, "received", received, payload_digest(message.payload).hex()), message.payload).id


def start_of(
    field: tuple[msgspec.Raw, str], received_us: int, duration_s: float, notes: Notes
) -> tuple[int, int | None]:
    """Give the start: as sent where it can be true, else reception less the duration.

    WATS puts reports dated in the future into a quarantine that nobody sees. What was corrected is noted.

    Args:
        field: the start as sent, and where it stands.
        received_us: when the message came, in microseconds since 1970 UTC.
        duration_s: how long it took.
        notes: what was corrected goes there.

    Returns:
        The start in microseconds since 1970 UTC, and by how many it was corrected; None where none was sent.
    """
    latest_us = received_us - round(duration_s * 1_000_000)
    raw, path = field
    if not is_sent(raw):
        notes.misc.append(("start_time", "not sent; time of reception less the duration"))
        return latest_us, None
    start_us, assumed_utc = time_of(raw, path)
    if assumed_utc:
        notes.misc.append(("time_zone", "assumed UTC"))
    if is_plausible(start_us, received_us):
        return start_us, 0
    shift_us = latest_us - start_us
    notes.misc.extend(correction(start_us, shift_us))
    return latest_us, shift_us


def request_id_of(sent: msgspec.Raw) -> str:
    """Give the id that the answer names, or empty.

    Raises:
        Reject: it is too long for a topic.
    """
    request_id = text_of(sent, "$.request_id")
    if len(request_id) > _REQUEST_ID_CHARACTERS:
        raise Reject(f"has {len(request_id)} characters; at most {_REQUEST_ID_CHARACTERS}", path="$.request_id")
    return request_id


def whole(number: float | None) -> int | None:
    """Give a count as an integer."""
    return None if number is None else int(number)


def sub_unit_of(sent: SubUnitMessage, path: str, texts: Texts) -> SubUnit:
    """Read a part of a unit.

    Raises:
        Reject: its serial or part number is missing, or one that WATS refuses.
    """
    return SubUnit(
        serial_number=_number(sent.serial_number, f"{path}.serial_number", "a serial number"),
        part_number=_number(sent.part_number, f"{path}.part_number", "a part number"),
        revision=check_length(text_of(sent.revision, f"{path}.revision"), f"{path}.revision"),
        type=texts.fit(sent.type or "Part", f"{path}.type", PART_TYPE_CHARACTERS),
    )


def assets_of(sent: Sequence[AssetUseMessage], path: str) -> tuple[AssetUse, ...]:
    """Read which assets were used; one that is named twice was used that often.

    Raises:
        Reject: one has no serial number, or one that WATS refuses.
    """
    uses: dict[str, int] = {}
    for index, one in enumerate(sent):
        place = f"{path}[{index}]"
        field = ("asset", one.asset) if is_sent(one.asset) else ("serial_number", one.serial_number)
        asset = _number(field[1], f"{place}.{field[0]}", "the serial number of an asset")
        uses[asset] = uses.get(asset, 0) + (1 if one.count is None else int(one.count))
    return tuple(AssetUse(asset, count) for asset, count in uses.items())


def _number(sent: msgspec.Raw, path: str, what: str) -> str:
    text = text_of(sent, path)
    if not text.strip():
        raise Reject(f"expected {what}, got none", path=path)
    return check_number(text, path)
