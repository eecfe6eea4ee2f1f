"""The quota: waiting in turn, and durable across a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.wats.quota import NOTE, RATE_NOTE, FirstCome, Quota, on_account_of
from pywats_mqtt.wats.window import WINDOW_S
from tests.contract.wats_memory import HandClock, MemoryNotes
from tests.waiting import wait_until


def make(limit: int, notes: MemoryNotes, clock: HandClock) -> Quota:
    """Give a quota on a clock that a sleep moves on."""
    return Quota(limit, notes, clock, clock.sleep)


async def use(quota: Quota, clock: HandClock, *, takes_s: float = 0.0) -> float:
    """Make a call; when it began."""
    async with quota.call():
        began = clock.seconds
        clock.seconds += takes_s
    return began


def begin_calls(group: asyncio.TaskGroup, quota: Quota, *accounts: str) -> list[str]:
    """Begin a call on each of the accounts, in this order; the list is filled in the order in which they are made."""
    order: list[str] = []

    async def caller(account: str) -> None:
        with on_account_of(account):
            async with quota.call():
                order.append(account)

    for account in accounts:
        group.create_task(caller(account))
    return order


async def test_calls_over_the_limit_wait_until_the_window_is_over() -> None:
    """The first go at once, the next ones a window after those ended."""
    clock, notes = HandClock(), MemoryNotes()
    quota = make(3, notes, clock)

    began = [await use(quota, clock, takes_s=1.0) - 1_000.0 for _ in range(5)]

    assert began[:3] == [0.0, 1.0, 2.0]
    assert began[3] > 1.0 + WINDOW_S
    assert began[4] > 2.0 + WINDOW_S


async def test_no_limit_takes_no_note() -> None:
    """Off is off, as long as the server refuses nothing."""
    clock, notes = HandClock(), MemoryNotes()
    quota = make(0, notes, clock)
    for _ in range(1_000):
        await use(quota, clock)
    await quota.close()

    assert clock.seconds == 1_000.0
    assert notes.written == 0


async def test_those_who_wait_go_in_their_order() -> None:
    """First come, first served."""
    clock, notes = HandClock(), MemoryNotes()
    quota = make(1, notes, clock)
    order: list[int] = []

    async def caller(number: int) -> None:
        async with quota.call():
            order.append(number)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(caller(number))

    assert order == [0, 1, 2, 3, 4]
    assert clock.seconds >= 1_000.0 + 4 * WINDOW_S


class TestsFirst:
    """A policy: what is on the account of tests goes first, and one call is always left for it."""

    __test__ = False

    def choose(self, waiting: Sequence[str], taken: Mapping[str, int], free: int, now_s: float) -> str | None:  # noqa: ARG002 - see `Policy`
        """Choose."""
        if "test" in waiting and free > 0:
            return "test"
        return waiting[0] if free > 1 - min(1, taken.get("test", 0)) else None

    def opens_in_s(self, now_s: float) -> float:  # noqa: ARG002 - see `Policy`
        """Tell of no pace."""
        return 0.0

    def adapt(self, limit: int) -> None:
        """Stay as it is."""


async def test_a_policy_says_whose_call_is_next() -> None:
    """Whoever comes later on a better account goes before those who wait, and calls are counted by account."""
    clock = HandClock()
    woken = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await woken.wait()
        clock.seconds += seconds

    quota = Quota(3, MemoryNotes(), clock, sleep, TestsFirst())
    async with asyncio.TaskGroup() as group:
        order = begin_calls(group, quota, "counts", "counts", "counts", "test")
        await wait_until(lambda: len(order) == 3)
        assert order == ["counts", "counts", "test"]
        woken.set()
    assert order == ["counts", "counts", "test", "counts"]
    assert clock.seconds > 1_000.0 + WINDOW_S


async def test_who_gives_up_waiting_leaves_the_line_and_its_slot() -> None:
    """Cancelled before it may call, or in the moment it may: the call is another's."""
    clock = HandClock()
    never = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await never.wait()

    quota = Quota(1, MemoryNotes(), clock, sleep)
    await use(quota, clock)
    waiting = [asyncio.create_task(use(quota, clock)) for _ in range(2)]
    await wait_until(lambda: all(task.get_coro().cr_await is not None for task in waiting))  # type: ignore[union-attr] # coroutines
    waiting[0].cancel()
    clock.seconds += 2 * WINDOW_S
    third = asyncio.create_task(use(quota, clock))  # it looks, and admits who waits longest
    await wait_until(waiting[1].done)
    third.cancel()
    await asyncio.wait({*waiting, third})

    assert waiting[0].cancelled()
    assert quota.taken == 1


