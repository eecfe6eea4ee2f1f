"""What the bridge may rely on at the `Broker` port, over every broker; their known limits are asserted too."""

from __future__ import annotations

import asyncio

import pytest

from pywats_mqtt.errors import Reject
from pywats_mqtt.ports import Publication
from pywats_mqtt.transport.inbox import MAX_RECEIPT_MESSAGES
from tests.contract.brokers.bed import Bed, Client, quick
from tests.contract.brokers.beds import bed
from tests.waiting import wait_until

__all__ = ["bed"]


def numbers(count: int, start: int = 0) -> list[bytes]:
    """Give distinct payloads in order."""
    return [b"%d" % number for number in range(start, start + count)]


async def publish_all(client: Client, payloads: list[bytes], *, topic: str = "t/1", qos: int = 1) -> None:
    """Publish at once, in order, and wait for all."""
    async with asyncio.TaskGroup() as group:
        for payload in payloads:
            group.create_task(client.publish(topic, payload, qos=qos))


async def settle(client: Client) -> None:
    """Wait until the broker has all acknowledgements that were written: it takes what a client sends in order."""
    await client.publish("elsewhere")


async def fresh(bed: Bed, client_id: str, *filters: str) -> None:
    """Leave a session with these subscriptions at the broker."""
    async with bed.client(client_id, *filters):
        pass


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_arrives_as_it_was_published(bed: Bed, qos: int) -> None:
    """Topic, bytes, QoS and user properties arrive untouched, at the lower of published and subscribed QoS."""
    properties = (("message_id", "m-1"), ("message_id", "ö"))
    async with bed.client("p") as publisher, bed.client("s", "t/+", config=quick(default_qos=2)) as subscriber:
        await publisher.session.publish(
            Publication(topic="t/1", payload=b"\x00\xff{", qos=qos, user_properties=properties)
        )
        [message] = await subscriber.take(1)
    assert (message.topic, message.payload, message.retain) == ("t/1", b"\x00\xff{", False)
    assert message.user_properties == properties
    expected = qos if bed.limits.lowers_qos else 2
    assert message.qos == expected
    assert bool(message.packet_id) == bool(expected)
    assert not message.dup


async def test_topic_aliases_name_topics(bed: Bed) -> None:
    """With aliases asked for each message still has its own topic, but for iotcore: so we ask for none by default."""
    topics = ["t/1", "t/2", "t/1", "t/3"]
    async with bed.client("p") as publisher, bed.client("s", "t/+", config=quick(topic_alias_maximum=9)) as subscriber:
        for topic in topics:
            await publisher.publish(topic)
        messages = await subscriber.take(len(topics))
    assert ([m.topic for m in messages] == topics) == bed.limits.aliases_name_topics


async def test_the_first_connection_begins_a_session_and_loses_none(bed: Bed) -> None:
    """Nobody expected a session: the first receipt says it is fresh, the link does not speak of a loss."""
    async with bed.client("s", "t/#") as subscriber:
        receipt = await subscriber.session.receive()
        assert (receipt.fresh_session, receipt.messages) == (True, ())
        link = subscriber.session.link
    assert (link.connected, link.session_present, link.session_lost) == (True, False, False)
    assert link.session_expiry_s == 604_800
    assert not subscriber.session.link.connected


async def test_what_was_sent_while_away_arrives_in_order(bed: Bed) -> None:
    """A session that was there is taken over, also by a new process that did not expect it, and keeps its queue."""
    await fresh(bed, "s", "t/#")
    async with bed.client("p") as publisher:
        await publish_all(publisher, numbers(300))
    async with bed.client("s", "t/#") as subscriber:
        messages = await subscriber.take(300)
        link = subscriber.session.link
    assert [m.payload for m in messages] == numbers(300)
    assert (link.session_present, link.session_lost) == (True, False)
    assert not any(r.fresh_session for r in subscriber.receipts)


async def test_what_a_client_published_arrives_in_its_order(bed: Bed) -> None:
    """Whichever subscription it is of; MQTT promises no more than that of a topic (section 4.6), nor does iotcore."""
    await fresh(bed, "s", "t/#", "u/#")
    async with bed.client("p") as publisher:
        for payload in numbers(40):
            await publisher.publish("u/1" if int(payload) % 2 else "t/1", payload)
    async with bed.client("s", "t/#", "u/#") as subscriber:
        payloads = [message.payload for message in await subscriber.take(40)]
    assert sorted(payloads, key=int) == numbers(40)
    assert [payload for payload in payloads if int(payload) % 2] == numbers(40)[1::2]
    assert (payloads == numbers(40)) == bed.limits.keeps_order_over_filters


