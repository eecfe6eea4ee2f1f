"""What handlers may use besides WATS and the notes: the clock, the broker's ear, and the bridge's own inbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias

import msgspec

from pywats_mqtt.clocks.server import ServerClock
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.observe import Shopfloor, StreamFigures
from pywats_mqtt.ports import Clock, Notes, Publication, Wats

Alarm: TypeAlias = Callable[[str, Mapping[str, str]], None]
"""Publishes an alarm that nothing ends: its type, and its facts."""

Look: TypeAlias = Callable[[Wats, Notes], Awaitable[None]]
"""Does what falls due without a message; called again and again."""


class Publish(Protocol):
    """Says something to whoever listens at the broker."""

    def __call__(self, publication: Publication, then: Callable[[], Awaitable[None]] | None = None, /) -> bool:
        """Publish when its turn comes, and then run `then` if that worked; tell whether it was taken."""
        ...


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What there is around the handlers of one server.

    Attributes:
        clock: the time.
        on_refused: told the name of a call that WATS refuses while the rest of its delivery goes on, and why; with an
            empty text when it is no longer refused.
        publish: says something to the devices and whoever listens.
        alarm: publishes an alarm that nothing ends.
        alarms: raises and clears the alarms of assets.
        accept: takes a message of the bridge's own, which then goes the way of every message; durable on return.
        shopfloor: figures of stations, counted into.
        streams: figures of streams of measurements, counted into.
        is_listening: whether the bridge hears its devices now.
        has_room: tells whether the spool takes all that comes; near its bound, messages may wait at the broker.
        backwards: asset to how often its total was below what was counted, counted into.
        server: the server's clock, as far as it is known.
    """

    clock: Clock
    on_refused: Callable[[str, str], None]
    publish: Publish
    alarm: Alarm
    alarms: Alarms
    accept: Callable[[RawMessage], Awaitable[None]]
    shopfloor: Shopfloor
    streams: StreamFigures
    is_listening: Callable[[], bool]
    has_room: Callable[[], Awaitable[bool]]
    backwards: dict[str, int]
    server: ServerClock


def quiet(clock: Clock) -> Surroundings:
    """Give surroundings in which nobody listens: what is said is dropped, and what is accepted is not kept."""

    def drop(_publication: Publication, _then: Callable[[], Awaitable[None]] | None = None) -> bool:
        return True

    async def always() -> bool:
        return True

    async def forget(_message: RawMessage) -> None:
        return None

    return Surroundings(
        clock=clock,
        on_refused=lambda _call, _why: None,
        publish=drop,
        alarm=lambda _type, _facts: None,
        alarms=Alarms(TopicConfig().alarm_topic, "", clock, drop),
        accept=forget,
        shopfloor=Shopfloor(),
        streams=StreamFigures(),
        is_listening=lambda: True,
        has_room=always,
        backwards={},
        server=ServerClock(0),
    )
