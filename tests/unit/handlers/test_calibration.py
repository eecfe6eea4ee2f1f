"""A calibration is noted once, drift and due dates alarm before their limit, and tags say where it stands."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import AssetCalibrated, AssetDrift, Drift
from pywats_mqtt.handlers.upkeep import TYPES
from pywats_mqtt.limits.history import fold_drift
from pywats_mqtt.limits.values import DAY_US
from pywats_mqtt.messages import from_us, to_us
from tests.unit.handlers.limits_bench import FAILED, FIXTURE, FORBIDDEN, LOST, Bench, counts, drift

RISING = tuple(0.04 * day for day in range(11))
"""At 0.4 of 1.0, 15 days before the limit."""


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing, and ask for no status."""
    return Bench(status_refresh_s=0.0)


def tags(bench: Bench) -> dict[str, str]:
    """Give the tags of the asset."""
    return bench.wats.assets[FIXTURE].tags


async def test_what_was_measured_is_in_tags(bench: Bench) -> None:
    """Deviation, days by the trend and due date; the asset is made, and said again it costs no call."""
    now_us = bench.now_us()
    event = drift(*RISING, end_us=now_us, due_us=now_us + 90 * DAY_US, due_as_of_us=now_us)
    assert await bench.handle(event) == ["asset", "set_tags"]
    assert tags(bench) == {
        "calibration_drift": "0.4",
        "calibration_trend_days": "15.0",
        "calibration_due": from_us(now_us + 90 * DAY_US).isoformat(),
    }
    assert await bench.handle(event) == []
    bench.restart()
    bench.pass_days(3)
    assert await bench.handle(event) == []


async def test_a_trend_warns_before_the_limit_is_reached(bench: Bench) -> None:
    """Long before the value itself; with what is expected, and the soonest that the interval allows."""
    await bench.handle(drift(*RISING, end_us=bench.now_us()))
    (alarm,) = bench.said
    assert bench.heard() == [("calibration_drift", "warning")]
    assert (alarm["deviation"], alarm["limit"], alarm["unit"]) == (0.4, 1.0, "V")
    assert (alarm["days"], alarm["days_soonest"]) == (15.0, 15.0)


async def test_a_trend_warns_as_days_pass(bench: Bench) -> None:
    """Without another measurement, also after a restart."""
    slow = tuple(value / 10 for value in RISING)
    await bench.handle(drift(*slow, end_us=bench.now_us()))
    assert bench.heard() == []
    bench.restart()
    bench.pass_days(220)
    await bench.look()
    assert bench.heard() == [("calibration_drift", "warning")]


async def test_over_the_limit_is_an_alarm_until_it_is_calibrated(bench: Bench) -> None:
    """Each parameter has an alarm of its own; a calibration begins a new history, and ends them."""
    now_us = bench.now_us()
    first = fold_drift(drift(1.2, end_us=now_us, name="gain"), drift(-0.9, end_us=now_us, name="offset"))
    await bench.handle(first)
    assert bench.heard() == [("calibration_drift_gain", "alarm"), ("calibration_drift_offset", "warning")]
    assert set(bench.standing()) == {"calibration_drift_gain", "calibration_drift_offset"}
    calibrated = AssetDrift(asset=FIXTURE, calibrated_us=now_us + 1, as_of_us=now_us + 1)
    await bench.handle(fold_drift(first, calibrated))
    assert bench.heard() == [("calibration_drift_gain", "cleared"), ("calibration_drift_offset", "cleared")]
    assert tags(bench) == {"calibration_drift_gain": "none", "calibration_drift_offset": "none"}


async def test_what_is_kept_of_tags_stays_bounded_whatever_names_a_device_sends(bench: Bench) -> None:
    """A tag that says `none` in WATS is not remembered for ever."""
    for number in range(20):
        now_us = bench.now_us()
        event = drift(0.1, end_us=now_us, name=f"p{number}")
        await bench.handle(event)
    await bench.handle(drift(0.1, end_us=bench.now_us(), name="p19"))
    assert tags(bench)["calibration_drift_p0"] == "none"
    kept = msgspec.json.decode(bench.notes.kept[f"upkeep/{FIXTURE}"])
    assert kept["tags"] == {"calibration_drift_p19": "0.1"}


