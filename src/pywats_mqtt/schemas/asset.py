"""The asset message: counters, environment and status of a fixture, tool or machine."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct, field

from pywats_mqtt.errors import Reject
from pywats_mqtt.schemas.common import INT32_MAX, NOT_SENT, Count, Text, Time

NUMBER_STARTS = tuple(b"-0123456789"[place : place + 1] for place in range(11))
"""How a JSON number begins (RFC 8259, 6)."""

Reset: TypeAlias = Literal["running"] | None
"""What may begin anew; the total never does."""


class Counters(Struct, frozen=True, kw_only=True, gc=False):
    """Counters of an asset: absolute values, or what was added since the last message.

    Any other key with a number is a counter of the device's own, and becomes a tag of that name; 500 at most.
    """

    running_count: Annotated[Count, Meta(description="Uses since the last reset, absolute.")] = None
    total_count: Annotated[Count, Meta(description="Uses over the whole life, absolute.")] = None
    increment: Annotated[
        Count,
        Meta(description="Uses to add to both. Send `sequence` or `message_id` with it, or a repeat counts twice."),
    ] = None
    reset: Annotated[
        Reset,
        Meta(
            description="`running`: the running count began anew at `timestamp`. Send that, `sequence` or `message_id`"
            " with it, or a repeat resets twice."
        ),
    ] = None


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """A value of the environment with its unit."""

    value: Annotated[float, Meta(description="A finite number.")]
    unit: Annotated[
        str | None,
        Meta(description="Unit of the value. Missing: what the end of the channel's name tells, as `_c` in °C."),
    ] = None


class AssetMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What an asset sends on `assets/{id}/status`, `/counters` or `/environment`.

    Every block is used, whatever the topic. A count stands in `counters` or at the top level; where both are sent,
    `counters` counts. Instead of an object a status alone may be sent, with or without quotes, as in `offline`: it may
    be a Will, and any word that is known or set in `[assets.states]`.
    """

    asset_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    device_id: Annotated[Text, Meta(description="The same as `asset_id`.")] = NOT_SENT
    timestamp: Annotated[
        Time,
        Meta(
            description="When the values were true: ISO 8601 (without an offset: UTC), or seconds or milliseconds since"
            " 1970 UTC. Missing: time of reception. A time ahead of reception or before 2000 counts as missing."
        ),
    ] = NOT_SENT
    message_id: Annotated[
        Text, Meta(description="Unique for each message of the device; a repeat is recognized by it.")
    ] = NOT_SENT
    sequence: Annotated[
        Text, Meta(description="Number of the increment; with `timestamp` it tells a repeat from a new one.")
    ] = NOT_SENT
    status: Annotated[
        str | None,
        Meta(
            description="What the asset does now. `running` sets the WATS state In operation, `maintenance` and `error`"
            " In maintenance, `calibration` In calibration; `online`, `offline`, `idle` and others change none."
            " `offline` counts when it arrives, since the time in a Will is that of the connection."
        ),
    ] = None
    count: Annotated[Count, Meta(description="The same as `running_count`.")] = None
    running_count: Annotated[Count, Meta(description="As in `counters`.")] = None
    total_count: Annotated[Count, Meta(description="As in `counters`.")] = None
    increment: Annotated[Count, Meta(description="As in `counters`.")] = None
    reset: Annotated[Reset, Meta(description="As in `counters`.")] = None
    counters: Annotated[Counters | None, Meta(description="Counters of the asset.")] = None
    environment: Annotated[
        dict[str, float | Reading | None] | None,
        Meta(
            description="Channel name to its value, a finite number, or to `{value, unit}`; null is none. At most 500."
        ),
    ] = None


decoder: msgspec.json.Decoder[AssetMessage] = msgspec.json.Decoder(AssetMessage)
"""Decodes and validates an asset message; made once, since making it costs a hundred messages."""


Whole: TypeAlias = Annotated[int, Meta(ge=0, le=INT32_MAX)]


class PlainCounters(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """`Counters` with absolute values only, sent as integers, and none of the device's own."""

    running_count: Whole | None = None
    total_count: Whole | None = None
    increment: None = None
    reset: None = None


class PlainAssetMessage(Struct, frozen=True, kw_only=True, gc=False):
    """An `AssetMessage` as nearly all are, which decodes twice as fast; one that does not fit is decoded as that."""

    message_id: Raw = NOT_SENT
    timestamp: datetime | None = None
    status: str | None = None
    count: Whole | None = None
    running_count: Whole | None = None
    total_count: Whole | None = None
    increment: None = None
    reset: None = None
    counters: PlainCounters | None = None
    environment: dict[str, float] | None = None


plain_decoder: msgspec.json.Decoder[PlainAssetMessage] = msgspec.json.Decoder(PlainAssetMessage)


class _WithCounters(Struct):
    counters: dict[str, Raw] = field(default_factory=dict)


_with_counters: msgspec.json.Decoder[_WithCounters] = msgspec.json.Decoder(_WithCounters)
_PACKED: Final = range(-(2**63), 2**63)
"""Integers that the spool can pack: MessagePack has none of more than 64 bits."""

_number: msgspec.json.Decoder[int | float] = msgspec.json.Decoder(int | float)


def own_counters(payload: bytes) -> dict[str, int | float]:
    """Give the counters of the device's own: what has a number in `counters` and no field of `Counters`.

    Args:
        payload: of an asset message with `counters`.

    Raises:
        Reject: one has no name, or a number that none can keep.
    """
    found: dict[str, int | float] = {}
    for name, raw in _with_counters.decode(payload).counters.items():
        if name in Counters.__struct_fields__ or not bytes(raw).startswith(NUMBER_STARTS):
            continue
        if not name:
            raise Reject("a counter needs a name", path='$.counters[""]')
        try:
            found[name] = _number.decode(raw)
        except msgspec.DecodeError as exc:
            raise Reject(
                f"expected a finite number, got {bytes(raw)[:60].decode()}", path=f"$.counters.{name}"
            ) from exc
        if isinstance(found[name], int) and found[name] not in _PACKED:
            problem = f"expected a number of 64 bits at most, got {bytes(raw)[:60].decode()}"
            raise Reject(problem, path=f"$.counters.{name}")
    return found
