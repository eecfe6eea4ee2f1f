"""What `ports.Spool` promises, on every spool there is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.events import AssetAlert, AssetCounts, AssetHistory
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Delivery, Done, Receipt, Refused, Rejection, RetryAt, Spool, Staleness
from pywats_mqtt.spool import SpoolReader, SqliteSpool
from tests.contract.spool_parts import (
    ALWAYS_US,
    START_US,
    SetClock,
    counts,
    identified,
    lease,
    lease_latest,
    message,
    messages,
    open_spool,
    put,
    result,
    samples,
    says,
    serials,
    state,
    take_in,
)

LATER_US = START_US + 1_000_000


# --- storing ----------------------------------------------------------------------------------------------------------


async def test_batches_are_numbered_from_one_and_read_back_until_they_are_routed(spool: Spool) -> None:
    """`put` gives what it stored; `unrouted` gives the same, from a number on, so many at a time."""
    stored = [await put(spool, 2) for _ in range(3)]
    assert [batch.number for batch in stored] == [1, 2, 3]
    assert stored[0].messages == messages(2)
    assert list(await spool.unrouted(0, 2)) == stored[:2]
    assert list(await spool.unrouted(2, 10)) == stored[2:]
    await spool.route(stored[0], [(), ()])
    assert list(await spool.unrouted(0, 10)) == stored[1:]


async def test_a_message_keeps_all_it_came_with(spool: Spool) -> None:
    """Bytes that are no text, properties and flags come back as they were."""
    raw = RawMessage("t", b"\x00\xff", 5, 2, retain=True, packet_id=9, content_type="x/y", user_properties=(("a", ""),))
    await spool.put(Receipt((raw,)))
    (batch,) = await spool.unrouted(0, 1)
    assert batch.messages == (raw,)


async def test_batches_are_routed_once_and_in_their_order(spool: Spool) -> None:
    """Routing one before its turn, or again, is refused and changes nothing."""
    first, second = await put(spool, 1), await put(spool, 1)
    with pytest.raises(ValueError, match="batch 2 cannot be routed: the next is 1"):
        await spool.route(second, [says(result("A"))])
    await spool.route(first, [says(result("A", 1))])
    with pytest.raises(ValueError, match="batch 1 cannot be routed: the next is 2"):
        await spool.route(first, [says(result("A", 2))])
    assert serials(await lease(spool)) == ["SN1"]


async def test_each_message_needs_its_outcome(spool: Spool) -> None:
    """With fewer outcomes than messages nothing is routed."""
    batch = await put(spool, 2)
    with pytest.raises(ValueError, match="shorter"):
        await spool.route(batch, [says(result("A"))])
    assert list(await spool.unrouted(0, 10)) == [batch]
    assert (await spool.figures()).waiting == 2


async def test_calls_that_run_at_once_do_not_disturb_each_other(spool: Spool) -> None:
    """Puts and routes that share transactions: each message becomes its one delivery, one bad call spoils none."""
    first = await put(spool, 1)
    answers = await asyncio.gather(
        spool.route(first, [says(result("A", 0))]),
        spool.route(first, [says(result("A", 1))]),
        *(spool.put(Receipt((message(number),))) for number in range(20)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [ValueError]
    batches = await spool.unrouted(0, 100)
    assert [batch.number for batch in batches] == list(range(2, 22))
    assert serials(await lease(spool)) == ["SN0"]
    assert (await spool.figures()).stored == 21


# --- QoS 2 ------------------------------------------------------------------------------------------------------------


async def test_a_qos_2_message_is_stored_once_until_it_is_released(spool: Spool) -> None:
    """The same packet id again, in the same receipt or a later one, stores nothing; after PUBREL it is another."""
    first = await spool.put(Receipt((message(1, packet_id=7), message(1, packet_id=7), message(2))))
    assert first is not None
    assert first.messages == (message(1, packet_id=7), message(2))
    assert await spool.put(Receipt((message(1, packet_id=7),))) is None
    again = await spool.put(Receipt((message(3, packet_id=7),), released=(7,)))
    assert again is not None
    assert again.number == 2
    figures = await spool.figures()
    assert (figures.received, figures.stored) == (5, 3)


async def test_a_release_alone_forgets_the_packet_id(spool: Spool) -> None:
    """PUBREL without a message is a receipt too; that of an id nobody knows changes nothing."""
    await spool.put(Receipt((message(1, packet_id=7), message(2, packet_id=8))))
    assert await spool.put(Receipt((), released=(7, 99))) is None
    batch = await spool.put(Receipt((message(3, packet_id=7), message(4, packet_id=8))))
    assert batch is not None
    assert batch.messages == (message(3, packet_id=7),)


async def test_a_new_session_makes_all_packet_ids_void(spool: Spool) -> None:
    """After the broker lost the session, an id means another message."""
    await spool.put(Receipt((message(1, packet_id=7),)))
    batch = await spool.put(Receipt((message(2, packet_id=7),), fresh_session=True))
    assert batch is not None
    assert await spool.put(Receipt((message(2, packet_id=7),))) is None


# --- ordered deliveries -----------------------------------------------------------------------------------------------


async def test_each_key_leases_its_oldest_only_and_the_oldest_come_first(spool: Spool) -> None:
    """Two devices, three results: one a device is leased; the third is, when its predecessor is done."""
    await take_in(spool, [says(result("A", 1)), says(result("A", 2)), says(result("B", 3))])
    leased = await lease(spool)
    assert serials(leased) == ["SN1", "SN3"]
    assert await lease(spool) == []
    await spool.settle([Done(leased[0])])
    assert serials(await lease(spool)) == ["SN2"]


async def test_a_lease_is_no_longer_than_asked_for(spool: Spool) -> None:
    """The limit holds, and what was not leased is leased next."""
    await take_in(spool, [says(result(f"D{number}", number)) for number in range(5)])
    assert serials(await lease(spool, 2)) == ["SN0", "SN1"]
    assert serials(await lease(spool, 0)) == []
    assert serials(await lease(spool, 9)) == ["SN2", "SN3", "SN4"]


async def test_a_delivery_carries_what_it_is(spool: Spool) -> None:
    """Key, kind, event and a message's count come with the lease; ids grow."""
    await take_in(spool, [says(result("A", 1)), says(result("B", 2))])
    first, second = await lease(spool)
    assert (first.key, first.kind, first.event) == ("A", "test_result", result("A", 1))
    assert (first.attempts, first.messages, first.version) == (0, 1, 0)
    assert second.id > first.id


