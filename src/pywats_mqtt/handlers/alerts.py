"""What is known of an asset's active alerts, and what becomes of it. Pure.

An alert stands in WATS' log of the asset when it is raised, when it grows graver and when it is cleared; sent again
meanwhile it is counted, and the count is told when it is cleared.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from pywats_mqtt.events import AssetAlert, Severity, payload_digest
from pywats_mqtt.events import encode as encode_event
from pywats_mqtt.messages import from_us

MOST = 200
"""Active alerts kept of one asset; a device that raises more under ever new codes has its oldest forgotten."""

_GRAVITY = {severity: place for place, severity in enumerate(get_args(Severity))}


class Active(msgspec.Struct, frozen=True, array_like=True):
    """An alert that was raised and not cleared.

    Attributes:
        severity: the gravest it had.
        since_us: when it was raised.
        count: how often it came.
    """

    severity: Severity
    since_us: int
    count: int = 1


class Alerts(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one asset.

    Attributes:
        active: by code, the one raised longest ago first.
        saying: what is being written to the log of the asset, until WATS has answered; else empty.
        last: digest of the event that was taken last, so that one whose delivery is tried again is taken once.
        state: what the asset gets when its last grave alert is cleared: the state it had, or said since; None where no
            alert put it in maintenance.
    """

    active: dict[str, Active] = {}
    saying: str = ""
    last: bytes = b""
    state: int | None = None


def follow(alerts: Alerts, event: AssetAlert) -> Alerts:
    """Take an event: `saying` is then what has to be written to the asset's log, empty for nothing.

    The event that was taken last changes nothing.
    """
    digest = payload_digest(encode_event(event))
    if digest == alerts.last:
        return alerts
    active, saying = _followed(alerts, event)
    return Alerts(active, saying, digest, alerts.state)


def _followed(alerts: Alerts, event: AssetAlert) -> tuple[dict[str, Active], str]:
    known = alerts.active.get(event.code)
    active = dict(alerts.active)
    if not event.active:
        if known is None:
            return active, ""
        del active[event.code]
        times = "once" if known.count == 1 else f"{known.count} times"
        return active, _line(event, f"cleared, came {times} since {_time(known.since_us)}")
    if known is None:
        active[event.code] = Active(event.severity, event.at_us)
        while len(active) > MOST:
            del active[next(iter(active))]
        return active, _line(event, event.severity)
    graver = _GRAVITY[event.severity] > _GRAVITY[known.severity]
    severity = event.severity if graver else known.severity
    active[event.code] = Active(severity, known.since_us, known.count + 1)
    return active, _line(event, f"now {severity}, before {known.severity}") if graver else ""


def is_grave(alerts: Alerts, threshold: Severity | None) -> bool:
    """Tell whether an active alert is at or above a severity; none is above None."""
    if threshold is None:
        return False
    return any(_GRAVITY[alert.severity] >= _GRAVITY[threshold] for alert in alerts.active.values())


def _line(event: AssetAlert, what: str) -> str:
    text = f": {event.text}" if event.text else ""
    return f"Alert {event.code} ({what}) at {_time(event.at_us)}{text}"


def _time(moment_us: int) -> str:
    return from_us(moment_us).isoformat(timespec="milliseconds")


def note_name(asset: str) -> str:
    """Name the note in which an asset's alerts are kept."""
    return f"alerts/{asset}"


def encode(alerts: Alerts) -> bytes:
    """Pack alerts for their note."""
    return msgspec.json.encode(alerts)


def decode(note: bytes | None) -> Alerts:
    """Read alerts; none where there is no note.

    Raises:
        msgspec.DecodeError: the note is none of ours.
    """
    return Alerts() if note is None else msgspec.json.decode(note, type=Alerts)
