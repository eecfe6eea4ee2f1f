"""Each message has a time of reception of its own, whatever the clock shows."""

from __future__ import annotations

import mqtt5
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.transport.inbound import Inbound
from pywats_mqtt.transport.stamps import SET_BACK_US, Stamps

QOS1 = mqtt5.QoS.AT_LEAST_ONCE
NOW_US = 1_769_428_800_000_000


def test_messages_of_one_read_have_stamps_of_their_own() -> None:
    """Two equal PUBLISHes that the network brings together are two receptions."""
    same = [mqtt5.PublishPacket("testers/T/results", b"{}", qos=QOS1, packet_id=number) for number in (1, 2, 3)]
    arrivals = Inbound(0).read(same, NOW_US)
    assert [message.received_at_us for message in arrivals.messages] == [NOW_US, NOW_US + 1, NOW_US + 2]


def test_a_message_keeps_what_tells_that_it_comes_again() -> None:
    """Its packet identifier, of QoS 1 and 2, and DUP."""
    packets = [
        mqtt5.PublishPacket("t", b"", qos=mqtt5.QoS.AT_MOST_ONCE),
        mqtt5.PublishPacket("t", b"", qos=QOS1, packet_id=7),
        mqtt5.PublishPacket("t", b"", qos=QOS1, packet_id=7, duplicate=True),
        mqtt5.PublishPacket("t", b"", qos=mqtt5.QoS.EXACTLY_ONCE, packet_id=8, duplicate=True),
    ]
    told = [(message.packet_id, message.dup) for message in Inbound(0).read(packets, NOW_US).messages]
    assert told == [(0, False), (7, False), (7, True), (8, True)]


@given(st.lists(st.tuples(st.integers(-SET_BACK_US // 10, 5_000), st.integers(1, 3_000)), max_size=9))
def test_stamps_rise_from_read_to_read(reads: list[tuple[int, int]]) -> None:
    """A clock that stands still, or is slewed back, gives no stamp twice."""
    stamps, now_us, last_us = Stamps(), NOW_US, 0
    for moved_us, count in reads:
        now_us += moved_us
        first_us = stamps.take(now_us, count)
        assert first_us > last_us
        assert first_us >= now_us
        last_us = first_us + count - 1


def test_a_clock_that_was_set_back_is_believed() -> None:
    """Stamps that stayed ahead of it would date reports into the future, where WATS hides them."""
    stamps = Stamps()
    stamps.take(NOW_US, 1)
    assert stamps.take(NOW_US - SET_BACK_US, 1) == NOW_US - SET_BACK_US
