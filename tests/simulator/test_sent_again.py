from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from pywats_mqtt.simulator.journal import Journal, Record, read_record
from pywats_mqtt.simulator.runner import Load, Summary, run_fleet
from tests.contract.brokers.mosquitto import Mosquitto
from tests.simulator.relay import Relay, relaying
from tests.simulator.subscriber import Subscriber
from tests.waiting import wait_until


class Fleet:
    """A fleet that runs beside the test, and what it says."""

    def __init__(self, port: int, *, rate: float = 300.0) -> None:
        self._load = Load(host="127.0.0.1", port=port, devices=9, rate=rate, seed=7)
        self._sink = io.BytesIO()
        self._stopping = asyncio.Event()
        self.journal = Journal(self._sink)
        self.said: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[Summary]]:
        """Run while the block runs; then stop, and wait for the end."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run_fleet(self._load, self.journal, stopping=self._stopping, say=self.said.append))
            yield task
            self._stopping.set()

    @property
    def acknowledged(self) -> int:
        """How many messages the broker acknowledged so far."""
        return self.journal.counts["acknowledged"]

    @property
    def record(self) -> Record:
        """The journal so far."""
        return read_record(self._sink.getvalue().splitlines(keepends=True))

    def lines(self, words: str) -> list[str]:
        """What it said with these words."""
        return [line for line in self.said if words in line]

    def told_back(self, times: int) -> bool:
        """Whether it said so often that the broker is there."""
        return len(self.lines("is there")) == times

    async def more(self, count: int) -> None:
        """Wait until so many more messages are acknowledged."""
        wanted = self.acknowledged + count
        await wait_until(lambda: self.acknowledged >= wanted, what=f"{count} more acknowledgements")

    def is_heard_by(self, subscriber: Subscriber) -> bool:
        """Whether all that is acknowledged has come through."""
        record = self.record
        return all(subscriber.has(entry) for entry in record.entries if entry.message_id in record.acknowledged)


@pytest.mark.parametrize("end", [Mosquitto.stop, Mosquitto.kill], ids=["SIGTERM", "SIGKILL"])
async def test_every_number_arrives_though_the_broker_dies_under_load(
    broker: Mosquitto, subscriber: Subscriber, end: Callable[[Mosquitto], None]
) -> None:
    """After three restarts each journalled message was received at least once, in order of first reception."""
    fleet = Fleet(broker.port)
    async with fleet.running():
        for restarts in range(1, 4):
            await fleet.more(100)
            if end is Mosquitto.kill:
                # What is on its way to the subscriber then would be lost with it: its part, and not the fleet's.
                broker.pause()
                await wait_until(partial(fleet.is_heard_by, subscriber), what="what it has acknowledged")
            subscriber.connected.clear()
            end(broker)
            broker.start()
            await wait_until(partial(fleet.told_back, restarts), what="all connections")
            # The same holds for what it keeps for an absent subscriber, when it is killed again.
            await wait_until(subscriber.connected.is_set, what="the subscriber")
        await fleet.more(100)
    record = fleet.record
    assert not record.open
    assert len(record.entries) > 400
    await wait_until(lambda: all(subscriber.has(entry) for entry in record.entries), what="all messages")
    for device in {entry.device for entry in record.entries}:
        numbers = subscriber.first_numbers(device)
        assert numbers == sorted(numbers)
    assert len(fleet.lines("waiting for the broker")) == len(fleet.lines("is there")) == 3


async def lost_answers(fleet: Fleet, relay: Relay, subscriber: Subscriber) -> set[str]:
    """Let the broker receive messages whose acknowledgements do not come back; give their ids."""
    await fleet.more(50)
    relay.swallowing = True
    await wait_until(lambda: len(fleet.journal.open) >= 9 * 3, what="unacknowledged messages")
    unanswered = fleet.journal.open
    await wait_until(lambda: all(subscriber.has(entry) for entry in unanswered), what="unanswered messages")
    return {entry.message_id for entry in unanswered}


async def test_lost_acknowledgements_are_asked_for_with_dup(broker: Mosquitto, subscriber: Subscriber) -> None:
    """The session is there: what was not acknowledged comes again as DUP under its packet id (MQTT 5, 4.4)."""
    async with relaying(broker.port) as relay:
        fleet = Fleet(relay.port)
        async with fleet.running():
            unanswered = await lost_answers(fleet, relay, subscriber)
            relay.swallowing = False
            relay.cut()
            await wait_until(lambda: not unanswered & {entry.message_id for entry in fleet.journal.open})
        sent = relay.published()
    first = {(packet.client, packet.payload): packet.packet_id for packet in sent if not packet.duplicate}
    # What the cut caught on its way to the relay was seen once only.
    again = [packet for packet in sent if packet.duplicate and (packet.client, packet.payload) in first]
    assert len(again) >= len(unanswered) >= 9 * 3
    assert all(first[packet.client, packet.payload] == packet.packet_id for packet in again)
    assert len(first) == sum(not packet.duplicate for packet in sent)
    assert all(subscriber.has(entry) for entry in fleet.record.entries if entry.message_id in unanswered)


async def test_without_a_session_it_is_published_anew(
    broker: Mosquitto, subscriber: Subscriber, tmp_path: Path
) -> None:
    """The broker forgot the session: the same messages come as new publishes, which DUP would misname."""
    async with relaying(broker.port) as relay:
        fleet = Fleet(relay.port)
        async with fleet.running():
            unanswered = await lost_answers(fleet, relay, subscriber)
            relay.refusing = True
            broker.kill()
            (tmp_path / "mosquitto" / "mosquitto.db").unlink()
            subscriber.subscribed.clear()
            broker.start()
            await wait_until(subscriber.subscribed.is_set, what="the subscriber")
            relay.swallowing = relay.refusing = False
            relay.cut()
            await wait_until(lambda: not unanswered & {entry.message_id for entry in fleet.journal.open})
        sent = relay.published()
    assert not any(packet.duplicate for packet in sent)
    twice = [payload for payload, count in Counter(packet.payload for packet in sent).items() if count > 1]
    assert len(twice) >= 9 * 3
    assert all(subscriber.has(entry) for entry in fleet.record.entries if entry.message_id in unanswered)