async def test_a_clean_session_throws_the_old_one_away(bed: Bed) -> None:
    """With `clean_session` what waited is gone, and that is no loss."""
    await fresh(bed, "s", "t/#")
    async with bed.client("p") as publisher:
        await publisher.publish("t/1", b"old")
        clean = quick(clean_session=True)
        async with bed.client("s", "t/#", expect_session=True, config=clean) as subscriber:
            assert (subscriber.session.link.session_present, subscriber.session.link.session_lost) == (False, False)
            await publisher.publish("t/1", b"new")
            [message] = await subscriber.take(1)
            await subscriber.reconnect()
            assert subscriber.session.link.session_present == bed.limits.keeps_clean_sessions
    assert message.payload == b"new"
    assert subscriber.receipts[0].fresh_session


async def test_unacknowledged_messages_come_again_in_order_after_a_cut(bed: Bed) -> None:
    """Acknowledged ones do not come again; the others do, before what was published later."""
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        await publish_all(publisher, numbers(3))
        await subscriber.take(3)
        await settle(subscriber)
        await publish_all(publisher, numbers(3, start=3))
        await subscriber.take(3, acknowledge=False)
        await publisher.publish("t/1", b"barrier")
        await subscriber.reconnect()
        again = await subscriber.take(4)
    assert [m.payload for m in again] == [*numbers(3, start=3), b"barrier"]


async def test_an_acknowledgement_for_a_former_connection_is_void(bed: Bed) -> None:
    """It is not sent on the next connection, where the same packet id may mean another message."""
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        await publisher.publish("t/1", b"kept")
        await subscriber.take(1, acknowledge=False)
        old = subscriber.receipts[-1]
        await subscriber.reconnect()
        subscriber.session.acknowledge(old)
        await settle(subscriber)
        await subscriber.take(1, acknowledge=False)
        await subscriber.reconnect()
        [message] = await subscriber.take(1)
    assert message.payload == b"kept"


async def test_receipts_are_bounded_and_in_order(bed: Bed) -> None:
    """A backlog comes in receipts of at most 2,000 messages, all of it, in order."""
    await fresh(bed, "s", "t/#")
    async with bed.client("p") as publisher:
        await publish_all(publisher, numbers(6_000))
    async with bed.client("s", "t/#", config=quick(receive_maximum=10_000)) as subscriber:
        messages = await subscriber.take(6_000)
    assert [m.payload for m in messages] == numbers(6_000)
    assert max(len(r.messages) for r in subscriber.receipts) <= MAX_RECEIPT_MESSAGES


async def test_receive_maximum(bed: Bed) -> None:
    """No more than Receive Maximum messages are open at once, and all arrive when they are acknowledged."""
    async with bed.client("p") as publisher, bed.client("s", "t/#", config=quick(receive_maximum=5)) as subscriber:
        await publish_all(publisher, numbers(20))
        await subscriber.take(5, acknowledge=False)
        # The broker answers in order: whatever it would send now is here when it has acknowledged these.
        await publish_all(subscriber, numbers(20), topic="elsewhere")
        await publish_all(subscriber, numbers(20), topic="elsewhere")
        taken = [m for r in subscriber.receipts for m in r.messages]
        for receipt in subscriber.receipts:
            subscriber.session.acknowledge(receipt)
        rest = await subscriber.take(20 - len(taken)) if len(taken) < 20 else []
    assert [m.payload for m in [*taken, *rest]] == numbers(20)
    assert (len(taken) == 5) == bed.limits.honours_receive_maximum


async def test_exactly_once_is_released_after_it_was_stored(bed: Bed) -> None:
    """QoS 2: the message is acknowledged when it is stored, then its PUBREL comes, once."""
    async with (
        bed.client("p") as publisher,
        bed.client("s", "t/#", config=quick(default_qos=2)) as subscriber,
    ):
        await publish_all(publisher, numbers(3), qos=2)
        messages = await subscriber.take(3)
        released = await subscriber.take_released(3)
        await publisher.publish("t/1", b"next", qos=2)
        [following] = await subscriber.take(1)
    assert [m.payload for m in messages] == numbers(3)
    assert released == [m.packet_id for m in messages]
    assert following.payload == b"next"


async def test_exactly_once_before_it_was_stored_comes_again_under_its_id(bed: Bed) -> None:
    """The spool tells the repetition by the packet id; iotcore gives a new one, so it is stored twice there."""
    async with (
        bed.client("p") as publisher,
        bed.client("s", "t/#", config=quick(default_qos=2)) as subscriber,
    ):
        await publisher.publish("t/1", b"filler", qos=2)
        [_] = await subscriber.take(1)
        await subscriber.take_released(1)
        await publisher.publish("t/1", b"once", qos=2)
        [first] = await subscriber.take(1, acknowledge=False)
        await subscriber.reconnect()
        [again] = await subscriber.take(1)
        await subscriber.take_released(1)
    assert (first.payload, again.payload) == (b"once", b"once")
    assert (first.packet_id == again.packet_id) == bed.limits.keeps_packet_ids


