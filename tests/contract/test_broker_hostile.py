"""Sequences of packets that no broker at hand sends, over a real socket: what MQTT 5 says happens, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import mqtt5
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.transport.inbox import PUBACK, PUBCOMP, PUBREC, acknowledgements
from pywats_mqtt.transport.session import MqttSession
from tests.contract.brokers.bed import Client, alive, quick
from tests.contract.brokers.mosquitto import HOST
from tests.contract.brokers.scripted import Peer, Scripted
from tests.waiting import wait_until

# The reader panics on text that is no UTF-8, and Python reports the error it dropped on the way.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

LARGEST = 4_096
ALIASES = 4
QOS = (mqtt5.QoS.AT_MOST_ONCE, mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE)
Codes = mqtt5.DisconnectReasonCode
SENTINEL = mqtt5.PublishPacket("t/end", b"end", qos=QOS[1], packet_id=65_535)


class Step(msgspec.Struct, frozen=True):
    """What the server sends, and what has to follow.

    Attributes:
        sent: its bytes.
        message: topic and payload of the message it is; None for none.
        ack: what acknowledges it, with its packet id; 0 for nothing.
        code: of the DISCONNECT that ends the connection; None where it goes on.
    """

    sent: bytes
    message: tuple[str, bytes] | None = None
    ack: int = 0
    code: mqtt5.DisconnectReasonCode | None = None


def publish(
    topic: str, payload: bytes, qos: int, packet_id: int, properties: list[tuple[str, str]], *, dup: bool, retain: bool
) -> Step:
    """Make a PUBLISH, whose id may be in use, and which may have come before."""
    packet = mqtt5.PublishPacket(
        topic,
        payload,
        qos=QOS[qos],
        packet_id=packet_id if qos else None,
        duplicate=dup and qos > 0,
        retain=retain,
        user_properties=properties,
    )
    return Step(packet.write(), (topic, payload), (0, PUBACK, PUBREC)[qos] | packet_id if qos else 0)


IDS = st.integers(1, 4) | st.integers(1, 65_534)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="+#\0"), min_size=1, max_size=9)
TOPICS = TEXTS | st.sampled_from(["$SYS/x", "/", "//", " ", "t/" + "x" * 3_000])
PUBLISHES = st.builds(
    publish,
    TOPICS,
    st.binary(max_size=40),
    st.integers(0, 2),
    IDS,
    st.lists(st.tuples(TEXTS, TEXTS), max_size=2),
    dup=st.booleans(),
    retain=st.booleans(),
)
RELEASES = IDS.map(lambda number: Step(mqtt5.PubRelPacket(number).write(), ack=PUBCOMP | number))
STRAY = IDS.flatmap(
    lambda number: st.sampled_from(
        [
            *(mqtt5.PubAckPacket(number).write(), mqtt5.PubCompPacket(number).write()),
            mqtt5.UnsubAckPacket(number, [mqtt5.UnsubAckReasonCode.SUCCESS]).write(),
            mqtt5.PingRespPacket().write(),
        ]
    )
).map(Step)


def raw(name: bytes, after: bytes = b"\0{}") -> bytes:
    """Write a QoS 0 PUBLISH that the encoder would refuse."""
    rest = len(name).to_bytes(2, "big") + name + after
    return bytes([0x30, len(rest)]) + rest


HOSTILE_TOPICS = st.sampled_from([b"t/+", b"#", b"t/\0", b"\0", b"$share/a/t", b"\xef\xbb\xbft"]).map(
    lambda name: Step(raw(name), (name.decode(), b"{}"))
)

MALFORMED = [
    *(raw(b"\xff"), raw(b"\xed\xa0\x80"), raw(b"t/\xc3"), raw(b"t", b"\x07\x26\0\1\xff\0\1a{}")),
    *(raw(b"t", b"\x09\x26\0\1"), raw(b"t", b"\x02\x7f\0{}"), raw(b"t", b"\xff\xff\xff\xff\x7f")),
    *(
        b"\x36\x06\0\1t\0\1\0",
        b"\0\0",
        b"\x30\1\0",
        b"\x32\3\0\1t",
        b"\x62\1\0",
        b"\x40\0",
        b"\x30\xff\xff\xff\xff\x01",
    ),
]
UNEXPECTED: list[mqtt5.Packet] = [
    *(mqtt5.ConnAckPacket(), mqtt5.PingReqPacket(), mqtt5.ConnectPacket("x"), mqtt5.AuthPacket()),
    *(mqtt5.SubAckPacket(9, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]), mqtt5.UnsubscribePacket(9, ["t"])),
    mqtt5.PublishPacket("", b"", topic_alias=3),
    mqtt5.SubscribePacket(9, [mqtt5.TopicFilter("t")]),
]
VIOLATIONS = st.sampled_from(
    [
        *(Step(sent, code=Codes.MALFORMED_PACKET) for sent in MALFORMED),
        *(Step(packet.write(), code=Codes.PROTOCOL_ERROR) for packet in UNEXPECTED),
        Step(b"\x32\x06\0\1t\0\0\0", code=Codes.PROTOCOL_ERROR),
        Step(mqtt5.PublishPacket("t", b"", topic_alias=ALIASES + 1).write(), code=Codes.TOPIC_ALIAS_INVALID),
        Step(mqtt5.PublishPacket("t", b"x" * LARGEST).write(), code=Codes.PACKET_TOO_LARGE),
        Step(b"\x30\xff\xff\xff\x7f", code=Codes.PACKET_TOO_LARGE),
    ]
)
STEPS = st.lists(st.one_of(PUBLISHES, PUBLISHES, RELEASES, STRAY, HOSTILE_TOPICS), max_size=12)


@asynccontextmanager
async def line() -> AsyncIterator[tuple[Client, Scripted, list[RawMessage]]]:
    """Run a session that stores all it gets, towards a server; fails for what is raised in the event loop itself."""
    wrong: list[Mapping[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: wrong.append(context))
    stored: list[RawMessage] = []
    try:
        async with Scripted() as server:
            config = quick(
                broker=HOST, port=server.port, default_qos=2, max_packet_bytes=LARGEST, topic_alias_maximum=ALIASES
            )
            session = MqttSession(config, client_id="s", filters=("#",), clock=SystemClock())

            async def store() -> None:
                while True:
                    receipt = await session.receive()
                    stored.extend(receipt.messages)
                    session.acknowledge(receipt)

            async with alive(Client(session, server.cut, []), connected=False) as client:
                storing = asyncio.create_task(store(), name="store")
                try:
                    yield client, server, stored
                finally:
                    storing.cancel()
    finally:
        loop.set_exception_handler(None)
    assert not wrong


ANSWERS: Any = mqtt5.PubAckPacket | mqtt5.PubRecPacket | mqtt5.PubCompPacket | mqtt5.DisconnectPacket
"""What a session says of what it received."""


def send(peer: Peer, data: bytes, cuts: Sequence[int]) -> None:
    """Send bytes in pieces."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        peer.send(data[start:end])


