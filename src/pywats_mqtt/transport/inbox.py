"""What came in and nobody took yet, cut into bounded receipts.

A server is meant to stop at Receive Maximum, but not all do (Mosquitto 2.0.11 sends thousands more while it drains a
backlog), so memory is bounded here: the owner stops reading the network while `full`, until `has_room` again.

When a connection is lost, what it brought and nobody took is held back: if the session is resumed the server sends it
again, and handing it out now would only double it; if the session is gone this is the only copy, and it is handed out.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import Final

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt

MAX_RECEIPT_MESSAGES: Final = 4_000
"""Enough to spread one synced commit (some milliseconds), and the row of each asset that is written with what it says,
over many messages; few enough to stay responsive: telemetry of that many is read in 20 ms."""
MAX_RECEIPT_BYTES: Final = 2_097_152
"""A receipt is in memory a few times over (received, encoded, in the store's log); one message may exceed it alone."""

PUBACK: Final = 0x4002_0000
PUBREC: Final = 0x5002_0000
PUBCOMP: Final = 0x7002_0000
"""An acknowledgement that says success is four bytes: type, length 2, packet id (MQTT 5, 3.4.2.1, 3.5.2.1, 3.7.2.1)."""


def acknowledgements(acks: bytes) -> Iterator[tuple[int, int]]:
    """Read back `Receipt.acks`: (`PUBACK`, `PUBREC` or `PUBCOMP`, packet id) of each, in order."""
    for (ack,) in struct.iter_unpack(">I", acks):
        yield ack & 0xFFFF_0000, ack & 0xFFFF


class _Segment:
    """What goes out in one receipt: from one session, bounded, and no PUBREL after the PUBLISH it releases."""

    __slots__ = ("acks", "connection", "fresh_session", "messages", "received", "released", "size_bytes")

    def __init__(self, connection: int, *, fresh_session: bool = False) -> None:
        self.connection = connection
        self.fresh_session = fresh_session
        self.messages: list[RawMessage] = []
        self.released: list[int] = []
        self.received: set[int] = set()
        self.acks: list[int] = []
        self.size_bytes = 0

    def __bool__(self) -> bool:
        return bool(self.messages or self.released or self.fresh_session)


class Inbox:
    """What all connections brought and waits to be taken, in order of arrival."""

    def __init__(self) -> None:
        self._segments: deque[_Segment] = deque([_Segment(0)])
        self._count = 0
        self._bytes = 0
        self._held = False

    @property
    def full(self) -> bool:
        """Whether a whole receipt waits, so that reading more has no use."""
        return self._count >= MAX_RECEIPT_MESSAGES or self._bytes >= MAX_RECEIPT_BYTES

    @property
    def has_room(self) -> bool:
        """Whether less than half a receipt waits, so that reading may go on."""
        return self._count < MAX_RECEIPT_MESSAGES // 2 and self._bytes < MAX_RECEIPT_BYTES // 2

    @property
    def ready(self) -> bool:
        """Whether `take` gives something."""
        return not self._held and bool(self._segments[0])

    def hold(self) -> None:
        """Hold back what is here: the connection was lost, and the next one will tell what becomes of it."""
        self._held = True

    def resume(self, connection: int) -> None:
        """Go on with the same session on a new connection: the server sends again what waits here, but for QoS 0.

        That a session was fresh, and nobody was told yet, stays news.
        """
        segment = _Segment(connection, fresh_session=any(s.fresh_session for s in self._segments))
        segment.messages = [m for s in self._segments for m in s.messages if not m.qos]
        segment.size_bytes = sum(m.size_bytes for m in segment.messages)
        self._segments = deque([segment])
        self._count, self._bytes, self._held = len(segment.messages), segment.size_bytes, False

    def restart(self, connection: int) -> None:
        """Go on with a fresh session: what waits here comes first, as nobody will send it again."""
        self._append(_Segment(connection, fresh_session=True))
        self._held = False

    def extend(self, messages: list[RawMessage], acks: list[int], received: list[int], size_bytes: int) -> None:
        """Add PUBLISHes that came together, at most `MAX_RECEIPT_MESSAGES`.

        Args:
            messages: in order of arrival.
            acks: what acknowledges those of QoS 1 and 2, in the same order: `PUBACK` or `PUBREC`, or-ed with the id.
            received: the packet ids of those of QoS 2.
            size_bytes: what they take, about.
        """
        segment = self._segments[-1]
        if segment.messages and (
            len(segment.messages) + len(messages) > MAX_RECEIPT_MESSAGES
            or segment.size_bytes + size_bytes > MAX_RECEIPT_BYTES
        ):
            segment = self._append(_Segment(segment.connection))
        segment.messages += messages
        segment.acks += acks
        segment.received.update(received)
        segment.size_bytes += size_bytes
        self._count += len(messages)
        self._bytes += size_bytes

    def release(self, packet_id: int) -> None:
        """Add a PUBREL. A receipt's released ids are forgotten first, so one for a message in it starts another."""
        segment = self._segments[-1]
        if packet_id in segment.received:
            segment = self._append(_Segment(segment.connection))
        segment.released.append(packet_id)
        segment.acks.append(PUBCOMP | packet_id)

    def take(self) -> Receipt:
        """Take the oldest receipt; `ready` must hold."""
        segment = self._segments.popleft()
        if not self._segments:
            self._segments.append(_Segment(segment.connection))
        self._count -= len(segment.messages)
        self._bytes -= segment.size_bytes
        return Receipt(
            tuple(segment.messages),
            tuple(segment.released),
            segment.fresh_session,
            segment.connection,
            struct.pack(f">{len(segment.acks)}I", *segment.acks),
        )

    def _append(self, segment: _Segment) -> _Segment:
        """Begin another segment, in place of an empty one."""
        if not self._segments[-1]:
            self._segments.pop()
        self._segments.append(segment)
        return segment
