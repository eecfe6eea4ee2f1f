"""A crossed limit is told at the count or the day that crosses it, and what people do in WATS is seen."""

from __future__ import annotations

import msgspec
import pytest

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.errors import Retry
from pywats_mqtt.events import AssetState
from pywats_mqtt.handlers.limits import MOST_AT_ONCE, PROBE_S
from pywats_mqtt.limits.values import DAY_US, AssetStatus, Level, Schedule
from tests.unit.handlers.limits_bench import FAILED, FIXTURE, FORBIDDEN, LOST, Bench, counts, drift


@pytest.fixture
async def bench() -> Bench:
    """Give an asset with a limit of 100 uses, whose type is known, at 50 uses; the statuses are not asked for."""
    made = Bench(status_refresh_s=0.0)
    made.limit(running_limit=100, total_limit=1000)
    await made.handle(counts(50))
    assert await made.look() == ["asset_types"]
    return made


async def test_the_count_that_crosses_a_limit_tells_it(bench: Bench) -> None:
    """With the one call that the count takes anyway; at each level once, with its facts, and kept at the broker."""
    assert await bench.handle(counts(79)) == ["set_total_count"]
    assert bench.heard() == []
    assert await bench.handle(counts(80)) == ["set_total_count"]
    (warning,) = bench.said
    assert bench.heard() == [("running_count", "warning")]
    assert (warning["asset"], warning["used"], warning["limit"], warning["percent"]) == (FIXTURE, 80, 100, 80.0)
    await bench.handle(counts(99))
    assert bench.heard() == []
    await bench.handle(counts(100))
    assert bench.heard() == [("running_count", "alarm")]
    assert bench.standing() == {"running_count": "alarm"}


async def test_a_reset_ends_the_alarm(bench: Bench) -> None:
    """Told once, and emptied at the broker; the total goes on by its own limit."""
    await bench.handle(counts(100))
    bench.heard()
    await bench.handle(msgspec.structs.replace(counts(900), running=0))
    assert bench.heard() == [("running_count", "cleared"), ("total_count", "warning")]
    assert bench.standing() == {"total_count": "warning"}


async def test_a_restart_tells_nothing_twice_and_clears_nothing_unread(bench: Bench) -> None:
    """What is not known yet after a start stays as it is; what changed meanwhile is told once it is."""
    await bench.handle(counts(100))
    bench.heard()
    bench.restart()
    await bench.look()
    await bench.handle(counts(101))
    assert bench.heard() == []
    assert bench.standing() == {"running_count": "alarm"}
    bench.restart()
    bench.limit(running_limit=1000)
    await bench.handle(counts(102))
    assert bench.heard() == []
    await bench.look()
    assert bench.heard() == [("running_count", "cleared")]


async def test_the_first_count_after_a_restart_tells_its_crossing(bench: Bench) -> None:
    """By the limits that were read before it; WATS may be away."""
    bench.restart()
    await bench.handle(counts(100))
    assert bench.heard() == [("running_count", "alarm")]


async def test_a_crossing_before_the_types_are_read_is_told_when_they_are() -> None:
    """The first look reads them."""
    bench = Bench(status_refresh_s=0.0)
    bench.limit(running_limit=100)
    await bench.handle(counts(100))
    assert bench.heard() == []
    await bench.look()
    assert bench.heard() == [("running_count", "alarm")]


async def test_types_are_read_again_in_their_time(bench: Bench) -> None:
    """One call for all assets; a new limit counts from then on, and a limit that is gone ends its alarm."""
    await bench.handle(counts(70), counts(70, "JIG"))
    bench.limit(running_limit=70)
    assert await bench.look() == []
    assert await bench.look(seconds=900.0) == ["asset_types"]
    assert bench.heard() == [("running_count", "alarm"), ("running_count", "alarm")]
    bench.limit(running_limit=0)
    await bench.look(seconds=900.0)
    assert bench.heard() == [("running_count", "cleared"), ("running_count", "cleared")]


async def test_a_date_passes_without_a_message(bench: Bench) -> None:
    """Warning and alarm come with the day, also after a restart, with no call."""
    bench.limit(calibration_days=100.0, maintenance_days=1000.0)
    await bench.look(seconds=900.0)
    bench.pass_days(79)
    await bench.look()
    assert bench.heard() == []
    bench.restart()
    bench.pass_days(1)
    await bench.look()
    assert bench.heard() == [("calibration", "warning")]
    bench.pass_days(20)
    assert await bench.look() == []
    assert bench.heard() == [("calibration", "alarm")]
    assert "due" in bench.retained[f"wats/alarms/calibration/{FIXTURE}"]


async def test_an_asset_of_a_type_that_is_gone_has_no_limits(bench: Bench) -> None:
    """Its alarms end."""
    await bench.handle(counts(100))
    bench.wats.type = msgspec.structs.replace(bench.wats.type, id="other")
    await bench.look(seconds=900.0)
    assert bench.heard() == [("running_count", "alarm"), ("running_count", "cleared")]