async def test_a_retry_keeps_its_place_in_the_line(spool: Spool) -> None:
    """What is put off holds up its own key until it is due, and no other; then it goes before the rest of its key."""
    await take_in(spool, [says(result("A", 1)), says(result("A", 2)), says(result("B", 3)), says(result("B", 4))])
    first, other = await lease(spool)
    await spool.settle([RetryAt(first, LATER_US, "503", uses_attempt=False), Done(other)])
    assert serials(await lease(spool, now_us=LATER_US - 1)) == ["SN4"]
    assert await spool.next_due_us() == LATER_US
    (again,) = await lease(spool, now_us=LATER_US)
    assert serials([again]) == ["SN1"]
    assert again.attempts == 0
    await spool.settle([RetryAt(again, 0, "500", uses_attempt=True)])
    (third,) = await lease(spool, now_us=LATER_US)
    assert (serials([third]), third.attempts) == (["SN1"], 1)
    assert (await spool.figures()).retried == 2


async def test_nothing_is_due_where_nothing_waits_for_its_time(spool: Spool) -> None:
    """`next_due_us` is None for an empty spool, for what can be leased now, and for what is leased."""
    assert await spool.next_due_us() is None
    await take_in(spool, [says(result("A", 1)), says(counts("X", 1))])
    leased = [*await lease(spool), *await lease_latest(spool)]
    assert await spool.next_due_us() is None
    await spool.settle(
        [RetryAt(delivery, LATER_US + delivery.version, "500", uses_attempt=True) for delivery in leased]
    )
    assert await spool.next_due_us() == LATER_US
    await lease(spool, now_us=LATER_US)
    assert await spool.next_due_us() == LATER_US + 1


