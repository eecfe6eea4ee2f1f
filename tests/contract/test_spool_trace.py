"""What every spool remembers of a message's way."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from pywats_mqtt.events import AssetUpdate, AssetUtilization, Event, MeasurementsReported, UnitAtTester, encode
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import (
    Done,
    ExportState,
    LatestRow,
    Outcome,
    OwedRow,
    Receipt,
    Refused,
    RefusedRow,
    Rejection,
    Release,
    RetryAt,
    Spool,
    Trace,
)
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    counts,
    identified,
    lease,
    lease_latest,
    result,
    says,
)

SECOND_US = 1_000_000
REFUSED = Rejection("no such field", "$.x", "T")


def utilization(asset: str) -> AssetUtilization:
    """Make what an asset says each minute of what it did."""
    return AssetUtilization(id=UUID(int=1), asset=asset, at_us=START_US)


async def take(spool: Spool, clock: SetClock, *outcomes: Outcome, message_id: str = "m1") -> None:
    """Store messages that name themselves, and route them a second later."""
    payload = msgspec.json.encode({"message_id": message_id, "serial_number": "SN1"})
    arrived = [
        RawMessage("testers/T/results", payload, clock.now_us + number, 2, packet_id=number + 7)
        for number in range(len(outcomes))
    ]
    batch = await spool.put(Receipt(tuple(arrived), released=tuple(range(20))))
    assert batch is not None
    clock.now_us += SECOND_US
    await spool.route(batch, gathered(arrived, outcomes))
    clock.now_us += SECOND_US


async def traces(spool: Spool, word: str) -> Sequence[Trace]:
    """Give what is remembered of a word."""
    return await spool.traces(word, 100)


@pytest.mark.parametrize("word", ["SN1", "m1", "00000000-0000-0000-0000-000000000001"])
async def test_a_result_is_found_by_its_unit_its_message_and_its_report(
    spool: Spool, clock: SetClock, word: str
) -> None:
    """With what it came with, the batch and the times of what happened to it; the next unit is not among it."""
    await take(spool, clock, (identified(result("T", 1), 1),), (identified(result("T", 12), 12),), message_id="m1")
    found = [trace for trace in await traces(spool, word) if trace.subject == "SN1"]
    assert found == [
        Trace(
            id=1,
            subject="SN1",
            message_id="m1",
            report_id="00000000-0000-0000-0000-000000000001",
            identity=UUID(int=1).bytes,
            topic="testers/T/results",
            received_at_us=START_US,
            qos=2,
            retain=False,
            packet_id=7,
            batch=1,
            stored_at_us=START_US,
            read_at_us=START_US + SECOND_US,
            kind="test_result",
            due_us=0,
        )
    ]
    assert not [trace for trace in await traces(spool, "SN1") if trace.subject == "SN12"]


async def test_tries_are_counted_and_the_last_causes_kept(spool: Spool, clock: SetClock) -> None:
    """Seven failures: their number, the last five with their times, then the delivery."""
    await take(spool, clock, says(result("T", 1)))
    for number in range(7):
        (delivery,) = await lease(spool, now_us=clock.now_us)
        await spool.settle([RetryAt(delivery, clock.now_us, f"cause {number}", uses_attempt=True)])
        clock.now_us += SECOND_US
    (trace,) = await traces(spool, "SN1")
    begun_us = START_US + 2 * SECOND_US
    assert trace.tries == 7
    assert trace.causes == tuple((begun_us + number * SECOND_US, f"cause {number}") for number in range(2, 7))
    assert trace.due_us == begun_us + 6 * SECOND_US
    (delivery,) = await lease(spool, now_us=clock.now_us)
    await spool.settle([Done(delivery)])
    (trace,) = await traces(spool, "SN1")
    assert (trace.settled, trace.settled_at_us, trace.due_us) == ("delivered", clock.now_us, None)


async def test_a_repeat_is_traced_with_the_identity_it_is_known_by(spool: Spool, clock: SetClock) -> None:
    """It has no delivery; the first one does."""
    await take(spool, clock, (identified(result("T", 1), 1),))
    await take(spool, clock, (identified(result("T", 1), 1),))
    first, repeat = await traces(spool, "SN1")
    assert (first.became, repeat.became, repeat.batch) == ("delivery", "duplicate", 2)
    assert first.identity == repeat.identity == UUID(int=1).bytes
    assert repeat.due_us is None


async def test_named_telemetry_is_traced_to_what_it_was_folded_into(spool: Spool, clock: SetClock) -> None:
    """It is delivered when a version is that has it in it, and not before."""
    await take(spool, clock, (identified(counts("A", 1, added=1), 1),), message_id="one")
    (delivery,) = await lease_latest(spool)
    await take(spool, clock, (identified(counts("A", 2, added=1), 2),), message_id="two")
    await spool.settle([Done(delivery)])
    (one,), (two,) = await traces(spool, "one"), await traces(spool, "two")
    assert (one.became, one.kind, one.subject, one.settled) == ("folded", "asset_counts", "A", "delivered")
    assert one.settled_at_us == clock.now_us
    assert two.settled == ""
    (delivery,) = await lease_latest(spool)
    await spool.settle([Refused(delivery, Rejection("no such asset"))])
    (two,) = await traces(spool, "two")
    assert (two.settled, two.reason) == ("quarantined", "no such asset")


@pytest.mark.parametrize(
    "outcome",
    [
        AssetUpdate("A", START_US, 5, None, "", None, {}, untimed=False),
        says(counts("A", 5)),
        (identified(utilization("A"), 1),),
        says(MeasurementsReported(id=UUID(int=2), device="A", serial_number="SN1", heard_us=0, at_us=0)),
        (identified(counts("A", 5, added=1), 1),),
        (),
        REFUSED,
    ],
)
async def test_what_nobody_could_ask_for_leaves_no_trace(spool: Spool, clock: SetClock, outcome: Outcome) -> None:
    """Telemetry and samples, increments that name a number alone, what says nothing, and what the quarantine has."""
    named = "" if isinstance(outcome, tuple) else "m1"
    await take(spool, clock, outcome, message_id=named)
    assert not [*await traces(spool, "A"), *await traces(spool, "SN1"), *await traces(spool, "m1")]


async def test_a_refused_message_is_traced_when_it_leaves_the_quarantine(spool: Spool, clock: SetClock) -> None:
    """Released into which batch; its new way is another trace, of the same arrival."""
    await take(spool, clock, REFUSED)
    batch = await spool.release([Release(1)])
    assert batch is not None
    await spool.route(batch, [says(result("T", 1))])
    first, second = await traces(spool, "SN1")
    assert (first.became, first.reason, first.left, first.left_batch) == ("refused", "no such field", "released", 2)
    assert first.left_at_us == clock.now_us
    assert (second.became, second.batch) == ("delivery", 2)
    assert first.received_at_us == second.received_at_us == START_US


async def test_a_refused_delivery_is_traced_through_the_quarantine(spool: Spool, clock: SetClock) -> None:
    """Refused with the reason, then thrown away; another one of the same topic stays."""
    await take(spool, clock, says(result("T", 1)), says(result("T", 2)))
    for _ in range(2):
        (delivery,) = await lease(spool)
        await spool.settle([Refused(delivery, Rejection("unknown part"))])
    (trace,) = await traces(spool, "SN1")
    assert (trace.settled, trace.reason, trace.left) == ("quarantined", "unknown part", "")
    clock.now_us += SECOND_US
    assert await spool.discard([1]) == 1
    (first,), (second,) = await traces(spool, "SN1"), await traces(spool, "SN2")
    assert (first.left, first.left_at_us) == ("discarded", clock.now_us)
    assert second.left == ""


async def test_what_else_a_message_said_stays_in_the_quarantine(spool: Spool, clock: SetClock) -> None:
    """A unit that left is one thing, and what that means for its tester another; each is thrown away for itself."""
    left = UnitAtTester(device="U", serial_number="SN1", action="exited", at_us=START_US)
    await take(spool, clock, (identified(result("T", 1), 1), identified(left, 2)))
    await spool.settle([Refused(delivery, Rejection("unknown part")) for delivery in await lease(spool)])
    rows = {row.kind: row.id for row in await spool.quarantined(10)}
    assert await spool.discard([rows["unit_at_tester"]]) == 1
    assert [trace.left for trace in await traces(spool, "SN1")] == [""]
    assert await spool.discard([rows["test_result"]]) == 1
    assert [trace.left for trace in await traces(spool, "SN1")] == ["discarded"]


async def export(spool: Spool, name: str, *, waiting: bool = False) -> None:
    """Hand over all of the quarantine, and what waits where asked for."""
    await spool.open_export(name, waiting=waiting)
    kept = await spool.kept([row.id for row in await spool.quarantined(100)])
    await spool.take_out(
        name, [RefusedRow(row.id, row.device, row.reason, row.path, row.kind, row.message) for row in kept]
    )
    while rows := await spool.exportable(name, 100):
        await spool.take_out(name, rows)
    await spool.mark_export(name, ExportState.SEALED)


async def revoke(spool: Spool, name: str) -> None:
    """Take an export back."""
    await spool.mark_export(name, ExportState.REVOKING)
    while await spool.unwind(name, 1):
        pass


async def test_what_is_exported_of_the_quarantine_is_traced_until_it_is_revoked(spool: Spool, clock: SetClock) -> None:
    """Refused as a message or as a delivery: with the export's number; revoked, as if it had never left."""
    await take(spool, clock, says(result("T", 1)))
    (delivery,) = await lease(spool)
    await spool.settle([Refused(delivery, Rejection("unknown part"))])
    before = await traces(spool, "m1")
    await export(spool, "before")
    await take(spool, clock, REFUSED, message_id="m2")
    await export(spool, "e")
    (first,), (second,) = await traces(spool, "m1"), await traces(spool, "m2")
    assert (first.became, first.left, first.left_batch) == ("delivery", "exported", 1)
    assert (second.became, second.reason, second.left, second.left_batch) == ("refused", "no such field", "exported", 2)
    assert second.left_at_us == clock.now_us
    await revoke(spool, "before")
    assert await traces(spool, "m1") == before
    assert [trace.left for trace in await traces(spool, "m2")] == ["exported"]
    await revoke(spool, "e")
    assert await traces(spool, "m2") == []
    await spool.discard([row.id for row in await spool.quarantined(10)])
    assert [trace.left for trace in await traces(spool, "SN1")] == ["discarded", "discarded"]