async def test_at_least_once_comes_again_under_its_id_and_as_a_repeat(bed: Bed) -> None:
    """The spool tells by both that it has what is refused; iotcore gives neither, so it has that twice there."""
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        await publisher.publish("t/1", b"filler")
        [_] = await subscriber.take(1)
        await publisher.publish("t/1", b"again")
        [first] = await subscriber.take(1, acknowledge=False)
        await subscriber.reconnect()
        [again] = await subscriber.take(1)
    assert (first.payload, again.payload, first.dup) == (b"again", b"again", False)
    assert (first.packet_id == again.packet_id) == again.dup == bed.limits.keeps_packet_ids


async def test_a_release_that_was_not_completed_comes_again(bed: Bed) -> None:
    """PUBREL comes again after a cut until PUBCOMP was sent, so the spool may forget the packet id in its own time."""
    async with (
        bed.client("p") as publisher,
        bed.client("s", "t/#", config=quick(default_qos=2)) as subscriber,
    ):
        await publisher.publish("t/1", b"once", qos=2)
        [message] = await subscriber.take(1)
        assert await subscriber.take_released(1, acknowledge=False) == [message.packet_id]
        await subscriber.reconnect()
        assert await subscriber.take_released(1) == [message.packet_id]
        assert [m for r in subscriber.receipts for m in r.messages] == [message]


async def test_a_lost_session_is_said_and_what_nobody_took_is_kept(bed: Bed) -> None:
    """Link and receipt say that the session is gone; what had arrived is handed out, and subscriptions stand again."""
    async with bed.client("s", "t/#") as subscriber, bed.client("p") as publisher:
        await subscriber.session.receive()
        await publisher.publish("t/1", b"arrived")
        await publish_all(publisher, numbers(2), topic="elsewhere")
        bed.lose_sessions()
        await wait_until(lambda: subscriber.session.link.session_lost, what="the session was lost")
        [arrived] = await subscriber.take(1)
        old = subscriber.receipts[-1]
        fresh_one = await subscriber.session.receive()
        await publisher.publish("t/1", b"later")
        [later] = await subscriber.take(1)
    assert (arrived.payload, later.payload) == (b"arrived", b"later")
    assert (old.fresh_session, fresh_one.fresh_session) == (False, True)
    assert old.connection < fresh_one.connection


async def test_a_session_expected_from_an_earlier_run_and_gone_is_a_loss(bed: Bed) -> None:
    """A restart of the bridge that expected its session hears that it is not there."""
    async with bed.client("s", "t/#", expect_session=True) as subscriber:
        assert subscriber.session.link.session_lost
        assert (await subscriber.session.receive()).fresh_session


async def test_a_stop_of_the_broker(bed: Bed) -> None:
    """A stop and a start keep the session and what is queued, but for iotcore, which forgets all."""
    await fresh(bed, "s", "t/#")
    async with bed.client("p") as publisher:
        await publish_all(publisher, numbers(3))
    bed.stop()
    bed.start()
    async with bed.client("s", "t/#", expect_session=True) as subscriber:
        link = subscriber.session.link
        assert link.session_lost != bed.limits.survives_stop
        if bed.limits.survives_stop:
            assert [m.payload for m in await subscriber.take(3)] == numbers(3)


async def test_an_expired_session_is_gone(bed: Bed) -> None:
    """The broker keeps a session as long as it granted, but for iotcore, which keeps it for ever."""
    short = quick(session_expiry_s=1)
    async with bed.client("s", "t/#", config=short) as subscriber:
        assert subscriber.session.link.session_expiry_s == 1
    await bed.outlive(2)
    async with bed.client("s", "t/#", config=short) as subscriber:
        assert subscriber.session.link.session_present != bed.limits.session_expires


async def test_retained_messages_come_once(bed: Bed) -> None:
    """A retained message comes with a new subscription, marked; not again when the session is resumed."""
    async with bed.client("p") as publisher:
        await publisher.publish("t/1", b"state", retain=True)
        async with bed.client("s", "t/#") as subscriber:
            [kept] = await subscriber.take(1)
            await settle(subscriber)
            await subscriber.reconnect()
            await publisher.publish("t/1", b"live")
            [following] = await subscriber.take(1)
    assert (kept.payload, kept.retain) == (b"state", True)
    assert following.payload == b"live"