async def test_kinds_that_are_paused_are_not_leased(spool: Spool) -> None:
    """A kind in `skip_kinds` stays where it is; later it is leased in its order."""
    await take_in(spool, [says(result("A", 1)), says(result("A", 2)), says(counts("X", 1)), says(state("X", "idle"))])
    assert list(await spool.lease(9, START_US, skip_kinds=frozenset({"test_result"}))) == []
    latest = await spool.lease_latest(9, START_US, settled_before_us=ALWAYS_US, skip_kinds=frozenset({"asset_state"}))
    assert [delivery.kind for delivery in latest] == ["asset_counts"]
    assert serials(await lease(spool)) == ["SN1"]


async def test_kinds_of_which_enough_is_leased_do_not_hide_others(spool: Spool) -> None:
    """What lies behind a long backlog of a kind in `busy_kinds` is leased, unless it is of the same line."""
    backlog = [says(result(f"A{number % 300}", number)) for number in range(2_500)]
    alert = AssetAlert(asset="X", code="E1", severity="warning")
    behind = msgspec.structs.replace(alert, asset="A1")
    await take_in(spool, [*backlog, says(behind), says(alert)])
    leased = list[Delivery]()
    for _ in range(9):  # a lease reads a part of what is stored
        leased += await spool.lease(9, START_US, busy_kinds=frozenset({"test_result"}))
    assert [delivery.event for delivery in leased] == [alert]
    await spool.give_back(leased)
    assert serials(await spool.lease(2, START_US)) == ["SN0", "SN1"]


async def test_a_refused_delivery_goes_to_quarantine_and_its_line_goes_on(spool: Spool) -> None:
    """Its row holds the reason, the topic it came on and the device's bytes; its kind tells it from a message."""
    await take_in(spool, [says(result("A", 1)), says(result("A", 2))])
    (first,) = await lease(spool)
    await spool.settle([Refused(first, Rejection("unknown operation code 7", "$.code"))])
    (row,) = await spool.quarantined(10)
    assert (row.kind, row.topic, row.device) == ("test_result", "testers/T0/results", "A")
    assert (row.reason, row.path, row.received_at_us) == ("unknown operation code 7", "$.code", START_US)
    assert row.payload == b"payload 0"
    assert serials(await lease(spool)) == ["SN2"]


async def test_each_refused_delivery_of_a_message_holds_its_bytes(spool: Spool) -> None:
    """Two results in one message, both refused, after a retry: each row has the whole payload, text or not."""
    raw = RawMessage("t", b"\x00\xff{", START_US, 1)
    batch = await spool.put(Receipt((raw,)))
    assert batch is not None
    await spool.route(batch, [says(result("A", 1), result("B", 2))])
    await spool.settle([RetryAt(delivery, 0, "500", uses_attempt=True) for delivery in await lease(spool)])
    await spool.settle([Refused(delivery, Rejection("no")) for delivery in await lease(spool)])
    rows = await spool.quarantined(10)
    assert [(row.device, row.topic, row.payload) for row in rows] == [("A", "t", raw.payload), ("B", "t", raw.payload)]


async def test_quarantine_keeps_the_order_of_what_was_refused(spool: Spool) -> None:
    """Ordered and latest deliveries refused in one call stand in the order of the call."""
    await take_in(spool, [says(result("A", 1)), says(counts("X", 1)), says(result("B", 2))])
    first, second = await lease(spool)
    (latest,) = await lease_latest(spool)
    await spool.settle([Refused(delivery, Rejection("no")) for delivery in (latest, second, first)])
    assert [row.device for row in await spool.quarantined(10)] == ["X", "B", "A"]


