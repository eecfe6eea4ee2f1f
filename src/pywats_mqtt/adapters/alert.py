"""Alerts of an asset: raised, repeated, cleared."""

from __future__ import annotations

from pywats_mqtt.adapters.context import Context, first_sent, message_id, speaker
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetAlert, Identified, Identity, Severity, identify
from pywats_mqtt.schemas.alert import AlertMessage, decoder
from pywats_mqtt.schemas.scalars import is_sent, text_of

SEVERITIES: dict[str, Severity] = {
    "info": "info",
    "information": "info",
    "notice": "info",
    "debug": "info",
    "warning": "warning",
    "warn": "warning",
    "minor": "warning",
    "error": "error",
    "err": "error",
    "major": "error",
    "fault": "error",
    "critical": "critical",
    "crit": "critical",
    "fatal": "critical",
    "emergency": "critical",
    "alarm": "critical",
}
"""A device's word, in lower case, to one of our four."""

ACTIVE = {"active": True, "raised": True, "on": True, "set": True} | {
    "cleared": False,
    "clear": False,
    "inactive": False,
    "off": False,
    "resolved": False,
}
"""A device's word for the state of an alert, in lower case."""

_CODE_CHARACTERS = 100
_TEXT_CHARACTERS = 1_000
"""Of a text; what is longer is cut, as the log of an asset is for reading."""


def read(context: Context) -> tuple[Identified, ...]:
    """Decode an alert message and tell what was raised or cleared.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    if not payload:
        return ()  # a retained message was cleared (MQTT 5, 3.3.1.3)
    return adapt(decoder.decode(payload), context)


def adapt(sent: AlertMessage, context: Context) -> tuple[Identified, ...]:
    """Turn an alert message into its event.

    Raises:
        Reject: the code is missing or too long, or a word, an id or a time does not fit.
    """
    asset, _ = speaker(context, *first_sent((sent.asset_id, "$.asset_id"), (sent.device_id, "$.device_id")))
    code = text_of(sent.code, "$.code").strip()
    if not code:
        raise Reject("expected a code, which names the alert until it is cleared; got none", path="$.code")
    if len(code) > _CODE_CHARACTERS:
        raise Reject(f"has {len(code)} characters; at most {_CODE_CHARACTERS}", path="$.code")
    event = AssetAlert(
        asset=asset,
        code=code,
        severity=_severity(sent.severity),
        text=(sent.text or sent.message or "").strip()[:_TEXT_CHARACTERS],
        active=_active(sent),
        at_us=_at_us(sent, context.message.received_at_us),
    )
    return (Identified(event, _identity(event, sent, context)),)


def _severity(word: str | None) -> Severity:
    if not word or not word.strip():
        return "warning"
    severity = SEVERITIES.get(word.strip().lower())
    if severity is None:
        raise Reject(f"unknown severity {word[:60]!r}; known are {', '.join(SEVERITIES)}", path="$.severity")
    return severity


def _active(sent: AlertMessage) -> bool:
    if sent.state is None:
        return sent.active is not False
    active = ACTIVE.get(sent.state.strip().lower())
    if active is None:
        raise Reject(f"unknown state {sent.state[:60]!r}; known are {', '.join(ACTIVE)}", path="$.state")
    return active


def _at_us(sent: AlertMessage, received_us: int) -> int:
    if not is_sent(sent.timestamp):
        return received_us
    moment_us, _ = time_of(sent.timestamp, "$.timestamp")
    return moment_us if is_plausible(moment_us, received_us) else received_us


def _identity(event: AssetAlert, sent: AlertMessage, context: Context) -> Identity | None:
    """Identify it by `message_id`, else by its number and time as sent; None where it names none of them.

    An alert that counts twice says no more than one that was sent twice, so nothing worse comes of that.
    """
    payload = context.message.payload
    named = message_id(context, sent.message_id)
    if named:
        return identify(("asset_alert", event.asset, named), payload)
    sequence, timestamp = text_of(sent.sequence, "$.sequence"), text_of(sent.timestamp, "$.timestamp")
    if not sequence and not timestamp:
        return None
    said = "active" if event.active else "cleared"
    return identify(("asset_alert", event.asset, event.code, said, sequence, timestamp), payload)
