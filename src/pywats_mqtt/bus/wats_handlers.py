"""`register_wats_handlers`: what any transport publishes on a bus reaches WATS, durably.

A bus cannot tell a transport that a handler failed, and keeps nothing. So the handler stores what it is given before it
returns, in a spool of its own, and from there it takes the same way as a message from MQTT: interpreted, within the
quota, tried again until it is in WATS, or kept in quarantine with its reason. Its identity is computed from its
payload: the same result published twice is one report, whatever its random `event_id`.

Taken are `TEST_RESULT` and `ASSET_STATE_CHANGED`. `ASSET_FAULT` is not: WATS keeps no faults, and a fault that is
cleared does not say what state its asset is in then; transports that report faults report states beside them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import reprlib
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from pywats_events import AsyncEventBus, BaseHandler, Event, EventBus, EventType

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.bus.running import Running
from pywats_mqtt.config.model import BridgeConfig, SpoolConfig, WatsConfig
from pywats_mqtt.interpret import RouteTable
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Figures
from pywats_mqtt.topics import render

_log: Final = logging.getLogger(__name__)

DEFAULT_SPOOL: Final = "pywats-mqtt-wats.db"
"""In the working directory; not the file of an `MQTTTransport` or of a bridge."""

TOPIC: Final = "bus/{sender}/{event_type}"
"""Under which topic an event stands in the spool and in quarantine."""

ROUTES: Final = (
    (f"bus/+/{EventType.TEST_RESULT.value}", "bus_result"),
    (f"bus/+/{EventType.ASSET_STATE_CHANGED.value}", "bus_state"),
)


class WatsHandler(BaseHandler):
    """Stores each event it is given; `handle` returns when that is durable.

    Args:
        running: the bridge that takes it from there.
    """

    def __init__(self, running: Running) -> None:
        super().__init__(name="wats")
        self._running = running

    @property
    def event_types(self) -> list[EventType]:
        """What goes to WATS."""
        return [EventType.TEST_RESULT, EventType.ASSET_STATE_CHANGED]

    async def handle(self, event: Event) -> None:
        """Store an event; one that WATS cannot take goes to quarantine with the reason.

        Raises:
            Retry: it may not be stored; the bus tells its `on_error` callbacks. Publishing it again does no harm.
        """
        await self._running.accept(message_of(event, self._running.now_us()))


class WatsDelivery:
    """The handler on a bus and the bridge behind it, until closed; also a context manager, sync or async.

    Close it after the bus was stopped, which still hands over what it holds.
    """

    def __init__(self, bus: AsyncEventBus | EventBus, handler: WatsHandler, running: Running) -> None:
        self.handler = handler
        self._bus = bus
        self._running = running

    def figures(self) -> Figures:
        """Count what came, is in WATS, waits, and was refused; all of it since the spool was made.

        Raises:
            Retry: it is closed.
        """
        return self._running.figures()

    def close(self) -> None:
        """Take no more, deliver what is stored within `spool.drain_s`; the rest follows when registered again."""
        self._bus.unregister_handler(self.handler)
        self._running.stop()

    async def aclose(self) -> None:
        """Do `close` without holding up the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()


def register_wats_handlers(
    bus: AsyncEventBus | EventBus, config: WatsConfig | BridgeConfig, *, spool: Path | str | None = None
) -> WatsDelivery:
    """Give a bus durable delivery to WATS, for the events of all its transports.

    Call it before the bus starts: what was published before is not seen. It opens the spool, which takes some tenths of
    a second, and delivers at once what an earlier run left there.

    Args:
        bus: either kind.
        config: the server; of a `BridgeConfig` its `[wats]` and `[spool]` tables.
        spool: the file; goes before that of the configuration.

    Returns:
        What to close at the end.

    Raises:
        Fatal: address or token are missing or wrong, or the spool's folder is missing, or another process has it.
        Retry: the disk is full.
    """
    settings = (
        config if isinstance(config, BridgeConfig) else BridgeConfig(wats=config, spool=SpoolConfig(path=DEFAULT_SPOOL))
    )
    if spool is not None:
        own = msgspec.structs.replace(settings.spool, path=str(spool))
        settings = msgspec.structs.replace(settings, spool=own)
    bridge = Bridge(settings, routes=RouteTable(settings.topics, first=ROUTES, limits=settings.limits), connect=False)
    running = Running(bridge, name="wats-bridge", on_end=_note_end)
    running.start()
    handler = WatsHandler(running)
    bus.register_handler(handler)
    return WatsDelivery(bus, handler, running)


def message_of(event: Event, received_at_us: int) -> RawMessage:
    """Make the message that stands for an event: the same payload gives the same bytes, whatever its keys' order.

    It never fails. What JSON has no word for is written as text, so that the reason can stand beside it in quarantine.
    """
    payload = event.payload if isinstance(event.payload, dict) else {}
    sender = payload.get("station_id") or payload.get("asset_id") or event.source or "unknown"
    topic = render(TOPIC, {"sender": str(sender), "event_type": event.event_type.value})
    try:
        text = json.dumps(event.payload, default=_plain, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(_described(event.payload))
    return RawMessage(topic.encode(errors="replace").decode(), text.encode(), received_at_us, qos=1)


def _described(payload: object) -> str:
    try:
        return repr(payload)
    except RecursionError:
        return reprlib.repr(payload)  # the upper levels of what is nested too deep


def _plain(value: object) -> object:
    """Write what a domain event may hold beside JSON's own: times and enum members, all else as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else str(value)


def _note_end(problem: Exception | None) -> None:
    _log.error("delivery from the bus to WATS has ended; what comes now is refused", exc_info=problem)
