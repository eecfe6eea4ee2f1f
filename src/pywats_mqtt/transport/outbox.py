"""What we publish, from the call to the server's last word on it: packet ids, order, quotas, sending again.

No network here: `resume`, `restart` and `pump` give the bytes to write, the `on_…` methods take what the server said.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto
from typing import Final

import mqtt5
import msgspec

from pywats_mqtt.errors import Reject
from pywats_mqtt.ports import Publication
from pywats_mqtt.topics import name_problem
from pywats_mqtt.transport.reasons import words

MAX_PACKET_ID: Final = 65_534
"""One less than there are: the last is our SUBSCRIBE's."""
FAILURE: Final = 0x80
"""Reason codes from here on say that it failed (MQTT 5, 2.4)."""
MAX_PACKET_BYTES: Final = 268_435_460
"""The longest remaining length with its fixed header (MQTT 5, 1.5.5)."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the server's CONNACK lets us publish (MQTT 5, 3.2.2.3).

    Attributes:
        receive_maximum: publishes of QoS 1 and 2 it takes before it acknowledged the first.
        max_qos: the highest QoS it takes.
        max_packet_bytes: the largest packet it takes.
        retain_available: whether it keeps retained messages.
    """

    receive_maximum: int = 65_535
    max_qos: int = 2
    max_packet_bytes: int = MAX_PACKET_BYTES
    retain_available: bool = True


class _Step(Enum):
    QUEUED = auto()
    SENT = auto()
    """PUBLISH is out; PUBACK or PUBREC is due."""
    RELEASED = auto()
    """PUBREL is out; PUBCOMP is due."""


class _Outgoing:
    """One publication; it has a packet id from when it was first sent, and keeps it until it is settled."""

    __slots__ = ("done", "packet_id", "publication", "qos", "step")

    def __init__(self, publication: Publication, done: asyncio.Future[None]) -> None:
        self.publication = publication
        self.done = done
        self.packet_id = 0
        self.qos = publication.qos
        self.step = _Step.QUEUED

    def settle(self, refusal: Reject | None = None) -> None:
        if self.done.done():  # its caller gave up
            return
        if refusal is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(refusal)


