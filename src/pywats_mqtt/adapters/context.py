"""What an adapter knows besides the message's content."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pywats_mqtt.config.environment import Watching
from pywats_mqtt.errors import Reject
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.schemas.scalars import is_sent, text_of

MESSAGE_ID = "message_id"
"""Name of the payload's field, and of the MQTT 5 user property that says the same."""


STATES: Mapping[str, int | None] = {
    "running": 1,
    "in operation": 1,
    "maintenance": 3,
    "in maintenance": 3,
    "error": 3,
    "fault": 3,
    "calibration": 4,
    "calibrating": 4,
    "in calibration": 4,
}
"""A device's word, in lower case, to the WATS asset state (1 in operation, 3 in maintenance, 4 in calibration).

A broken asset needs someone to mend it, so `error` is In maintenance. Words that are not here (online, offline, idle
and whatever a device invents) are kept as the status and change no state: idle is no reason to leave In operation.
"""


class Interpretation(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator can set about interpreting.

    Attributes:
        strict_ids: refuse a payload that names another id than its topic.
        states: a device's word, in lower case, to the WATS asset state it means; None for none.
        watching: what is done with the values of channels besides keeping the newest.
        stations: tester to the station it stands at, where they have different ids.
    """

    strict_ids: bool = False
    states: Mapping[str, int | None] = msgspec.field(default_factory=lambda: STATES)
    watching: Watching = Watching()
    stations: Mapping[str, str] = msgspec.field(default_factory=dict)

    def testers_at(self, station: str) -> tuple[str, ...]:
        """Name the testers that may stand at a station: those configured for it, and the one of the same id."""
        there = tuple(tester for tester, place in self.stations.items() if place == station)
        return there if station in self.stations else (*there, station)


class Context(msgspec.Struct, frozen=True, gc=False):
    """One message and what its topic says.

    Attributes:
        device: the topic's id: who speaks. Empty where the filter has no `+`; then the payload must name it.
        level: the topic's last level, such as `counters` or `selftest`.
        message: as received.
        settings: what the operator set.
    """

    device: str
    level: str
    message: RawMessage
    settings: Interpretation


def speaker(context: Context, own: msgspec.Raw, path: str) -> tuple[str, str]:
    """Tell who speaks, and what other id the payload names (empty: none, or the same).

    Args:
        context: the message's.
        own: the id in the payload, as sent.
        path: where it stands.

    Raises:
        Reject: neither topic nor payload names the device, or they differ and `strict_ids` is on.
    """
    named = text_of(own, path)
    if not context.device:
        if not named:
            raise Reject("neither the topic nor the payload names the device: the topic filter has no '+'", path=path)
        return named, ""
    if not named or named == context.device:
        return context.device, ""
    if context.settings.strict_ids:
        raise Reject(f"names {named[:100]!r}, but the topic names {context.device!r} (strict_ids is on)", path=path)
    return context.device, named


def first_sent(*fields: tuple[msgspec.Raw, str]) -> tuple[msgspec.Raw, str]:
    """Give the first field that was sent, with its path, of those that say the same; the last one where none was."""
    return next((field for field in fields if is_sent(field[0])), fields[-1])


def message_id(context: Context, own: msgspec.Raw) -> str:
    """Give the id the device gave this message: the payload's, else the MQTT 5 user property's, else empty.

    Raises:
        Reject: the payload's is neither a text nor a number.
    """
    if is_sent(own):
        named = text_of(own, f"$.{MESSAGE_ID}")
        if named:
            return named
    return property_id(context.message)


def property_id(message: RawMessage) -> str:
    """Give the id in the MQTT 5 user property, else empty."""
    return next((value for name, value in message.user_properties if name == MESSAGE_ID), "")
