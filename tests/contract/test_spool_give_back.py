"""What `ports.Spool.give_back` promises, on every spool there is."""

from __future__ import annotations

import pytest

from pywats_mqtt.ports import Done, RetryAt, Spool
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    counts,
    lease,
    lease_latest,
    result,
    says,
    serials,
    take_in,
)

LATER_US = START_US + 1_000_000


async def test_what_is_given_back_can_be_leased_again_at_once_in_its_order(spool: Spool) -> None:
    """In whatever order it is given back, the same deliveries come again, oldest first, before their lines' rest."""
    await take_in(spool, [says(result(device, number)) for number, device in enumerate("ABCABC")])
    leased = await lease(spool)
    await spool.give_back([leased[2], leased[0]])
    assert await spool.next_due_us() is None
    assert await lease(spool) == [leased[0], leased[2]]
    await spool.give_back(leased)
    assert await lease(spool, 2) == leased[:2]
    await spool.settle([Done(delivery) for delivery in leased[:2]])
    assert serials(await lease(spool)) == ["SN2", "SN3", "SN4"]


async def test_giving_back_counts_nothing(spool: Spool) -> None:
    """No retry, and none of the attempts it had is lost or added; all of it waits as before."""
    await take_in(spool, [says(result("A", 1)), says(counts("X", 1))])
    first = [*await lease(spool), *await lease_latest(spool)]
    await spool.settle([RetryAt(delivery, 0, "500", uses_attempt=True) for delivery in first])
    before = await spool.figures()
    again = [*await lease(spool), *await lease_latest(spool)]
    await spool.give_back(again)
    assert [*await lease(spool), *await lease_latest(spool)] == again
    assert [delivery.attempts for delivery in again] == [1, 1]
    assert await spool.figures() == before
    assert (before.retried, before.waiting) == (2, 2)


async def test_a_latest_delivery_that_is_given_back_stays_owed(spool: Spool, clock: SetClock) -> None:
    """It keeps its place before those owed since, has no interval to wait for, and takes what came meanwhile."""
    await take_in(spool, [says(counts("X", 1)), says(counts("Y", 1))])
    (old,) = await lease_latest(spool, 1)
    clock.now_us = LATER_US
    await take_in(spool, [says(counts("X", 2))])
    await spool.give_back([old])
    new, other = await lease_latest(spool, now_us=LATER_US, settled_before_us=0)
    assert (new.id, new.event, new.messages) == (old.id, counts("X", 2), 2)
    await spool.settle([Done(new), Done(other)])
    assert await lease_latest(spool, now_us=LATER_US) == []
    assert ((await spool.figures()).delivered, (await spool.figures()).waiting) == (3, 0)


async def test_only_what_is_leased_can_be_given_back_and_only_once(spool: Spool) -> None:
    """With one that is not leased, or stands there twice, none of the call is given back."""
    await take_in(spool, [says(result("A", 1)), says(result("B", 2)), says(counts("X", 1)), says(counts("Y", 1))])
    ordered, settled_one = await lease(spool)
    latest, settled_latest = await lease_latest(spool)
    await spool.settle([Done(settled_one), Done(settled_latest)])
    for wrong in (settled_one, settled_latest, ordered, latest):
        with pytest.raises(ValueError, match="lease it first"):
            await spool.give_back([ordered, latest, wrong])
    assert [*await lease(spool), *await lease_latest(spool)] == []
    await spool.give_back([ordered, latest])
    assert [*await lease(spool), *await lease_latest(spool)] == [ordered, latest]
