"""Calibration of an asset: deviations, due dates, and that it was calibrated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from pywats_mqtt.adapters.context import Context, first_sent, message_id, speaker
from pywats_mqtt.adapters.times import is_plausible, microseconds, time_of
from pywats_mqtt.clocks.starts import CLOCK_SET_US
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import (
    AssetCalibrated,
    AssetDrift,
    Drift,
    Event,
    Identified,
    Identity,
    identify,
    kind_of,
    payload_digest,
)
from pywats_mqtt.schemas.calibration import CalibrationMessage, Measured, decoder
from pywats_mqtt.schemas.scalars import is_sent, text_of

PARAMETERS = 50
"""In one message; as many as are kept of an asset."""

_YEAR_10000_US: Final = 253_402_300_800_000_000
"""In UTC; what is later cannot be written as ISO 8601 with four digits, nor kept as a time."""

_NAME_CHARACTERS: Final = 50
_UNIT_CHARACTERS: Final = 20
_COMMENT_CHARACTERS: Final = 2_000
_SAID = ("deviation", "drift", "limit", "parameters", "due", "due_date", "calibrated")


def read(context: Context) -> tuple[Identified, ...]:
    """Decode a calibration message and tell what happened.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    if not payload:
        return ()  # a retained message was cleared (MQTT 5, 3.3.1.3)
    return adapt(decoder.decode(payload), context)


def adapt(sent: CalibrationMessage, context: Context) -> tuple[Identified, ...]:
    """Turn a calibration message into events: that it was calibrated, what is known of its calibration, or both.

    Raises:
        Reject: an id, a name, a time or a date does not fit, or nothing is said.
    """
    asset, _ = speaker(context, *first_sent((sent.asset_id, "$.asset_id"), (sent.device_id, "$.device_id")))
    received_us = context.message.received_at_us
    as_of_us = _as_of_us(sent, received_us)
    calibrated_us = _calibrated_us(sent.calibrated, as_of_us, received_us)
    due_us = _due_us(sent)
    parameters = {name: _drift(measured, as_of_us, calibrated_us or 0) for name, measured in _named(sent)}
    if not parameters and due_us is None and calibrated_us is None:
        if not is_sent(sent.calibrated):
            _refuse_unknown(context.message.payload)
        return ()
    events: list[Event] = []
    if calibrated_us is not None:
        events.append(AssetCalibrated(asset=asset, at_us=calibrated_us, due_us=due_us, comment=_comment(sent)))
    events.append(
        AssetDrift(
            asset=asset,
            parameters=parameters,
            due_us=due_us,
            due_as_of_us=0 if due_us is None else max(as_of_us, calibrated_us or 0),
            calibrated_us=calibrated_us or 0,
            as_of_us=as_of_us,
        )
    )
    return tuple(Identified(event, _identity(event, sent, context)) for event in events)


def _as_of_us(sent: CalibrationMessage, received_us: int) -> int:
    if not is_sent(sent.timestamp):
        return received_us
    moment_us, _ = time_of(sent.timestamp, "$.timestamp")
    return moment_us if is_plausible(moment_us, received_us) else received_us


def _calibrated_us(raw: msgspec.Raw, as_of_us: int, received_us: int) -> int | None:
    """Tell when it was calibrated, never ahead of reception; None where it was not."""
    if not is_sent(raw) or raw == msgspec.Raw(b"false"):
        return None
    if raw == msgspec.Raw(b"true"):
        return as_of_us
    return min(_date(raw, "$.calibrated"), received_us)


def _due_us(sent: CalibrationMessage) -> int | None:
    if is_sent(sent.due):
        return _date(sent.due, "$.due")
    return _date(sent.due_date, "$.due_date") if is_sent(sent.due_date) else None


def _date(raw: msgspec.Raw, path: str) -> int:
    """Read a time, or a date alone, which is its beginning in UTC.

    Raises:
        Reject: it is neither, or before 2000, which a clock says that was never set, or after the year 9999.
    """
    try:
        day = msgspec.json.decode(raw, type=date)
        moment_us, _ = microseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
    except (ValueError, RecursionError):
        moment_us, _ = time_of(raw, path)
    if moment_us < CLOCK_SET_US:
        raise Reject(f"is before the year 2000: {bytes(raw)[:60].decode(errors='replace')}", path=path)
    if moment_us >= _YEAR_10000_US:
        raise Reject(f"is after the year 9999 in UTC: {bytes(raw)[:60].decode(errors='replace')}", path=path)
    return moment_us


