"""The quota calls as fast as the server accepts, also without a limit of ours, and after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from pywats_mqtt.errors import Retry
from pywats_mqtt.wats import rate
from pywats_mqtt.wats.quota import NOTE, RATE_NOTE, FirstCome, Quota
from pywats_mqtt.wats.rate import CALM_S, KEPT_S, RISE_S
from tests.contract.wats_memory import HandClock, MemoryNotes
from tests.unit.wats.test_quota import FullDisk, begin_calls, make, use
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def of_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halve from a call a second at least, so that what is called here is seconds apart."""
    monkeypatch.setattr(rate, "LEAST_TOP", 60.0)


async def test_without_a_limit_a_refusal_halves_what_was_called_in_the_last_minute() -> None:
    """Calls are spaced from then on, more are made as they are accepted, and in the end any number again."""
    clock, notes, told = HandClock(), MemoryNotes(), list[tuple[int, str]]()
    quota = Quota(0, notes, clock, clock.sleep, on_rate=lambda now: told.append((int(now.per_minute), now.why)))
    for _ in range(50):
        await use(quota, clock)
    clock.seconds += 61.0  # they are of another minute
    for _ in range(119):
        await use(quota, clock)
    await quota.refused(await use(quota, clock), "429", None)
    assert told == [(60, "429")]
    began_s = clock.seconds
    assert [await use(quota, clock) - began_s for _ in range(3)] == pytest.approx([1.0, 2.0, 3.0], abs=0.01)
    for _ in range(10):
        clock.seconds += RISE_S
        await quota.accepted(await use(quota, clock))
    assert told[-1] == (120, "429")
    clock.seconds += CALM_S
    await quota.accepted(await use(quota, clock))
    assert told[-1] == (0, "")
    began_s = clock.seconds
    assert [await use(quota, clock) for _ in range(500)] == [began_s] * 500
    assert NOTE not in notes.kept


async def test_without_a_limit_the_policy_shares_what_the_server_accepts() -> None:
    """It is asked while there is a rate, and not before."""
    clock, asked = HandClock(), list[str]()
    woken = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await woken.wait()
        clock.seconds += seconds

    class LastFirst(FirstCome):
        def choose(self, waiting: Sequence[str], taken: Mapping[str, int], free: int, now_s: float) -> str | None:  # noqa: ARG002 - see `Policy`
            return waiting[-1]

        def adapt(self, limit: int) -> None:
            asked.append(str(limit))

    quota = Quota(0, MemoryNotes(), clock, sleep, LastFirst())
    await quota.refused(await use(quota, clock), "429", None)
    async with asyncio.TaskGroup() as group:
        order = begin_calls(group, quota, "a", "b", "c")
        await wait_until(lambda: len(quota._waiting) == 3)  # noqa: SLF001 - nobody else sees who waits
        woken.set()
    assert (asked, order) == (["30"], ["c", "b", "a"])


@pytest.mark.parametrize("limit", [0, 60])
@pytest.mark.parametrize("orderly", [False, True])
async def test_a_restart_goes_on_from_the_rate_of_the_run_before(limit: int, *, orderly: bool) -> None:
    """Killed or stopped: it waits as long as it was asked to, then calls as slowly, and says so."""
    clock, notes, told = HandClock(), MemoryNotes(), list[tuple[int, str]]()
    first = make(limit, notes, clock)
    await first.refused(await use(first, clock), "429", 20.0)
    if orderly:
        await first.close()
    clock.seconds += 5.0
    second = Quota(limit, notes, clock, clock.sleep, on_rate=lambda now: told.append((int(now.per_minute), now.why)))
    with pytest.raises(Retry, match="left alone") as refused:
        await use(second, clock)
    assert refused.value.after_s == 15.0
    assert told == [(30, "429")]
    clock.seconds += 15.0
    began_s = clock.seconds
    assert [await use(second, clock) - began_s for _ in range(3)] == pytest.approx([0.0, 2.0, 4.0], abs=0.01)


@pytest.mark.parametrize("limit", [0, 60])
async def test_what_is_known_for_long_or_over_is_forgotten(limit: int) -> None:
    """After an hour; or at once, where the rate is where it was."""
    clock, notes = HandClock(), MemoryNotes()
    first = make(limit, notes, clock)
    await first.refused(await use(first, clock), "429", None)
    assert RATE_NOTE in notes.kept
    clock.seconds += KEPT_S + 1
    second = make(limit, notes, clock)
    began_s = clock.seconds
    assert [await use(second, clock) for _ in range(10)] == [began_s] * 10
    for _ in range(12):
        clock.seconds += RISE_S
        await first.accepted(await use(first, clock))
    clock.seconds += CALM_S
    await first.accepted(await use(first, clock))
    assert RATE_NOTE not in notes.kept


async def test_a_rate_that_cannot_be_written_or_read_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The running bridge knows it; the next one begins as if nothing was known, and says so."""
    clock, notes = HandClock(), FullDisk()
    quota = make(0, notes, clock)
    await quota.refused(await use(quota, clock), "429", None)
    assert notes.written == 0
    began_s = clock.seconds
    assert await use(quota, clock) - began_s == pytest.approx(2.0, abs=0.01)
    for note in (b"what", b'[1,60.0,30.0,"\xff",0.0]'):
        notes.kept[RATE_NOTE] = note
        assert await use(make(0, notes, clock), clock) == clock.seconds
    assert caplog.text.count("cannot be read") == 2
