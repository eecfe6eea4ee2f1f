"""Batches are routed in the order stored, from memory or read back."""

from __future__ import annotations

import asyncio

import pytest

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.pipeline import route as routing
from pywats_mqtt.pipeline.route import Inbox, route
from pywats_mqtt.ports import Batch, Gathered, Outcome, RoutedBatch
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, message, put, result_of


async def _routed(inbox: Inbox, spool: MemorySpool) -> list[int]:
    """Close the inbox, route what is there, and give the batch numbers in the order routed."""
    numbers: list[int] = []

    def note(batch: Batch, outcomes: list[Gathered], routed: RoutedBatch) -> None:
        assert len(outcomes) == len(batch.messages) == routed.ordered
        numbers.append(batch.number)

    inbox.close()
    async with asyncio.timeout(5):
        await route(inbox, spool, result_of, note)
    return numbers


async def test_what_an_earlier_run_left_is_routed_first() -> None:
    """After a start the spool is read back before what arrives now."""
    spool, inbox = MemorySpool(clock=SetClock()), Inbox()
    for number in range(10):
        await put(spool, message("T1", number))
    inbox.offer(await put(spool, message("T1", 10)))
    assert await _routed(inbox, spool) == list(range(1, 12))


async def test_others_have_their_turn_while_a_long_batch_is_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that are under way go on between its messages, which keep their order."""
    monkeypatch.setattr(routing, "TURN_S", 0.0)
    spool, inbox = MemorySpool(clock=SetClock()), Inbox()
    await put(spool, *(message("T1", number) for number in range(3 * routing.SLICE)))
    interpreted: list[RawMessage] = []
    outcomes_of: list[Gathered] = []
    seen_by_others: list[int] = []

    def interpret(raw: RawMessage) -> Outcome:
        if not interpreted:
            asyncio.get_running_loop().call_soon(lambda: seen_by_others.append(len(interpreted)))
        interpreted.append(raw)
        return result_of(raw)

    def note(_batch: Batch, outcomes: list[Gathered], _routed: RoutedBatch) -> None:
        outcomes_of.extend(outcomes)

    inbox.close()
    async with asyncio.timeout(5):
        await route(inbox, spool, interpret, note)
    assert 0 < seen_by_others[0] < 3 * routing.SLICE
    assert outcomes_of == [result_of(raw) for raw in interpreted]
    assert interpreted == [message("T1", number) for number in range(3 * routing.SLICE)]


async def test_what_does_not_fit_in_memory_is_read_back_in_its_place() -> None:
    """A full inbox loses nothing and changes no order, whichever batches it refused."""
    spool, inbox = MemorySpool(clock=SetClock()), Inbox(limit_bytes=200)
    for number in range(20):
        inbox.offer(await put(spool, message("T1", number)))
        if number == 3:
            await inbox.take(0, spool)
    assert await _routed(inbox, spool) == list(range(1, 21))


async def test_two_that_stored_at_once_may_offer_in_any_order() -> None:
    """A batch offered before its predecessor waits for it."""
    spool, inbox = MemorySpool(clock=SetClock()), Inbox()
    inbox.offer(await put(spool, message("T1", 0)))
    second, third = await put(spool, message("T1", 1)), await put(spool, message("T1", 2))
    inbox.offer(third)
    inbox.offer(second)
    assert await _routed(inbox, spool) == [1, 2, 3]


async def test_a_batch_that_overflows_while_the_spool_is_read_is_not_forgotten() -> None:
    """The mark that something was missed is taken off before looking, not after."""

    class SlowSpool(MemorySpool):
        async def unrouted(self, after: int, limit: int) -> list[Batch]:
            found = list(await super().unrouted(after, limit))
            if not found and not late:
                late.append(await put(self, message("T1", 99)))
                inbox.offer(late[0])
            return found

    late: list[Batch] = []
    spool, inbox = SlowSpool(clock=SetClock()), Inbox(limit_bytes=0)
    assert await _routed(inbox, spool) == [1]


async def test_a_defect_in_interpreting_keeps_the_message_and_holds_nobody_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What interpreting should never raise is told, and its message alone goes to quarantine."""

    def defective(received: RawMessage) -> Outcome:
        if received.payload == b"1":
            raise ZeroDivisionError("oops")
        return result_of(received)

    spool, inbox = MemorySpool(clock=SetClock()), Inbox()
    inbox.offer(await put(spool, *(message("T1", number) for number in range(3))))
    inbox.close()
    async with asyncio.timeout(5):
        await route(inbox, spool, defective, lambda *_: None)
    (row,) = await spool.quarantined(10)
    assert row.payload == b"1"
    assert "ZeroDivisionError" in row.reason
    assert "defect" in caplog.text
    assert [delivery.id for delivery in await spool.lease(10, 0)] == [1]