def _named(sent: CalibrationMessage) -> Iterator[tuple[str, Measured]]:
    """Give each parameter that is named, with what was measured of it.

    Raises:
        Reject: a name does not fit, or stands twice, or there are too many.
    """
    several = sent.parameters or {}
    alone = Measured(deviation=sent.deviation, drift=sent.drift, limit=sent.limit, unit=sent.unit)
    if alone.deviation is not None or alone.drift is not None or alone.limit is not None:
        name = text_of(sent.parameter, "$.parameter").strip()
        _check_name(name, "$.parameter")
        if name in several:
            raise Reject(f"{name!r} stands in parameters as well; send it once", path="$.parameter")
        yield name, alone
    if len(several) > PARAMETERS:
        raise Reject(f"has {len(several)} entries; at most {PARAMETERS}", path="$.parameters")
    for name, value in several.items():
        _check_name(name, "$.parameters")
        if not name:
            raise Reject("a parameter needs a name", path="$.parameters")
        if isinstance(value, Measured):
            yield name, value
        elif value is not None:
            yield name, Measured(deviation=value)


def _check_name(name: str, path: str) -> None:
    if len(name) > _NAME_CHARACTERS or not name.isprintable() or any(character in "/+#" for character in name):
        problem = f"expected at most {_NAME_CHARACTERS} characters without `/`, `+` and `#`, since it names a topic"
        raise Reject(f"{problem}; got {name[:100]!r}", path=path)


def _drift(measured: Measured, as_of_us: int, calibrated_us: int) -> Drift:
    deviation = measured.drift if measured.deviation is None else measured.deviation
    unit = (measured.unit or "").strip()[:_UNIT_CHARACTERS]
    return Drift(
        points=() if deviation is None or as_of_us < calibrated_us else ((as_of_us, deviation),),
        limit=None if measured.limit is None else (as_of_us, measured.limit),
        unit=(as_of_us, unit) if unit else None,
    )


def _comment(sent: CalibrationMessage) -> str:
    parts = (
        ("certificate ", text_of(sent.certificate, "$.certificate")),
        ("by ", text_of(sent.calibrated_by, "$.calibrated_by")),
        ("", sent.comment or ""),
    )
    return "; ".join(f"{word}{text.strip()}" for word, text in parts if text.strip())[:_COMMENT_CHARACTERS]


def _identity(event: Event, sent: CalibrationMessage, context: Context) -> Identity | None:
    """Identify by `message_id`, else by number and time as sent, else a retained copy by its content; or not at all.

    The broker sends a retained message at each new subscription; without a time it would be measured anew each time.
    """
    payload = context.message.payload
    named = message_id(context, sent.message_id)
    if named:
        return identify((kind_of(event), event.key, named), payload)
    sequence, timestamp = text_of(sent.sequence, "$.sequence"), text_of(sent.timestamp, "$.timestamp")
    if not sequence and not timestamp:
        if not context.message.retain:
            return None
        return identify((kind_of(event), event.key, "retained", payload_digest(payload).hex()), payload)
    if sequence:
        return identify((kind_of(event), event.key, sequence, timestamp), payload)
    # A device may send each parameter in a message of its own, all with one time.
    return identify((kind_of(event), event.key, "", timestamp, payload_digest(payload).hex()), payload)


def _refuse_unknown(payload: bytes) -> None:
    """Refuse a message that says nothing we know but something else; a mere heartbeat passes.

    Raises:
        Reject: it has unknown fields only, such as a misspelt one, which would be lost in silence.
    """
    unknown = msgspec.json.decode(payload, type=dict[str, msgspec.Raw]).keys() - set(
        CalibrationMessage.__struct_fields__
    )
    if unknown:
        raise Reject(f"expected one of {', '.join(_SAID)}; got only {', '.join(sorted(unknown))[:100]}")
