"""Shifts with their breaks on the clocks of one time zone, as moments. Pure.

Each moment is in exactly one period: a shift, or the time outside of all shifts, which ends at midnight at the latest.
A shift over the night in which clocks are changed is an hour shorter or longer, and so is its planned time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import combinations

import msgspec

from pywats_mqtt.messages import from_us
from pywats_mqtt.utilization.walls import instant_us

DAY = 1_440
"""Minutes of a day on the wall."""

WEEK = 7 * DAY

OUTSIDE = "outside shifts"
"""Name of a period that is no shift."""

_NEAR = (-2, -1, 0, 1, 2)
"""Days around a moment whose shifts can begin or end next to it; two, since some zones once left out a day."""

_DAYS_KEPT = 100

_RECENT = 4
"""Periods looked at before all others: messages are nearly all of the shift that runs."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A shift as it comes again.

    Attributes:
        name: its name.
        start: minutes on the wall after the midnight of the day on which it begins, below 1440.
        end: the same of its end, above `start`; 1440 and more on the next day, and at most a day after the start.
        days: weekdays on which it begins, 0 is Monday.
        breaks: (start, end) of what is no planned time, in the same minutes, within the shift.
    """

    name: str
    start: int
    end: int
    days: frozenset[int] = frozenset(range(7))
    breaks: tuple[tuple[int, int], ...] = ()


WHOLE_DAY = Shift(name="day", start=0, end=DAY)
"""The one shift of a calendar that has none."""


class Period(msgspec.Struct, frozen=True):
    """A shift of one day, or a time outside of all.

    Attributes:
        name: of the shift, or `OUTSIDE`.
        start_us: its first moment, in microseconds since 1970 UTC.
        end_us: the first moment after it.
        planned: (start, end) of its planned times, in order; none outside of shifts.
    """

    name: str
    start_us: int
    end_us: int
    planned: tuple[tuple[int, int], ...] = ()


class Calendar:
    """The shifts of one plant.

    Args:
        zone: whose clocks.
        shifts: none overlaps another (`overlapping`); empty for one from midnight to midnight.
        days_off: dates on which no shift begins.
    """

    def __init__(self, zone: tzinfo, shifts: Sequence[Shift] = (), days_off: frozenset[date] = frozenset()) -> None:
        self._zone = zone
        self._shifts = tuple(shifts) or (WHOLE_DAY,)
        self._days_off = days_off
        self._recent: tuple[Period, ...] = ()
        self._known: dict[date, tuple[Period, ...]] = {}

    def period(self, at_us: int) -> Period:
        """Give the period that a moment is in."""
        for known in self._recent:
            if known.start_us <= at_us < known.end_us:
                return known
        found = self._find(at_us)
        self._recent = (found, *self._recent[: _RECENT - 1])
        return found

    def _find(self, at_us: int) -> Period:
        today = from_us(at_us).astimezone(self._zone).date()
        days = [today + timedelta(days=away) for away in _NEAR]
        bounds: list[int] = [self._moment_us(day, 0) for day in days]
        for day in days:
            for shift in self._shifts_of(day):
                if shift.start_us <= at_us < shift.end_us:
                    return shift
                bounds += (shift.start_us, shift.end_us)
        start_us = max(bound for bound in bounds if bound <= at_us)
        return Period(OUTSIDE, start_us, min(bound for bound in bounds if bound > at_us))

    def periods(self, begin_us: int, end_us: int) -> Iterator[Period]:
        """Give all periods that share a moment with a time, in order."""
        while begin_us < end_us:
            period = self.period(begin_us)
            yield period
            begin_us = period.end_us

    def _shifts_of(self, day: date) -> tuple[Period, ...]:
        """Give the shifts that begin on a day; none that the change of clocks leaves nothing of."""
        known = self._known.get(day)
        if known is None:
            begin = () if day in self._days_off else (s for s in self._shifts if day.weekday() in s.days)
            known = tuple(period for shift in begin if (period := self._of(shift, day)).start_us < period.end_us)
            if len(self._known) >= _DAYS_KEPT:
                self._known.clear()
            self._known[day] = known
        return known

    def _of(self, shift: Shift, day: date) -> Period:
        start_us, end_us = self._moment_us(day, shift.start), self._moment_us(day, shift.end)
        planned: list[tuple[int, int]] = []
        work_us = start_us
        for begin, end in sorted(shift.breaks):
            begin_us = self._moment_us(day, begin)
            if work_us < begin_us:
                planned.append((work_us, begin_us))
            work_us = max(work_us, self._moment_us(day, end))
        if work_us < end_us:
            planned.append((work_us, end_us))
        return Period(shift.name, start_us, end_us, tuple(planned))

    def _moment_us(self, day: date, minutes: int) -> int:
        return instant_us(datetime.combine(day, time()) + timedelta(minutes=minutes), self._zone)


def overlapping(shifts: Sequence[Shift]) -> tuple[str, str] | None:
    """Name two shifts that share a minute of the week, or None where no two do."""
    for first, second in combinations(shifts, 2):
        for one in first.days:
            for other in second.days:
                ahead = (other - one) * DAY + second.start - first.start
                if ahead % WEEK < first.end - first.start or -ahead % WEEK < second.end - second.start:
                    return first.name, second.name
    return None
