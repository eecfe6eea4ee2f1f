"""The MQTT 5 session: connects, reconnects for ever, and keeps the promises of the `Broker` port.

It stores nothing: what came in and was not acknowledged is the server's to send again, and what was published and not
acknowledged is sent again from memory as long as this object lives.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import mqtt5

from pywats_mqtt.config.model import MQTTConfig
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, Link, Publication, Receipt
from pywats_mqtt.topics import uncovered
from pywats_mqtt.transport.codec import Malformed
from pywats_mqtt.transport.connecting import ANSWER_S, connect_packet, open_connection
from pywats_mqtt.transport.connection import Connection
from pywats_mqtt.transport.inbound import Inbound
from pywats_mqtt.transport.inbox import MAX_RECEIPT_MESSAGES, Inbox
from pywats_mqtt.transport.keepalive import Beat, Keepalive
from pywats_mqtt.transport.lifecycle import Lifecycle
from pywats_mqtt.transport.linkage import Linkage, Standing, ignore_link
from pywats_mqtt.transport.outbox import MAX_PACKET_BYTES, Outbox, Terms
from pywats_mqtt.transport.reasons import Loss, Refused, connack_loss, disconnect_loss
from pywats_mqtt.transport.stamps import Stamps
from pywats_mqtt.transport.subscriptions import Grant, grants, subscribe_packet, unsubscribe_packet

_PINGREQ: Final = mqtt5.PingReqPacket().write()


class MqttSession:
    """A `Broker` over the network.

    Args:
        config: how to reach the broker; its `client_id` is not used.
        client_id: names the session; empty lets the server choose one, which is kept while this object lives.
        filters: what to subscribe to at `config.default_qos`; none for a pure publisher. Covered ones are left out.
        former: what an earlier run may have subscribed to: what of it is no longer wanted is unsubscribed from, since a
            session keeps its subscriptions.
        will: what the server publishes when we vanish without a word.
        expect_session: whether an earlier run left a session, so that its absence is a loss.
        on_link: hears of each change of `link`, from the event loop; must not raise.
        clock: stamps messages.
        jitter: chance from 0 to 1 for the waits between tries.
    """

    def __init__(
        self,
        config: MQTTConfig,
        *,
        client_id: str,
        filters: Sequence[str] = (),
        former: Sequence[str] = (),
        will: Publication | None = None,
        expect_session: bool = False,
        on_link: Callable[[Link], None] = ignore_link,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._filters = uncovered(filters)
        self._unwanted = [each for each in former if each not in self._filters]
        self._will = will
        self._clock = clock
        self._clean_start = config.clean_session
        self._expect_session = expect_session and not config.clean_session
        self._begun_here = False
        self._linkage = Linkage(broker=f"{config.broker}:{config.port}", on_link=on_link)
        self._lifecycle = Lifecycle(config, self._linkage, jitter)
        self._inbox = Inbox()
        self._stamps = Stamps()
        self._inbound = Inbound(config.topic_alias_maximum)
        self._outbox = Outbox()
        self._arrived = asyncio.Event()
        self._granted: tuple[Grant, ...] = ()
        self._connection: Connection | None = None
        self._connections = 0
        self._connack: asyncio.Future[mqtt5.ConnAckPacket] | None = None
        self._suback_due_s: float | None = None
        self._standing = Standing()

    async def receive(self) -> Receipt:
        """Wait for what comes next, bounded; reading the network pauses while a whole receipt waits."""
        while not self._inbox.ready:
            self._arrived.clear()
            await self._arrived.wait()
        receipt = self._inbox.take()
        if self._connection is not None and self._inbox.has_room:
            self._connection.resume()
        return receipt

    def acknowledge(self, receipt: Receipt) -> None:
        """Acknowledge all of a stored receipt in one write; one of a former connection is void and dropped."""
        connection = self._connection
        if connection is not None and connection.number == receipt.connection and isinstance(receipt.acks, bytes):
            connection.write(receipt.acks)

    async def publish(self, publication: Publication) -> None:
        """Publish, and return when the server has it; waits through reconnects. Giving up is safe at any time.

        Raises:
            Reject: the server, or MQTT, refuses this publication for good.
        """
        done = self._outbox.submit(publication)
        self._pump()
        await done

    @property
    def link(self) -> Link:
        """How the connection stands: up once the subscriptions stand too."""
        return self._linkage.link

    @property
    def granted(self) -> Mapping[str, Grant]:
        """What the server granted of each filter; empty until it answered the first SUBSCRIBE."""
        return {grant.topic_filter: grant for grant in self._granted}

    async def run(self) -> None:
        """Connect and stay connected until `stop`; with `auto_reconnect` off, until there is no connection."""
        await self._lifecycle.run(self._live_one_connection)

    async def stop(self) -> None:
        """Say goodbye (DISCONNECT 0x00: no Will, and the session stays) and let `run` return."""
        self._lifecycle.stopping()
        connection = self._connection
        if connection is not None:
            connection.end(Loss("stopped"), mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION)
            await connection.closed()
        self._lifecycle.end()

    async def _live_one_connection(self) -> Loss:
        """Open a connection, live through it, and say why it ended.

        Raises:
            Refused: it did not come to be.
        """
        config = self._config
        self._connections += 1
        hello = connect_packet(config, client_id=self._client_id, clean_start=self._clean_start, will=self._will)
        connection = await open_connection(
            config, lambda: Connection(self, number=self._connections, max_packet_bytes=config.max_packet_bytes)
        )
        self._connection, self._inbound = connection, Inbound(config.topic_alias_maximum)
        self._connack = asyncio.get_running_loop().create_future()
        self._suback_due_s = None
        try:
            connection.write(hello)
            connack = await self._connack_in_time(self._connack)
            keepalive_s = config.keepalive if connack.server_keep_alive is None else connack.server_keep_alive
            return await self._watch(connection, Keepalive(keepalive_s=keepalive_s))
        finally:
            connection.end(Loss("given up"))
            self._connection = None
            await connection.closed()

    async def _connack_in_time(self, connack: asyncio.Future[mqtt5.ConnAckPacket]) -> mqtt5.ConnAckPacket:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await connack
        except TimeoutError as exc:
            raise Refused(Loss(f"{self.link.broker} takes the connection but does not answer CONNECT")) from exc

    async def _watch(self, connection: Connection, keepalive: Keepalive) -> Loss:
        """Keep a connection alive until it ends, and say why it did."""
        now = asyncio.get_running_loop().time
        while not connection.lost.done():
            beat, wait_s = keepalive.beat(now(), connection.pulse)
            if beat is Beat.PING:
                connection.write(_PINGREQ)
            elif beat is Beat.GIVE_UP:
                connection.end(Loss("the broker does not answer a ping: the network or the broker is dead"))
                break
            if self._suback_due_s is not None:
                if not connection.reading:  # the answer may wait behind the backlog that we do not read
                    self._suback_due_s = now() + ANSWER_S
                left_s = self._suback_due_s - now()
                if left_s <= 0:
                    connection.refuse(
                        Malformed(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, "it does not answer SUBSCRIBE")
                    )
                    break
                wait_s = left_s if wait_s is None else min(wait_s, left_s)
            await asyncio.wait({connection.lost}, timeout=wait_s)
        return connection.lost.result()

    # --- what the connection tells us ---------------------------------------------------------------------------------

    def on_packets(self, connection: Connection, packets: list[mqtt5.Packet], size_bytes: int) -> None:
        """Take packets in order: PUBLISHes in runs, all others one by one."""
        run: list[mqtt5.PublishPacket] = []
        weight = size_bytes // len(packets) + 1
        for packet in packets:
            if isinstance(packet, mqtt5.PublishPacket):
                run.append(packet)
                continue
            malformed = self._take(run, weight) or self._on_packet(connection, packet)
            if malformed is not None:
                connection.refuse(malformed)
                return
            run = []
        malformed = self._take(run, weight)
        if malformed is not None:
            connection.refuse(malformed)
            return
        self._pump()
        if self._inbox.full:
            connection.pause()

    def on_writable(self, connection: Connection) -> None:
        """Publish what waited."""
        del connection
        self._pump()

    def on_lost(self, connection: Connection, loss: Loss) -> None:
        """Hold back what nobody took, and end the wait for CONNACK."""
        if connection is not self._connection:
            return
        self._inbox.hold()
        if self._connack is not None and not self._connack.done():
            self._connack.set_exception(Refused(loss))

    def _take(self, run: list[mqtt5.PublishPacket], weight: int) -> Malformed | None:
        if not run:
            return None
        if self._connack is None or not self._connack.done():
            return Malformed(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, "a PUBLISH before CONNACK")
        if self._suback_due_s is not None:
            self._suback_due_s = asyncio.get_running_loop().time() + ANSWER_S
        first_us = self._stamps.take(to_us(self._clock.now()), len(run))
        for start in range(0, len(run), MAX_RECEIPT_MESSAGES):
            arrivals = self._inbound.read(run[start : start + MAX_RECEIPT_MESSAGES], first_us + start)
            self._inbox.extend(arrivals.messages, arrivals.acks, arrivals.received, weight * len(arrivals.messages))
            if arrivals.error is not None:
                return arrivals.error
        self._arrived.set()
        return None

    def _on_packet(self, connection: Connection, packet: mqtt5.Packet) -> Malformed | None:
        if self._connack is not None and not self._connack.done():
            if isinstance(packet, mqtt5.ConnAckPacket):
                self._on_connack(connection, self._connack, packet)
                return None
            return Malformed(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, f"{type(packet).__name__} before CONNACK")
        match packet:
            case mqtt5.PubAckPacket():
                self._outbox.on_puback(packet)
            case mqtt5.PubRelPacket():
                self._inbox.release(packet.packet_id)
                self._arrived.set()
            case mqtt5.PubRecPacket():
                connection.write(self._outbox.on_pubrec(packet))
            case mqtt5.PubCompPacket():
                self._outbox.on_pubcomp(packet)
            case mqtt5.PingRespPacket() | mqtt5.UnsubAckPacket():
                pass  # that something came is noted where it comes in
            case mqtt5.SubAckPacket() if self._suback_due_s is not None:
                self._on_suback(connection, packet)
            case mqtt5.DisconnectPacket():
                connection.end(disconnect_loss(packet))
            case _:
                return Malformed(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, f"an unexpected {type(packet).__name__}")
        return None

    def _on_suback(self, connection: Connection, packet: mqtt5.SubAckPacket) -> None:
        self._suback_due_s = None
        self._granted = grants(self._filters, packet, qos=self._config.default_qos)
        self._linkage.granted(self._granted)
        self._linkage.up(self._standing)
        if self._unwanted:  # now, so that no topic was without a subscription in between
            connection.write(unsubscribe_packet(self._unwanted))

    def _on_connack(
        self, connection: Connection, connack: asyncio.Future[mqtt5.ConnAckPacket], packet: mqtt5.ConnAckPacket
    ) -> None:
        """Take the server's terms; what may follow in the same bytes needs them at once."""
        if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            connack.set_exception(Refused(connack_loss(packet)))
            return
        terms = Terms(
            receive_maximum=packet.receive_max,
            max_qos=packet.max_qos.value,
            max_packet_bytes=packet.max_packet_size or MAX_PACKET_BYTES,
            retain_available=packet.retain_available,
        )
        granted_s = packet.session_expiry_interval
        self._standing = Standing(
            session_present=packet.session_present,
            session_lost=self._expect_session and not packet.session_present,
            session_expiry_s=self._config.session_expiry_s if granted_s is None else granted_s,
        )
        self._expect_session = self._standing.session_expiry_s > 0
        self._clean_start = False
        self._client_id = packet.assigned_client_id or self._client_id
        if packet.session_present:
            self._inbox.resume(connection.number)
            connection.write(self._outbox.resume(terms, inherited=not self._begun_here))
        else:
            self._inbox.restart(connection.number)
            self._outbox.restart(terms)
            self._begun_here = True
        self._arrived.set()
        connack.set_result(packet)
        if self._filters:
            connection.write(subscribe_packet(self._filters, qos=self._config.default_qos))
            self._suback_due_s = asyncio.get_running_loop().time() + ANSWER_S
        if packet.session_present or not self._filters:
            # A resumed session has its subscriptions; its backlog may come before the answer to SUBSCRIBE.
            self._linkage.up(self._standing)

    def _pump(self) -> None:
        connection = self._connection
        if connection is not None and connection.writable and self._connack is not None and self._connack.done():
            connection.write(self._outbox.pump())
