"""`MQTTTransport`: what devices publish over MQTT arrives on a pywats_events bus, and nothing of it is lost before.

A message is acknowledged to the broker when it is stored in the transport's own spool, and forgotten there when the bus
has taken its events: when `publish` returned, which is after every handler has run. A crash before that hands the event
over again after the next start, with the same `event_id`. That is what *at least once* means here, and where it ends:
the bus swallows what a handler raises, so an event whose handler failed counts as handed over. A handler that must not
lose anything has to be durable itself, as that of `register_wats_handlers` is; `on_event` is not swallowed: what it
raises puts the event off, and when it keeps failing while others get through, into the spool's quarantine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from pywats_events import Event
from pywats_events.transports.base_transport import BaseTransport, TransportState

from pywats_mqtt import events
from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.destination import Destination
from pywats_mqtt.bus.handing import InThread, OnLoop, Place
from pywats_mqtt.bus.payloads import event_of
from pywats_mqtt.bus.relay import read_for_bus
from pywats_mqtt.bus.running import Running
from pywats_mqtt.config.model import BridgeConfig, MQTTConfig, SpoolConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.errors import Fatal, Retry, Scope
from pywats_mqtt.ports import Figures, Link
from pywats_mqtt.topics import uncovered

NAME: Final = "mqtt-iot"

DEFAULT_SPOOL: Final = "pywats-mqtt-events.db"
"""In the working directory; two transports need two files."""

FIRST_LINK_S: Final = 30.0
"""Seconds `connect` waits to see whether the broker is there; it is tried for ever after."""


class MQTTTransport(BaseTransport):
    """A transport for an `AsyncEventBus` or an `EventBus`.

    Start and stop it with the bus, or by `connect` and `disconnect` on the loop of the bus, or without a bus by
    `connect` and with `on_event`. The broker's session outlives it: what is published meanwhile comes after the next
    start.

    Args:
        config: how to reach the broker.
        topic_config: what to subscribe to.
        on_event: called with each event, before the bus gets it, where the bus would: on the loop of `connect`, or in
            the thread that publishes to a sync bus.
        spool: the file that keeps what was acknowledged and not handed over; its folder must exist.
    """

    def __init__(
        self,
        config: MQTTConfig,
        topic_config: TopicConfig,
        on_event: Callable[[Event], None] | None = None,
        *,
        spool: Path | str = DEFAULT_SPOOL,
    ) -> None:
        super().__init__(name=NAME)
        self.config = config
        self.topic_config = topic_config
        self._on_event = on_event
        self._spool = Path(spool)
        self._running: Running | None = None
        self._place: Place | None = None
        self._ending = False
        self._problem: Exception | None = None
        self._first_link = threading.Event()
        self._link = Link(connected=False, reason="not started")
        self._figures = Figures()

    # --- starting and stopping ----------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect to the broker and subscribe; returns when connected, or when the first try failed and others follow.

        Raises:
            Fatal: the set-up is wrong, another transport owns the spool, or nobody takes the events.
            Retry: the disk is full.
        """
        if not self._is_running:
            loop = asyncio.get_running_loop()
            place = InThread(NAME, self._publish) if self._event_bus else OnLoop(loop, self._publish_async)
            await asyncio.to_thread(self._begin, place)

    async def disconnect(self) -> None:
        """Hand over what is stored, within 10 s, and leave the broker; what is left comes after the next start."""
        await asyncio.to_thread(self._end)
        await asyncio.sleep(0)  # the base class tells the bus of it in a task, which takes one step

    async def start_async(self) -> None:
        """Do `connect`; the bus calls it."""
        await self.connect()

    async def stop_async(self) -> None:
        """Do `disconnect`; the bus calls it."""
        await self.disconnect()

    def start(self) -> None:
        """Do `connect` without an event loop: for the sync bus, or for `on_event` alone.

        Raises:
            Fatal, Retry: as `connect`; also for an AsyncEventBus, which is served on its own loop.
        """
        if self._async_event_bus is not None:
            raise Fatal("an AsyncEventBus is served on its own loop: await connect() there")
        if not self._is_running:
            self._begin(InThread(NAME, self._publish))

    def stop(self) -> None:
        """Do `disconnect` without an event loop."""
        self._end()

    @property
    def _is_running(self) -> bool:
        return self._running is not None and self._running.alive

    def _begin(self, place: Place) -> None:
        self._end()  # what is left of one that ended by itself
        if self._event_bus is None and self._async_event_bus is None and self._on_event is None:
            raise Fatal("nobody takes the events: register the transport on a bus, or give it on_event")
        bridge = Bridge(
            BridgeConfig(mqtt=self.config, topics=self.topic_config, spool=SpoolConfig(path=str(self._spool))),
            deliver_to=self._deliver_to_bus,
            read=read_for_bus,
            on_link=self._note_link,
        )
        self._place, self._ending, self._problem = place, False, None
        self._first_link.clear()
        self._enter(TransportState.CONNECTING)
        self._running = Running(bridge, name=f"{NAME}-bridge", on_end=self._note_end)
        try:
            self._running.start()
        except BaseException:
            self._end()
            raise
        self._wait_for_first_link()

    def _wait_for_first_link(self) -> None:
        self._first_link.wait(FIRST_LINK_S)
        if self._problem is not None:
            self._end()
            raise Fatal(f"the transport could not start: {self._problem}") from self._problem

    def _end(self) -> None:
        running, place = self._running, self._place
        if running is None or place is None:
            return
        self._ending = True
        running.stop()
        self._enter(TransportState.DISCONNECTED)
        place.close()
        self._running = self._place = None

    # --- events -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _deliver_to_bus(self, bridge: Bridge) -> AsyncIterator[Destination]:
        place = self._place
        if place is None:
            raise Fatal("the transport has ended")

        async def handle(event: events.Event) -> None:
            if not isinstance(event, events.Relayed):
                raise Retry(
                    f"{self._spool} holds what a bridge owes to WATS: give the transport a file of its own",
                    scope=Scope.CALL,
                    cause="spool",
                )
            await place.hand_over(event_of(event, NAME))

        try:
            yield Destination(handle=handle)
        finally:
            self._figures = await bridge.spool.figures()

    def publish_event(self, event: Event) -> None:
        """Publish to the bus, if there is one; without, `on_event` has what it wants."""
        if self._event_bus is not None or self._async_event_bus is not None:
            super().publish_event(event)

    def _publish(self, event: Event) -> None:
        self._call_on_event(event)
        self.publish_event(event)

    async def _publish_async(self, event: Event) -> None:
        self._call_on_event(event)
        if self._async_event_bus is not None:
            await self.publish_event_async(event)

    def _call_on_event(self, event: Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as exc:
            raise Retry(f"on_event raised {exc!r}", scope=Scope.DELIVERY, cause=type(exc).__name__) from exc

    # --- state --------------------------------------------------------------------------------------------------------

    def _enter(self, state: TransportState) -> None:
        """Change the state where the bus is, since that publishes too."""
        if self._place is not None and not self._place.post(lambda: self._set_state(state)):
            self._state = state  # the loop of the bus has ended, so there is nobody to tell

    def _note_link(self, link: Link) -> None:
        self._link = link
        if self._ending:
            return
        if link.connected:
            self._enter(TransportState.CONNECTED)
        elif self.config.auto_reconnect:
            self._enter(TransportState.RECONNECTING)
        self._tell_first_link()

    def _note_end(self, problem: Exception | None) -> None:
        """Tell that the bridge ended by itself: the connection was lost and is not to be made again, or a defect."""
        self._problem = problem
        self._enter(TransportState.DISCONNECTED if problem is None else TransportState.ERROR)
        if problem is not None and self._place is not None:
            self._place.post(lambda: self._notify_error(problem))
        self._tell_first_link()

    def _tell_first_link(self) -> None:
        if self._place is not None and not self._first_link.is_set():
            self._place.post(self._first_link.set)  # after the state, so that who waits for it sees the state

    # --- what is known ------------------------------------------------------------------------------------------------

    def get_subscribed_topics(self) -> list[str]:
        """Give the filters that the broker delivers for now; none while not connected."""
        if self._running is None or not self._link.connected:
            return []
        granted = self._running.bridge.health.granted  # empty while a session that was there is taken up
        return [
            topic_filter
            for topic_filter in uncovered(self.topic_config.filters())
            if granted.get(topic_filter, "QoS").startswith("QoS")
        ]

    def get_stats(self) -> dict[str, Any]:
        """Give the state, and the figures of the spool (`ports.Figures`), which count over all starts.

        `delivered` counts messages whose events the bus has taken. After a stop the figures are those it ended with.
        """
        if self._running is not None and self._running.alive:
            with suppress(Retry, TimeoutError):
                self._figures = self._running.figures()
        return super().get_stats() | {
            "broker": f"{self.config.broker}:{self.config.port}",
            "reason": self._link.reason,
            **msgspec.structs.asdict(self._figures),
        }
