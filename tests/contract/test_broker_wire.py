"""What the session says on the wire, and what it makes of servers that no broker at hand plays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import mqtt5
import pytest

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.errors import Reject
from pywats_mqtt.ports import Link, Publication
from pywats_mqtt.transport.session import MqttSession
from tests.contract.brokers.bed import Client, alive, quick
from tests.contract.brokers.mosquitto import HOST
from tests.contract.brokers.scripted import Scripted
from tests.waiting import wait_until

QOS1, QOS2 = mqtt5.QoS.AT_LEAST_ONCE, mqtt5.QoS.EXACTLY_ONCE
Codes = mqtt5.DisconnectReasonCode


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    """A server that waits for connections."""
    async with Scripted() as scripted:
        yield scripted


@asynccontextmanager
async def client(
    server: Scripted, *, filters: tuple[str, ...] = ("t/#",), **changes: str | float
) -> AsyncIterator[Client]:
    """Run a session towards the server."""
    links: list[Link] = []
    session = MqttSession(
        quick(broker=HOST, port=server.port, **changes),
        client_id="s",
        filters=filters,
        on_link=links.append,
        clock=SystemClock(),
    )
    async with alive(Client(session, server.cut, links), connected=False) as made:
        yield made


def message(payload: bytes, packet_id: int | None = None, *, qos: mqtt5.QoS = QOS1) -> mqtt5.PublishPacket:
    """Make a PUBLISH to `t/1`, of QoS 0 where it has no packet id."""
    if packet_id is None:
        return mqtt5.PublishPacket("t/1", payload)
    return mqtt5.PublishPacket("t/1", payload, qos=qos, packet_id=packet_id)


async def broken_by(server: Scripted, *wrong: mqtt5.Packet | bytes) -> tuple[mqtt5.DisconnectReasonCode, str]:
    """Send what breaks the rules; give the code of our DISCONNECT, and the reason of the link; then go on."""
    async with client(server, topic_alias_maximum=256) as subscriber:
        peer = await (await server.peer()).accept()
        peer.send(*wrong)
        disconnect = await peer.read(mqtt5.DisconnectPacket)
        await peer.ended()
        await subscriber.away()
        reason = next(link.reason for link in subscriber.links if not link.connected)
        again = await (await server.peer()).accept()
        await subscriber.connected()
        again.send(message(b"fine", 1))
        assert [m.payload for m in await subscriber.take(1)] == [b"fine"]
        await again.read(mqtt5.PubAckPacket)
    return disconnect.reason_code, reason


async def test_what_connect_asks_for(server: Scripted) -> None:
    """CONNECT carries the session, the limits and the keep alive of the configuration; SUBSCRIBE the filters."""
    changes: dict[str, str | float] = {
        "keepalive": 7,
        "session_expiry_s": 99,
        "receive_maximum": 12,
        "max_packet_bytes": 4_321,
        "topic_alias_maximum": 256,
        "username": "u",
    }
    async with client(server, filters=("b/+", "b/1", "a/#"), **changes) as subscriber:
        peer = await server.peer()
        connect = peer.connect
        peer.send(mqtt5.ConnAckPacket())
        subscribe = await peer.read(mqtt5.SubscribePacket)
        assert not subscriber.session.link.connected
        peer.send(mqtt5.SubAckPacket(subscribe.packet_id, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 2))
        await subscriber.connected()
    assert (connect.client_id, connect.username, connect.password) == ("s", "u", None)
    assert (connect.clean_start, connect.keep_alive, connect.session_expiry_interval) == (False, 7, 99)
    assert (connect.receive_max, connect.max_packet_size, connect.topic_alias_max) == (12, 4_321, 256)
    assert [f.pattern for f in subscribe.topic_filters] == ["b/+", "a/#"]
    assert {f.retain_handling.value for f in subscribe.topic_filters} == {1}
    assert not any(f.retain_as_published for f in subscribe.topic_filters)
    assert (await peer.read(mqtt5.DisconnectPacket)).reason_code == Codes.NORMAL_DISCONNECTION


async def test_acknowledgements_go_out_in_order_of_arrival(server: Scripted) -> None:
    """PUBACK and PUBREC follow the order of their PUBLISHes (MQTT 5, 4.6), whatever the packet ids."""
    async with client(server, default_qos=2) as subscriber:
        peer = await (await server.peer()).accept()
        await subscriber.connected()
        peer.send(message(b"1", 9), message(b"0"), message(b"2", 3, qos=QOS2), message(b"3", 7))
        assert [m.payload for m in await subscriber.take(4)] == [b"1", b"0", b"2", b"3"]
        assert (await peer.read(mqtt5.PubAckPacket)).packet_id == 9
        assert (await peer.read(mqtt5.PubRecPacket)).packet_id == 3
        assert (await peer.read(mqtt5.PubAckPacket)).packet_id == 7


async def test_a_release_nobody_remembers_is_completed(server: Scripted) -> None:
    """PUBREL for an id we never saw gets its PUBCOMP: after a crash the server may know more than we do."""
    async with client(server, default_qos=2) as subscriber:
        peer = await (await server.peer()).accept()
        peer.send(mqtt5.PubRelPacket(77))
        assert await subscriber.take_released(1) == [77]
        assert (await peer.read(mqtt5.PubCompPacket)).packet_id == 77


async def test_topic_aliases_are_resolved(server: Scripted) -> None:
    """An alias stands for the name it was last given, on this connection."""
    async with client(server, topic_alias_maximum=256) as subscriber:
        peer = await (await server.peer()).accept()
        peer.send(
            mqtt5.PublishPacket("t/one", b"1", topic_alias=5),
            mqtt5.PublishPacket("", b"2", topic_alias=5),
            mqtt5.PublishPacket("t/two", b"3", topic_alias=5),
            mqtt5.PublishPacket("", b"4", topic_alias=5),
        )
        assert [m.topic for m in await subscriber.take(4)] == ["t/one", "t/one", "t/two", "t/two"]


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (mqtt5.PublishPacket("", b"", topic_alias=3), Codes.PROTOCOL_ERROR, "alias 3 was never given a name"),
        (mqtt5.PublishPacket("t", b"", topic_alias=300), Codes.TOPIC_ALIAS_INVALID, "above our maximum of 256"),
        (b"\x32\x06\x00\x01a\x00\x00\x00", Codes.PROTOCOL_ERROR, "packet identifier 0"),
        pytest.param(
            b"\x30\x05\x00\x02\xff\xff\x00",
            Codes.MALFORMED_PACKET,
            "not UTF-8",
            # The reader panics, and reports the decoding error it dropped.
            marks=pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
        ),
        (b"\xf7\xff\xff\xff\xff\xff", Codes.MALFORMED_PACKET, "malformed packet"),
        (b"\x30\xff\xff\xff\x7f", Codes.PACKET_TOO_LARGE, "larger than max_packet_bytes"),
        (mqtt5.ConnAckPacket(), Codes.PROTOCOL_ERROR, "unexpected ConnAckPacket"),
        (mqtt5.PingReqPacket(), Codes.PROTOCOL_ERROR, "unexpected PingReqPacket"),
    ],
)
async def test_a_server_that_breaks_the_rules(
    server: Scripted, wrong: mqtt5.Packet | bytes, code: mqtt5.DisconnectReasonCode, said: str
) -> None:
    """It is told so by DISCONNECT, the link says what was wrong, and the session connects anew."""
    found, reason = await broken_by(server, wrong)
    assert found == code
    assert said in reason


async def test_what_came_before_a_broken_packet_counts(server: Scripted) -> None:
    """The messages before it are handed out, once the session turns out to be fresh."""
    async with client(server) as subscriber:
        peer = await (await server.peer()).accept()
        peer.send(message(b"first", 1), message(b"second", 2), b"\x00\x00")
        await peer.read(mqtt5.DisconnectPacket)
        await (await server.peer()).accept()
        assert [m.payload for m in await subscriber.take(2)] == [b"first", b"second"]


@pytest.mark.parametrize("topic", ["t/\0", "t/+", "#"])
async def test_an_invalid_topic_is_a_message(server: Scripted, topic: str) -> None:
    """It goes on to be kept with its reason; ending the connection would bring it back for ever."""
    async with client(server) as subscriber:
        peer = await (await server.peer()).accept()
        name = topic.encode()
        rest = bytes([0, len(name)]) + name + b"\0\1" + b"\0" + b"x"  # the encoder refuses such a name
        peer.send(bytes([0x32, len(rest)]) + rest)
        [found] = await subscriber.take(1)
        await peer.read(mqtt5.PubAckPacket)
    assert found.topic == topic


async def test_a_session_taken_over_is_not_fought_for(server: Scripted) -> None:
    """DISCONNECT 0x8E is said in words, and the next try comes after `max_reconnect_delay`."""
    async with client(server, max_reconnect_delay=3_600.0) as subscriber:
        peer = await (await server.peer()).accept()
        await subscriber.connected()
        peer.send(mqtt5.DisconnectPacket(reason_code=Codes.SESSION_TAKEN_OVER))
        await peer.ended()
        await subscriber.away()
        assert "another client connected with our client id" in subscriber.session.link.reason


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD, "check mqtt.username and mqtt.password (see the wiki)"),
        (mqtt5.ConnAckReasonCode.BANNED, "banned"),
        (mqtt5.ConnAckReasonCode.SERVER_BUSY, "busy"),
        (mqtt5.ConnAckReasonCode.IMPLEMENTATION_SPECIFIC_ERROR, "implementation specific error (0x83)"),
    ],
)
async def test_a_refused_connect_says_why(server: Scripted, code: mqtt5.ConnAckReasonCode, said: str) -> None:
    """CONNACK's reason is said in words, with what the server adds, and the session tries again."""
    async with client(server) as subscriber:
        peer = await server.peer()
        peer.send(mqtt5.ConnAckPacket(reason_code=code, reason_str="see the wiki"))
        await peer.ended()
        await wait_until(lambda: subscriber.links)
        assert said in subscriber.session.link.reason
        await (await server.peer()).accept()
        await subscriber.connected()


