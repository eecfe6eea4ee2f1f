"""Asset telemetry becomes the fewest calls that leave WATS as the device is."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetCounts, AssetEnvironment, AssetState, Event
from pywats_mqtt.handlers.counts import PROBE_S
from pywats_mqtt.handlers.ledger import note_name
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Asset
from tests.unit.handlers.bench import FIXTURE, Bench

LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing."""
    return Bench()


async def test_the_proposals_counters_on_a_fresh_asset(bench: Bench) -> None:
    """Running 1523 and total 45000 stand in WATS, though raising the total raises both."""
    calls = await bench.handle(AssetCounts(asset=FIXTURE, running=1523, total=45_000))

    assert bench.counts() == (1523, 45_000)
    assert calls == ["asset", "set_total_count", "set_running_count"]


async def test_a_heartbeat_with_a_count_alone_sets_the_running_count(bench: Bench) -> None:
    """`{"count": 1523}` leaves the total as it was."""
    await bench.handle(AssetCounts(asset=FIXTURE, running=1523))

    assert bench.counts() == (1523, 0)


async def test_steady_counting_costs_one_call_an_update(bench: Bench) -> None:
    """Where running and total move together, the total's write moves both."""
    await bench.handle(AssetCounts(asset=FIXTURE, running=1523, total=45_000))

    calls = await bench.handle(
        AssetCounts(asset=FIXTURE, running=1524, total=45_001), AssetCounts(asset=FIXTURE, running=1530, total=45_007)
    )

    assert calls == ["set_total_count", "set_total_count"]
    assert bench.counts() == (1530, 45_007)


async def test_a_total_that_comes_alone_does_not_take_the_running_count_back(bench: Bench) -> None:
    """The older running count was followed before; the newer total moved WATS' running count on."""
    await bench.handle(AssetCounts(asset=FIXTURE, running=1523, total=45_000, as_of_us=100))

    later = AssetCounts(asset=FIXTURE, running=1523, total=45_001, as_of_us=200, running_as_of_us=100)
    calls = await bench.handle(later)

    assert calls == ["set_total_count"]
    assert bench.counts() == (1524, 45_001)


async def test_nothing_new_costs_no_call(bench: Bench) -> None:
    """What WATS is known to hold is not sent again."""
    events: tuple[Event, ...] = (
        AssetCounts(asset=FIXTURE, running=1523, total=45_000),
        AssetState(asset=FIXTURE, status="running", state=1),
        AssetEnvironment(asset=FIXTURE, channels={"temperature_c": 23.5}),
        AssetCounts(asset="JIG", added=5),
    )
    await bench.handle(*events)

    assert await bench.handle(*events) == []


async def test_kinds_that_arrive_together_share_one_reading(bench: Bench) -> None:
    """Counts and state of a fresh asset read it once."""
    await asyncio.gather(
        bench.handle(AssetCounts(asset=FIXTURE, total=5)),
        bench.handle(AssetState(asset=FIXTURE, status="maintenance", state=3)),
    )

    assert [name for name, _, _ in bench.wats.calls].count("asset") == 1
    assert bench.wats.assets[FIXTURE].state == 3


async def test_a_total_below_wats_changes_nothing(bench: Bench) -> None:
    """The total is monotonic; the running count still follows the device."""
    await bench.handle(AssetCounts(asset=FIXTURE, total=100))

    calls = await bench.handle(AssetCounts(asset=FIXTURE, total=90, running=3))

    assert bench.counts() == (3, 100)
    assert calls == ["asset", "set_running_count"]


async def test_without_the_permission_the_total_goes_and_the_refusal_is_told_once_an_hour(bench: Bench) -> None:
    """The refused call neither fails the delivery nor is made again before the hour is over."""
    bench.wats.running_allowed = False

    first = await bench.handle(AssetCounts(asset=FIXTURE, running=1523, total=45_000))
    second = await bench.handle(AssetCounts(asset=FIXTURE, running=1524, total=45_001))

    assert first == ["asset", "set_total_count", "set_running_count"]
    assert second == ["set_total_count"]
    assert bench.counts()[1] == 45_001
    assert [call for call, _ in bench.refused] == ["SetRunningCount"]
    assert "403" in bench.refused[0][1]


