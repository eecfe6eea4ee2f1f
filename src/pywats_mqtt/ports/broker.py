"""The MQTT broker, and what crosses that boundary."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pywats_mqtt.messages import RawMessage


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """How the connection to the broker stands; a new value at each change.

    Attributes:
        connected: whether CONNACK said success, and the connection still stands.
        reason: why it does not, and what to do about it; empty while connected.
        session_present: what CONNACK said of a stored session.
        session_lost: a session was expected and the broker had none: what it queued for us is gone.
        session_expiry_s: seconds the broker keeps our session after a disconnect, as granted.
        broker: host:port.
    """

    connected: bool
    reason: str = ""
    session_present: bool = False
    session_lost: bool = False
    session_expiry_s: int = 0
    broker: str = ""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What came in one go, to be stored in one transaction and then acknowledged as a whole.

    Attributes:
        messages: in order of arrival.
        released: QoS 2 packet ids whose PUBREL came; they are forgotten before `messages` are looked at.
        fresh_session: the broker began a new session: all remembered packet ids are void, first of all.
        connection: counts the connections; an acknowledgement for a former one is not sent (the broker sends again).
        acks: what the transport needs to acknowledge; opaque to all others.
    """

    messages: tuple[RawMessage, ...]
    released: tuple[int, ...] = ()
    fresh_session: bool = False
    connection: int = 0
    acks: bytes | tuple[object, ...] = ()


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A message to publish.

    Attributes:
        topic: a valid topic name.
        payload: its bytes.
        qos: 0, 1 or 2; lowered to what the broker grants.
        retain: whether the broker keeps it for later subscribers.
        user_properties: MQTT 5 user properties.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    user_properties: tuple[tuple[str, str], ...] = ()


class Broker(Protocol):
    """An MQTT session that stores nothing itself: what is received is acknowledged when the caller says it is safe."""

    async def receive(self) -> Receipt:
        """Wait for what comes next; bounded in messages and bytes. While nobody waits, reading the network pauses."""
        ...

    def acknowledge(self, receipt: Receipt) -> None:
        """Acknowledge all of a stored receipt, in order, in one write. Called once for each receipt, in their order."""
        ...

    async def publish(self, publication: Publication) -> None:
        """Publish, and return when the broker has acknowledged it (QoS 0: when it is written).

        Waits through reconnects; the caller bounds the wait.

        Raises:
            Reject: the broker refuses this publication for good (topic, size, authorisation).
        """
        ...

    @property
    def link(self) -> Link:
        """How the connection stands."""
        ...
