"""How near a drifting parameter, and a date that a device says, are to their limit."""

from __future__ import annotations

import msgspec

from pywats_mqtt.events import Drift
from pywats_mqtt.limits.trend import Days, Trend
from pywats_mqtt.limits.values import DAY_US, Level


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """When to warn.

    Attributes:
        warn_days: before a limit or a date is reached.
        warn_percent: share of the limit from which on a deviation warns, whatever its trend.
    """

    warn_days: float
    warn_percent: float


class DriftState(msgspec.Struct, frozen=True, kw_only=True):
    """How one parameter stands.

    Attributes:
        level: alarm where the newest deviation is over its limit; warning where it may soon be.
        deviation: the newest one, or None since the last calibration.
        limit: what it is compared with, or None.
        days: until the trend reaches the limit, or None where there is no trend, or no limit.
    """

    level: Level
    deviation: float | None
    limit: float | None
    days: Days | None


def judge(drift: Drift, trend: Trend | None, limit: float | None, bounds: Bounds, now_us: int) -> DriftState:
    """Tell how a parameter stands.

    Args:
        drift: what was measured since the last calibration.
        trend: of these points.
        limit: what the operator set, for one that the device gives no limit of.
        bounds: when to warn.
        now_us: the time.
    """
    said = limit if drift.limit is None else drift.limit[1]
    if not drift.points:
        return DriftState(level=Level.OK, deviation=None, limit=said, days=None)
    deviation = drift.points[-1][1]
    if said is None:
        return DriftState(level=Level.OK, deviation=deviation, limit=None, days=None)
    days = None if trend is None else trend.days_to(said, now_us)
    near = abs(deviation) >= said * bounds.warn_percent / 100 or (days is not None and days.soonest < bounds.warn_days)
    level = Level.ALARM if abs(deviation) > said else Level.WARNING if near else Level.OK
    return DriftState(level=level, deviation=deviation, limit=said, days=days)


def judge_due(due_us: int, bounds: Bounds, now_us: int) -> Level:
    """Tell how near a date is: over, or within the days in which to warn."""
    left = (due_us - now_us) / DAY_US
    return Level.ALARM if left <= 0 else Level.WARNING if left < bounds.warn_days else Level.OK