async def test_only_what_is_leased_can_be_settled_and_only_once(spool: Spool) -> None:
    """A second settlement of the same lease, also in one call, settles nothing."""
    await take_in(spool, [says(result("A", 1)), says(result("B", 2)), says(counts("X", 1))])
    first, second = await lease(spool)
    (latest,) = await lease_latest(spool)
    with pytest.raises(ValueError, match="settle it once"):
        await spool.settle([Done(second), Done(first), Done(first)])
    with pytest.raises(ValueError, match="settle it once"):
        await spool.settle([Done(latest), RetryAt(latest, 0, "500", uses_attempt=True)])
    await spool.settle([Done(first), Done(second), Done(latest)])
    for delivery in (first, latest):
        with pytest.raises(ValueError, match="settle it once"):
            await spool.settle([Done(delivery)])
    assert (await spool.figures()).delivered == 3


async def test_a_settlement_that_never_was_leased_is_refused(spool: Spool) -> None:
    """It takes a lease to settle a delivery that waits."""
    await take_in(spool, [says(result("A", 1)), says(result("A", 2))])
    (first,) = await lease(spool)
    with pytest.raises(ValueError, match="lease it first"):
        await spool.settle([Done(msgspec.structs.replace(first, id=first.id + 1))])


# --- latest deliveries ------------------------------------------------------------------------------------------------


async def test_latest_events_are_folded_by_asset_and_kind(spool: Spool) -> None:
    """Any number of messages makes one delivery, which carries their count; within and across batches."""
    await take_in(spool, [says(counts("X", 1)), says(counts("Y", 7)), says(counts("X", 2)), says(state("X", "idle"))])
    routed = await take_in(spool, [says(counts("X", 3))])
    assert (routed.folded, routed.ordered) == (1, 0)
    leased = {(delivery.key, delivery.kind): delivery for delivery in await lease_latest(spool)}
    assert {pair: delivery.messages for pair, delivery in leased.items()} == {
        ("X", "asset_counts"): 3,
        ("Y", "asset_counts"): 1,
        ("X", "asset_state"): 1,
    }
    assert leased["X", "asset_counts"].event == counts("X", 3)
    assert await lease_latest(spool) == []
    await spool.settle([Done(delivery) for delivery in leased.values()])
    assert await lease_latest(spool) == []
    assert (await spool.figures()).delivered == 5


async def test_increments_add_up_over_what_is_settled(spool: Spool) -> None:
    """`added` is the sum of all increments ever: settling does not begin it anew."""
    await take_in(spool, [says(counts("X", 1, added=2)), says(counts("X", 1, added=3))])
    await spool.settle([Done(delivery) for delivery in await lease_latest(spool)])
    await take_in(spool, [says(counts("X", 1, added=4))])
    (leased,) = await lease_latest(spool)
    assert isinstance(leased.event, AssetCounts)
    assert (leased.event.added, leased.messages) == (9, 1)


async def test_what_is_folded_during_a_lease_stays_owed(spool: Spool) -> None:
    """Done settles the leased version; the newer one is leased next, with its own messages."""
    await take_in(spool, [says(counts("X", 1)), says(counts("X", 2))])
    (old,) = await lease_latest(spool)
    await take_in(spool, [says(counts("X", 3))])
    assert await lease_latest(spool) == []
    await spool.settle([Done(old)])
    assert ((await spool.figures()).delivered, (await spool.figures()).waiting) == (2, 1)
    (new,) = await lease_latest(spool)
    assert (new.event, new.messages) == (counts("X", 3), 1)
    assert new.version > old.version


async def test_an_asset_that_was_settled_recently_waits_for_its_interval(spool: Spool, clock: SetClock) -> None:
    """What changed is leased only if it was settled before the given time; what never was settled, at once."""
    await take_in(spool, [says(counts("X", 1))])
    (leased,) = await lease_latest(spool, settled_before_us=0)
    clock.now_us = LATER_US
    await spool.settle([Done(leased)])
    await take_in(spool, [says(counts("X", 2))])
    assert await lease_latest(spool, now_us=LATER_US, settled_before_us=LATER_US) == []
    assert len(await lease_latest(spool, now_us=LATER_US, settled_before_us=LATER_US + 1)) == 1


