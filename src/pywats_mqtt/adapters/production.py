"""The shop floor: units that enter, leave or are scanned, and operators at stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from pywats_mqtt.adapters.context import Context, first_sent, message_id, speaker
from pywats_mqtt.adapters.texts import check_length, check_number
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.adapters.unread import unread_fields
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import (
    Identified,
    Identity,
    OperatorEvent,
    UnitAtTester,
    UnitEvent,
    identify,
    payload_digest,
)
from pywats_mqtt.events.production import OperatorAction, UnitAction
from pywats_mqtt.schemas.production import OperatorMessage, UnitMessage, operator_decoder, unit_decoder
from pywats_mqtt.schemas.scalars import is_sent, text_of

UNIT_WORDS: Mapping[str, UnitAction] = {
    "unit_entered": "entered",
    "entered": "entered",
    "enter": "entered",
    "entry": "entered",
    "unit_arrived": "entered",
    "arrived": "entered",
    "arrive": "entered",
    "arrival": "entered",
    "in": "entered",
    "check_in": "entered",
    "checkin": "entered",
    "unit_exited": "exited",
    "exited": "exited",
    "exit": "exited",
    "unit_departed": "exited",
    "departed": "exited",
    "departure": "exited",
    "left": "exited",
    "leave": "exited",
    "out": "exited",
    "check_out": "exited",
    "checkout": "exited",
    "unit_scanned": "scanned",
    "scanned": "scanned",
    "scan": "scanned",
    "read": "scanned",
    "seen": "scanned",
}
"""A device's word, in lower case and with `_` for `-` and blanks, to what happened to the unit."""

OPERATOR_WORDS: Mapping[str, OperatorAction] = {
    "login": "login",
    "log_in": "login",
    "logged_in": "login",
    "logon": "login",
    "operator_login": "login",
    "sign_in": "login",
    "signin": "login",
    "badge_in": "login",
    "badge": "login",
    "in": "login",
    "logout": "logout",
    "log_out": "logout",
    "logged_out": "logout",
    "logoff": "logout",
    "operator_logout": "logout",
    "sign_out": "logout",
    "signout": "logout",
    "badge_out": "logout",
    "out": "logout",
    "shift_end": "logout",
    "shift_ended": "logout",
    "shift": "shift",
    "shift_change": "shift",
    "shift_changed": "shift",
    "shift_start": "shift",
    "shift_started": "shift",
}
"""As `UNIT_WORDS`, for operators."""

_CHARACTERS_SHOWN = 60

Action = TypeVar("Action", bound=str)


def read_station(context: Context) -> tuple[Identified, ...]:
    """Decode what a station says of a unit.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    sent = unit_decoder.decode(context.message.payload)
    station, other = speaker(context, *first_sent((sent.station_id, "$.station_id"), (sent.device_id, "$.device_id")))
    return _unit(sent, context, action=_action(sent.event, UNIT_WORDS), station=station, reported=other)


def read_scan(context: Context) -> tuple[Identified, ...]:
    """Decode what a scanner of a line says of a unit; where it names no event, the unit was scanned.

    Raises:
        As `read_station`.
    """
    sent = unit_decoder.decode(context.message.payload)
    line, other = speaker(context, *first_sent((sent.line_id, "$.line_id"), (sent.device_id, "$.device_id")))
    station = check_length(text_of(sent.station_id, "$.station_id"), "$.station_id")
    action = _action(sent.event, UNIT_WORDS) if sent.event else "scanned"
    return _unit(sent, context, action=action, station=station.strip(), line=line, reported=other)


def read_operator(context: Context) -> tuple[Identified, ...]:
    """Decode what a station says of its operator; an empty payload clears a retained one, and says nothing.

    Raises:
        As `read_station`.
    """
    message = context.message
    if not message.payload:
        return ()
    sent = operator_decoder.decode(message.payload)
    station, other = speaker(context, *first_sent((sent.station_id, "$.station_id"), (sent.device_id, "$.device_id")))
    action = _action(sent.event, OPERATOR_WORDS) if sent.event else "login"
    operator = text_of(sent.operator, "$.operator").strip()
    if action == "login" and not operator:
        raise Reject("expected who logs in, got none", path="$.operator")
    event = OperatorEvent(
        station=station,
        action=action,
        at_us=_at_us(sent.timestamp, context),
        operator=operator,
        shift=text_of(sent.shift, "$.shift").strip(),
        reported=other,
        unread=unread_fields(message.payload, OperatorMessage),
    )
    return (Identified(event, _identity(sent, context, ("operator", context.device or station))),)


def _unit(
    sent: UnitMessage, context: Context, *, action: UnitAction, station: str, line: str = "", reported: str
) -> tuple[Identified, ...]:
    serial_number = text_of(sent.serial_number, "$.serial_number")
    if not serial_number.strip():
        raise Reject("expected a serial number, got none", path="$.serial_number")
    part_number = text_of(sent.part_number, "$.part_number")
    event = UnitEvent(
        action=action,
        serial_number=check_number(serial_number, "$.serial_number"),
        at_us=_at_us(sent.timestamp, context),
        station=station,
        line=line,
        part_number=check_number(part_number if part_number.strip() else "", "$.part_number"),
        revision=check_length(text_of(sent.revision, "$.revision"), "$.revision"),
        operator=text_of(sent.operator, "$.operator").strip(),
        reported=reported,
        unread=unread_fields(context.message.payload, UnitMessage),
    )
    who = ("scan" if line else "unit", line or station)
    identity = _identity(sent, context, who, serial_number)
    return (*_at_testers(event, context, identity), Identified(event, identity))


def _at_testers(event: UnitEvent, context: Context, identity: Identity | None) -> tuple[Identified, ...]:
    """Tell the testers at the station that a unit came or went: it may begin or end a stream of theirs."""
    if event.line or event.action == "scanned":
        return ()
    return tuple(
        Identified(
            UnitAtTester(device=tester, serial_number=event.serial_number, action=event.action, at_us=event.at_us),
            None if identity is None else identify((tester, str(identity.id)), context.message.payload),
        )
        for tester in context.settings.testers_at(event.station)
    )


def _action(word: str | None, words: Mapping[str, Action]) -> Action:
    plain = (word or "").strip().lower().replace("-", "_").replace(" ", "_")
    action = words.get(plain)
    if action is None:
        known = ", ".join(dict.fromkeys(words.values()))
        got = repr(word[:_CHARACTERS_SHOWN]) if word else "none"
        raise Reject(f"expected what happened ({known}, or a usual synonym), got {got}", path="$.event")
    return action


def _at_us(timestamp: msgspec.Raw, context: Context) -> int:
    """Give the device's time where it can be true: an event dated ahead would make all that follow seem old."""
    received_us = context.message.received_at_us
    if not is_sent(timestamp):
        return received_us
    moment_us, _ = time_of(timestamp, "$.timestamp")
    return moment_us if is_plausible(moment_us, received_us) else received_us


def _identity(
    sent: UnitMessage | OperatorMessage, context: Context, who: tuple[str, str], serial_number: str = ""
) -> Identity | None:
    """Identify an event by the device's id for it, else by its number or time and its content; all as sent.

    None where it names none of them: nothing tells a repeat from a second time.
    """
    payload = context.message.payload
    named = message_id(context, sent.message_id)
    if named:
        return identify((*who, named), payload)
    sequence, timestamp = text_of(sent.sequence, "$.sequence"), text_of(sent.timestamp, "$.timestamp")
    if not sequence and not timestamp:
        return None
    return identify((*who, serial_number, sequence, timestamp, payload_digest(payload).hex()), payload)
