"""A message as received: bytes on a topic, not yet understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class RawMessage(msgspec.Struct, frozen=True, gc=False, array_like=True, omit_defaults=True):
    """One PUBLISH as it came from the broker.

    It has no identity of its own: the spool numbers it, and what it says is identified by its events.

    Attributes:
        topic: the topic name, aliases resolved; not necessarily a valid one (`topics.name_problem` tells).
        payload: the application message, untouched.
        received_at_us: when it arrived, in microseconds since 1970-01-01 UTC by the bridge's clock.
        qos: 0, 1 or 2, the quality of service of this delivery.
        retain: whether the broker sent it from its retained store.
        packet_id: the packet identifier, 0 for QoS 0 and for what did not come from a broker. The spool remembers it of
            QoS 2 until PUBREL, and of QoS 1 where the message is refused.
        content_type: MQTT 5 content type, empty where none was sent.
        user_properties: MQTT 5 user properties in the order sent.
        dup: whether the broker may have sent it before (MQTT 5, 3.3.1.1).
    """

    topic: str
    payload: bytes
    received_at_us: int
    qos: int = 0
    retain: bool = False
    packet_id: int = 0
    content_type: str = ""
    user_properties: tuple[tuple[str, str], ...] = ()
    dup: bool = False

    @property
    def received_at(self) -> datetime:
        """When it arrived, as an aware UTC time."""
        return from_us(self.received_at_us)

    @property
    def size_bytes(self) -> int:
        """Bytes it takes in memory and on disk, near enough to bound a queue."""
        size = len(self.payload) + len(self.topic) + len(self.content_type) + 64
        return size + sum(len(name) + len(value) for name, value in self.user_properties)


def from_us(microseconds: int) -> datetime:
    """Turn microseconds since 1970-01-01 UTC into an aware UTC time, without losing one of them."""
    return EPOCH + timedelta(microseconds=microseconds)


def text_of_us(microseconds: int, *, timespec: str = "auto") -> str:
    """Write microseconds since 1970-01-01 UTC as ISO 8601; any number, also of no year that has a date."""
    try:
        return from_us(microseconds).isoformat(timespec=timespec)
    except OverflowError:
        return f"{microseconds / 1_000_000:.3f} s since 1970"


def to_us(moment: datetime) -> int:
    """Turn an aware time into microseconds since 1970-01-01 UTC."""
    return (moment - EPOCH) // MICROSECOND