async def test_types_that_may_not_be_read_limit_nothing() -> None:
    """Counts go on, the refusal is shown, and asked again an hour later."""
    bench = Bench(status_refresh_s=0.0)
    bench.limit(running_limit=100)
    bench.wats.fail_next("asset_types", FORBIDDEN)
    await bench.handle(counts(100))
    await bench.look()
    assert await bench.look(seconds=1_000.0) == []
    assert bench.refused == [("Asset/Types", "403")]
    assert await bench.look(seconds=PROBE_S) == ["asset_types"]
    assert bench.refused[1:] == [("Asset/Types", "")]
    assert bench.heard() == [("running_count", "alarm")]


async def test_dates_pass_while_wats_is_away(bench: Bench) -> None:
    """What needs no call does not wait for one."""
    bench.limit(calibration_days=10.0)
    await bench.look(seconds=900.0)
    bench.pass_days(11)
    bench.wats.fail_next("asset_types", LOST)
    with pytest.raises(Retry):
        await bench.look(seconds=900.0)
    await bench.look()
    assert bench.heard() == [("calibration", "alarm")]


async def asked(bench: Bench) -> None:
    """Look until each asset was asked for its status."""
    await bench.look(seconds=3_600.0)


@pytest.fixture
async def watching() -> Bench:
    """Give an asset with a limit of 100 uses and 100 days, at 50 uses, whose status is asked for."""
    made = Bench()
    made.limit(running_limit=100, calibration_days=100.0)
    await made.handle(counts(50))
    await asked(made)
    made.heard()
    return made


async def test_a_status_that_agrees_costs_one_call(watching: Bench) -> None:
    """An asset in an hour; what WATS holds is then not read."""
    assert await watching.look(seconds=60.0) == []
    assert await watching.look(seconds=3_540.0) == ["asset_types", "asset_status"]
    assert watching.heard() == []


async def test_a_fleet_is_asked_in_turn_and_within_a_budget() -> None:
    """Each asset once in an hour; and however many they are, no more than a bound in one look."""
    bench = Bench()
    names = [f"F{number}" for number in range(60)]
    await bench.handle(*(counts(1, name) for name in names))
    before = len(bench.wats.calls)
    for _ in range(120):
        assert (await bench.look()).count("asset_status") <= 1
    calls = [about for name, about, _ in bench.wats.calls[before:] if name == "asset_status"]
    assert sorted(calls) == sorted(names)
    assert (await bench.look(seconds=100_000.0)).count("asset_status") == MOST_AT_ONCE


async def test_what_people_do_in_wats_is_seen(watching: Bench) -> None:
    """A reset count, a calibration and a new limit, with no message of the device."""
    await watching.handle(counts(100))
    watching.pass_days(100)
    await watching.look()
    assert watching.heard() == [("running_count", "alarm"), ("calibration", "alarm")]
    asset = watching.wats.assets[FIXTURE]
    schedule = msgspec.structs.replace(asset.schedule, calibrated_us=watching.now_us())
    watching.wats.assets[FIXTURE] = msgspec.structs.replace(asset, running=0, schedule=schedule)
    await asked(watching)
    assert watching.heard() == [("running_count", "cleared"), ("calibration", "cleared")]
    watching.limit(calibration_days=0.01)
    await asked(watching)
    assert watching.heard() == [("calibration", "alarm")]


async def test_what_people_did_is_not_forgotten_at_the_next_count(watching: Bench) -> None:
    """Counts go on from what is known of them; the dates are those that were read last."""
    watching.pass_days(100)
    asset = watching.wats.assets[FIXTURE]
    schedule = msgspec.structs.replace(asset.schedule, calibrated_us=watching.now_us())
    watching.wats.assets[FIXTURE] = msgspec.structs.replace(asset, schedule=schedule)
    await asked(watching)
    assert watching.heard() == [("calibration", "alarm"), ("calibration", "cleared")]
    assert await watching.handle(counts(51)) == ["set_total_count"]
    assert watching.heard() == []


async def test_the_word_of_wats_outlives_a_restart(watching: Bench) -> None:
    """Also before the counts are known that it was said about."""
    watching.pass_days(85)
    await watching.handle(counts(100))
    await watching.look()
    assert watching.heard() == [("running_count", "alarm"), ("calibration", "warning")]
    watching.wats.statuses[FIXTURE] = AssetStatus(level=Level.WARNING, message="nearly", running=100, total=100)
    await asked(watching)
    assert watching.heard() == [("running_count", "warning")]
    watching.wats.statuses[FIXTURE] = AssetStatus(level=Level.OK, message="OK", running=100, total=100)
    await asked(watching)
    assert watching.heard() == [("running_count", "cleared"), ("calibration", "cleared")]
    watching.restart()
    await watching.look()
    assert watching.heard() == []


async def test_a_count_that_people_reset_is_read_before_the_next_one(watching: Bench) -> None:
    """What is counted on is what WATS holds now."""
    watching.wats.assets[FIXTURE] = msgspec.structs.replace(watching.wats.assets[FIXTURE], running=0)
    await asked(watching)
    assert (await watching.handle(counts(60)))[0] == "asset"