async def test_a_parameter_that_is_forgotten_alarms_no_more(bench: Bench) -> None:
    """A device named ever new ones."""
    now_us = bench.now_us()
    await bench.handle(drift(1.2, end_us=now_us, name="gain"))
    await bench.handle(drift(0.0, end_us=now_us, name="offset"))
    assert bench.heard() == [("calibration_drift_gain", "alarm"), ("calibration_drift_gain", "cleared")]


async def test_the_operators_limits() -> None:
    """By name, or for all others; the device's own goes before them."""
    bench = Bench(
        status_refresh_s=0.0, calibration_limits={"gain": 0.5, "default": 2.0}, calibration_warn_percent=100.0
    )
    now_us = bench.now_us()
    standing = []
    for name, value, limit in (("gain", 1.0, None), ("offset", 1.0, None), ("offset", 2.1, None), ("gain", 0.2, 0.1)):
        await bench.handle(drift(value, end_us=now_us, name=name, limit=limit))
        standing.append(bench.standing())
    assert standing == [
        {"calibration_drift_gain": "alarm"},
        {},
        {"calibration_drift_offset": "alarm"},
        {"calibration_drift_gain": "alarm"},
    ]


async def test_a_due_date_warns_and_alarms(bench: Bench) -> None:
    """The device's own date, by the clock alone."""
    now_us = bench.now_us()
    await bench.handle(drift(end_us=now_us, due_us=now_us + 40 * DAY_US, due_as_of_us=now_us))
    await bench.look()
    assert bench.heard() == []
    bench.pass_days(15)
    assert await bench.look() == []
    assert bench.heard() == [("calibration", "warning")]
    bench.pass_days(25)
    await bench.look()
    assert bench.heard() == [("calibration", "alarm")]


async def test_days_to_warn_are_the_operators() -> None:
    """Of trends and of dates."""
    bench = Bench(status_refresh_s=0.0, calibration_warn_days=5.0)
    now_us = bench.now_us()
    await bench.handle(drift(*RISING, end_us=now_us, due_us=now_us + 6 * DAY_US, due_as_of_us=now_us))
    await bench.look()
    assert bench.heard() == []


async def test_the_share_of_the_limit_to_warn_at_is_the_operators() -> None:
    """Half of it here."""
    bench = Bench(status_refresh_s=0.0, calibration_warn_percent=50.0)
    await bench.handle(drift(0.49, end_us=bench.now_us()))
    assert bench.heard() == []
    await bench.handle(drift(0.5, end_us=bench.now_us()))
    assert bench.heard() == [("calibration_drift", "warning")]


async def test_the_worse_of_the_devices_date_and_of_wats_counts(bench: Bench) -> None:
    """They share one alarm."""
    bench.limit(calibration_days=100.0)
    await bench.handle(counts(1))
    now_us = bench.now_us()
    await bench.handle(drift(end_us=now_us, due_us=now_us + 95 * DAY_US, due_as_of_us=now_us))
    bench.pass_days(82)
    await bench.look()
    assert bench.heard() == [("calibration", "warning")]
    bench.pass_days(14)
    await bench.look()
    assert bench.heard() == [("calibration", "alarm")]


async def test_a_date_of_the_device_takes_nothing_back_that_is_not_read_yet(bench: Bench) -> None:
    """Before the limits of the type are known: the alarm that stands is of these."""
    bench.limit(calibration_days=10.0)
    await bench.handle(counts(1))
    bench.pass_days(11)
    await bench.look()
    assert bench.heard() == [("calibration", "alarm")]
    del bench.notes.kept[TYPES]
    bench.restart()
    now_us = bench.now_us()
    await bench.handle(drift(end_us=now_us, due_us=now_us + 9 * DAY_US, due_as_of_us=now_us))
    assert bench.heard() == []


