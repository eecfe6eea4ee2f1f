"""Runs a fleet: publishes at its rate, journals, and ends without leaving what it could still get acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.ports import Publication, Timer
from pywats_mqtt.simulator.clock import FleetClock
from pywats_mqtt.simulator.fleet import Fleet
from pywats_mqtt.simulator.journal import Journal
from pywats_mqtt.simulator.links import Line, Links
from pywats_mqtt.simulator.outgoing import Outgoing

MOST_BEHIND_S = 1.0
"""How much of a pause the fleet catches up on: real devices do not test a minute's units in an instant."""
LAST_ACKS_S = 10.0
"""Seconds the end waits for acknowledgements: a reconnect fits in."""
SESSION_EXPIRY_S = 3_600
"""Seconds the broker keeps a device's session: longer than any outage a test has."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        host: of the broker.
        port: of the broker.
        devices: size of the fleet.
        rate: messages per second, of all devices together.
        seconds: how long to publish, from when all connections stand; None until told to stop.
        seed: where all chance begins; two fleets on one broker need two seeds, as client ids follow from it.
    """

    host: str
    port: int
    devices: int = 8
    rate: float = 10.0
    seconds: float | None = None
    seed: int = 1


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        published: messages handed to the broker at least once.
        acknowledged: those it acknowledged.
        refused: those it refused for good.
        unanswered: those it said nothing about before the end; they may have arrived.
        by_kind: published messages of each kind.
        devices: size of the fleet.
        connections: MQTT connections it used.
        seconds: how long it published.
        seed: as given.
    """

    published: int
    acknowledged: int
    refused: int
    unanswered: int
    by_kind: dict[str, int]
    devices: int
    connections: int
    seconds: float
    seed: int


async def run_fleet(
    load: Load,
    journal: Journal,
    *,
    stopping: asyncio.Event,
    say: Callable[[str], None],
    clock: Timer | None = None,
) -> Summary:
    """Publish until the time is over or `stopping` is set, then wait a bounded time for what is not acknowledged.

    A broker that is away is waited for, at the start and later; what was not acknowledged is sent again. The rate, the
    time and every time in a payload go by `clock`, the machine's unless another is given.
    """
    clock = clock or FleetClock()
    fleet = Fleet(size=load.devices, seed=load.seed, now=clock.now())
    config = MQTTConfig(
        broker=load.host,
        port=load.port,
        session_expiry_s=SESSION_EXPIRY_S,
        reconnect_delay=0.5,
        max_reconnect_delay=5.0,
        keepalive=30,
    )
    links = Links(config, [device.device for device in fleet.devices], clock=clock, say=say)
    async with asyncio.TaskGroup() as group:
        publishing = _Publishing(group, links, fleet, journal, clock)
        for line in links.lines:
            group.create_task(line.session.run(), name="fleet session")
        stop = group.create_task(stopping.wait(), name="fleet stop")
        up = group.create_task(links.connected.wait(), name="fleet connected")
        await asyncio.wait({stop, up}, return_when=asyncio.FIRST_COMPLETED)
        began = clock.monotonic()
        if not stop.done():
            ticking = group.create_task(publishing.tick(load.rate), name="fleet")
            limit_s = None if load.seconds is None else clock.real_s(load.seconds)
            await asyncio.wait({stop, ticking}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            ticking.cancel()
            await asyncio.wait({ticking})
        seconds = clock.monotonic() - began
        stop.cancel()
        up.cancel()
        await publishing.finish()
        for line in links.lines:
            await line.session.stop()
    return Summary(
        **journal.counts,
        unanswered=len(journal.open),
        by_kind=journal.by_kind,
        devices=load.devices,
        connections=len(links.lines),
        seconds=round(seconds, 3),
        seed=load.seed,
    )


class _Publishing:
    """The messages on their way to the broker."""

    def __init__(self, group: asyncio.TaskGroup, links: Links, fleet: Fleet, journal: Journal, clock: Timer) -> None:
        self._group = group
        self._links = links
        self._fleet = fleet
        self._journal = journal
        self._clock = clock
        self._on_the_way: set[asyncio.Task[None]] = set()

    async def tick(self, rate: float) -> None:
        """Publish `rate` messages a second for ever; a device whose window is full holds the fleet up."""
        due = self._clock.monotonic()
        while True:
            message = self._fleet.next(self._clock.now())
            line = self._links.line_of(message)
            await line.window.acquire()
            # No await from here to the task: what is journalled is published, and in this order.
            self._journal.published(message.entry)
            task = self._group.create_task(self._publish(line, message), name="fleet publish")
            self._on_the_way.add(task)
            task.add_done_callback(self._on_the_way.discard)
            now = self._clock.monotonic()
            due = max(due + 1 / rate, now - MOST_BEHIND_S)
            await asyncio.sleep(self._clock.real_s(max(0.0, due - now)))

    async def finish(self) -> None:
        """Wait for the last acknowledgements, and give up what did not come."""
        if self._on_the_way:
            await asyncio.wait(self._on_the_way, timeout=LAST_ACKS_S)
        for task in tuple(self._on_the_way):
            task.cancel()

    async def _publish(self, line: Line, message: Outgoing) -> None:
        try:
            await line.session.publish(Publication(topic=message.topic, payload=message.payload, qos=1))
        except Reject as refusal:
            self._journal.refused(message.entry, str(refusal))
        else:
            self._journal.acknowledged(message.entry)
        finally:
            line.window.release()