async def test_wats_says_less_than_is_computed(watching: Bench) -> None:
    """Its word goes, until a level changes, which WATS has not judged; then ours tells at once."""
    await watching.handle(counts(80))
    assert watching.heard() == [("running_count", "warning")]
    watching.wats.statuses[FIXTURE] = AssetStatus(level=Level.OK, message="OK", running=80, total=80)
    await asked(watching)
    assert watching.heard() == [("running_count", "cleared")]
    await watching.handle(counts(85))
    watching.restart()
    await watching.look()
    assert watching.heard() == []
    await watching.handle(counts(100))
    assert watching.heard() == [("running_count", "alarm")]


async def test_wats_says_more_than_is_computed(watching: Bench) -> None:
    """An alarm of its own with its words, until it says another thing; also over a restart."""
    watching.wats.statuses[FIXTURE] = AssetStatus(level=Level.ALARM, message="worn out", running=50, total=50)
    await asked(watching)
    (alarm,) = watching.said
    assert watching.heard() == [("asset_status", "alarm")]
    assert (alarm["message"], alarm["source"]) == ("worn out", "wats")
    watching.restart()
    await watching.look()
    await watching.handle(counts(51))
    assert watching.heard() == []
    del watching.wats.statuses[FIXTURE]
    await asked(watching)
    assert watching.heard() == [("asset_status", "cleared")]


async def test_a_verdict_about_other_counts_is_not_compared(watching: Bench) -> None:
    """The asset was counted on between the two calls, so the status is older than what is computed."""
    await watching.handle(counts(80))
    watching.wats.statuses[FIXTURE] = AssetStatus(level=Level.OK, message="OK", running=79, total=79)
    watching.heard()
    await asked(watching)
    assert watching.heard() == []
    assert watching.standing() == {"running_count": "warning"}


@pytest.mark.parametrize("failure", [FAILED, FORBIDDEN, LOST])
async def test_a_status_that_fails_changes_nothing(watching: Bench, failure: Retry) -> None:
    """A refused route is shown and left alone for an hour; one that fails comes again in its turn."""
    await watching.handle(counts(100))
    watching.heard()
    watching.wats.fail_next("asset_status", failure)
    if failure is LOST:
        with pytest.raises(Retry):
            await asked(watching)
    else:
        await asked(watching)
    assert watching.heard() == []
    assert watching.refused == ([("Asset/Status", "403")] if failure is FORBIDDEN else [])
    seconds, expected = (3_599.0, []) if failure is FORBIDDEN else (3_601.0, ["asset_status"])
    assert [call for call in await watching.look(seconds=seconds) if call != "asset_types"] == expected


async def test_an_asset_that_was_deleted_is_forgotten(watching: Bench) -> None:
    """Its alarms end, and asking does not make it anew; its next message does."""
    await watching.handle(counts(100))
    watching.wats.assets.clear()
    await asked(watching)
    assert watching.heard() == [("running_count", "alarm"), ("running_count", "cleared")]
    assert watching.wats.assets == {}
    assert await watching.notes.notes("upkeep/") == {}
    await watching.handle(counts(101))
    assert watching.heard() == [("running_count", "alarm")]


async def test_an_asset_that_is_not_made_yet_is_not_taken_for_deleted() -> None:
    """Its first delivery waits for WATS, and its alarm stands meanwhile."""
    bench = Bench()
    bench.wats.fail_next("asset", FAILED)
    event = drift(1.2, end_us=bench.now_us())
    with pytest.raises(Retry):
        await bench.handle(event)
    await asked(bench)
    await bench.handle(event)
    assert bench.heard() == [("calibration_drift", "alarm")]


async def test_an_asset_counted_by_reports_is_watched_by_its_status() -> None:
    """What reports count is not known here, so WATS' counts are taken in their turn."""
    bench = Bench(wats=WatsConfig(count_from="reports"))
    bench.limit(running_limit=10)
    await bench.handle(AssetState(asset=FIXTURE, status="running", state=1))
    await asked(bench)
    bench.wats.count(FIXTURE, 10)
    await asked(bench)
    assert bench.heard() == [("running_count", "alarm")]
    await bench.look()
    assert bench.standing() == {"running_count": "alarm"}


async def test_an_external_date_counts_as_wats_holds_it(watching: Bench) -> None:
    """Another system tells when it is due."""
    watching.limit(calibration_days=-2.0)
    asset = watching.wats.assets[FIXTURE]
    now_us = watching.now_us()
    schedule = Schedule(type_id="t1", calibrated_us=now_us, calibration_due_us=now_us + 10 * DAY_US)
    watching.wats.assets[FIXTURE] = msgspec.structs.replace(asset, schedule=schedule)
    watching.restart()
    await watching.handle(counts(60))
    watching.pass_days(8)
    await watching.look()
    assert watching.heard() == [("calibration", "warning")]