async def test_a_date_of_the_device_ends_its_alarm_where_limits_may_not_be_read(bench: Bench) -> None:
    """Then there is nothing else that could be near."""
    bench.wats.fail_next("asset_types", FORBIDDEN)
    now_us = bench.now_us()
    await bench.handle(drift(end_us=now_us, due_us=now_us - DAY_US, due_as_of_us=now_us))
    await bench.look()
    await bench.handle(drift(end_us=now_us, due_us=now_us + 99 * DAY_US, due_as_of_us=now_us + 1))
    assert bench.heard() == [("calibration", "alarm"), ("calibration", "cleared")]


async def test_an_overdue_device_is_told_while_wats_is_away(bench: Bench) -> None:
    """Nothing of it hangs on a call."""
    now_us = bench.now_us()
    bench.wats.fail_next("asset", LOST)
    with pytest.raises(Retry):
        await bench.handle(drift(1.2, end_us=now_us, due_us=now_us - DAY_US, due_as_of_us=now_us))
    assert bench.standing() == {"calibration": "alarm", "calibration_drift": "alarm"}


def calibrated(at_us: int, **fields: object) -> AssetCalibrated:
    """Give a calibration."""
    return msgspec.structs.replace(AssetCalibrated(asset=FIXTURE, at_us=at_us, comment="by jane"), **fields)


async def test_a_calibration_is_noted(bench: Bench) -> None:
    """When it was and by whom; it ends the alarm of the date, with no look in between."""
    bench.limit(calibration_days=10.0)
    await bench.handle(counts(1))
    await bench.look()
    bench.pass_days(11)
    await bench.look()
    at_us = bench.now_us()
    assert await bench.handle(calibrated(at_us)) == ["asset", "record_calibration", "asset"]
    assert bench.wats.calibrations == [(FIXTURE, from_us(at_us), "by jane")]
    assert bench.heard() == [("calibration", "alarm"), ("calibration", "cleared")]


