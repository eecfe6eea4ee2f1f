"""The `[shifts]` and `[utilization]` tables: when a plant works, and what the figures of its assets are made of."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

import msgspec

from pywats_mqtt.utilization.calendar import DAY, Shift

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days, the first is weekday 0."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z", re.ASCII)
_BREAK = re.compile(r"(\d\d:\d\d)\s*-\s*(\d\d:\d\d)\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)


class ShiftConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `[[shifts.shift]]` table: one shift.

    Attributes:
        name: names it in tags and reports.
        start: when it begins, on the clocks of `timezone`, as `06:00`.
        end: when it ends; not after `start`: on the next day.
        days: days on which it begins.
        breaks: times that are not planned for production, such as `10:00-10:15`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    start: str
    end: str
    days: tuple[str, ...] = DAYS
    breaks: tuple[str, ...] = ()


class ShiftsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[shifts]` table: when the plant works.

    Attributes:
        timezone: IANA name of the zone whose clocks hang there, such as `Europe/Oslo`; daylight saving is followed.
        days_off: dates on which no shift begins, as `2026-12-24`.
        shift: the shifts, each a table of its own with `name`, `start`, `end`, `days` and `breaks`; none may overlap
            another. None at all: one shift a day, from midnight to midnight.
    """

    timezone: Annotated[str, msgspec.Meta(min_length=1)] = "UTC"
    days_off: tuple[str, ...] = ()
    shift: tuple[ShiftConfig, ...] = ()


class UtilizationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[utilization]` table: availability, performance, quality and OEE of assets, by shift.

    Attributes:
        producing: words of devices, in lower case, for the states that are production; all others are not.
        longest_state_s: seconds a `state` lasts at most after the message that says it; what the asset does then, until
            its next message, is unknown.
        counter_reset: what a counter that went back means. `zero`: it was set to zero, and what it shows was made
            since; `replaced`: it is another one, and counts from where it is.
        report_after_s: seconds from the end of a shift to its report, for messages that are under way; also from late
            data to the report that replaces it.
        late_hours: hours after its end in which a shift takes late data; what is later goes to quarantine.
        part_number: part number on the reports of shifts; their serial number is the asset, their test type
            `utilization`.
        ideal_cycle_s: asset to the seconds a part takes at best, where the device does not say.
    """

    producing: tuple[str, ...] = ("running", "in operation", "producing", "production", "execute", "busy")
    longest_state_s: Annotated[float, msgspec.Meta(gt=0)] = 3_600.0
    counter_reset: Literal["zero", "replaced"] = "zero"
    report_after_s: Annotated[float, msgspec.Meta(gt=0)] = 300.0
    late_hours: Annotated[float, msgspec.Meta(gt=0)] = 192.0
    part_number: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "UTILIZATION"
    ideal_cycle_s: dict[str, float] = msgspec.field(default_factory=dict)


def shift_of(config: ShiftConfig) -> Shift:
    """Read a shift.

    Raises:
        ValueError: a value cannot be read; the message is `key: problem: fix`.
    """
    start = _minutes("start", config.start)
    end = _minutes("end", config.end)
    end += DAY if end <= start else 0
    unknown = [day for day in config.days if day not in DAYS]
    if unknown or not config.days:
        raise ValueError(
            f"days: {unknown[0]!r} is no day: write some of {', '.join(DAYS)}"
            if unknown
            else "days: is empty: name a day, or remove the shift"
        )
    breaks = tuple(_break(text, start, end) for text in config.breaks)
    return Shift(name=config.name, start=start, end=end, days=frozenset(map(DAYS.index, config.days)), breaks=breaks)


def day_off(text: str) -> date:
    """Read a date.

    Raises:
        ValueError: it is none.
    """
    if not _DATE.match(text):
        raise ValueError(f"{text!r} is no date")
    return date.fromisoformat(text)


def _minutes(key: str, text: str) -> int:
    found = _CLOCK.match(text)
    if found is None:
        raise ValueError(f"{key}: {text!r} is no time of a day: write hours and minutes, such as 06:00")
    return int(found[1]) * 60 + int(found[2])


def _break(text: str, start: int, end: int) -> tuple[int, int]:
    """Read a break, in the minutes of its shift: one that is before its start on the clock is after midnight."""
    found = _BREAK.match(text)
    if found is None:
        raise ValueError(f"breaks: {text!r} is no break: write start and end, such as 10:00-10:15")
    first, last = _minutes("breaks", found[1]), _minutes("breaks", found[2])
    first += DAY if first < start else 0
    last += DAY if last <= first % DAY else 0
    last += DAY if last < first else 0
    if not start <= first < last <= end:
        raise ValueError(f"breaks: {text!r} is not within the shift: write a time between its start and its end")
    return first, last
