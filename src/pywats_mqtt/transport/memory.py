"""A small MQTT broker in memory: sessions that queue, QoS 0 to 2, retained messages, wildcards, Wills. No sockets.

It is a real one, so that what is built on the `Broker` port can be tested without a network: it holds back at Receive
Maximum, sends again what was not acknowledged when a client comes back, and forgets sessions when they expire. It has
no shared subscriptions, no access rules and no limit to its queues.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Clock, Publication
from pywats_mqtt.topics import matches
from pywats_mqtt.transport.inbox import PUBACK, PUBCOMP, PUBREC
from pywats_mqtt.transport.reasons import Loss, Refused
from pywats_mqtt.transport.reconnect import Pace

MAX_PACKET_ID: Final = 65_535
TAKEN_OVER: Final = Loss("another client connected with our client id: stop it, or set another one", Pace.SLOW)
SHUT_DOWN: Final = Loss("the broker is shutting down")
_EXACTLY_ONCE: Final = 2


class Client(Protocol):
    """The other end of a connection to the memory broker."""

    @property
    def takes(self) -> bool:
        """Whether it wants more now."""
        ...

    def on_publish(self, message: RawMessage, packet_id: int) -> None:
        """Take a message; its id is 0 for QoS 0."""
        ...

    def on_release(self, packet_id: int) -> None:
        """Take the PUBREL of a QoS 2 message."""
        ...

    def on_cut(self, loss: Loss) -> None:
        """Hear that the connection is gone."""
        ...


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says in CONNECT."""

    client_id: str
    clean_start: bool
    session_expiry_s: int
    receive_maximum: int
    will: Publication | None = None


class _Session:
    def __init__(self, hello: Hello) -> None:
        self.hello = hello
        self.client: Client | None = None
        self.left_at_s = 0.0
        self.filters: dict[str, int] = {}
        self.queue: deque[tuple[Publication, int, bool]] = deque()
        self.unacknowledged: dict[int, tuple[Publication, int, bool]] = {}
        self.unreleased: dict[int, None] = {}
        self.ids = itertools.count()

    def next_id(self) -> int:
        return next(
            number
            for number in (count % MAX_PACKET_ID + 1 for count in self.ids)
            if number not in self.unacknowledged and number not in self.unreleased
        )


class MemoryBroker:
    """The broker; all its clients live in one event loop.

    Args:
        clock: stamps messages and lets sessions expire.
        max_packet_bytes: larger payloads are refused.
    """

    def __init__(self, *, clock: Clock, max_packet_bytes: int = 268_435_455) -> None:
        self.max_packet_bytes = max_packet_bytes
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, Publication] = {}
        self._running = True

    def start(self) -> None:
        """Let clients in again, with the sessions, queues and retained messages as they were."""
        self._running = True

    def stop(self) -> None:
        """Disconnect all clients and let nobody in; nothing is forgotten."""
        self._running = False
        for session in self._sessions.values():
            self._leave(session, SHUT_DOWN)

    def forget(self) -> None:
        """Lose all sessions, queues and retained messages, as a broker without persistence does when it stops."""
        self._sessions = {name: s for name, s in self._sessions.items() if s.client is not None}
        self._retained.clear()

    def connect(self, client: Client, hello: Hello) -> bool:
        """Let a client in, and send again what its session owes it.

        Returns:
            Whether there is a session: call `deliver` for it once the client knows.

        Raises:
            Refused: the broker does not run.
        """
        if not self._running:
            raise Refused(Loss("the broker does not run"))
        session = self._sessions.get(hello.client_id)
        if session is not None and session.client is not None:
            self._leave(session, TAKEN_OVER)
            self._publish_will(session)
        expired = session is not None and self._clock.monotonic() - session.left_at_s > session.hello.session_expiry_s
        present = session is not None and not hello.clean_start and not expired
        if session is None or not present:
            session = self._sessions[hello.client_id] = _Session(hello)
        session.hello = hello
        session.client = client
        return present

    def resume(self, client_id: str) -> None:
        """Send a client again what it did not acknowledge, in order and under the same ids, then what waits."""
        session = self._sessions[client_id]
        if session.client is not None:
            for packet_id, (publication, qos, retain) in session.unacknowledged.items():
                again = self._message(publication, qos, packet_id, retain=retain, dup=True)
                session.client.on_publish(again, packet_id)
            for packet_id in session.unreleased:
                session.client.on_release(packet_id)
        self.deliver(client_id)

    def subscribe(self, client_id: str, filters: Sequence[str], *, qos: int) -> None:
        """Subscribe a client; retained messages come with a new subscription alone (Retain Handling 1)."""
        session = self._sessions[client_id]
        for topic_filter in filters:
            if topic_filter not in session.filters:
                for topic, kept in self._retained.items():
                    if matches(topic_filter, topic):
                        session.queue.append((kept, min(kept.qos, qos), True))
            session.filters[topic_filter] = qos
        self.deliver(client_id)

    def publish(self, publication: Publication) -> None:
        """Keep it if it is retained, and hand it to every session with a matching filter, once for each filter."""
        if publication.retain and publication.payload:
            self._retained[publication.topic] = publication
        elif publication.retain:
            self._retained.pop(publication.topic, None)
        for client_id, session in self._sessions.items():
            for topic_filter, granted in session.filters.items():
                qos = min(publication.qos, granted)
                if matches(topic_filter, publication.topic) and (qos or session.client is not None):
                    session.queue.append((publication, qos, False))
            self.deliver(client_id)

    def acknowledge(self, client_id: str, kind: int, packet_id: int) -> None:
        """Take a PUBACK, PUBREC or PUBCOMP; one for an unknown id is ignored."""
        session = self._sessions[client_id]
        if kind == PUBACK:
            session.unacknowledged.pop(packet_id, None)
        elif kind == PUBREC and session.unacknowledged.pop(packet_id, None) is not None:
            session.unreleased[packet_id] = None
            if session.client is not None:
                session.client.on_release(packet_id)
        elif kind == PUBCOMP:
            session.unreleased.pop(packet_id, None)

    def disconnect(self, client_id: str, loss: Loss, *, with_will: bool) -> None:
        """Let a client go, by its wish or because its network died; the Will is published in the second case."""
        session = self._sessions[client_id]
        self._leave(session, loss)
        if with_will:
            self._publish_will(session)

    def deliver(self, client_id: str) -> None:
        """Send what waits, as far as the client takes it and its Receive Maximum lets."""
        session = self._sessions[client_id]
        open_ids = len(session.unacknowledged) + len(session.unreleased)
        while session.queue and session.client is not None and session.client.takes:
            publication, qos, retain = session.queue[0]
            if qos and open_ids >= session.hello.receive_maximum:
                break
            session.queue.popleft()
            packet_id = 0
            if qos:
                packet_id = session.next_id()
                session.unacknowledged[packet_id] = (publication, qos, retain)
                open_ids += 1
            session.client.on_publish(self._message(publication, qos, packet_id, retain=retain), packet_id)

    def _message(
        self, publication: Publication, qos: int, packet_id: int, *, retain: bool, dup: bool = False
    ) -> RawMessage:
        return RawMessage(
            publication.topic,
            publication.payload,
            to_us(self._clock.now()),
            qos,
            retain,
            packet_id,
            "",
            publication.user_properties,
            dup,
        )

    def _leave(self, session: _Session, loss: Loss) -> None:
        client, session.client = session.client, None
        session.left_at_s = self._clock.monotonic()
        if client is not None:
            client.on_cut(loss)

    def _publish_will(self, session: _Session) -> None:
        if session.hello.will is not None:
            self.publish(session.hello.will)