@pytest.mark.parametrize("call", ["asset", "record_calibration"])
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("rounded_us", [0, 40_000_000])
async def test_a_lost_answer_notes_it_once(bench: Bench, call: str, rounded_us: int, *, after: bool) -> None:
    """Also where a restart is between, and where the server rounds the time it is told."""
    event = calibrated(bench.now_us())
    bench.wats.fail_next(call, LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(event)
    if call == "record_calibration" and after:
        asset = bench.wats.assets[FIXTURE]
        schedule = msgspec.structs.replace(asset.schedule, calibrated_us=event.at_us - rounded_us)
        bench.wats.assets[FIXTURE] = msgspec.structs.replace(asset, schedule=schedule)
    bench.restart()
    await bench.handle(event)
    assert len(bench.wats.calibrations) == 1


async def test_a_server_may_reset_the_running_count_with_a_calibration(bench: Bench) -> None:
    """So the counts are read anew before the next one."""
    await bench.handle(counts(5))
    await bench.handle(calibrated(bench.now_us()))
    bench.wats.assets[FIXTURE] = msgspec.structs.replace(bench.wats.assets[FIXTURE], running=0)
    assert await bench.handle(counts(7)) == ["asset", "set_total_count", "set_running_count"]


async def test_two_calibrations_are_both_noted(bench: Bench) -> None:
    """In their order."""
    at_us = bench.now_us()
    await bench.handle(calibrated(at_us), calibrated(at_us + DAY_US))
    assert [at for _, at, _ in bench.wats.calibrations] == [from_us(at_us), from_us(at_us + DAY_US)]


async def test_one_that_comes_after_a_later_one_sets_nothing_back(bench: Bench) -> None:
    """It stands in the log of the asset, once."""
    at_us = bench.now_us()
    late = calibrated(at_us - 9 * DAY_US)
    await bench.handle(calibrated(at_us), late, late)
    assert len(bench.wats.calibrations) == 1
    ((_, text),) = bench.wats.log
    assert text.startswith(f"Calibrated at {from_us(late.at_us).isoformat()}: by jane (reported after")
    assert bench.wats.assets[FIXTURE].schedule.calibrated_us == at_us


async def test_a_long_comment_is_kept_whole_in_the_log(bench: Bench) -> None:
    """It stands in the address of its call, which has an end."""
    comment = "x" * 2_000
    await bench.handle(calibrated(bench.now_us(), comment=comment))
    ((_, _, noted),) = bench.wats.calibrations
    assert len(noted) == 500
    assert comment in bench.wats.log[0][1]


async def test_the_next_date_goes_with_it_where_another_system_tells_it(bench: Bench) -> None:
    """For such a type only; the types are read for it once."""
    at_us, due_us = bench.now_us(), bench.now_us() + 50 * DAY_US
    await bench.handle(calibrated(at_us, due_us=due_us))
    assert bench.wats.assets[FIXTURE].schedule.calibration_due_us is None
    bench.limit(calibration_days=-2.0)
    bench.restart()
    calls = await bench.handle(calibrated(at_us + DAY_US, due_us=due_us))
    assert calls == ["asset", "asset_types", "record_calibration", "asset"]
    assert bench.wats.assets[FIXTURE].schedule.calibration_due_us == due_us


async def test_a_calibration_of_people_ends_what_the_device_said_before() -> None:
    """Its due date and its history are of the time before; its next measurement begins anew."""
    bench = Bench()
    now_us = bench.now_us()
    event = drift(1.2, end_us=now_us, due_us=now_us - DAY_US, due_as_of_us=now_us)
    await bench.handle(event)
    bench.heard()
    await bench.wats.record_calibration(FIXTURE, from_us(now_us) + timedelta(minutes=5), "")
    await bench.look(seconds=3_600.0)
    assert sorted(bench.heard()) == [("calibration", "cleared"), ("calibration_drift", "cleared")]
    later = fold_drift(event, drift(0.1, end_us=now_us + DAY_US))
    await bench.handle(later)
    assert tags(bench) == {"calibration_drift": "0.1", "calibration_due": "none"}


async def test_a_calibration_of_people_within_the_history_ends_its_trend() -> None:
    """What is left of it is too little for one."""
    bench = Bench()
    now_us = bench.now_us()
    await bench.handle(drift(*RISING, end_us=now_us))
    assert bench.heard() == [("calibration_drift", "warning")]
    await bench.wats.record_calibration(FIXTURE, from_us(now_us - 2 * DAY_US), "")
    bench.limit(calibration_days=1.5)
    await bench.look(seconds=3_600.0)
    assert bench.heard() == [("calibration", "alarm"), ("calibration_drift", "cleared")]


async def test_an_asset_that_may_not_be_made_is_refused_with_its_reason(bench: Bench) -> None:
    """And no alarm of it stays."""
    bench.wats.create_assets = False
    with pytest.raises(Reject, match="create_assets"):
        await bench.handle(drift(1.2, end_us=bench.now_us()))
    assert bench.standing() == {}
    assert await bench.notes.notes("upkeep/") == {}


async def test_tags_that_fail_are_written_later(bench: Bench) -> None:
    """The alarm does not wait for them."""
    event = drift(1.2, end_us=bench.now_us())
    bench.wats.fail_next("set_tags", FAILED)
    with pytest.raises(Retry):
        await bench.handle(event)
    assert await bench.handle(event) == ["set_tags"]
    assert bench.heard() == [("calibration_drift", "alarm")]


async def test_a_limit_alone_is_no_measurement(bench: Bench) -> None:
    """No tag and no alarm come of it."""
    now_us = to_us(bench.clock.now())
    event = AssetDrift(asset=FIXTURE, parameters={"gain": Drift(limit=(now_us, 1.0))}, as_of_us=now_us)
    assert await bench.handle(event) == ["asset"]
    assert tags(bench) == {}