async def test_a_live_message_is_not_marked_as_retained(bed: Bed) -> None:
    """The mark says that it came from the broker's store, not that the publisher asked to keep it."""
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        await publisher.publish("t/1", b"now", retain=True)
        [message] = await subscriber.take(1)
    assert not message.retain


async def test_a_covered_filter_does_not_double_messages(bed: Bed) -> None:
    """A message that two of our filters match comes once."""
    async with bed.client("p") as publisher, bed.client("s", "t/+", "t/1", "t/#") as subscriber:
        await publish_all(publisher, [b"once", b"end"])
        assert [m.payload for m in await subscriber.take(2)] == [b"once", b"end"]


async def test_the_will_is_published_when_the_network_dies(bed: Bed) -> None:
    """Others hear of a bridge that vanished."""
    will = Publication(topic="wills/s", payload=b"gone", user_properties=(("a", "b"),))
    async with bed.client("w", "wills/#") as watcher, bed.client("s", will=will) as subscriber:
        subscriber.cut()
        [message] = await watcher.take(1)
    assert (message.topic, message.payload, message.user_properties) == ("wills/s", b"gone", (("a", "b"),))


async def test_the_will_is_not_published_after_a_stop(bed: Bed) -> None:
    """A bridge that was stopped says goodbye."""
    async with bed.client("w", "wills/#") as watcher:
        async with bed.client("s", will=Publication(topic="wills/s", payload=b"gone")):
            pass
        await watcher.publish("wills/other", b"end")
        [message] = await watcher.take(1)
    assert message.payload == b"end"


async def test_a_second_client_with_our_id_takes_the_session(bed: Bed) -> None:
    """The first one says why it is away, and does not fight for the session at once."""
    slow = quick(max_reconnect_delay=3600)
    async with bed.client("s", "t/#", config=slow) as first, bed.client("s", "t/#") as second:
        await first.away()
        reason = first.session.link.reason
        assert ("another client connected" in reason) == bed.limits.says_taken_over
        assert "client id" in reason
        assert second.session.link.session_present


async def test_publishing_waits_through_an_outage(bed: Bed) -> None:
    """What is published while the broker is away gets there when it is back, to whoever is still subscribed then."""
    await fresh(bed, "s", "t/#")
    async with bed.client("p") as publisher:
        bed.stop()
        await publisher.away()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(publish_all(publisher, numbers(5)))
            await asyncio.sleep(0)
            assert not task.done()
            bed.start()
    if bed.limits.survives_stop:
        async with bed.client("s", "t/#") as subscriber:
            assert [m.payload for m in await subscriber.take(5)] == numbers(5)


async def test_a_publication_that_was_given_up_is_not_sent_later(bed: Bed) -> None:
    """Giving up while there is no connection leaves nothing behind."""
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        bed.stop()
        await publisher.away()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await publisher.session.publish(Publication(topic="t/1", payload=b"given up"))
        bed.start()
        await subscriber.connected()
        await publisher.publish("t/1", b"end")
        [message] = await subscriber.take(1)
    assert message.payload == b"end"


@pytest.mark.parametrize("topic", ["", "t/#", "t/+/x", "t/\0", "t/\ud800"])
async def test_an_invalid_topic_is_rejected(bed: Bed, topic: str) -> None:
    """It never reaches the broker, and the session lives on."""
    async with bed.client("p") as publisher:
        with pytest.raises(Reject, match="cannot publish to the topic"):
            await publisher.session.publish(Publication(topic=topic, payload=b""))
        await publisher.publish("t/1", b"fine")


async def test_large_messages_pass(bed: Bed) -> None:
    """A report with attachments of 3 MiB arrives whole."""
    payload = bytes(range(256)) * (3 * 4096)
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        await publisher.publish("t/1", payload)
        [message] = await subscriber.take(1)
    assert message.payload == payload


async def test_nobody_reads_and_nothing_is_lost(bed: Bed) -> None:
    """While nobody takes receipts reading pauses; the session lives on, and then all comes in order."""
    async with bed.client("p") as publisher, bed.client("s", "t/#") as subscriber:
        payloads = [b"%d:" % number + b"x" * 1_000 for number in range(6_000)]
        await publish_all(publisher, payloads)
        messages = await subscriber.take(6_000)
    assert [m.payload for m in messages] == payloads
    assert len(subscriber.links) == 2  # connected once; stopped


async def test_a_broker_that_is_not_there_at_the_start(bed: Bed) -> None:
    """The session says what is wrong and connects when the broker comes."""
    bed.stop()
    async with bed.client("s", "t/#", connected=False) as subscriber:
        await wait_until(lambda: subscriber.links, what="a first try")
        assert not subscriber.session.link.connected
        assert subscriber.session.link.reason
        bed.start()
        await subscriber.connected()
