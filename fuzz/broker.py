"""A broker that keeps the rules of MQTT 5 and notes what a session does to them; the wire to it is in memory.

When it speaks, when it is deaf, and when it forgets is told from outside; time passes at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter, deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import mqtt5

if TYPE_CHECKING:
    from pywats_mqtt.transport.connection import Connection

QOS = (mqtt5.QoS.AT_MOST_ONCE, mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE)
GRANTED = mqtt5.SubAckReasonCode.GRANTED_QOS_EXACTLY_ONCE
TOPIC = "t/1"
TURN_S = 1e-6
"""Seconds that a turn of the loop takes: a wait that is over but for what is lost in rounding would go on for ever."""
ANSWER_S = 0.01
"""Seconds to the answer to a ping."""


class Broken(AssertionError):
    """Something does not hold."""


class _Passing(selectors.SelectSelector):
    """Lets the time that is to be waited for pass at once."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Broken("all wait for each other")
        self.now_s += timeout + TURN_S
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time passes at once, and only while all wait."""

    def __init__(self) -> None:
        self._passing = _Passing()
        super().__init__(self._passing)

    def time(self) -> float:
        """Give the seconds that have passed."""
        return self._passing.now_s


class Wire(asyncio.Transport):
    """A connection, as the session sees it.

    Args:
        hear: takes what the session writes, while the connection lasts.
        connection: takes what the broker sends.
    """

    def __init__(self, hear: Callable[[bytes], None], connection: Connection) -> None:
        super().__init__()
        self._hear = hear
        self._connection = connection
        self._unread = b""
        self._paused = False
        self.closed = False

    def get_extra_info(self, name: str, default: object = None) -> Any:
        """Know nothing of sockets."""
        del name
        return default

    def send(self, data: bytes, step: int) -> None:
        """Bring bytes to the session, in pieces of so many."""
        for start in range(0, len(data), step):
            asyncio.get_running_loop().call_soon(self._bring, data[start : start + step])

    def _bring(self, data: bytes) -> None:
        if self._paused:
            self._unread += data
        elif not self.closed:
            self._connection.data_received(data)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Bring bytes to the broker."""
        if not self.closed:
            self._hear(bytes(data))

    def pause_reading(self) -> None:
        """Keep what comes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Bring what was kept."""
        self._paused = False
        unread, self._unread = self._unread, b""
        if unread:
            self.send(unread, len(unread))

    def close(self) -> None:
        """End it, as the session wants."""
        self.end(None)

    def abort(self) -> None:
        """End it."""
        self.end(None)

    def end(self, error: Exception | None) -> None:
        """End it, for both."""
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, error)


class Sent:
    """A message of the broker that is not done.

    Attributes:
        number: its payload.
        qos: 1 or 2.
        released: whether PUBREC came.
        tried: whether it went out before.
    """

    def __init__(self, number: int, qos: int) -> None:
        self.number = number
        self.qos = qos
        self.released = False
        self.tried = False


