"""Asset telemetry: counters, status and environment of a fixture, tool or machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

import msgspec

from pywats_mqtt.adapters.context import Context, first_sent, message_id, property_id, speaker
from pywats_mqtt.adapters.environment import follow, sample_identity
from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.clocks.starts import CLOCK_SET_US
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import (
    OFFLINE,
    AssetCounters,
    AssetCounts,
    AssetEnvironment,
    AssetSamples,
    AssetState,
    AssetUpdate,
    AssetWatch,
    Identified,
    Latest,
    Past,
    identify,
    kind_of,
)
from pywats_mqtt.messages import EPOCH, MICROSECOND, RawMessage
from pywats_mqtt.schemas.asset import (
    AssetMessage,
    Reading,
    decoder,
    own_counters,
    plain_decoder,
)
from pywats_mqtt.schemas.scalars import is_sent, text_of

_STATUS_CHARACTERS = 100
_WORDS = {"online", OFFLINE, "idle"}
"""Words that may stand alone, beside those with a state."""

NAMES = 500
"""Channels, and counters of its own, in one message; as many as are kept of an asset."""

LONG_AGO_US = 1
"""Time of a retained `offline` that says none: older than anything else that is known."""

_NO_CHANNELS = dict[str, float]()
_decode_plain = plain_decoder.decode
_BLOCKS = "status, count, running_count, total_count, increment, reset, counters or environment"


def read_plain(message: RawMessage, asset: str, states: Mapping[str, int | None]) -> AssetUpdate | None:
    """Read a message as nearly all are, where only the newest counts; None where only `read` can tell.

    This runs for every message, so it is written flat: see `bench ingest`.

    Args:
        message: as received.
        asset: the topic's id; not empty.
        states: see `Interpretation`.
    """
    try:
        sent = _decode_plain(message.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # not plain, or not right, which the full schema tells
    if sent.message_id or (message.user_properties and property_id(message)):
        return None
    block = sent.counters
    if block is None:
        running = total = None
    else:
        running, total = block.running_count, block.total_count
    if running is None:
        running = sent.count if sent.running_count is None else sent.running_count
    if total is None:
        total = sent.total_count
    status, channels = sent.status or "", sent.environment or _NO_CHANNELS
    if status and status not in states:
        status = status.strip().lower()[:_STATUS_CHARACTERS]
    if (
        "" in channels
        or len(channels) > NAMES
        or (running is None and total is None and not status and not channels)
        or status == OFFLINE
    ):
        return None
    as_of_us, untimed = message.received_at_us, True
    moment = sent.timestamp
    if moment is not None:
        moment_us = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
        if CLOCK_SET_US <= moment_us <= as_of_us:  # `is_plausible`
            as_of_us, untimed = moment_us, False
    return AssetUpdate(asset, as_of_us, total, running, status, states.get(status), channels, untimed)


def read(context: Context) -> tuple[Identified, ...] | AssetUpdate:
    """Decode an asset message and tell what happened; where channels are watched, a plain one as a single update.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    message, settings = context.message, context.settings
    if not message.payload:
        return ()  # a retained message was cleared (MQTT 5, 3.3.1.3): it says nothing about the asset
    update = None
    if settings.watching.is_on and context.device and not settings.strict_ids:
        update = read_plain(message, context.device, settings.states)
    if update is None:
        return adapt(_decoded(context), context)
    events = update.events()
    followers = _followers(events, context) if update.channels else []
    return _with(followers, events, context, is_dated=not update.untimed) if followers else update


def _decoded(context: Context) -> AssetMessage:
    """Decode by the full schema; a known word alone is a status.

    Raises:
        As `read`.
    """
    payload = context.message.payload
    try:
        return decoder.decode(payload)
    except msgspec.DecodeError:
        word = payload.strip().removeprefix(b'"').removesuffix(b'"').strip().lower()
        if word.decode("ascii", "replace") in _WORDS | context.settings.states.keys():
            return AssetMessage(status=word.decode("ascii"))
        raise


def adapt(sent: AssetMessage, context: Context) -> tuple[Identified, ...]:
    """Turn a message into events: counts, state, environment, each where the message has it.

    The time of the values is the device's where it can be true (`is_plausible`), else ours: a clock that runs ahead
    must not make the last message of today beat all of tomorrow's.

    Raises:
        Reject: an id, a time or a value does not fit.
    """
    message = context.message
    asset = context.device
    if context.settings.strict_ids or not asset:
        asset, _ = speaker(context, *first_sent((sent.asset_id, "$.asset_id"), (sent.device_id, "$.device_id")))
    as_of_us, is_dated = _as_of_us(sent, message.received_at_us)
    untimed = not is_dated and not message_id(context, sent.message_id)

    events: list[Latest] = []
    counts = _counts(sent, asset, as_of_us, retained=message.retain, untimed=untimed)
    if counts is not None:
        events.append(counts)
    word = sent.status.strip().lower()[:_STATUS_CHARACTERS] if sent.status else ""
    if word == OFFLINE:
        # The time in a Will is that of the connection, so what arrives now is true now; what was retained is old.
        gone_us = message.received_at_us
        if message.retain:
            gone_us = as_of_us if is_dated else LONG_AGO_US
        state = context.settings.states.get(word)
        events.append(AssetState(asset=asset, status=word, state=state, as_of_us=gone_us, gone_us=gone_us))
    elif word:
        events.append(AssetState(asset=asset, status=word, state=context.settings.states.get(word), as_of_us=as_of_us))
    counters = own_counters(message.payload) if sent.counters else {}
    if len(counters) > NAMES:
        raise Reject(f"has {len(counters)} entries of its own; at most {NAMES}", path="$.counters")
    if counters:
        events.append(AssetCounters(asset=asset, counters=counters, as_of_us=as_of_us))
    channels = _channels(sent.environment) if sent.environment else None
    if channels:
        units = _units(sent.environment) if sent.environment else {}
        events.append(AssetEnvironment(asset=asset, channels=channels, as_of_us=as_of_us, units=units))
    if not events:
        _refuse_unknown(message.payload)
    return _identified(events, sent, context, is_dated=is_dated)