async def test_what_is_exported_of_what_waits_is_traced_until_it_is_revoked(spool: Spool, clock: SetClock) -> None:
    """A result, and what was folded; what is folded later is delivered, and what left is not."""
    await take(spool, clock, says(result("T", 1)))
    await take(spool, clock, (identified(counts("A", 1, added=1), 1),), message_id="one")
    before = [*await traces(spool, "m1"), *await traces(spool, "one")]
    await export(spool, "e", waiting=True)
    exported_us = clock.now_us
    await take(spool, clock, (identified(counts("A", 2, added=1), 2),), message_id="two")
    await spool.settle([Done(delivery) for delivery in await lease_latest(spool)])
    after = [*await traces(spool, "m1"), *await traces(spool, "one")]
    assert [(trace.settled, trace.settled_at_us, trace.left_batch) for trace in after] == [
        ("exported", exported_us, 1)
    ] * 2
    assert [trace.settled for trace in await traces(spool, "two")] == ["delivered"]
    await revoke(spool, "e")
    assert [*await traces(spool, "m1"), *await traces(spool, "one")] == before
    await spool.settle([Done(delivery) for delivery in [*await lease(spool), *await lease_latest(spool)]])
    assert [trace.settled for trace in (*await traces(spool, "m1"), *await traces(spool, "one"))] == ["delivered"] * 2