class Broker:
    """Serves one session.

    Args:
        is_stored: tells whether a message is stored: only then may it be acknowledged.

    Attributes:
        deaf: it reads nothing that comes, and answers nothing.
        holds_releases: a PUBREL waits until the next connection.
        holds_answers: until the next connection: 1 says no PUBCOMP, 2 answers nothing that the session publishes.
        refuses: connections that do not come to be.
        step: bytes that come in one piece.
        numbers: of all messages of QoS 1 and 2, in order, to their QoS.
        forgotten: of those that were not done when the session was forgotten.
        repeated: of each number, how often it was sent again although it was stored.
        heard: of what the session publishes, how often each came, in order of first reception.
        forgets: how often it forgot the session.
        hung_up: codes of the DISCONNECTs that came.
    """

    def __init__(self, is_stored: Callable[[int], bool]) -> None:
        self.deaf = self.holds_releases = False
        self.holds_answers = 0
        self.refuses = 0
        self.step = 65_536
        self.numbers: dict[int, int] = {}
        self.forgotten: set[int] = set()
        self.repeated: Counter[int] = Counter()
        self.heard: Counter[int] = Counter()
        self.forgets = 0
        self.hung_up: list[int] = []
        self._is_stored = is_stored
        self._open: dict[int, Sent] = {}
        self._due: deque[tuple[int, int]] = deque()
        self._received: set[int] = set()
        self._has_session = False
        self._subscribed = False
        self._last_number = 0
        self._wire: Wire | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection, with a subscription."""
        return self._wire is not None and not self._wire.closed and self._subscribed

    @property
    def done(self) -> bool:
        """Whether all it had to say is acknowledged."""
        return not self._open

    def connect(self, connection: Connection) -> Connection:
        """Take a connection."""
        self.deaf = self.holds_releases = self._subscribed = False
        self.holds_answers = 0
        self._due.clear()
        self._wire = Wire(self._hear, connection)
        connection.connection_made(self._wire)
        return connection

    def publish(self, qos: int) -> None:
        """Publish the next message; it waits while nobody is connected, but for QoS 0."""
        self._last_number += 1
        if not qos:
            if self.connected:
                self.say(mqtt5.PublishPacket(TOPIC, b"%d" % self._last_number).write())
            return
        if not self._has_session:
            return
        packet_id = next(each for each in count(1) if each not in self._open)
        sent = self._open[packet_id] = Sent(self._last_number, qos)
        self.numbers[self._last_number] = qos
        if self.connected:
            self._send(packet_id, sent)

    def say(self, data: bytes) -> None:
        """Send any bytes."""
        if self._wire is not None:
            self._wire.send(data, self.step)

    def lose(self) -> None:
        """Lose the connection."""
        if self._wire is not None:
            self._wire.end(ConnectionResetError("lost"))

    def forget(self) -> None:
        """Lose the session, with all that waits in it."""
        self.lose()
        self.forgotten |= {sent.number for sent in self._open.values()}
        self.forgets += self._has_session
        self._open.clear()
        self._received.clear()
        self._has_session = False

    def _send(self, packet_id: int, sent: Sent) -> None:
        payload = b"%d" % sent.number
        packet = mqtt5.PublishPacket(TOPIC, payload, qos=QOS[sent.qos], packet_id=packet_id, duplicate=sent.tried)
        sent.tried = True
        self.repeated[sent.number] += self._is_stored(sent.number)
        self._due.append((sent.qos, packet_id))
        self.say(packet.write())

    def _hear(self, data: bytes) -> None:
        view = memoryview(data)  # a session writes whole packets
        while view and not self.deaf:
            packet, size = mqtt5.read(view)
            view = view[size:]
            self._take(packet)

    def _take(self, packet: object) -> None:
        match packet:
            case mqtt5.ConnectPacket():
                self.say(mqtt5.ConnAckPacket(session_present=self._has_session).write())
                resumes, self._has_session = self._has_session, True
                if resumes:  # its subscription stands
                    self._subscribed = True
                    self._resume()
            case mqtt5.SubscribePacket():
                self._subscribed = True
                self.say(mqtt5.SubAckPacket(packet.packet_id, [GRANTED] * len(packet.topic_filters)).write())
            case mqtt5.PingReqPacket() if self._wire is not None:
                # An answer at the very time of its question would be taken for an older one.
                pong = mqtt5.PingRespPacket().write()
                asyncio.get_running_loop().call_later(ANSWER_S, self._wire.send, pong, self.step)
            case mqtt5.DisconnectPacket():
                self.hung_up.append(packet.reason_code.value)
            case _:
                self._take_flow(packet)

    def _take_flow(self, packet: object) -> None:
        match packet:
            case mqtt5.PubAckPacket():
                self._check(1, packet.packet_id)
                del self._open[packet.packet_id]
            case mqtt5.PubRecPacket():
                self._check(2, packet.packet_id)
                self._open[packet.packet_id].released = True
                if not self.holds_releases:
                    self.say(mqtt5.PubRelPacket(packet.packet_id).write())
            case mqtt5.PubCompPacket():
                sent = self._open.pop(packet.packet_id, None)
                if sent is None or not sent.released:
                    raise Broken(f"PUBCOMP of {packet.packet_id}, which was not released")
            case mqtt5.PublishPacket():
                self._note(packet)
            case mqtt5.PubRelPacket():
                known = packet.packet_id in self._received
                self._received.discard(packet.packet_id)
                code = mqtt5.PubCompReasonCode.SUCCESS if known else mqtt5.PubCompReasonCode.PACKET_ID_NOT_FOUND
                if not self.holds_answers:
                    self.say(mqtt5.PubCompPacket(packet.packet_id, reason_code=code).write())
            case _:
                raise Broken(f"no broker expects {packet!r}")

    def _resume(self) -> None:
        """Send again what is not done, in order (MQTT 5, 4.4), and what came meanwhile."""
        for packet_id, sent in list(self._open.items()):
            if sent.released:
                self.say(mqtt5.PubRelPacket(packet_id).write())
            else:
                self._send(packet_id, sent)

    def _check(self, qos: int, packet_id: int) -> None:
        """Check an acknowledgement: it comes in order (MQTT 5, 4.6), and never before its message is stored."""
        if not self._due or self._due.popleft() != (qos, packet_id):
            raise Broken(f"{packet_id} is acknowledged with QoS {qos}, and was not the next")
        if not self._is_stored(self._open[packet_id].number):
            raise Broken(f"{self._open[packet_id].number} is acknowledged, and not stored")

    def _note(self, packet: mqtt5.PublishPacket) -> None:
        packet_id = packet.packet_id
        if packet_id is None:
            return
        if packet.qos is not QOS[2] or packet_id not in self._received:
            self.heard[int(packet.payload)] += 1
        if packet.qos is QOS[2]:
            self._received.add(packet_id)
        if self.holds_answers < 2:  # noqa: PLR2004 - all answers
            answer = mqtt5.PubRecPacket if packet.qos is QOS[2] else mqtt5.PubAckPacket
            self.say(answer(packet_id).write())