async def test_a_refused_filter_is_shown_and_the_others_work(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    """`granted` and one log line tell; they are not repeated at each reconnect."""
    caplog.set_level(logging.WARNING, logger="pywats_mqtt")
    codes = [mqtt5.SubAckReasonCode.NOT_AUTHORIZED, mqtt5.SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE]
    async with client(server, filters=("a/#", "b/#")) as subscriber:
        session = subscriber.session
        assert isinstance(session, MqttSession)
        for _ in range(2):
            peer = await server.peer()
            peer.send(mqtt5.ConnAckPacket())
            subscribe = await peer.read(mqtt5.SubscribePacket)
            peer.send(mqtt5.SubAckPacket(subscribe.packet_id, codes))
            await subscriber.connected()
            assert session.granted["a/#"].qos is None
            assert session.granted["a/#"].problem == "not authorized (0x87)"
            assert session.granted["b/#"].problem == "QoS 1 asked, 0 granted"
            peer.hang_up()
            await subscriber.away()
    lines = [r.getMessage() for r in caplog.records if r.getMessage().startswith("subscription")]
    assert len(lines) == 2
    assert "a/#" in lines[0]


async def test_open_publishes_are_sent_again_with_dup_when_the_session_is_there(server: Scripted) -> None:
    """QoS 1 and 2 come again in order, marked, under their ids; after PUBREC only the PUBREL does (MQTT 5, 4.4)."""
    async with client(server) as publisher, asyncio.TaskGroup() as group:
        peer = await (await server.peer()).accept()
        await publisher.connected()
        for payload, qos in ((b"a", 1), (b"b", 2), (b"c", 2)):
            group.create_task(publisher.publish("p/1", payload, qos=qos))
        first = [await peer.read(mqtt5.PublishPacket) for _ in range(3)]
        peer.send(mqtt5.PubRecPacket(first[1].packet_id or 0))
        assert (await peer.read(mqtt5.PubRelPacket)).packet_id == first[1].packet_id
        peer.hang_up()
        peer = await server.peer()
        peer.send(mqtt5.ConnAckPacket(session_present=True))
        assert (await peer.read(mqtt5.PubRelPacket)).packet_id == first[1].packet_id
        await peer.read(mqtt5.SubscribePacket)
        again = [await peer.read(mqtt5.PublishPacket) for _ in range(2)]
        assert [(p.payload, p.packet_id, p.duplicate) for p in again] == [
            (b"a", first[0].packet_id, True),
            (b"c", first[2].packet_id, True),
        ]
        peer.send(
            mqtt5.PubAckPacket(first[0].packet_id or 0),
            mqtt5.PubCompPacket(first[1].packet_id or 0),
            mqtt5.PubRecPacket(first[2].packet_id or 0),
        )
        await peer.read(mqtt5.PubRelPacket)
        peer.send(mqtt5.PubCompPacket(first[2].packet_id or 0))


async def test_open_publishes_are_new_ones_when_the_session_is_gone(server: Scripted) -> None:
    """A server that knows nothing of them gets them as new ones, also those it had said PUBREC to."""
    async with client(server) as publisher, asyncio.TaskGroup() as group:
        peer = await (await server.peer()).accept()
        await publisher.connected()
        for payload in (b"a", b"b"):
            group.create_task(publisher.publish("p/1", payload, qos=2))
        first = [await peer.read(mqtt5.PublishPacket) for _ in range(2)]
        peer.send(mqtt5.PubRecPacket(first[0].packet_id or 0))
        await peer.read(mqtt5.PubRelPacket)
        peer.hang_up()
        peer = await (await server.peer()).accept()
        for payload in (b"a", b"b"):
            packet = await peer.read(mqtt5.PublishPacket)
            assert (packet.payload, packet.duplicate) == (payload, False)
            peer.send(mqtt5.PubRecPacket(packet.packet_id or 0))
            peer.send(mqtt5.PubCompPacket(packet.packet_id or 0))
        for _ in range(2):
            await peer.read(mqtt5.PubRelPacket)


async def test_a_packet_id_of_a_former_process_is_released_before_it_is_used(server: Scripted) -> None:
    """Else a server that still holds that id would take our QoS 2 PUBLISH for a repetition and drop it."""
    async with client(server) as publisher, asyncio.TaskGroup() as group:
        peer = await (await server.peer()).accept(mqtt5.ConnAckPacket(session_present=True))
        group.create_task(publisher.publish("p/1", b"new", qos=2))
        released = await peer.read(mqtt5.PubRelPacket)
        packet = await peer.read(mqtt5.PublishPacket)
        assert released.packet_id == packet.packet_id
        code = mqtt5.PubCompReasonCode.PACKET_ID_NOT_FOUND
        peer.send(mqtt5.PubCompPacket(released.packet_id, reason_code=code), mqtt5.PubRecPacket(released.packet_id))
        await peer.read(mqtt5.PubRelPacket)
        peer.send(mqtt5.PubCompPacket(released.packet_id))


async def test_the_servers_terms_are_kept(server: Scripted) -> None:
    """Its Receive Maximum, Maximum QoS and Retain Available bound what we publish."""
    terms = mqtt5.ConnAckPacket(receive_max=2, max_qos=QOS1, retain_available=False)
    async with client(server) as publisher, asyncio.TaskGroup() as group:
        peer = await (await server.peer()).accept(terms)
        await publisher.connected()
        with pytest.raises(Reject, match="no retained messages"):
            await publisher.session.publish(Publication(topic="p/1", payload=b"", retain=True))
        for payload in (b"a", b"b", b"c"):
            group.create_task(publisher.publish("p/1", payload, qos=2))
        first = [await peer.read(mqtt5.PublishPacket) for _ in range(2)]
        assert [(p.payload, p.qos) for p in first] == [(b"a", QOS1), (b"b", QOS1)]
        # Were the third on its way, it would come before the answer to this PUBREL.
        peer.send(mqtt5.PubRecPacket(999))
        await peer.read(mqtt5.PubRelPacket)
        peer.send(mqtt5.PubAckPacket(first[0].packet_id or 0))
        third = await peer.read(mqtt5.PublishPacket)
        peer.send(mqtt5.PubAckPacket(first[1].packet_id or 0), mqtt5.PubAckPacket(third.packet_id or 0))


async def test_the_servers_keep_alive_and_client_id_are_taken(server: Scripted) -> None:
    """Server Keep Alive replaces ours, and a client id it chose is ours from then on (MQTT 5, 3.2.2.3)."""
    connack = mqtt5.ConnAckPacket(server_keep_alive=1, assigned_client_id="chosen")
    async with client(server, keepalive=3_600) as subscriber:
        peer = await (await server.peer()).accept(connack)
        await peer.read(mqtt5.PingReqPacket)
        peer.send(mqtt5.PingRespPacket())
        peer.hang_up()
        peer = await (await server.peer()).accept()
        assert peer.connect.client_id == "chosen"
        await subscriber.connected()


async def test_what_nobody_took_is_not_doubled_by_a_resumed_session(server: Scripted) -> None:
    """The server sends it again, so it is taken once, under the new connection; QoS 0 it does not send again."""
    async with client(server) as subscriber:
        peer = await (await server.peer()).accept()
        await subscriber.session.receive()
        peer.send(message(b"at most once"), message(b"at least once", 4))
        peer.send(mqtt5.PubRecPacket(1))
        await peer.read(mqtt5.PubRelPacket)  # all before it has been taken in
        peer.hang_up()
        await subscriber.away()
        with pytest.raises(TimeoutError):  # held back: the next CONNACK tells what becomes of it
            async with asyncio.timeout(0):
                await subscriber.session.receive()
        peer = await (await server.peer()).accept(mqtt5.ConnAckPacket(session_present=True))
        peer.send(mqtt5.PublishPacket("t/1", b"at least once", qos=QOS1, packet_id=4, duplicate=True))
        messages = await subscriber.take(2)
        assert [m.payload for m in messages] == [b"at most once", b"at least once"]
        assert (await peer.read(mqtt5.PubAckPacket)).packet_id == 4


async def test_reading_pauses_while_nobody_takes(server: Scripted) -> None:
    """Whatever the server sends, what waits here is bounded: the end of a flood is not read; pings still go out."""
    async with client(server) as subscriber:
        peer = await (await server.peer()).accept(mqtt5.ConnAckPacket(server_keep_alive=1))
        await subscriber.connected()
        flood = [message(b"x" * 1_000, number % 65_535 + 1) for number in range(20_000)]
        peer.send(*flood, mqtt5.PubRecPacket(999))
        await peer.read(mqtt5.PingReqPacket)  # were all of it read, the answer to the last packet would come first
        assert len(await subscriber.take(20_000, acknowledge=False)) == 20_000