async def test_what_is_left_here_of_a_latest_delivery_waits(spool: Spool, clock: SetClock) -> None:
    """None of it leaves, or a part: which message is in that part is not known."""
    await take(spool, clock, (identified(counts("A", 1, added=1), 1),), message_id="one")
    await take(spool, clock, (identified(counts("B", 1, added=1), 2),), message_id="two")
    await spool.open_export("e", waiting=True)
    first, second = await spool.exportable("e", 10)
    assert isinstance(first, LatestRow)
    assert isinstance(second, LatestRow)
    await spool.take_out("e", [replace(first, event=b""), replace(second, settles=False)])
    await spool.mark_export("e", ExportState.SEALED)
    assert [trace.settled for trace in (*await traces(spool, "one"), *await traces(spool, "two"))] == ["", ""]
    await spool.settle([Done(delivery) for delivery in await lease_latest(spool)])
    assert [trace.settled for trace in (*await traces(spool, "one"), *await traces(spool, "two"))] == ["delivered"] * 2


async def test_what_is_imported_is_traced_with_where_it_came_from(spool: Spool) -> None:
    """A delivery that waits and one that was refused, to their ends; imported again, it has no second trace."""
    arrived = RawMessage("far/T/results", b'{"message_id": "m1"}', START_US - 9, 2, packet_id=5)
    owed = OwedRow(70, "T", "test_result", 1, encode(result("T", 1)), arrived, identified(result("T", 1), 1).identity)
    late = replace(arrived, received_at_us=START_US - 8, packet_id=0)
    refused = RefusedRow(3, "T", "unknown part", "", "test_result", late)
    await spool.take_in("abc", 0, [owed], bridge="far")
    await spool.take_in("abc", 0, [owed, refused], bridge="far")
    waits = Trace(
        id=1,
        subject="SN1",
        message_id="m1",
        report_id="00000000-0000-0000-0000-000000000001",
        identity=UUID(int=1).bytes,
        topic="far/T/results",
        received_at_us=START_US - 9,
        qos=2,
        retain=False,
        stored_at_us=START_US,
        read_at_us=START_US,
        kind="test_result",
        origin="far, export abc",
        due_us=0,
    )
    assert await traces(spool, "SN1") == [waits]
    (held,) = await traces(spool, "T")
    assert (held.settled, held.reason, held.origin) == ("quarantined", "unknown part", "far, export abc")
    await spool.discard([1])
    assert [trace.left for trace in await traces(spool, "m1")] == ["", "discarded"]
    (delivery,) = await lease(spool)
    await spool.settle([Done(delivery)])
    assert [trace.settled for trace in await traces(spool, "SN1")] == ["delivered"]