async def test_the_longest_owed_assets_come_first(spool: Spool, clock: SetClock) -> None:
    """An asset that is settled and changes again goes behind those that wait; a newer value keeps a place."""
    await take_in(spool, [says(counts("X", 1)), says(counts("Y", 1)), says(counts("Z", 1))])
    (first,) = await lease_latest(spool, 1)
    clock.now_us = LATER_US
    await spool.settle([Done(first)])
    await take_in(spool, [says(counts("X", 2)), says(counts("Y", 2))])
    assert [delivery.key for delivery in await lease_latest(spool)] == ["Y", "Z", "X"]


async def test_staleness_tells_how_long_something_newer_is_owed(spool: Spool, clock: SetClock, tmp_path: Path) -> None:
    """Of each kind: how many assets, for how long, and the longest; a second process reads the same from the file."""
    await take_in(spool, [says(counts(f"X{number}", 1)) for number in range(20)])
    clock.now_us = LATER_US
    await take_in(spool, [says(counts("X0", 2), state("X0", "idle"))])
    found = await spool.staleness(LATER_US + 9_000_000)

    assert found["asset_counts"] == Staleness(owed=20, p50_s=10.0, p95_s=10.0, max_s=10.0, longest="X9")
    assert found["asset_state"] == Staleness(owed=1, p50_s=9.0, p95_s=9.0, max_s=9.0, longest="X0")
    if isinstance(spool, SqliteSpool):
        with SpoolReader(tmp_path / "spool.db") as reader:
            assert reader.staleness(LATER_US + 9_000_000) == found

    leased = await lease_latest(spool, 19, now_us=LATER_US)
    await take_in(spool, [says(counts("X0", 3))])
    clock.now_us = LATER_US + 5_000_000
    await spool.settle([Done(delivery) for delivery in leased])
    found = await spool.staleness(LATER_US + 6_000_000)

    # X0 is owed as from its lease, X19 was not leased; the states and the other counts are in WATS, or still owed.
    assert found["asset_counts"] == Staleness(owed=2, p50_s=6.0, p95_s=7.0, max_s=7.0, longest="X19")
    assert await spool.staleness(START_US - 1) == {
        kind: Staleness(owed=old.owed, p50_s=0.0, p95_s=0.0, max_s=0.0, longest=old.longest)
        for kind, old in found.items()
    }


async def test_a_latest_delivery_that_is_put_off_waits_and_counts_its_attempts(spool: Spool) -> None:
    """A newer value does not cut the wait short; success begins the attempts anew."""
    await take_in(spool, [says(counts("X", 1))])
    (leased,) = await lease_latest(spool)
    await spool.settle([RetryAt(leased, LATER_US, "500", uses_attempt=True)])
    await take_in(spool, [says(counts("X", 2))])
    assert await lease_latest(spool, now_us=LATER_US - 1) == []
    (again,) = await lease_latest(spool, now_us=LATER_US)
    assert (again.attempts, again.messages, again.event) == (1, 2, counts("X", 2))
    await spool.settle([Done(again)])
    await take_in(spool, [says(counts("X", 3))])
    (third,) = await lease_latest(spool, now_us=LATER_US)
    assert third.attempts == 0


async def test_a_refused_latest_delivery_is_kept_aside_and_later_values_try_again(spool: Spool) -> None:
    """The row holds the fold as JSON, for many messages made it; all of them count as refused; the next is owed."""
    await take_in(spool, [says(counts("X", 1)), says(counts("X", 2))])
    (leased,) = await lease_latest(spool)
    await spool.settle([Refused(leased, Rejection("WATS refuses the serial number"))])
    (row,) = await spool.quarantined(10)
    assert (row.kind, row.device, row.topic) == ("asset_counts", "X", "testers/T1/results")
    assert msgspec.json.decode(row.payload) == {"type": "asset_counts", "asset": "X", "total": 2, "as_of_us": START_US}
    figures = await spool.figures()
    assert (figures.waiting, figures.delivered, figures.quarantined) == (0, 0, 1)
    assert await lease_latest(spool) == []
    await take_in(spool, [says(counts("X", 3))])
    assert len(await lease_latest(spool)) == 1


