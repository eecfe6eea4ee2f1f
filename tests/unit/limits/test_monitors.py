"""The limits of a type, computed as WATS does as far as that is public."""

from __future__ import annotations

import pytest

from pywats_mqtt.limits.monitors import Said, beyond, monitors_of, settled
from pywats_mqtt.limits.values import DAY_US, AssetType, Level, Schedule

OK, WARNING, ALARM = Level.OK, Level.WARNING, Level.ALARM
DAY_100 = 100 * DAY_US


def kind(**fields: object) -> AssetType:
    """Give a type with limits."""
    return AssetType(id="t", name="Fixture", **fields)  # type: ignore[arg-type] # its fields


def levels(
    kind: AssetType, schedule: Schedule | None = None, counts: tuple[int, int] | None = None
) -> dict[str, Level]:
    """Give the levels on day 100."""
    found = monitors_of(kind, schedule or Schedule(), counts, DAY_100)
    return {name: monitor.level for name, monitor in found.items()}


@pytest.mark.parametrize(("used", "level"), [(59, OK), (60, WARNING), (89, WARNING), (90, ALARM), (200, ALARM)])
def test_counts_reach_the_thresholds_of_the_type(used: int, level: Level) -> None:
    """At the percentage itself, of each count by its own limit."""
    limited = kind(running_limit=100, total_limit=1000, warning_percent=60.0, alarm_percent=90.0)
    assert levels(limited, counts=(used, used)) == {"running_count": level, "total_count": OK}
    assert levels(limited, counts=(0, 10 * used)) == {"running_count": OK, "total_count": level}


@pytest.mark.parametrize(("used", "level"), [(79, OK), (80, WARNING), (99, WARNING), (100, ALARM)])
def test_thresholds_that_a_type_has_not(used: int, level: Level) -> None:
    """80 and 100 percent; an alarm threshold that is missing is not below the warning's."""
    assert levels(kind(running_limit=100), counts=(used, used)) == {"running_count": level}
    assert levels(kind(running_limit=100, warning_percent=120.0), counts=(119, 0)) == {"running_count": OK}


@pytest.mark.parametrize("limit", [None, 0])
def test_what_is_not_limited_or_not_known_is_left_out(limit: int | None) -> None:
    """No limit, no counts, no date to count from, an interval that never ends."""
    assert levels(kind(running_limit=limit, calibration_days=limit), Schedule(first_seen_us=0), (5, 5)) == {}
    assert levels(kind(running_limit=5)) == {}
    assert levels(kind(calibration_days=5.0)) == {}
    assert levels(kind(calibration_days=-1.0, maintenance_days=-1.0), Schedule(first_seen_us=0)) == {}
    assert levels(kind(calibration_days=-2.0), Schedule(calibrated_us=0)) == {}


@pytest.mark.parametrize(
    ("schedule", "level"),
    [
        (Schedule(calibrated_us=21 * DAY_US), OK),
        (Schedule(calibrated_us=20 * DAY_US), WARNING),
        (Schedule(calibrated_us=0), ALARM),
        (Schedule(first_seen_us=0), ALARM),
        (Schedule(first_seen_us=0, calibrated_us=21 * DAY_US), OK),
        (Schedule(calibrated_us=0, calibration_due_us=200 * DAY_US), OK),
        (Schedule(calibrated_us=0, calibration_due_us=110 * DAY_US), WARNING),
        (Schedule(calibrated_us=DAY_100, calibration_due_us=DAY_100), ALARM),
    ],
)
def test_days_count_from_the_last_time_to_the_next(schedule: Schedule, level: Level) -> None:
    """By the date that WATS holds, else by the interval of the type; from the first sight where it never happened."""
    assert levels(kind(calibration_days=100.0), schedule) == {"calibration": level}


def test_maintenance_and_dates_from_elsewhere() -> None:
    """Maintenance has its own dates; an external interval goes by the next date alone."""
    schedule = Schedule(maintained_us=0, calibrated_us=0, calibration_due_us=99 * DAY_US)
    assert levels(kind(maintenance_days=110.0, calibration_days=-2.0), schedule) == {
        "calibration": ALARM,
        "maintenance": WARNING,
    }


def test_the_word_of_wats_goes_where_it_says_less() -> None:
    """Of the same facts; a level of ours that changes is news, and counts at once."""
    local = {"running_count": WARNING, "calibration": ALARM}
    said = Said(local, WARNING)
    assert settled(local, said) == {"running_count": WARNING, "calibration": WARNING}
    assert settled(local, Said(local, OK)) == {"running_count": OK, "calibration": OK}
    news = {"running_count": ALARM, "calibration": ALARM}
    assert settled(news, said) == news
    assert settled(local, None) == local


def test_the_word_of_wats_goes_where_it_says_more() -> None:
    """Until it says another one, or a monitor of ours explains it."""
    said = Said({"running_count": OK}, ALARM)
    assert settled({"running_count": OK}, said) == {"running_count": OK}
    assert beyond({"running_count": OK}, said) is ALARM
    assert beyond({"running_count": WARNING}, said) is ALARM
    assert beyond({"running_count": ALARM}, said) is OK
    assert beyond({}, None) is OK


def test_the_word_of_wats_holds_while_counts_are_not_known() -> None:
    """After a start they are not; what is not known is as it was."""
    said = Said({"running_count": ALARM, "calibration": WARNING}, WARNING)
    assert settled({"calibration": WARNING}, Said(said.local, OK)) == {"calibration": OK}
    assert beyond({"calibration": WARNING}, said) is OK
    assert beyond({}, said) is OK
