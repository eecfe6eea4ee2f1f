"""Counters that go backwards, running counts that are reset, and counters of the device's own."""

from __future__ import annotations

import pytest

from pywats_mqtt.config.model import AssetConfig, BridgeConfig, WatsConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetCounters, AssetCounts, Past
from pywats_mqtt.folding import fold
from pywats_mqtt.handlers.counts import COMPARE_S, PROBE_S
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats
from tests.unit.handlers.bench import FIXTURE, Bench

LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")


def folded(*messages: AssetCounts) -> AssetCounts:
    """Fold messages as they arrive."""
    event: AssetCounts | None = None
    for message in messages:
        following = fold(event, message)
        assert isinstance(following, AssetCounts)
        event = following
    assert event is not None
    return event


def at(time_us: int, total: int | None = None, **fields: object) -> AssetCounts:
    """Give a message of the device at a time."""
    return AssetCounts(asset=FIXTURE, total=total, as_of_us=time_us, **fields)  # type: ignore[arg-type] # any fields


def reset(time_us: int, total: int | None = None) -> AssetCounts:
    """Give a message that resets the running count."""
    return at(time_us, total, past=Past(resets=1, reset_us=time_us, reset_total=total))


async def test_a_replaced_plc_goes_on_from_wats_total_where_it_is_rebased() -> None:
    """What was not delivered of the old counter is counted, the new one counts from 0, and the alarm ends with it."""
    bench = Bench(AssetConfig(counter_backwards="rebase"))
    first = at(1, 100)
    await bench.handle(first)
    dropped = folded(first, at(2, 150), at(3, 20))
    await bench.handle(dropped)

    assert bench.counts() == (170, 170)
    assert await bench.active() == ["counter_backwards"]
    assert bench.backwards == {FIXTURE: 1}

    await bench.handle(folded(dropped, at(4, 21)))

    assert bench.counts() == (171, 171)
    assert await bench.active() == []


async def test_without_a_rule_wats_total_stays_until_the_device_passes_it_and_that_is_an_alarm() -> None:
    """Nothing is added that may have been counted before."""
    bench = Bench()
    first = at(1, 100)
    await bench.handle(first)
    dropped = folded(first, at(2, 20))
    await bench.handle(dropped)

    assert bench.counts() == (100, 100)
    assert await bench.active() == ["counter_backwards"]

    passed = folded(dropped, at(3, 101))
    await bench.handle(passed)

    assert bench.counts() == (101, 101)
    assert await bench.active() == []


async def test_a_counter_that_went_backwards_can_be_quarantined() -> None:
    """Its counts are refused with both totals, until the device's passes WATS'."""
    bench = Bench(AssetConfig(counter_backwards="quarantine"))
    first = at(1, 100)
    await bench.handle(first)
    dropped = folded(first, at(2, 20))
    with pytest.raises(Reject, match="20 is below 100"):
        await bench.handle(dropped)
    await bench.handle(folded(dropped, at(3, 101)))

    assert bench.counts() == (101, 101)


async def test_a_change_of_the_rule_rebases_what_went_backwards_before() -> None:
    """But not a counter that has passed WATS' total since, and is the device's own again."""
    bench = Bench()
    first = at(1, 100)
    dropped = folded(first, at(2, 20))
    await bench.handle(first)
    await bench.handle(dropped)
    passed = Bench()
    await passed.handle(first)
    await passed.handle(folded(dropped, at(3, 130)))
    for one in (bench, passed):
        one.restart(AssetConfig(counter_backwards="rebase"))

    await bench.handle(folded(dropped, at(3, 30)))
    await passed.handle(folded(dropped, at(3, 130), at(4, 131)))

    assert bench.counts() == (130, 130)
    assert passed.counts() == (131, 131)


@pytest.mark.parametrize("rule", ["rebase", "ignore"])
async def test_an_old_message_that_comes_again_is_no_replaced_plc(rule: str) -> None:
    """With its time it changes nothing; without time and id it is an alarm until the next one, and never counted."""
    bench = Bench(AssetConfig(counter_backwards="rebase" if rule == "rebase" else "ignore"))
    timed = folded(at(1, 100), at(2, 101), at(1, 100))
    await bench.handle(timed)
    assert (bench.counts(), await bench.active()) == ((101, 101), [])

    again = folded(timed, at(3, 100, untimed=True))
    await bench.handle(again)
    assert (bench.counts(), await bench.active()) == ((101, 101), ["counter_backwards"])

    await bench.handle(folded(again, at(4, 101, untimed=True), at(5, 102, untimed=True)))
    assert (bench.counts(), await bench.active()) == ((102, 102), [])


async def test_a_total_that_is_late_belongs_to_the_counter_before() -> None:
    """It counted further than was known when the next one began."""
    bench = Bench(AssetConfig(counter_backwards="rebase"))
    await bench.handle(at(1, 100))
    dropped = folded(at(1, 100), at(5, 20))
    await bench.handle(dropped)
    await bench.handle(folded(dropped, at(3, 150)))

    assert bench.counts() == (170, 170)


async def test_a_total_lowered_by_a_person_is_seen_after_a_while() -> None:
    """Which is how a counter that is ignored is mended by hand; it costs a reading now and then."""
    bench = Bench()
    await bench.handle(at(1, 100))
    lower = folded(at(1, 100), at(2, 20))
    await bench.handle(lower)
    assert await bench.handle(lower) == []
    bench.wats.assets[FIXTURE] = bench.wats.assets["X"] = await bench.wats.asset("X")
    bench.clock.seconds += COMPARE_S

    await bench.handle(lower)

    assert bench.counts() == (20, 20)
    assert await bench.active() == []