def _as_of_us(sent: AssetMessage, received_us: int) -> tuple[int, bool]:
    """Give the time of the values, and whether it is the device's."""
    if not is_sent(sent.timestamp):
        return received_us, False
    moment_us, _ = time_of(sent.timestamp, "$.timestamp")
    return (moment_us, True) if is_plausible(moment_us, received_us) else (received_us, False)


def _counts(sent: AssetMessage, asset: str, as_of_us: int, *, retained: bool, untimed: bool) -> AssetCounts | None:
    block = sent.counters
    running, total, added, reset = None, None, None, sent.reset
    if block is not None:
        running, total, added, reset = block.running_count, block.total_count, block.increment, block.reset or reset
    if running is None:
        running = sent.count if sent.running_count is None else sent.running_count
    if total is None:
        total = sent.total_count
    if added is None:
        added = sent.increment
    if retained:
        added = reset = None  # a retained message is a state: the broker sends it again at each new subscription
    if running is None and total is None and not reset:
        # An increment alone says no absolute value, so it has no time that a late absolute one could be older than.
        return AssetCounts(asset=asset, added=int(added)) if added else None
    whole_total = None if total is None else int(total)
    return AssetCounts(
        asset=asset,
        total=whole_total,
        running=None if running is None else int(running),
        added=int(added) if added else 0,
        as_of_us=as_of_us,
        untimed=untimed and (total is not None or reset is not None),
        past=Past(resets=1, reset_us=as_of_us, reset_total=whole_total) if reset else None,
    )


def _channels(sent: dict[str, float | Reading | None]) -> dict[str, float]:
    if "" in sent:
        raise Reject("a channel needs a name", path='$.environment[""]')
    if len(sent) > NAMES:
        raise Reject(f"has {len(sent)} entries; at most {NAMES}", path="$.environment")
    plain = {name: value for name, value in sent.items() if type(value) is float}
    if len(plain) == len(sent):
        return plain  # plain numbers, as nearly all send them
    return {
        name: value.value if isinstance(value, Reading) else value for name, value in sent.items() if value is not None
    }


def _units(sent: dict[str, float | Reading | None]) -> dict[str, str]:
    """Give the units sent with values; fitted to what WATS takes for one."""
    named = {name: value.unit.strip() for name, value in sent.items() if isinstance(value, Reading) and value.unit}
    return {name: cut(unit) for name, unit in named.items() if unit}


def _followers(events: list[Latest], context: Context) -> list[AssetSamples | AssetWatch]:
    """Give what follows from the environment, which is last among events."""
    environment = events[-1] if events else None
    if not isinstance(environment, AssetEnvironment) or not context.settings.watching.is_on:
        return []
    return follow(environment.asset, environment.channels, environment.units, environment.as_of_us, context)


def _with(
    found: list[AssetSamples | AssetWatch], events: list[Latest], context: Context, *, is_dated: bool
) -> tuple[Identified, ...]:
    """Give events that need no identity, with what follows from them; samples are told by their time and content.

    Not beside an increment that nothing tells from another: two genuine ones may come in the same moment.
    """
    first = events[0] if events else None
    is_told = is_dated and not (isinstance(first, AssetCounts) and first.added)
    payload = context.message.payload
    followers = [
        Identified(event, sample_identity(event, payload) if is_told and isinstance(event, AssetSamples) else None)
        for event in found
    ]
    return (*map(Identified, events[:-1]), *followers, *map(Identified, events[-1:]))


def _identified(
    events: list[Latest], sent: AssetMessage, context: Context, *, is_dated: bool
) -> tuple[Identified, ...]:
    """Give each event its identity: by `message_id` all of them, else an increment by its number and time as sent.

    A device may start its numbers again, so the number alone would take a new increment for an old one. Absolute values
    need none: arriving twice they say the same.
    """
    payload = context.message.payload
    named = message_id(context, sent.message_id)
    if named:
        events = [*events[:-1], *_followers(events, context), *events[-1:]]
        return tuple(Identified(event, identify((kind_of(event), event.asset, named), payload)) for event in events)
    first = events[0] if events else None
    if isinstance(first, AssetCounts) and (first.added or first.past) and is_sent(sent.sequence):
        sequence, timestamp = text_of(sent.sequence, "$.sequence"), text_of(sent.timestamp, "$.timestamp")
        identity = identify((kind_of(first), first.asset, sequence, timestamp), payload)
        return (Identified(first, identity), *_with(_followers(events, context), events[1:], context, is_dated=False))
    return _with(_followers(events, context), events, context, is_dated=is_dated)


def _refuse_unknown(payload: bytes) -> None:
    """Refuse a message that says nothing we know but something else; a mere heartbeat passes.

    Raises:
        Reject: it has unknown fields only, such as a misspelt one, which would be lost in silence.
    """
    unknown = msgspec.json.decode(payload, type=dict[str, msgspec.Raw]).keys() - set(AssetMessage.__struct_fields__)
    if unknown:
        shown = ", ".join(sorted(unknown))[:100]
        raise Reject(f"expected one of {_BLOCKS}; got only {shown}")