async def test_a_clock_that_is_put_back_holds_up_no_asset(spool: Spool, clock: SetClock) -> None:
    """Settled "tomorrow" is no reason to wait; settled a moment after now was read, by another task, still is."""
    await take_in(spool, [says(counts("X", 1))])
    (leased,) = await lease_latest(spool)
    await spool.settle([Done(leased)])
    await take_in(spool, [says(counts("X", 2))])
    assert await lease_latest(spool, now_us=START_US - 5, settled_before_us=START_US - 1_005) == []
    now_us = clock.now_us = START_US - 86_400_000_000
    assert len(await lease_latest(spool, now_us=now_us, settled_before_us=now_us - 1_000)) == 1


@pytest.mark.parametrize("asked_between", [False, True])
async def test_a_retry_waits_its_time_after_the_clock_was_put_back(spool: Spool, *, asked_between: bool) -> None:
    """It is leased when it is due and not before, ordered or latest, and `next_due_us` tells when."""
    await take_in(spool, [says(result("A", 1)), says(counts("X", 1))])
    (first,), (latest,) = await lease(spool), await lease_latest(spool)
    back_us = START_US - 86_400_000_000
    if asked_between:
        assert await lease(spool, now_us=back_us) == []
        assert await lease_latest(spool, now_us=back_us) == []
    await spool.settle([RetryAt(first, back_us + 60, "500", uses_attempt=False)])
    await spool.settle([RetryAt(latest, back_us + 50, "500", uses_attempt=False)])
    assert await lease(spool, now_us=back_us) == []
    assert await lease_latest(spool, now_us=back_us) == []
    assert await spool.next_due_us() == back_us + 50
    assert len(await lease_latest(spool, now_us=back_us + 50)) == 1
    assert len(await lease(spool, now_us=back_us + 60)) == 1


@pytest.mark.parametrize("back_s", [2, 86_400])
async def test_what_was_put_off_waits_for_no_time_of_a_clock_that_was_put_back_since(spool: Spool, back_s: int) -> None:
    """It is owed at once: an hour of the old clock may be a day away."""
    await take_in(spool, [says(result("A", 1)), says(counts("X", 1))])
    (first,), (latest,) = await lease(spool), await lease_latest(spool)
    due_us = START_US + 1_000_000
    await spool.settle([RetryAt(one, due_us, "500", uses_attempt=False) for one in (first, latest)])
    assert await lease(spool) == await lease_latest(spool) == []
    back_us = START_US - back_s * 1_000_000
    assert len(await lease(spool, now_us=back_us)) == len(await lease_latest(spool, now_us=back_us)) == 1


async def test_what_is_due_too_far_ahead_was_put_off_by_a_wrong_clock(spool: Spool) -> None:
    """A day it waits, a second more is no wait of ours: so it is where the clock was put back meanwhile."""
    await take_in(spool, [says(result(name, 1)) for name in "AB"])
    first, second = await lease(spool)
    longest_us = START_US + 86_400_000_000
    await spool.settle([RetryAt(first, longest_us, "500", uses_attempt=False)])
    await spool.settle([RetryAt(second, longest_us + 1_000_000, "500", uses_attempt=False)])
    assert [delivery.key for delivery in await lease(spool)] == [second.key]


# --- identity ---------------------------------------------------------------------------------------------------------


