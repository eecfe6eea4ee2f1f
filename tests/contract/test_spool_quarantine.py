"""What becomes of quarantined rows that a person tries again or throws away, on every spool there is."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from pywats_mqtt.events import AssetCounts, AssetState
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Done, Receipt, Refused, Rejection, Release, Spool
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    counts,
    identified,
    lease,
    lease_latest,
    message,
    open_spool,
    put,
    result,
    says,
    serials,
    take_in,
)

REFUSED = Rejection("no such field", "$.x", "T")
KEY = UUID(int=7).bytes


async def balance(spool: Spool) -> tuple[int, int, int]:
    """Give stored, waiting and quarantined."""
    figures = await spool.figures()
    return figures.stored, figures.waiting, figures.quarantined


async def test_a_row_is_kept_with_all_it_came_with(spool: Spool) -> None:
    """Bytes, flags and properties; its packet id is the broker's, and not kept."""
    raw = RawMessage("t", b"\x00\xff", 5, 2, retain=True, packet_id=9, content_type="x/y", user_properties=(("a", ""),))
    batch = await spool.put(Receipt((raw,)))
    assert batch is not None
    await spool.route(batch, [REFUSED])
    (row,) = await spool.kept([1, 1, 99])
    assert (row.id, row.device, row.kind, row.reason) == (1, "T", "message", "no such field")
    assert row.message == RawMessage(
        "t", b"\x00\xff", 5, 2, retain=True, content_type="x/y", user_properties=(("a", ""),)
    )


async def test_released_messages_are_a_new_batch_in_their_order(spool: Spool) -> None:
    """They are routed after what was stored before, count as stored anew, and are in quarantine no more."""
    await take_in(spool, [REFUSED, REFUSED, REFUSED])
    waiting = await put(spool, 1)
    batch = await spool.release([Release(3), Release(1), Release(42)])
    assert batch is not None
    assert batch.number == waiting.number + 1
    assert [each.payload for each in batch.messages] == [b"payload 0", b"payload 2"]
    assert list(await spool.unrouted(waiting.number, 10)) == [batch]
    assert [row.id for row in await spool.quarantined(10)] == [2]
    assert await balance(spool) == (6, 3, 1)
    await spool.route(waiting, [()])
    await spool.route(batch, [says(result("T", 1)), REFUSED])
    assert serials(await lease(spool)) == ["SN1"]
    assert [row.id for row in await spool.quarantined(10)] == [2, 4]


@pytest.mark.parametrize(("forget", "expected"), [((), []), ((KEY,), ["SN1"])])
async def test_a_refused_delivery_is_new_once_its_identity_is_forgotten(
    spool: Spool, forget: tuple[bytes, ...], expected: list[str]
) -> None:
    """Without that it would be a duplicate of itself."""
    await take_in(spool, [(identified(result("T", 1), 7),)])
    (delivery,) = await lease(spool)
    await spool.settle([Refused(delivery, Rejection("WATS refuses it"))])
    batch = await spool.release([Release(1, forget)])
    assert batch is not None
    await spool.route(batch, [(identified(result("T", 1), 7),)])
    assert serials(await lease(spool)) == expected


async def test_what_is_tried_again_is_older_than_what_was_told_since(spool: Spool, clock: SetClock) -> None:
    """A state that named no time is that of its reception, however late it is read."""
    old = AssetState(asset="T", status="error", state=3, as_of_us=START_US)
    await take_in(spool, [REFUSED])
    clock.now_us += 86_400_000_000
    new = AssetState(asset="T", status="running", state=1, as_of_us=clock.now_us)
    since = await spool.put(Receipt((RawMessage("assets/T/status", b"", clock.now_us),)))
    assert since is not None
    await spool.route(since, [says(new)])
    clock.now_us += 1_000_000
    again = await spool.release([Release(1)])
    assert again is not None
    await spool.route(again, [says(old)])
    (delivery,) = await lease_latest(spool)
    assert delivery.event == new


async def test_a_refused_latest_delivery_is_owed_as_it_is_now(spool: Spool) -> None:
    """What was folded since is newer than what was refused; no message is stored anew."""
    await take_in(spool, [says(counts("A", 10))])
    (first,) = await lease_latest(spool)
    await spool.settle([Refused(first, Rejection("no such asset"))])
    await take_in(spool, [says(counts("A", 12, as_of_us=START_US + 1))])
    (second,) = await lease_latest(spool)
    await spool.settle([Done(second)])
    assert await lease_latest(spool) == []
    assert await spool.release([Release(1)]) is None
    assert await balance(spool) == (2, 0, 0)
    (again,) = await lease_latest(spool, settled_before_us=START_US - 1)
    assert isinstance(again.event, AssetCounts)
    assert (again.event.total, again.messages) == (12, 0)


async def test_a_latest_delivery_refused_again_has_one_row(spool: Spool) -> None:
    """Refused once an interval for months, it would fill the disk; other assets and kinds have rows of their own."""
    for total in (10, 11, 12):
        await take_in(spool, [says(counts("A", total, as_of_us=START_US + total)), says(counts("B", total))])
        for delivery in await lease_latest(spool):
            await spool.settle([Refused(delivery, Rejection(f"refused at {total}"))])
    rows = await spool.quarantined(10)
    assert [(row.device, row.reason) for row in rows] == [("A", "refused at 12"), ("B", "refused at 12")]
    figures = await spool.figures()
    assert (figures.quarantined, figures.discarded, figures.waiting) == (2, 0, 0)
    await spool.discard([rows[0].id])
    await take_in(spool, [says(counts("A", 13, as_of_us=START_US + 13))])
    (again,) = await lease_latest(spool)
    await spool.settle([Refused(again, Rejection("once more"))])
    assert (await spool.figures()).quarantined == 2


async def test_discarded_rows_are_gone_and_counted(spool: Spool) -> None:
    """Also when asked twice; the others stay."""
    await take_in(spool, [REFUSED, REFUSED])
    assert await spool.discard([1, 1, 77]) == 1
    assert await spool.discard([1]) == 0
    assert [row.id for row in await spool.quarantined(10)] == [2]
    figures = await spool.figures()
    assert (figures.quarantined, figures.discarded) == (1, 1)
    assert await spool.release([Release(1)]) is None


async def test_numbers_of_rows_are_never_used_twice(spool: Spool) -> None:
    """A row that is refused again has a new number, so that a command given late cannot mean another row."""
    await take_in(spool, [REFUSED])
    batch = await spool.release([Release(1)])
    assert batch is not None
    await spool.route(batch, [REFUSED])
    assert [row.id for row in await spool.quarantined(10)] == [2]
    assert await spool.discard([2]) == 1
    await take_in(spool, [REFUSED])
    assert [row.id for row in await spool.quarantined(10)] == [3]


async def test_released_rows_outlive_a_crash(tmp_path: Path, clock: SetClock) -> None:
    """What `release` returned is stored: it is routed after a restart, and in quarantine no more."""
    async with open_spool("sqlite", tmp_path, clock) as spool:
        await take_in(spool, [REFUSED, REFUSED])
        await spool.release([Release(1)])
        await spool.discard([2])
    async with open_spool("sqlite", tmp_path, clock) as spool:
        (batch,) = await spool.unrouted(0, 10)
        assert batch.messages == (message(0),)
        assert list(await spool.quarantined(10)) == []
        assert (await spool.figures()).discarded == 1
