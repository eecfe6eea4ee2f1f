"""The limits of an asset's WATS type, computed from what is known of the asset.

What is public: a limit for the running and for the total count, days from one calibration and one maintenance to the
next, and a warning and an alarm threshold in percent of each. What is not public is said beside the constants; WATS'
own verdict (`/api/Asset/Status`) goes before ours where both are about the same facts, see `settled`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pywats_mqtt.limits.values import DAY_US, EXTERNAL, AssetType, Level, Schedule

WARNING_PERCENT, ALARM_PERCENT = 80.0, 100.0
"""Guesses, for a type that has no threshold: it is not public what WATS takes then."""

COUNTS = ("running_count", "total_count")
DATES = ("calibration", "maintenance")
MONITORS = COUNTS + DATES
"""Names of the alarms."""


class Monitor(msgspec.Struct, frozen=True):
    """What is used of one limit.

    Attributes:
        level: by the thresholds of the type; one counts when it is reached (a guess).
        used: uses, or days since the last time.
        limit: uses, or days from that time to the next.
        due_us: when the limit is reached, of a date; else None.
    """

    level: Level
    used: float
    limit: float
    due_us: int | None = None

    @property
    def percent(self) -> float:
        """Share of the limit; of one that is not above 0, which only wrong dates give, all or nothing."""
        if self.limit > 0:
            return 100.0 * self.used / self.limit
        return 100.0 if self.used >= self.limit else 0.0


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What WATS said of an asset about the same facts of which we computed something else.

    Attributes:
        local: what we had computed: the levels by monitor.
        level: what WATS said, the worst of all.
        message: in its words.
    """

    local: dict[str, Level]
    level: Level
    message: str = ""


def monitors_of(kind: AssetType, schedule: Schedule, counts: tuple[int, int] | None, now_us: int) -> dict[str, Monitor]:
    """Compute what an asset's type limits, by the name of its alarm; what is not limited, or not known, is left out.

    Args:
        kind: the type.
        schedule: the asset's dates.
        counts: running and total, or None where they are not known.
        now_us: the time.
    """
    found: dict[str, tuple[float, float, int | None]] = {}
    for name, limit, used in zip(COUNTS, (kind.running_limit, kind.total_limit), counts or (), strict=False):
        if limit:
            found[name] = (used, limit, None)
    dates = (
        ("calibration", kind.calibration_days, schedule.calibrated_us, schedule.calibration_due_us),
        ("maintenance", kind.maintenance_days, schedule.maintained_us, schedule.maintenance_due_us),
    )
    for name, days, last_us, due_us in dates:
        start_us = schedule.first_seen_us if last_us is None else last_us
        end_us = _end_us(days, start_us, due_us)
        if start_us is not None and end_us is not None:
            found[name] = ((now_us - start_us) / DAY_US, (end_us - start_us) / DAY_US, end_us)
    return {name: _judged(kind, *values) for name, values in found.items()}


def worst(levels: Mapping[str, Level]) -> Level:
    """Give the worst level."""
    return max(levels.values(), default=Level.OK)


def settled(local: Mapping[str, Level], said: Said | None) -> dict[str, Level]:
    """Give the level of each monitor once WATS has said what it takes for right.

    Where WATS said less than we computed from the same facts, a rule of ours is not its own, and its word goes: until a
    level of ours changes, which is news that WATS has not judged. What it says more is an alarm of its own, `beyond`.
    """
    if said is None or any(said.local.get(name) != level for name, level in local.items()):
        return dict(local)
    return {name: min(level, said.level) for name, level in local.items()}


def beyond(local: Mapping[str, Level], said: Said | None) -> Level:
    """Give the level that WATS said and no monitor of ours explains; it stands until WATS says another one.

    A monitor that is not known now, as counts after a start, is as it was.
    """
    return said.level if said is not None and said.level > worst({**said.local, **local}) else Level.OK


def _end_us(days: float | None, start_us: int | None, due_us: int | None) -> int | None:
    """Tell when the next one is due: the date that WATS holds, else the interval; None where it is never due."""
    if not days or (days < 0 and days != EXTERNAL):
        return None
    if due_us is not None or days == EXTERNAL:
        return due_us
    return None if start_us is None else start_us + round(days * DAY_US)


def _judged(kind: AssetType, used: float, limit: float, due_us: int | None) -> Monitor:
    warning = WARNING_PERCENT if kind.warning_percent is None else kind.warning_percent
    alarm = max(warning, ALARM_PERCENT) if kind.alarm_percent is None else kind.alarm_percent
    bare = Monitor(Level.OK, used, limit, due_us)
    level = Level.ALARM if bare.percent >= alarm else Level.WARNING if bare.percent >= warning else Level.OK
    return Monitor(level, used, limit, due_us)
