"""The calendar: each moment in one period, nights of changed clocks, breaks, days off."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pywats_mqtt.messages import from_us, to_us
from pywats_mqtt.utilization.calendar import DAY, OUTSIDE, WEEK, Calendar, Period, Shift, overlapping
from pywats_mqtt.utilization.walls import instant_us

OSLO = ZoneInfo("Europe/Oslo")
ZONES = [
    "UTC",
    "Europe/Oslo",
    "America/New_York",
    "Australia/Lord_Howe",  # clocks are changed by half an hour
    "America/Sao_Paulo",  # they were put back at midnight
    "Atlantic/Azores",  # and forward at midnight
    "Pacific/Apia",  # 2011-12-30 was left out
    "Asia/Kathmandu",
]
HOUR_US = 3_600_000_000
EARLY = Shift(name="early", start=6 * 60, end=14 * 60, breaks=((10 * 60, 10 * 60 + 15),))
LATE = Shift(name="late", start=14 * 60, end=22 * 60)
NIGHT = Shift(name="night", start=22 * 60, end=DAY + 6 * 60, breaks=((DAY + 60, DAY + 90),))

moments = st.integers(to_us(datetime(2005, 1, 1, tzinfo=UTC)), to_us(datetime(2037, 1, 1, tzinfo=UTC)))
zones = st.sampled_from(ZONES)


def us(text: str) -> int:
    """A time as text, in microseconds."""
    return to_us(datetime.fromisoformat(text))


@st.composite
def plans(draw: st.DrawFn) -> list[Shift]:
    """Shifts that do not overlap, each on some days."""
    cuts = sorted(draw(st.sets(st.integers(0, 2 * DAY - 1), min_size=2, max_size=8)))
    shifts: list[Shift] = []
    for number, (start, end) in enumerate(pairwise(cuts)):
        days = draw(st.frozensets(st.integers(0, 6), min_size=1))
        shift = Shift(name=str(number), start=start % DAY, end=start % DAY + min(end - start, DAY), days=days)
        if overlapping([*shifts, shift]) is None:
            shifts.append(shift)
    return shifts


@given(zones, plans(), moments)
def test_each_moment_is_in_exactly_one_period(zone: str, shifts: list[Shift], at_us: int) -> None:
    """The period of a moment holds it, is the same for its first and last, and its neighbours join it."""

    def period_of(moment_us: int) -> Period:
        return Calendar(ZoneInfo(zone), shifts).period(moment_us)  # a new one remembers nothing

    period = period_of(at_us)
    assert period.start_us <= at_us < period.end_us
    assert period_of(period.start_us) == period == period_of(period.end_us - 1)
    assert period_of(period.end_us).start_us == period.end_us
    assert period_of(period.start_us - 1).end_us == period.start_us
    used = Calendar(ZoneInfo(zone), shifts)
    assert all(used.period(moment_us) == period_of(moment_us) for moment_us in (at_us, period.end_us, at_us))
    if period.name == OUTSIDE:
        assert period.planned == ()
    else:
        assert period.planned == ((period.start_us, period.end_us),)


@given(zones, st.integers(0, 366 * 30), st.integers(0, DAY - 1), st.integers(0, DAY))
@example("Europe/Oslo", (date(2026, 3, 29) - date(2006, 1, 1)).days, 2 * 60 + 30, 30)
@example("America/Sao_Paulo", (date(2018, 11, 4) - date(2006, 1, 1)).days, 30, 30)
def test_what_is_later_on_the_wall_is_never_earlier(zone: str, day: int, minute: int, more: int) -> None:
    """Also across a gap: half past two does not exist in the night in which clocks go from two to three."""
    wall = datetime(2006, 1, 1) + timedelta(days=day, minutes=minute)  # noqa: DTZ001  # a wall has no zone
    first = instant_us(wall, ZoneInfo(zone))
    assert first <= instant_us(wall + timedelta(minutes=more), ZoneInfo(zone))
    shown = from_us(first).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown >= wall


@pytest.mark.parametrize(
    ("evening", "hours"),
    [("2026-03-28", 7), ("2026-10-24", 9), ("2026-07-01", 8)],
    ids=["clocks forward", "clocks back", "any other night"],
)
def test_a_night_shift_is_as_long_as_it_was(evening: str, hours: int) -> None:
    """From ten to six, in the nights in which clocks are changed in Oslo; half an hour of it is a break."""
    calendar = Calendar(OSLO, [EARLY, LATE, NIGHT])
    night = calendar.period(us(f"{evening}T23:00+01:00"))
    assert night.name == "night"
    assert night.end_us - night.start_us == hours * HOUR_US
    assert sum(end - start for start, end in night.planned) == hours * HOUR_US - HOUR_US // 2
    assert calendar.period(night.end_us).name == "early"


def test_a_break_that_the_change_of_clocks_leaves_out_takes_nothing_off() -> None:
    """From two to half past two in the night in which there is no such time."""
    night = Shift(name="night", start=22 * 60, end=DAY + 6 * 60, breaks=((DAY + 120, DAY + 150),))
    period = Calendar(OSLO, [night]).period(us("2026-03-29T00:00+01:00"))
    assert sum(end - start for start, end in period.planned) == 7 * HOUR_US


def test_a_shift_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    """One on fridays runs into saturday, and does not begin on a friday off."""
    night = Shift(name="night", start=22 * 60, end=DAY + 6 * 60, days=frozenset({4}))
    calendar = Calendar(OSLO, [night], frozenset({date(2026, 1, 9)}))
    assert calendar.period(us("2026-01-03T05:59+01:00")).name == "night"
    assert calendar.period(us("2026-01-04T05:59+01:00")).name == OUTSIDE
    assert calendar.period(us("2026-01-10T05:59+01:00")).name == OUTSIDE


def test_what_is_outside_ends_at_midnight_at_the_latest() -> None:
    """So that a weekend is not one period."""
    calendar = Calendar(OSLO, [Shift(name="day", start=8 * 60, end=16 * 60, days=frozenset(range(5)))])
    found = list(calendar.periods(us("2026-01-02T16:00+01:00"), us("2026-01-05T08:00+01:00")))
    assert [period.name for period in found] == [OUTSIDE] * 4
    assert [(period.end_us - period.start_us) // HOUR_US for period in found] == [8, 24, 24, 8]


def test_without_shifts_there_is_one_a_day() -> None:
    """From midnight to midnight in the zone, all of it planned; 23 hours in the night of the change."""
    period = Calendar(OSLO).period(us("2026-03-29T12:00+02:00"))
    assert period == Period("day", us("2026-03-29T00:00+01:00"), us("2026-03-30T00:00+02:00"), period.planned)
    assert period.end_us - period.start_us == 23 * HOUR_US
    assert period.planned == ((period.start_us, period.end_us),)


@given(st.integers(0, DAY - 1), st.integers(1, DAY), st.integers(0, DAY - 1), st.integers(1, DAY), st.data())
def test_overlapping_is_told_as_counting_minutes_tells(
    start: int, lasts: int, other: int, lasts_other: int, data: st.DataObject
) -> None:
    """Two shifts overlap where a minute of the week is in both."""
    days = st.frozensets(st.integers(0, 6), min_size=1, max_size=3)
    first = Shift(name="first", start=start, end=start + lasts, days=data.draw(days))
    second = Shift(name="second", start=other, end=other + lasts_other, days=data.draw(days))

    def minutes(shift: Shift) -> set[int]:
        return {(day * DAY + minute) % WEEK for day in shift.days for minute in range(shift.start, shift.end)}

    assert (overlapping([first, second]) is not None) == bool(minutes(first) & minutes(second))