async def test_a_known_event_is_dropped(spool: Spool) -> None:
    """The same id and digest again, in the same batch or a later one: one delivery, and a duplicate counted."""
    known = (identified(result("A", 1), 1),)
    first = await take_in(spool, [known, known])
    second = await take_in(spool, [known, (identified(result("A", 2), 2),)])
    assert [(routed.ordered, routed.duplicates) for routed in (first, second)] == [(1, 1), (1, 1)]
    (leased,) = await lease(spool)
    await spool.settle([Done(leased)])
    assert serials(await lease(spool)) == ["SN2"]
    figures = await spool.figures()
    assert (figures.duplicates, figures.delivered, figures.waiting) == (2, 1, 1)


async def test_an_increment_that_comes_again_is_not_added_again(spool: Spool) -> None:
    """Identity holds for folded events too; what the repeated message says beside it is dropped with it."""
    outcome = (identified(counts("X", 1, added=5), 1), *says(state("X", "idle")))
    await take_in(spool, [outcome])
    routed = await take_in(spool, [outcome])
    assert (routed.duplicates, routed.folded) == (1, 0)
    leased = {delivery.kind: delivery for delivery in await lease_latest(spool)}
    assert leased["asset_counts"].event == counts("X", 1, added=5)
    assert leased["asset_state"].version == 1


async def test_a_message_with_one_new_event_is_no_duplicate(spool: Spool) -> None:
    """Its known event is dropped, its new one and those without identity are taken."""
    await take_in(spool, [(identified(counts("X", 1, added=5), 1),)])
    outcome = (identified(counts("X", 1, added=5), 1), identified(counts("Y", 1), 2), *says(state("X", "idle")))
    routed = await take_in(spool, [outcome])
    assert (routed.duplicates, routed.folded) == (0, 2)
    assert (await spool.figures()).waiting == 2


async def test_an_id_with_another_content_is_a_conflict(spool: Spool) -> None:
    """The whole message goes to quarantine with its bytes and the id; its other events are not taken nor remembered."""
    await take_in(spool, [(identified(result("A", 1), 1, b"one"),)])
    other = (identified(result("A", 2), 2), identified(result("A", 1), 1, b"two"))
    routed = await take_in(spool, [other, (identified(result("B", 3), 3),)])
    assert (routed.quarantined, routed.ordered) == (1, 1)
    (row,) = await spool.quarantined(10)
    assert row.reason.startswith("identity conflict: id 00000000-0000-0000-0000-000000000001 ")
    assert (row.kind, row.device, row.payload) == ("message", "A", b"payload 0")
    assert (await take_in(spool, [(identified(result("A", 2), 2),)])).duplicates == 0
    figures = await spool.figures()
    assert (figures.conflicts, figures.duplicates, figures.quarantined) == (1, 0, 1)


# --- quarantine, counts, notes ----------------------------------------------------------------------------------------


async def test_a_rejected_message_is_kept_with_its_reason(spool: Spool) -> None:
    """Bytes, topic, time, reason and path are there; rows are read in order, from an id on."""
    rejections = [Rejection(f"reason {number}", f"$.{number}", device=f"T{number}") for number in range(3)]
    routed = await take_in(spool, rejections)
    assert routed.quarantined == 3
    rows = await spool.quarantined(2)
    assert [row.id for row in rows] == [1, 2]
    assert (rows[1].topic, rows[1].device, rows[1].reason) == ("testers/T1/results", "T1", "reason 1")
    assert (rows[1].path, rows[1].received_at_us) == ("$.1", START_US + 1)
    assert (rows[1].payload, rows[1].kind) == (b"payload 1", "message")
    assert [row.id for row in await spool.quarantined(9, 2)] == [3]


async def test_a_message_with_several_events_counts_once(spool: Spool) -> None:
    """Its count rides on its last event's delivery."""
    await take_in(spool, [says(result("A", 1), counts("X", 1), state("X", "idle"))])
    (ordered,) = await lease(spool)
    latest = {delivery.kind: delivery for delivery in await lease_latest(spool)}
    assert (ordered.messages, latest["asset_counts"].messages, latest["asset_state"].messages) == (0, 0, 1)
    await spool.settle([Done(ordered), Done(latest["asset_counts"])])
    assert ((await spool.figures()).delivered, (await spool.figures()).waiting) == (0, 1)
    await spool.settle([Done(latest["asset_state"])])
    assert ((await spool.figures()).delivered, (await spool.figures()).waiting) == (1, 0)


