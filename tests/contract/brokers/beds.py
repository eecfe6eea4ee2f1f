"""The brokers of the contract suite, with their limits beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.ports import Link, Publication
from pywats_mqtt.transport.embedded import EmbeddedBroker
from pywats_mqtt.transport.memory import MemoryBroker
from pywats_mqtt.transport.memory_session import MemorySession
from pywats_mqtt.transport.session import MqttSession
from tests.contract.brokers.bed import QUICK, Bed, Client, Limits, alive
from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.contract.brokers.relay import Relay
from tests.ports import free_port
from tests.waiting import wait_until


class ShiftedClock:
    """The real clock, and whatever a test adds to it."""

    def __init__(self) -> None:
        self.added_s = 0.0
        self._real = SystemClock()

    def now(self) -> datetime:
        """Give the time."""
        return self._real.now() + timedelta(seconds=self.added_s)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return self._real.monotonic() + self.added_s


class NetworkBed:
    """What the brokers with a port have in common."""

    limits: Limits
    port: int

    @asynccontextmanager
    async def client(
        self,
        client_id: str,
        *filters: str,
        will: Publication | None = None,
        expect_session: bool = False,
        connected: bool = True,
        config: MQTTConfig = QUICK,
    ) -> AsyncIterator[Client]:
        """Run a session behind a relay of its own."""
        async with Relay(self.port) as relay:
            links: list[Link] = []
            session = MqttSession(
                msgspec.structs.replace(config, broker=HOST, port=relay.port),
                client_id=client_id,
                filters=filters,
                will=will,
                expect_session=expect_session,
                on_link=links.append,
                clock=SystemClock(),
            )
            async with alive(Client(session, relay.cut, links), connected=connected) as client:
                yield client


class MosquittoBed(NetworkBed):
    """The reference; it closes a connection that another client took over without a word."""

    limits = Limits(says_taken_over=False)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._broker = Mosquitto(folder)
        self.port = self._broker.port
        self.start()

    def start(self) -> None:
        """Start it again."""
        self._broker.start()

    def stop(self) -> None:
        """Stop it; it writes its store."""
        self._broker.stop()

    def lose_sessions(self) -> None:
        """Take its store away."""
        self.stop()
        self._broker.forget()
        self.start()

    async def outlive(self, seconds: float) -> None:
        """Wait until it says that it dropped a session; it looks every few seconds."""
        before = len(self._broker.log)
        await wait_until(
            lambda: any("Expiring client" in line for line in self._broker.log[before:]),
            what=f"mosquitto expired a session of {seconds} s",
        )


class EmbeddedBed(NetworkBed):
    """iotcore: a log, not a queue; see `transport/embedded.py`."""

    limits = Limits(
        session_expires=False,
        honours_receive_maximum=False,
        aliases_name_topics=False,
        keeps_clean_sessions=False,
        keeps_order_over_filters=False,
        keeps_packet_ids=False,
        lowers_qos=False,
        survives_stop=False,
        says_taken_over=False,
    )

    def __init__(self) -> None:
        self._broker = EmbeddedBroker(port=free_port()).start()
        self.port = self._broker.port

    def start(self) -> None:
        """Start another one at the same port."""
        self._broker.start()

    def stop(self) -> None:
        """Stop it; it forgets everything."""
        self._broker.stop()

    def lose_sessions(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    async def outlive(self, seconds: float) -> None:
        """Wait so long."""
        clock = SystemClock()
        until = clock.monotonic() + seconds
        await wait_until(lambda: clock.monotonic() > until, what="the time is over")


class MemoryBed:
    """The in-memory broker: no limits on what is asserted here."""

    limits = Limits()

    def __init__(self) -> None:
        self._clock = ShiftedClock()
        self._broker = MemoryBroker(clock=self._clock)

    @asynccontextmanager
    async def client(
        self,
        client_id: str,
        *filters: str,
        will: Publication | None = None,
        expect_session: bool = False,
        connected: bool = True,
        config: MQTTConfig = QUICK,
    ) -> AsyncIterator[Client]:
        """Run a session on it."""
        links: list[Link] = []
        session = MemorySession(
            self._broker,
            config,
            client_id=client_id,
            filters=filters,
            will=will,
            expect_session=expect_session,
            on_link=links.append,
        )
        async with alive(Client(session, session.cut, links), connected=connected) as client:
            yield client

    def start(self) -> None:
        """Let clients in again."""
        self._broker.start()

    def stop(self) -> None:
        """Let nobody in."""
        self._broker.stop()

    def lose_sessions(self) -> None:
        """Forget everything."""
        self.stop()
        self._broker.forget()
        self.start()

    async def outlive(self, seconds: float) -> None:
        """Move the clock."""
        self._clock.added_s += seconds


@pytest.fixture(params=["memory", "iotcore", "mosquitto"])
def bed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bed]:
    """Give each broker in turn, running."""
    made: MemoryBed | EmbeddedBed | MosquittoBed
    match request.param:
        case "memory":
            made = MemoryBed()
        case "iotcore":
            made = EmbeddedBed()
        case _:
            made = MosquittoBed(tmp_path / "mosquitto")
    yield made
    made.stop()