async def test_the_permission_is_looked_at_again_after_an_hour_and_told_when_given(bench: Bench) -> None:
    """Once it is there, the running count is set and the refusal is taken back."""
    bench.wats.running_allowed = False
    await bench.handle(AssetCounts(asset=FIXTURE, running=1523, total=45_000))
    bench.wats.running_allowed = True
    bench.clock.seconds += PROBE_S

    await bench.handle(AssetCounts(asset=FIXTURE, running=1524, total=45_001))

    assert bench.counts() == (1524, 45_001)
    assert bench.refused[-1] == ("SetRunningCount", "")


async def test_increments_start_at_wats_total_and_go_out_as_absolute_values(bench: Bench) -> None:
    """The ledger's base is what WATS holds at first use."""
    await bench.wats.asset(FIXTURE)
    bench.wats.count(FIXTURE, 100)

    await bench.handle(AssetCounts(asset=FIXTURE, added=7))
    calls = await bench.handle(AssetCounts(asset=FIXTURE, added=9))

    assert bench.counts() == (109, 109)
    assert calls == ["asset", "set_total_count"]


async def test_counts_that_others_make_are_kept(bench: Bench) -> None:
    """Increments go on top of what others counted meanwhile."""
    await bench.handle(AssetCounts(asset=FIXTURE, added=7))
    bench.wats.count(FIXTURE, 1_000)

    await bench.handle(AssetCounts(asset=FIXTURE, added=9))

    assert bench.counts() == (1_009, 1_009)


