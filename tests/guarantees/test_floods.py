"""Much at once: a flood of what does not fit, and a spool full of messages at start. Memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.config.load import load
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Batch, Outcome, Receipt
from pywats_mqtt.spool.sqlite import SqliteSpool
from tests.guarantees.fleet import Fleet, Message, Numbering, settle
from tests.guarantees.line import BOUND_S, TESTERS, Line
from tests.guarantees.reconcile import EXACT, compare
from tests.waiting import block_until, wait_until

pytestmark = pytest.mark.slow

SOAKING = bool(os.environ.get("SOAK_MINUTES"))
MISFITS = 100_000 if SOAKING else 6_000
STORED = 1_000_000 if SOAKING else 12_000
PADDING = 500 if SOAKING else 10_000
"""So that a bridge that keeps them all would show it."""
PARTS, FIRST = 10, 3
"""Of a flood; after each comes a good message of each device. The first ones fill what is bounded."""
ROUNDS = 28
"""In which the assets speak for themselves, before a turn of all devices, among the stored ones."""
TOGETHER = 240
"""Messages of these rounds and the turn, at least; seven of them are results."""
SLOWEST_PER_S = 300
"""Of the stored ones, on a busy machine; no bound of what is hoped for, but of a bridge that does nothing more."""
AT_ONCE = 500
"""Messages in a receipt."""

MUCH = 1.25
"""What the rest of a flood may add to the memory that its first parts took."""
MOST = 2.0
"""What a full spool may cost, in memories of a bridge that has nothing to do."""


def await_stored(made: Line, count: int) -> None:
    """Wait until the bridge has stored so many messages."""
    block_until(lambda: made.bridge.status()["stored"] >= count, bound_s=BOUND_S, what=f"{count} stored")


def test_good_ones_in_a_flood_of_bad_ones(made: Line, fleet: Fleet) -> None:
    """They are delivered in order, the bad ones are in quarantine once; memory stays as after the first parts."""
    peaks = []
    for _ in range(PARTS):
        fleet.flood(MISFITS // PARTS, PADDING)
        fleet.publish(1)
        fleet.wait()
        await_stored(made, len(fleet.sent.numbers()))
        peaks.append(made.bridge.peak_kb())
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    peaks.append(made.bridge.peak_kb())
    assert peaks[-1] < MUCH * peaks[FIRST - 1], peaks


async def test_a_bad_one_holds_nothing_up(made: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good one is stored with what it came with, and delivered although no bad one before it ever gets better.

    None is looked at again by itself: also not by a bridge that started anew.
    """
    read: Counter[bytes] = Counter()
    together: list[tuple[tuple[RawMessage, ...], tuple[RawMessage, ...]]] = []
    store = SqliteSpool.put

    def reading(message: RawMessage, routes: RouteTable) -> Outcome:
        read[message.payload] += 1
        return interpret(message, routes)

    async def put(spool: SqliteSpool, receipt: Receipt) -> Batch | None:
        batch = await store(spool, receipt)
        if receipt.messages:
            together.append((receipt.messages, batch.messages if batch else ()))
        return batch

    monkeypatch.setattr(SqliteSpool, "put", put)
    fleet = await asyncio.to_thread(Fleet, made.mosquitto.port)
    for start in range(2):
        bridge, stopping = Bridge(load(made.bridge.config, {}), read=reading), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(bridge.run(stopping))
            await bridge.connected.wait()
            if not start:
                for _ in range(3):
                    fleet.flood(200)
                    fleet.publish(1)
            await wait_until(lambda: len(made.reports()) == 3 * TESTERS, what="the good ones in WATS")
            stopping.set()
    fleet.close()
    assert all(came == stored for came, stored in together)
    mixed = [{b"MISFIT" in message.payload for message in came} for came, _ in together]
    assert {True, False} in mixed, "good and bad ones never came together"
    assert set(read.values()) == {1}
    assert len(read) == len(fleet.sent.numbers())


async def lay_up(made: Line, count: int) -> Numbering:
    """Fill the spool of a bridge that does not run with so many messages, as if it had stored and not read them."""
    numbering, clock = Numbering(), SystemClock()

    def said() -> Iterator[Message]:
        for _ in range(count // TOGETHER):
            for _ in range(ROUNDS):
                yield from numbering.of_assets()
            yield from numbering.turn()

    messages = said()
    async with SqliteSpool.open(made.folder / "spool.db", clock=clock) as spool:
        while part := list(islice(messages, AT_ONCE)):
            now_us = to_us(clock.now())
            raw = (RawMessage(topic, json.dumps(payload).encode(), now_us, 1) for topic, payload in part)
            await spool.put(Receipt(tuple(raw)))
    return numbering


def test_a_spool_full_of_messages_at_start(made: Line) -> None:
    """All that was stored and never read reaches WATS: each result once and in order, every count and value exact.

    One in 34 is a result, and every fifth of these is followed by one that does not fit, which ends in
    quarantine once; a spool of results alone would take an hour at what one emulator takes. The rest is telemetry, in
    between. Nobody starves: when half of it is still to be done, each tester has results in WATS. The bridge is killed
    there and goes on. It never takes more memory than one of bounded queues.
    """
    numbering = asyncio.run(lay_up(made, STORED))
    stored = len(numbering.sent.numbers())
    assert stored >= STORED
    made.bridge.start()
    await_waiting(made, stored // 2)
    assert {report["machineName"] for report in made.reports()} == set(numbering.sent.results)
    peaks = [made.bridge.peak_kb()]
    made.bridge.kill()
    made.bridge.start()
    await_waiting(made, 0)
    peaks.append(made.bridge.peak_kb())
    assert made.bridge.status()["stored"] == stored
    assert compare(numbering.sent, settle(made, numbering.sent)) == EXACT
    assert made.bridge.stop() == 0
    made.bridge.start()
    made.await_session()
    assert max(peaks) < MOST * made.bridge.peak_kb(), peaks


def await_waiting(made: Line, most: int) -> None:
    """Wait until no more than so many messages wait."""
    block_until(
        lambda: made.bridge.status().get("waiting", STORED) <= most,
        bound_s=BOUND_S + STORED / SLOWEST_PER_S,
        what=f"{most} wait",
    )
