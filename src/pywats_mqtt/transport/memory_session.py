"""A `Broker` on the in-memory broker: the promises of the network session, without a network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Link, Publication, Receipt
from pywats_mqtt.topics import name_problem, uncovered
from pywats_mqtt.transport.inbox import PUBACK, PUBREC, Inbox, acknowledgements
from pywats_mqtt.transport.lifecycle import Lifecycle
from pywats_mqtt.transport.linkage import Linkage, Standing, ignore_link
from pywats_mqtt.transport.memory import Hello, MemoryBroker
from pywats_mqtt.transport.reasons import Loss

_EXACTLY_ONCE = 2


class MemorySession:
    """A client of the in-memory broker; arguments as of `MqttSession`, with the broker in place of its address."""

    def __init__(
        self,
        broker: MemoryBroker,
        config: MQTTConfig,
        *,
        client_id: str,
        filters: Sequence[str] = (),
        will: Publication | None = None,
        expect_session: bool = False,
        on_link: Callable[[Link], None] = ignore_link,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._broker = broker
        self._config = config
        self._client_id = client_id
        self._filters = uncovered(filters)
        self._will = will
        self._clean_start = config.clean_session
        self._expect_session = expect_session and not config.clean_session
        self._linkage = Linkage(broker="memory", on_link=on_link)
        self._lifecycle = Lifecycle(config, self._linkage, jitter)
        self._inbox = Inbox()
        self._arrived = asyncio.Event()
        self._connected = asyncio.Event()
        self._connections = 0
        self._lost: asyncio.Future[Loss] | None = None

    async def receive(self) -> Receipt:
        """Wait for what comes next, bounded; the broker waits while a whole receipt does."""
        while not self._inbox.ready:
            self._arrived.clear()
            await self._arrived.wait()
        receipt = self._inbox.take()
        if self._connected.is_set():
            self._broker.deliver(self._client_id)
        return receipt

    def acknowledge(self, receipt: Receipt) -> None:
        """Acknowledge all of a stored receipt; one of a former connection is void."""
        if self._connected.is_set() and receipt.connection == self._connections and isinstance(receipt.acks, bytes):
            for kind, packet_id in acknowledgements(receipt.acks):
                self._broker.acknowledge(self._client_id, kind, packet_id)
            self._broker.deliver(self._client_id)

    async def publish(self, publication: Publication) -> None:
        """Publish; waits while there is no connection.

        Raises:
            Reject: this can never be published.
        """
        problem = name_problem(publication.topic)
        if problem is not None:
            raise Reject(f"cannot publish to the topic {publication.topic!r}: {problem}")
        await self._connected.wait()
        if len(publication.payload) > self._broker.max_packet_bytes:
            raise Reject(
                f"{len(publication.payload)} bytes to the topic {publication.topic!r} are more than the broker takes"
                f" ({self._broker.max_packet_bytes})"
            )
        self._broker.publish(publication)

    @property
    def link(self) -> Link:
        """How the connection stands."""
        return self._linkage.link

    async def run(self) -> None:
        """Connect and stay connected until `stop`; with `auto_reconnect` off, until there is no connection."""
        try:
            await self._lifecycle.run(self._live_one_connection)
        finally:
            self._leave(Loss("given up"), with_will=True)

    async def stop(self) -> None:
        """Say goodbye and let `run` return."""
        self._lifecycle.stopping()
        self._leave(Loss("stopped"), with_will=False)
        self._lifecycle.end()

    def cut(self) -> None:
        """Let the network die without a word: the broker publishes the Will, and the session connects anew."""
        self._leave(Loss("the connection broke"), with_will=True)

    async def _live_one_connection(self) -> Loss:
        config = self._config
        hello = Hello(
            client_id=self._client_id,
            clean_start=self._clean_start,
            session_expiry_s=config.session_expiry_s,
            receive_maximum=config.receive_maximum,
            will=self._will,
        )
        present = self._broker.connect(self, hello)
        self._lost = asyncio.get_running_loop().create_future()
        self._connections += 1
        standing = Standing(
            session_present=present,
            session_lost=self._expect_session and not present,
            session_expiry_s=config.session_expiry_s,
        )
        self._expect_session = config.session_expiry_s > 0
        self._clean_start = False
        if present:
            self._inbox.resume(self._connections)
            self._broker.resume(self._client_id)
        else:
            self._inbox.restart(self._connections)
        self._arrived.set()
        self._broker.subscribe(self._client_id, self._filters, qos=config.default_qos)
        self._connected.set()
        self._linkage.up(standing)
        return await self._lost

    def _leave(self, loss: Loss, *, with_will: bool) -> None:
        if self._connected.is_set():
            self._broker.disconnect(self._client_id, loss, with_will=with_will)

    # --- what the broker tells us -------------------------------------------------------------------------------------

    @property
    def takes(self) -> bool:
        """Whether less than a receipt waits here."""
        return not self._inbox.full

    def on_publish(self, message: RawMessage, packet_id: int) -> None:
        """Keep a message until it is taken."""
        acks = [(PUBREC if message.qos == _EXACTLY_ONCE else PUBACK) | packet_id] if message.qos else []
        received = [packet_id] if message.qos == _EXACTLY_ONCE else []
        self._inbox.extend([message], acks, received, message.size_bytes)
        self._arrived.set()

    def on_release(self, packet_id: int) -> None:
        """Keep a PUBREL until it is taken."""
        self._inbox.release(packet_id)
        self._arrived.set()

    def on_cut(self, loss: Loss) -> None:
        """Note the end of the connection."""
        self._connected.clear()
        self._inbox.hold()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(loss)