async def test_a_call_that_is_given_back_is_made_by_who_waits_for_a_time() -> None:
    """Who waits for the window to move on is woken by a call that was not made after all."""
    clock = HandClock()
    never = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await never.wait()

    writing = asyncio.Event()

    class Slow(FullDisk):
        async def set_note(self, name: str, value: bytes | None) -> None:
            await writing.wait()
            await super().set_note(name, value)

    notes = Slow()
    quota = Quota(2, notes, clock, sleep)
    quota._window.remember(1, clock.seconds)  # noqa: SLF001 - one that ended, so that there is a time to wait for
    first = asyncio.create_task(use(quota, clock))  # it has the last call, and cannot write it down
    await wait_until(lambda: quota.taken == 2)
    second = asyncio.create_task(use(quota, clock))
    await wait_until(lambda: quota._waiting)  # noqa: SLF001 - nobody else sees who waits
    writing.set()
    with pytest.raises(Retry):
        await first
    notes.full = False
    assert await asyncio.wait_for(second, 10) == clock.seconds


async def test_what_the_server_refuses_slows_calls_down_and_is_told() -> None:
    """After a 429 calls are spaced, and the policy divides fewer of them."""
    clock, told = HandClock(), list[tuple[int, str]]()
    adapted: list[int] = []

    class Adapting(FirstCome):
        def adapt(self, limit: int) -> None:
            adapted.append(limit)

    quota = Quota(
        60,
        MemoryNotes(),
        clock,
        clock.sleep,
        Adapting(),
        on_rate=lambda rate: told.append((int(rate.per_minute), rate.why)),
    )
    await quota.refused(await use(quota, clock), "429", None)
    began = [await use(quota, clock) - 1_000.0 for _ in range(3)]
    assert began == pytest.approx([2.0, 4.0, 6.0], abs=0.01)
    assert told == [(30, "429")]
    assert adapted == [30]
    clock.seconds += 1.0
    await quota.accepted(clock.seconds)
    assert (told[1], adapted[1]) == ((33, "429"), 33)


async def test_a_backlog_is_begun_slowly() -> None:
    """Its rate is told at once."""
    clock, told = HandClock(), list[float]()
    quota = Quota(
        60, MemoryNotes(), clock, clock.sleep, backlog=True, on_rate=lambda rate: told.append(rate.per_minute)
    )
    began = [await use(quota, clock) - 1_000.0 for _ in range(3)]
    assert began == pytest.approx([0.0, 8.0, 16.0], abs=0.01)
    assert told == [7.5]


@pytest.mark.parametrize("limit", [0, 60])
async def test_a_server_that_wants_to_be_left_alone_is_not_called(limit: int) -> None:
    """Neither by who comes nor by who waited already; each is told how long, and no call is used up."""
    clock = HandClock()
    quota = make(limit, MemoryNotes(), clock)
    await quota.refused(await use(quota, clock), "429", 20.0)
    taken = quota.taken
    clock.seconds += 5.0
    with pytest.raises(Retry) as refused:
        await use(quota, clock)
    assert (refused.value.scope, refused.value.after_s) == (Scope.SERVER, 15.0)
    assert quota.taken == taken
    clock.seconds += 15.0
    await use(quota, clock)


