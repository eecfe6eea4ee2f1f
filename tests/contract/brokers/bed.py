"""What a test of the broker contract needs of each broker, and what each broker is known not to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import msgspec

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Broker, Link, Publication, Receipt
from tests.waiting import BOUND_S, wait_until

RECONNECT_S = 0.02


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker is known not to do; each is asserted, so that a mended broker is noticed.

    Attributes:
        session_expires: it forgets a session after its expiry.
        honours_receive_maximum: it sends no more than Receive Maximum before the first is acknowledged.
        aliases_name_topics: a topic alias it makes up stands for one topic, not for a whole filter.
        keeps_clean_sessions: a session begun with Clean Start lives on after a disconnect, as MQTT 5 has it.
        keeps_order_over_filters: messages of one client come in the order it published them, also where they are of
            several subscriptions.
        keeps_packet_ids: it sends messages again under their packet ids, and with DUP.
        lowers_qos: it delivers at the lower of published and subscribed QoS, as it should.
        survives_stop: sessions, queues and retained messages are there after a stop and a start.
        says_taken_over: it tells a client that another one took its session.
    """

    session_expires: bool = True
    honours_receive_maximum: bool = True
    aliases_name_topics: bool = True
    keeps_clean_sessions: bool = True
    keeps_order_over_filters: bool = True
    keeps_packet_ids: bool = True
    lowers_qos: bool = True
    survives_stop: bool = True
    says_taken_over: bool = True


class RunningBroker(Broker, Protocol):
    """A `Broker` with its life."""

    async def run(self) -> None:
        """Stay connected until `stop`."""
        ...

    async def stop(self) -> None:
        """Say goodbye."""
        ...


class Client:
    """A running session and what the test saw of it.

    Attributes:
        session: the session under test.
        cut: lets its network die.
        links: what it told of its link.
        receipts: what `take` received, in order.
    """

    def __init__(self, session: RunningBroker, cut: Callable[[], None], links: list[Link]) -> None:
        self.session = session
        self.cut = cut
        self.links = links
        self.receipts: list[Receipt] = []

    async def take(self, count: int, *, acknowledge: bool = True) -> list[RawMessage]:
        """Receive at least so many messages, acknowledging each receipt at once where wanted."""
        found: list[RawMessage] = []
        async with asyncio.timeout(BOUND_S):
            while len(found) < count:
                receipt = await self.session.receive()
                self.receipts.append(receipt)
                found += receipt.messages
                if acknowledge:
                    self.session.acknowledge(receipt)
        return found

    async def take_released(self, count: int, *, acknowledge: bool = True) -> list[int]:
        """Receive at least so many PUBRELs."""
        found: list[int] = []
        async with asyncio.timeout(BOUND_S):
            while len(found) < count:
                receipt = await self.session.receive()
                self.receipts.append(receipt)
                found += receipt.released
                if acknowledge:
                    self.session.acknowledge(receipt)
        return found

    async def publish(self, topic: str, payload: bytes = b"", *, qos: int = 1, retain: bool = False) -> None:
        """Publish and wait for the broker."""
        async with asyncio.timeout(BOUND_S):
            await self.session.publish(Publication(topic=topic, payload=payload, qos=qos, retain=retain))

    async def connected(self) -> None:
        """Wait until it is connected."""
        await wait_until(lambda: self.session.link.connected, what="the session connected")

    async def away(self) -> None:
        """Wait until it noticed that it is not connected."""
        await wait_until(lambda: not self.session.link.connected, what="the session noticed")

    async def reconnect(self) -> None:
        """Let the network die and wait until it is connected again."""
        before = len(self.links)
        self.cut()
        await wait_until(
            lambda: any(not link.connected for link in self.links[before:]) and self.links[-1].connected,
            bound_s=BOUND_S,
            what="the session connected again",
        )


def quick(**changes: str | bool | float) -> MQTTConfig:
    """Give a configuration that reconnects at once."""
    return msgspec.convert(
        {"reconnect_delay": RECONNECT_S, "max_reconnect_delay": RECONNECT_S * 4, **changes}, MQTTConfig
    )


QUICK = quick()


class Bed(Protocol):
    """A broker under test."""

    limits: Limits

    def client(
        self,
        client_id: str,
        *filters: str,
        will: Publication | None = None,
        expect_session: bool = False,
        connected: bool = True,
        config: MQTTConfig = QUICK,
    ) -> AbstractAsyncContextManager[Client]:
        """Run a session, by default until the end of the block, and wait until it is connected.

        At the end of the block it is stopped as the bridge is: with a DISCONNECT, the session stays.
        """
        ...

    def start(self) -> None:
        """Start it again after `stop`."""
        ...

    def stop(self) -> None:
        """Stop it as an administrator would."""
        ...

    def lose_sessions(self) -> None:
        """Stop it so that it forgets everything, and start it again."""
        ...

    async def outlive(self, seconds: float) -> None:
        """Let so much time pass for the broker."""
        ...


@asynccontextmanager
async def alive(client: Client, *, connected: bool) -> AsyncIterator[Client]:
    """Run a client's session in the block and stop it after it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(client.session.run(), name="session under test")
        try:
            if connected:
                await client.connected()
            yield client
            await client.session.stop()
        except BaseException:
            task.cancel()
            raise
