"""Times as devices send them, and what is done about clocks that are wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from pywats_mqtt.clocks.starts import CLOCK_SET_US
from pywats_mqtt.errors import Reject
from pywats_mqtt.messages import to_us

_MILLISECONDS_FROM = 100_000_000_000
"""As seconds this is the year 5138, as milliseconds March 1973: no device's time lies on the wrong side."""
_MILLISECONDS_UP_TO = 100_000_000_000_000
"""The year 5138 in milliseconds."""
_DATE_AND_TIME = 11
"""Characters of the shortest text with a date and a time beside it."""

_EXPECTED = "expected ISO 8601 with date and time, or seconds or milliseconds since 1970"

_datetime = msgspec.json.Decoder(datetime)


def time_of(raw: msgspec.Raw, path: str) -> tuple[int, bool]:
    """Read a time: ISO 8601, or seconds or milliseconds since 1970-01-01 UTC (from 1e11 on it is milliseconds).

    Args:
        raw: the field's JSON, sent and not null.
        path: where it stands.

    Returns:
        Microseconds since 1970-01-01 UTC, and whether the zone was missing, so that UTC was assumed.

    Raises:
        Reject: it is no time.
    """
    try:
        moment = _datetime.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _uncommon(raw, path)
    return microseconds(moment)


def is_plausible(moment_us: int, received_us: int) -> bool:
    """Tell whether a device's time can be true: not ahead of reception, and its clock was set once."""
    return CLOCK_SET_US <= moment_us <= received_us


def microseconds(moment: datetime) -> tuple[int, bool]:
    """Turn a time into microseconds since 1970-01-01 UTC, and tell whether it has no zone, so that UTC was assumed."""
    assumed = moment.tzinfo is None
    return to_us(moment.replace(tzinfo=UTC) if assumed else moment), assumed


def _uncommon(raw: msgspec.Raw, path: str) -> tuple[int, bool]:
    """Read a number, or one of the forms of ISO 8601 that RFC 3339 leaves out (`+01`, no seconds, basic format)."""
    try:
        sent = msgspec.json.decode(raw, type=float | str)
        if isinstance(sent, str):
            return microseconds(_date_and_time(sent))
    except (ValueError, RecursionError) as exc:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        raise Reject(f"{_EXPECTED}, got {_shown(raw)}", path=path) from exc
    if abs(sent) >= _MILLISECONDS_UP_TO:
        raise Reject(f"{_EXPECTED}, got {_shown(raw)}", path=path)
    return round(sent * (1_000 if abs(sent) >= _MILLISECONDS_FROM else 1_000_000)), False


def _date_and_time(text: str) -> datetime:
    if len(text) < _DATE_AND_TIME:
        raise ValueError("a date alone is no moment")
    return datetime.fromisoformat(text)


def _shown(raw: msgspec.Raw) -> str:
    return bytes(raw)[:60].decode(errors="replace")