async def test_who_waited_when_the_server_asked_for_patience_is_told_so() -> None:
    """Its turn comes, and it does not call."""
    clock, asked = HandClock(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        await asked.wait()
        clock.seconds += seconds

    quota = Quota(1, MemoryNotes(), clock, sleep)
    began_s = await use(quota, clock)
    waiting = asyncio.create_task(use(quota, clock))
    await wait_until(lambda: quota._waiting)  # noqa: SLF001 - nobody else sees who waits
    await quota.refused(began_s, "429", 3_600.0)
    asked.set()
    with pytest.raises(Retry, match="left alone"):
        await waiting
    assert quota.taken == 0


async def test_a_call_that_fails_or_is_cancelled_used_its_slot_and_holds_none() -> None:
    """The server may have received it."""
    clock, notes = HandClock(), MemoryNotes()
    quota = make(2, notes, clock)
    with pytest.raises(ValueError, match="no"):
        async with quota.call():
            raise ValueError("no")
    task = asyncio.create_task(_hang(quota))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert quota.taken == 2
    assert await use(quota, clock) > 1_000.0 + WINDOW_S


async def _hang(quota: Quota) -> None:
    async with quota.call():
        await asyncio.Event().wait()


async def test_one_write_reserves_many_calls() -> None:
    """At 450 a minute a note is written for 15 calls."""
    clock, notes = HandClock(), MemoryNotes()
    quota = make(450, notes, clock)
    for _ in range(45):
        await use(quota, clock)

    assert notes.written == 3


async def test_a_reservation_that_cannot_be_written_is_not_used() -> None:
    """The next call tries to write it again."""
    clock, notes = HandClock(), FullDisk()
    quota = make(450, notes, clock)
    for _ in range(2):
        with pytest.raises(Retry):
            await use(quota, clock)
    notes.full = False
    await use(quota, clock)

    assert notes.written == 1
    assert quota.taken == 1

    notes.full = True
    await quota.close()  # says nothing: a restart only waits longer
    assert notes.written == 1


class FullDisk(MemoryNotes):
    """Notes on a full disk."""

    full = True

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Refuse."""
        if self.full:
            raise Retry("disk full", scope=Scope.SERVER, cause="disk full")
        await super().set_note(name, value)


async def test_an_orderly_restart_waits_no_longer_than_needed() -> None:
    """The ends of the last calls are known, so their slots come free when they would have."""
    clock, notes = HandClock(), MemoryNotes()
    first = make(90, notes, clock)
    for _ in range(89):
        await use(first, clock)
    await first.close()
    clock.seconds += 40.0
    second = make(90, notes, clock)
    await use(second, clock)

    assert second.taken == 90
    assert await use(second, clock) == pytest.approx(1_000.0 + WINDOW_S, abs=1.0)


async def test_a_note_that_cannot_be_read_counts_as_a_minute_used(caplog: pytest.LogCaptureFixture) -> None:
    """Better late than over the limit."""
    clock, notes = HandClock(), MemoryNotes()
    notes.kept[NOTE] = b"what"

    began = await use(make(5, notes, clock), clock)

    assert began > 1_000.0 + WINDOW_S
    assert "cannot be read" in caplog.text


RUN = st.tuples(st.integers(0, 12), st.floats(0, 50), st.booleans(), st.floats(0, 5))


@given(limit=st.integers(1, 70), runs=st.lists(RUN, min_size=1, max_size=6))
def test_the_bound_holds_across_restarts(limit: int, runs: list[tuple[int, float, bool, float]]) -> None:
    """In no 60 s more than the limit, however often the program ends, in order or by a crash, in between."""
    clock, notes, received = HandClock(), MemoryNotes(), list[float]()

    async def run(calls: int, pause_s: float, takes_s: float, *, crash: bool) -> None:
        quota = make(limit, notes, clock)
        for _ in range(calls):
            received.append(await use(quota, clock, takes_s=takes_s))
        if not crash:
            await quota.close()
        clock.seconds += pause_s

    for calls, pause_s, crash, takes_s in runs:
        asyncio.run(run(calls, pause_s, takes_s, crash=crash))

    assert all(last - first > WINDOW_S for first, last in zip(received, received[limit:], strict=False))


async def test_notes_that_cannot_be_read_at_first_count_once() -> None:
    """The next call reads them again, from the beginning."""

    class Sick(MemoryNotes):
        is_sick = True

        async def note(self, name: str) -> bytes | None:
            if self.is_sick and name == RATE_NOTE:
                raise Retry("the disk failed", scope=Scope.SERVER, cause="disk error")
            return await super().note(name)

    clock, notes = HandClock(), Sick()
    notes.is_sick = False
    first = make(10, notes, clock)
    for _ in range(6):
        await use(first, clock)
    await first.close()
    second, notes.is_sick = make(10, notes, clock), True
    with pytest.raises(Retry):
        await use(second, clock)
    notes.is_sick = False
    await use(second, clock)
    assert second.taken == 7