async def test_of_what_is_imported_telemetry_and_refused_messages_leave_no_trace(spool: Spool) -> None:
    """As where it came from; the quarantine has the messages."""
    arrived = RawMessage("t", b'{"serial_number": "SN1"}', START_US, 1)
    samples = MeasurementsReported(id=UUID(int=2), device="A", serial_number="SN1", heard_us=0, at_us=0)
    owed = OwedRow(70, "A", "measurements_reported", 1, encode(samples), arrived)
    await spool.take_in("e", 0, [owed, RefusedRow(3, "A", "no", "", "message", arrived)])
    assert not [*await traces(spool, "A"), *await traces(spool, "SN1")]


async def test_the_newest_ones_are_given_oldest_first(spool: Spool, clock: SetClock) -> None:
    """As many as asked for."""
    for number in range(4):
        await take(spool, clock, says(result(f"T{number}", 1)))
    assert [trace.batch for trace in await spool.traces("SN1", 2)] == [3, 4]


async def test_a_long_name_is_cut_alike(spool: Spool, clock: SetClock) -> None:
    """What a device sends as its id has no end: 200 characters of it are kept."""
    events: tuple[Event, ...] = (result("T", 1),)
    await take(spool, clock, says(*events), message_id="x" * 5_000)
    assert [trace.subject for trace in await traces(spool, "x" * 200)] == ["SN1"]