async def acks(peer: Peer, count: int) -> list[int]:
    """Read so many acknowledgements, as `PUBACK`, `PUBREC` or `PUBCOMP` with their packet ids."""
    found = b""
    for _ in range(count):
        packet: object = await peer.read(ANSWERS)
        assert isinstance(packet, mqtt5.PubAckPacket | mqtt5.PubRecPacket | mqtt5.PubCompPacket), packet
        found += packet.write()
    return [kind | number for kind, number in acknowledgements(found)]


QUIET = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@QUIET
@given(STEPS, st.lists(st.integers(0, 9_999), max_size=4))
async def test_what_is_allowed_is_stored_and_acknowledged_in_order(steps: list[Step], cuts: list[int]) -> None:
    """Also ids that are in use, releases of what never came, answers to nothing, and topics that are none."""
    async with line() as (_, server, stored):
        peer = await (await server.peer()).accept()
        send(peer, b"".join(step.sent for step in steps) + SENTINEL.write(), cuts)
        wanted = [step.ack for step in steps if step.ack] + [PUBACK | 65_535]
        assert await acks(peer, len(wanted)) == wanted
        assert said(stored) == [step.message for step in steps if step.message] + [("t/end", b"end")]


@QUIET
@given(STEPS, VIOLATIONS, st.lists(st.integers(0, 9_999), max_size=4))
@example([], Step(b"\x36\x06\0\1t\0\1\0", code=Codes.MALFORMED_PACKET), [])
async def test_what_breaks_the_rules_ends_the_connection_as_mqtt_says_and_no_more(
    steps: list[Step], violation: Step, cuts: list[int]
) -> None:
    """DISCONNECT with its code, a new connection, and nothing lost or doubled of what came before."""
    async with line() as (_, server, stored):
        peer = await (await server.peer()).accept()
        send(peer, b"".join(step.sent for step in steps) + violation.sent + SENTINEL.write(), cuts)
        assert await disconnect(peer) == violation.code
        again = await (await server.peer()).accept()
        again.send(SENTINEL)
        assert await acks(again, 1) == [PUBACK | 65_535]
        assert said(stored) == [step.message for step in steps if step.message] + [("t/end", b"end")]


async def disconnect(peer: Peer) -> mqtt5.DisconnectReasonCode:
    """Read on until DISCONNECT, and then nothing."""
    while True:
        packet: object = await peer.read(ANSWERS)
        if isinstance(packet, mqtt5.DisconnectPacket):
            break
    await peer.ended()
    return packet.reason_code


@QUIET
@given(
    st.lists(st.binary(max_size=60) | STEPS.map(lambda steps: b"".join(s.sent for s in steps)), min_size=1, max_size=3)
)
async def test_after_any_bytes_the_session_connects_anew(garbage: list[bytes]) -> None:
    """Also before CONNACK, and when the server hangs up in the middle of a packet."""
    async with line() as (client, server, stored):
        peer = await server.peer()
        peer.send(garbage[0])
        if len(garbage) > 1:
            peer.send(mqtt5.ConnAckPacket(), *garbage[1:])
        peer.hang_up()
        again = await server.peer()
        await again.accept()
        again.send(SENTINEL)
        assert await acks(again, 1) == [PUBACK | 65_535]
        await wait_until(lambda: client.session.link.connected)
        assert said(stored)[-1] == ("t/end", b"end")


def said(messages: Sequence[RawMessage]) -> list[tuple[str, bytes]]:
    """Give topics and payloads."""
    return [(message.topic, message.payload) for message in messages]