@pytest.mark.parametrize("after", [False, True], ids=["lost before it was done", "lost after it was done"])
@pytest.mark.parametrize("restart", [False, True], ids=["running on", "after a restart"])
async def test_a_lost_answer_doubles_no_increment(bench: Bench, *, after: bool, restart: bool) -> None:
    """What was intended was written down before, so WATS' total tells whether it was done."""
    await bench.handle(AssetCounts(asset=FIXTURE, added=7))
    bench.wats.fail_next("set_total_count", LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(AssetCounts(asset=FIXTURE, added=9))
    if restart:
        bench.restart()

    await bench.handle(AssetCounts(asset=FIXTURE, added=9))
    await bench.handle(AssetCounts(asset=FIXTURE, added=10))

    assert bench.counts() == (10, 10)


async def test_totals_win_over_increments(bench: Bench) -> None:
    """A device that sends both is taken at its totals, and no ledger is kept."""
    await bench.handle(AssetCounts(asset=FIXTURE, total=50, added=7))

    assert bench.counts() == (50, 50)
    assert note_name(FIXTURE) not in bench.notes.kept


async def test_after_a_failure_the_asset_is_read_again(bench: Bench) -> None:
    """What became of a lost write is unknown, so nothing is taken for known."""
    await bench.handle(AssetCounts(asset=FIXTURE, running=1, total=10))
    bench.wats.fail_next("set_total_count", LOST, after=True)
    with pytest.raises(Retry):
        await bench.handle(AssetCounts(asset=FIXTURE, running=2, total=11))

    calls = await bench.handle(AssetCounts(asset=FIXTURE, running=2, total=11))

    assert calls == ["asset"]
    assert bench.counts() == (2, 11)


async def test_an_asset_deleted_meanwhile_is_made_again(bench: Bench) -> None:
    """The refusal of what was built on memory is looked at once more, from what WATS holds."""
    await bench.handle(AssetCounts(asset=FIXTURE, total=10))
    del bench.wats.assets[FIXTURE]

    await bench.handle(AssetCounts(asset=FIXTURE, total=11))

    assert bench.counts() == (11, 11)


async def test_what_was_read_after_a_refusal_is_forgotten_with_a_lost_answer(bench: Bench) -> None:
    """Whether the second try took effect nobody knows; the state that was read before it is brought back."""
    await bench.handle(AssetState(asset=FIXTURE, status="online", state=1))
    bench.wats.fail_next("set_state", Reject("changed meanwhile"))
    read, reads = bench.wats.asset, list[str]()

    async def asset(serial_number: str) -> Asset:
        reads.append(serial_number)
        if len(reads) == 2:  # after the refusal
            bench.wats.fail_next("set_state", LOST, after=True)
        return await read(serial_number)

    bench.wats.asset = asset  # type: ignore[method-assign]
    with pytest.raises(Retry):
        await bench.handle(AssetState(asset=FIXTURE, status="maintenance", state=3))
    assert bench.wats.assets[FIXTURE].state == 3
    await bench.handle(AssetState(asset=FIXTURE, status="online", state=1))
    assert bench.wats.assets[FIXTURE].state == 1


async def test_a_refusal_of_fresh_knowledge_is_passed_on(bench: Bench) -> None:
    """An unknown asset that may not be made is a reason for quarantine."""
    bench.wats.create_assets = False

    with pytest.raises(Reject, match="create_assets is off"):
        await bench.handle(AssetCounts(asset=FIXTURE, total=10))


async def test_a_state_is_set_when_it_changes(bench: Bench) -> None:
    """Each change is a reading and a write; a word without a state makes the asset, and a tag."""
    assert await bench.handle(AssetState(asset=FIXTURE, status="online")) == ["asset", "set_tags"]
    assert await bench.handle(AssetState(asset=FIXTURE, status="maintenance", state=3)) == ["asset", "set_state"]
    assert await bench.handle(AssetState(asset=FIXTURE, status="idle")) == []
    assert bench.wats.assets[FIXTURE].state == 3


async def test_the_state_of_a_word_that_another_followed_is_brought_to_wats_once(bench: Bench) -> None:
    """Running and idle within one interval: the asset is in operation, until a person says otherwise."""
    start_us = to_us(bench.clock.now())
    await bench.handle(AssetState(asset=FIXTURE, status="maintenance", state=3, as_of_us=start_us + 1))
    idle = AssetState(asset=FIXTURE, status="idle", state=1, state_us=start_us + 2, as_of_us=start_us + 3)
    bench.wats.fail_next("set_state", Retry("lost", scope=Scope.SERVER, cause="dropped"), after=True)
    with pytest.raises(Retry):
        await bench.handle(idle)
    await bench.handle(idle)
    assert bench.wats.assets[FIXTURE].state == 1

    await bench.wats.set_state(FIXTURE, 2)
    for restarts in (False, True):
        if restarts:  # nobody knows then what the run before brought there
            bench.clock.seconds += 60
            bench.restart()
        await bench.handle(msgspec.structs.replace(idle, as_of_us=start_us + 4))
        assert bench.wats.assets[FIXTURE].state == 2
    again = msgspec.structs.replace(idle, state_us=start_us + 70_000_000, as_of_us=start_us + 80_000_000)
    await bench.handle(again)
    assert bench.wats.assets[FIXTURE].state == 1


async def test_environment_becomes_tags_with_short_texts(bench: Bench) -> None:
    """The newest value of each channel is a tag; changed values are one more write."""
    await bench.handle(AssetEnvironment(asset=FIXTURE, channels={"temperature_c": 23.5, "vibration_g": 0.02}))
    calls = await bench.handle(AssetEnvironment(asset=FIXTURE, channels={"temperature_c": 24.0, "vibration_g": 0.02}))

    assert bench.wats.assets[FIXTURE].tags == {"temperature_c": "24", "vibration_g": "0.02"}
    assert calls == ["set_tags"]


async def test_what_a_person_set_stays(bench: Bench) -> None:
    """Storage, calibration, maintenance and scrapped are ended by people, also where set after our reading."""
    running, broken = (
        AssetState(asset=FIXTURE, status="running", state=1),
        AssetState(asset=FIXTURE, status="error", state=3),
    )
    await bench.handle(running)
    for state in (3, 4, 5, 6):
        await bench.wats.set_state(FIXTURE, state)
        await bench.handle(running, broken, running)
        assert bench.wats.assets[FIXTURE].state == state


async def test_what_the_bridge_set_itself_it_ends_also_after_a_restart(bench: Bench) -> None:
    """A fixture that says maintenance and then running is in operation again."""
    await bench.handle(AssetState(asset=FIXTURE, status="maintenance", state=3))
    bench.restart()
    await bench.handle(AssetState(asset=FIXTURE, status="running", state=1))

    assert bench.wats.assets[FIXTURE].state == 1


async def test_with_override_a_device_ends_what_a_person_set() -> None:
    """The operator wants it so."""
    bench = Bench(AssetConfig(override_states=True))
    await bench.handle(AssetState(asset=FIXTURE, status="running", state=1))
    await bench.wats.set_state(FIXTURE, 6)
    await bench.handle(AssetState(asset=FIXTURE, status="error", state=3))

    assert bench.wats.assets[FIXTURE].state == 3


async def test_a_change_of_state_costs_one_reading_and_one_write(bench: Bench) -> None:
    """The reading is for what people may have set meanwhile; no change costs none."""
    running, broken = (
        AssetState(asset=FIXTURE, status="running", state=1),
        AssetState(asset=FIXTURE, status="error", state=3),
    )
    await bench.handle(running)

    assert await bench.handle(broken, broken) == ["asset", "set_state"]


async def test_a_state_that_a_person_set_is_not_read_again_for_each_message(bench: Bench) -> None:
    """A fixture in storage that says for days that it runs costs a call now and then; another word is looked at."""
    running, broken = (
        AssetState(asset=FIXTURE, status="running", state=1),
        AssetState(asset=FIXTURE, status="error", state=3),
    )
    await bench.handle(running)
    await bench.wats.set_state(FIXTURE, 5)
    bench.restart()
    await bench.handle(running)

    assert await bench.handle(running, running, running) == []
    assert await bench.handle(broken) == ["asset"]
    bench.clock.seconds += 600
    assert await bench.handle(broken) == ["asset"]
    await bench.wats.set_state(FIXTURE, 1)
    assert await bench.handle(running) == ["asset"]
    assert await bench.handle(broken) == ["asset", "set_state"]


async def test_a_state_that_people_ended_is_theirs_when_they_set_it_again(bench: Bench) -> None:
    """The bridge set In maintenance once; a person ended that, and sets it later for reasons of their own."""
    running = AssetState(asset=FIXTURE, status="running", state=1)
    await bench.handle(running, AssetState(asset=FIXTURE, status="error", state=3))
    await bench.wats.set_state(FIXTURE, 1)
    await bench.handle(running)
    await bench.wats.set_state(FIXTURE, 3)
    bench.restart()
    await bench.handle(running)
    assert bench.wats.assets[FIXTURE].state == 3


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_answer_leaves_no_state_for_a_persons(bench: Bench, *, after: bool) -> None:
    """The bridge ends what it set itself, whether WATS had taken the end before the connection broke or not."""
    running = AssetState(asset=FIXTURE, status="running", state=1)
    await bench.handle(running, AssetState(asset=FIXTURE, status="error", state=3))
    bench.wats.fail_next("set_state", LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(running)
    bench.restart()
    await bench.handle(running)
    assert bench.wats.assets[FIXTURE].state == 1

    await bench.wats.set_state(FIXTURE, 3)
    await bench.handle(AssetState(asset=FIXTURE, status="calibration", state=4), running)
    assert bench.wats.assets[FIXTURE].state == 3