async def test_a_message_that_says_nothing_is_ignored(spool: Spool) -> None:
    """It is counted, and nothing waits for it."""
    routed = await take_in(spool, [(), says(result("A", 1))])
    assert (routed.ignored, routed.ordered) == (1, 1)
    figures = await spool.figures()
    assert (figures.ignored, figures.waiting) == (1, 1)


async def test_acknowledgements_are_counted(spool: Spool) -> None:
    """What is tallied shows at once, before and after the next transaction."""
    spool.tally_acknowledged(3)
    assert (await spool.figures()).acknowledged == 3
    await put(spool, 1)
    spool.tally_acknowledged(1)
    assert (await spool.figures()).acknowledged == 4


async def test_notes_are_found_by_what_their_names_begin_with(spool: Spool) -> None:
    """In its case, whatever characters it has; and no others."""
    for name in ("station/B", "station/A", "station", "Station/C", "station%D", "other/station/E"):
        await spool.set_note(name, name.encode())
    assert await spool.notes("station/") == {"station/A": b"station/A", "station/B": b"station/B"}
    assert await spool.notes("station%") == {"station%D": b"station%D"}
    assert await spool.notes("x") == {}


async def test_notes_are_written_replaced_and_removed(spool: Spool) -> None:
    """A name has one value or none; bytes are kept as they are."""
    assert await spool.note("client_id") is None
    await spool.set_note("client_id", b"\x00bridge")
    await spool.set_note("client_id", b"\x00other")
    await spool.set_note("empty", b"")
    assert (await spool.note("client_id"), await spool.note("empty")) == (b"\x00other", b"")
    await spool.set_note("client_id", None)
    await spool.set_note("client_id", None)
    assert await spool.note("client_id") is None


# --- what folding tells -----------------------------------------------------------------------------------------------


async def test_what_folding_tells_is_delivered_in_order_and_once(spool: Spool) -> None:
    """It is stored with the fold: a window that closed is owed, and closes no second time; it counts no message."""
    outcomes = [says(samples("A", at)) for at in (1, 11, 21)]
    await take_in(spool, outcomes[:2])
    assert await lease(spool) == []
    routed = await take_in(spool, outcomes[2:])
    assert (routed.ordered, routed.folded) == (1, 1)
    (told,) = await lease(spool)
    assert isinstance(told.event, AssetHistory)
    assert (told.kind, told.messages, told.event.window.start_us) == ("asset_history", 0, 0)
    await spool.settle([Refused(told, Rejection("no"))])
    (row,) = await spool.quarantined(10)
    assert (row.kind, row.device) == ("asset_history", "A/history")
    assert b'"asset":"A"' in row.payload
    (folded,) = await lease_latest(spool)
    await spool.settle([Done(folded)])
    figures = await spool.figures()
    assert (figures.delivered, figures.waiting, figures.quarantined) == (3, 0, 1)


async def test_what_folding_told_survives_its_owner(tmp_path: Path, clock: SetClock) -> None:
    """After a restart the open windows go on, and what was closed is still owed."""
    async with open_spool("sqlite", tmp_path, clock) as spool:
        await take_in(spool, [says(samples("A", at)) for at in (1, 13)])
    async with open_spool("sqlite", tmp_path, clock) as spool:
        await take_in(spool, [says(samples("A", at)) for at in (15, 23)])
        told = []
        while leased := await lease(spool):
            told += leased
            await spool.settle([Done(one) for one in leased])
    histories = [one.event for one in told if isinstance(one.event, AssetHistory)]
    assert [(each.window.start_us, each.window.channels["t"][0].count) for each in histories] == [(0, 1), (10, 2)]