async def test_a_reset_counts_what_came_before_and_after_it() -> None:
    """The total keeps all; the running count what came since, though all arrive in one delivery."""
    bench = Bench()
    await bench.handle(at(1, 100))
    event = folded(at(1, 100), at(2, 110), reset(3), at(4, 115))

    calls = await bench.handle(event)

    assert bench.counts() == (5, 115)
    assert calls == ["asset", "set_total_count", "reset_running_count", "set_total_count"]
    assert await bench.handle(event) == []


@pytest.mark.parametrize("after", [False, True], ids=["lost before it was done", "lost after it was done"])
@pytest.mark.parametrize("restart", [False, True], ids=["running on", "after a restart"])
async def test_a_lost_answer_resets_once(*, after: bool, restart: bool) -> None:
    """Others count at once after it; the second try sees that it was done."""
    bench = Bench()
    await bench.handle(at(1, 100))
    event = folded(at(1, 100), reset(2))
    bench.wats.fail_next("reset_running_count", LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(event)
    if after:
        bench.wats.count(FIXTURE, 3)
    if restart:
        bench.restart()
    await bench.handle(event)

    assert bench.counts() == ((3, 103) if after else (0, 100))
    assert [name for name, _, _ in bench.wats.calls].count("reset_running_count") == (1 if after else 2)


async def test_a_running_count_that_is_0_needs_no_reset() -> None:
    """Looking is all."""
    bench = Bench()
    await bench.handle(at(1, 0))

    assert await bench.handle(folded(at(1, 0), reset(2))) == ["asset"]


async def test_a_second_reset_is_not_taken_for_the_one_whose_answer_was_lost() -> None:
    """What was counted between them is not the running count."""
    bench = Bench()
    await bench.handle(at(1, 100))
    event = folded(at(1, 100), reset(2), at(3, 101))
    bench.wats.fail_next("reset_running_count", LOST, after=True)
    with pytest.raises(Retry):
        await bench.handle(event)
    await bench.handle(folded(event, reset(4)))

    assert bench.counts() == (0, 101)


async def test_a_running_count_from_before_a_reset_does_not_come_back() -> None:
    """Neither as the newest known, nor late, nor after a restart; one from after it does."""
    bench = Bench()
    event = folded(at(1, 100, running=50), reset(3), at(2, 102, running=52))
    await bench.handle(event)
    bench.restart()
    await bench.handle(event)
    assert bench.counts() == (0, 102)

    await bench.handle(folded(event, at(4, 109, running=7)))
    assert bench.counts() == (7, 109)


@pytest.mark.parametrize("rule", ["ignore", "rebase"])
async def test_a_running_count_moves_on_with_the_total_also_over_a_restart(rule: str) -> None:
    """The device tells it once; what it counts afterwards, through a replaced counter, is in WATS' own."""
    bench = Bench(AssetConfig(counter_backwards="rebase" if rule == "rebase" else "ignore"))
    told = at(1, 100, running=50)
    await bench.handle(told)
    on = folded(told, at(2, 110), at(3, 20) if rule == "rebase" else at(3, 130))
    bench.restart()
    calls = await bench.handle(on)

    assert bench.counts() == (80, 130)
    assert "set_running_count" not in calls


async def test_a_running_count_moves_on_with_increments() -> None:
    """Also where it was told before WATS could be asked."""
    bench = Bench()
    told = folded(AssetCounts(asset=FIXTURE, added=4), at(1, running=50), AssetCounts(asset=FIXTURE, added=3))
    await bench.handle(told)
    assert bench.counts() == (53, 7)

    bench.restart()
    await bench.handle(folded(told, AssetCounts(asset=FIXTURE, added=2)))
    assert bench.counts() == (55, 9)


async def test_increments_around_a_reset() -> None:
    """By their arrival."""
    bench = Bench()
    event = folded(AssetCounts(asset=FIXTURE, added=7), reset(3), AssetCounts(asset=FIXTURE, added=2))
    await bench.handle(event)

    assert bench.counts() == (2, 9)


async def test_a_refused_reset_holds_up_no_count() -> None:
    """It is told, and tried again after an hour."""
    bench = Bench()
    await bench.handle(at(1, 100))
    bench.wats.fail_next("reset_running_count", Retry("403", scope=Scope.CALL, cause="403"))
    event = folded(at(1, 100), reset(2), at(3, 101))
    await bench.handle(event)

    assert bench.counts() == (101, 101)
    assert bench.refused == [("ResetRunningCount", "403")]
    assert await bench.handle(event) == []

    bench.clock.seconds += PROBE_S
    await bench.handle(event)
    assert bench.counts() == (0, 101)
    assert bench.refused[-1] == ("ResetRunningCount", "")


async def test_an_asset_that_results_count_is_reset_too() -> None:
    """Its counts are left alone otherwise."""
    wats, notes = MemoryWats(), MemoryNotes()
    config = BridgeConfig(wats=WatsConfig(count_from="reports"))
    handlers = make_handlers(config, quiet(HandClock())).by_event
    await wats.asset(FIXTURE)
    wats.count(FIXTURE, 5)
    await handlers[AssetCounts](folded(at(1, 900), reset(2), at(3, 901)), wats, notes)

    assert (wats.assets[FIXTURE].running, wats.assets[FIXTURE].total) == (0, 5)


async def test_counters_of_the_devices_own_are_tags_written_on_change() -> None:
    """Whole numbers with all their digits."""
    bench = Bench()
    event = AssetCounters(asset=FIXTURE, counters={"good_count": 12_345_678_901, "retries": 12.5})
    await bench.handle(event)

    assert bench.wats.assets[FIXTURE].tags == {"good_count": "12345678901", "retries": "12.5"}
    assert await bench.handle(event) == []