class Outbox:
    """The publications of one session, over all its connections."""

    def __init__(self) -> None:
        self._terms = Terms()
        self._queue: deque[_Outgoing] = deque()
        self._open: dict[int, _Outgoing] = {}
        self._on_the_way = 0
        self._last_id = 0
        self._inherited = False
        self._own_ids: set[int] = set()
        self._probed: set[int] = set()

    def submit(self, publication: Publication) -> asyncio.Future[None]:
        """Queue a publication; the future ends when the server has it (QoS 0: when it is handed to the network).

        Raises:
            Reject: it can never be published.
        """
        problem = name_problem(publication.topic)
        if problem is not None:
            raise Reject(f"cannot publish to the topic {publication.topic!r}: {problem}")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Outgoing(publication, done))
        return done

    def resume(self, terms: Terms, *, inherited: bool) -> bytes:
        """Begin a connection to a session that is there: what is open is sent again, first, in order (MQTT 5, 4.4).

        Args:
            terms: of this connection.
            inherited: the session was begun by a former process, whose QoS 2 packet ids the server may hold.

        Returns:
            The PUBRELs to send again; write them, then what `pump` gives.
        """
        # A server that hung up on a PUBREL for an id it does not know (rumqttd does) is not asked again.
        self._inherited = (self._inherited or inherited) and not self._probed
        self._probed.clear()
        self._terms = terms
        released = [o for o in self._open.values() if o.step is _Step.RELEASED]
        again = [o for o in self._open.values() if o.step is not _Step.RELEASED]
        for outgoing in again:
            outgoing.step = _Step.QUEUED
        self._queue = deque([*again, *(o for o in self._queue if not o.packet_id)])
        self._on_the_way = len(released)
        return b"".join(mqtt5.PubRelPacket(o.packet_id).write() for o in released)

    def restart(self, terms: Terms) -> None:
        """Begin a connection to a fresh session: what is open is published anew, as the server knows nothing of it."""
        self._inherited = False
        self._probed.clear()
        self._terms = terms
        again = list(self._open.values())
        self._queue = deque([*again, *(o for o in self._queue if not o.packet_id)])
        for outgoing in again:
            outgoing.step, outgoing.packet_id = _Step.QUEUED, 0
        self._open.clear()
        self._on_the_way = 0

    def pump(self) -> bytes:
        """Give the packets that may go out now: in the order submitted, as many as the server's quota lets."""
        packets: list[bytes] = []
        while self._queue:
            outgoing = self._queue[0]
            if not outgoing.packet_id:
                if outgoing.done.done():  # its caller gave up before it was sent
                    self._queue.popleft()
                    continue
                outgoing.qos = min(outgoing.publication.qos, self._terms.max_qos)
            if outgoing.qos and self._on_the_way >= min(self._terms.receive_maximum, MAX_PACKET_ID):
                break
            self._queue.popleft()
            try:
                packets.append(self._publish(outgoing))
            except Reject as refusal:
                self._settle(outgoing, refusal)
        return b"".join(packets)

    def on_puback(self, packet: mqtt5.PubAckPacket) -> None:
        """Take the word on a QoS 1 publication; one for an unknown id is ignored."""
        outgoing = self._open.get(packet.packet_id)
        if outgoing is not None and outgoing.step is _Step.SENT and outgoing.qos == 1:
            self._on_the_way -= 1
            self._settle(outgoing, _refusal(outgoing, packet))

    def on_pubrec(self, packet: mqtt5.PubRecPacket) -> bytes:
        """Take the first word on a QoS 2 publication.

        Returns:
            The PUBREL to write; for an unknown id one that says so (MQTT 5, 3.6.2.1); empty where it was refused.
        """
        outgoing = self._open.get(packet.packet_id)
        if outgoing is None or outgoing.step is _Step.QUEUED or outgoing.qos != 2:  # noqa: PLR2004 - QoS 2
            return mqtt5.PubRelPacket(packet.packet_id, reason_code=mqtt5.PubRelReasonCode.PACKET_ID_NOT_FOUND).write()
        refusal = _refusal(outgoing, packet)
        if refusal is not None:
            self._on_the_way -= 1
            self._settle(outgoing, refusal)
            return b""
        outgoing.step = _Step.RELEASED
        return mqtt5.PubRelPacket(packet.packet_id).write()

    def on_pubcomp(self, packet: mqtt5.PubCompPacket) -> None:
        """Take the last word on a QoS 2 publication; one for an unknown id is ignored."""
        outgoing = self._open.get(packet.packet_id)
        if packet.packet_id in self._probed:  # the answer to a PUBREL that freed the id; it comes first
            self._probed.discard(packet.packet_id)
        elif outgoing is not None and outgoing.step is _Step.RELEASED:
            self._on_the_way -= 1
            self._settle(outgoing)

    def _settle(self, outgoing: _Outgoing, refusal: Reject | None = None) -> None:
        self._open.pop(outgoing.packet_id, None)
        outgoing.settle(refusal)

    def _publish(self, outgoing: _Outgoing) -> bytes:
        """Encode the PUBLISH of a queued publication, and note that it is on its way.

        Raises:
            Reject: this server would not take it.
        """
        publication = outgoing.publication
        if publication.retain and not self._terms.retain_available:
            raise Reject(f"the broker keeps no retained messages (topic {publication.topic!r})")
        if len(publication.payload) > self._terms.max_packet_bytes:  # the encoder panics above its own maximum
            raise self._too_large(publication, len(publication.payload))
        again = bool(outgoing.packet_id)
        packet_id = outgoing.packet_id or (self._next_id() if outgoing.qos else None)
        try:
            packet = mqtt5.PublishPacket(
                publication.topic,
                publication.payload,
                qos=mqtt5.QoS(outgoing.qos),
                retain=publication.retain,
                packet_id=packet_id,
                duplicate=again,
                user_properties=list(publication.user_properties) or None,
            ).write()
        except ValueError as exc:
            raise Reject(f"cannot publish to the topic {publication.topic!r}: {exc}") from exc
        if len(packet) > self._terms.max_packet_bytes:
            raise self._too_large(publication, len(packet))
        if packet_id is None:
            outgoing.settle()
            return packet
        outgoing.packet_id, outgoing.step = packet_id, _Step.SENT
        self._open[packet_id] = outgoing
        self._on_the_way += 1
        if self._inherited and outgoing.qos == 2 and packet_id not in self._own_ids:  # noqa: PLR2004 - QoS 2
            # A former process may have left this id between PUBREC and PUBREL; the server would take our PUBLISH for
            # a repetition of that one and drop it. Released first, the id is free again.
            self._own_ids.add(packet_id)
            self._probed.add(packet_id)
            return mqtt5.PubRelPacket(packet_id).write() + packet
        return packet

    def _next_id(self) -> int:
        """Give a free packet id; there is one, since no more than Receive Maximum are on their way."""
        while True:
            self._last_id = self._last_id % MAX_PACKET_ID + 1
            if self._last_id not in self._open:
                return self._last_id

    def _too_large(self, publication: Publication, size: int) -> Reject:
        return Reject(
            f"{size} bytes to the topic {publication.topic!r} are more than the broker takes"
            f" ({self._terms.max_packet_bytes})"
        )


def _refusal(outgoing: _Outgoing, packet: mqtt5.PubAckPacket | mqtt5.PubRecPacket) -> Reject | None:
    if packet.reason_code.value < FAILURE:
        return None
    said = f": {packet.reason_str}" if packet.reason_str else ""
    return Reject(
        f"the broker refuses to publish to the topic {outgoing.publication.topic!r}: {words(packet.reason_code)}{said}"
    )
