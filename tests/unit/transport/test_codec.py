"""The decoder: any cut gives the same packets, and no bytes whatever raise."""

from __future__ import annotations

from itertools import pairwise

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.transport.codec import Decoder, Header, packet_size

QOS1 = mqtt5.QoS.AT_LEAST_ONCE
LARGEST = 4_096

# The reader panics on text that is no UTF-8, and Python reports the error it dropped on the way.
panics = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

topics = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="+#\0"), min_size=1, max_size=20)
publishes = st.builds(
    lambda topic, payload, packet_id: mqtt5.PublishPacket(
        topic, payload, qos=QOS1, packet_id=packet_id, user_properties=[(topic, topic)]
    ),
    topics,
    st.binary(max_size=300),
    st.integers(1, 65_535),
)
acknowledgements = st.builds(mqtt5.PubAckPacket, st.integers(1, 65_535))
packets = st.lists(st.one_of(publishes, acknowledgements, st.builds(mqtt5.PingRespPacket)), max_size=8)


def decode(pieces: list[bytes], *, largest: int = LARGEST) -> tuple[list[bytes], Decoder]:
    """Feed the pieces; give the packets found, as bytes again, and the decoder."""
    decoder = Decoder(max_packet_bytes=largest)
    return [packet.write() for piece in pieces for packet in decoder.feed(piece)], decoder


@given(packets, st.lists(st.integers(0, 3_000)))
def test_any_cut_gives_the_same_packets(sent: list[mqtt5.Packet], cuts: list[int]) -> None:
    """However the network cuts the stream, the packets come whole and in order."""
    data = b"".join(packet.write() for packet in sent)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(places)]
    found, decoder = decode(pieces)
    assert found == [packet.write() for packet in sent]
    assert decoder.error is None


@given(packets)
def test_byte_by_byte(sent: list[mqtt5.Packet]) -> None:
    """One byte at a time gives the same too."""
    data = b"".join(packet.write() for packet in sent)
    found, decoder = decode([data[at : at + 1] for at in range(len(data))])
    assert found == [packet.write() for packet in sent]
    assert decoder.error is None


@panics
@given(packets, st.binary(min_size=1, max_size=200))
def test_garbage_never_raises(sent: list[mqtt5.Packet], garbage: bytes) -> None:
    """What comes before garbage is decoded; garbage is an error, more of it is waited for, or it is packets."""
    data = b"".join(packet.write() for packet in sent)
    found, decoder = decode([data + garbage])
    assert found[: len(sent)] == [packet.write() for packet in sent]
    if decoder.error is not None:
        assert decoder.error.reason
        assert decoder.feed(mqtt5.PingRespPacket().write()) == []


@panics
@given(publishes, st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_never_raises(packet: mqtt5.PublishPacket, place: int, value: int) -> None:
    """A packet with one wrong byte is a packet, an error or incomplete."""
    data = bytearray(packet.write())
    data[place % len(data)] = value
    decode([bytes(data)])


def test_nothing_is_buffered_above_the_maximum() -> None:
    """The header alone of a packet that is too large ends the stream: its 256 MiB are never waited for."""
    _, decoder = decode([b"\x30\xff\xff\xff\x7f"])
    assert decoder.error is not None
    assert decoder.error.code == mqtt5.DisconnectReasonCode.PACKET_TOO_LARGE


@pytest.mark.parametrize("surplus", [0, 1])
def test_the_maximum_is_the_largest_that_passes(surplus: int) -> None:
    """A packet of exactly the maximum passes, one of a byte more does not, whole or in pieces."""
    data = mqtt5.PublishPacket("t", b"x" * 200).write()
    for pieces in ([data], [data[:100], data[100:]]):
        found, decoder = decode(pieces, largest=len(data) - surplus)
        assert (len(found), decoder.error is None) == ((0, False) if surplus else (1, True))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", Header.INCOMPLETE),
        (b"\x30", Header.INCOMPLETE),
        (b"\x30\x00", 2),
        (b"\x30\x7f", 129),
        (b"\x30\x80", Header.INCOMPLETE),
        (b"\x30\x80\x01", 131),
        (b"\x30\xff\xff\xff\x7f", 268_435_460),
        (b"\x30\xff\xff\xff\xff", Header.MALFORMED),
    ],
)
def test_packet_size(data: bytes, size: int | Header) -> None:
    """The remaining length has one to four bytes (MQTT 5, 1.5.5, table 1-1)."""
    assert packet_size(data) == size
