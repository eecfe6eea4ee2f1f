"""Where a drifting value goes: a robust slope with its confidence interval.

The slope is the median of the slopes between all pairs of points (Theil 1950, Sen 1968): up to 29 % of the points may
be wild without it following them. Its interval comes from the distribution of Kendall's S (Sen 1968; Gilbert 1987,
section 16.5), which assumes no normal distribution: of the ordered slopes, as many are left out at each end as chance
alone puts there. All of it is arithmetic on a few dozen points.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import msgspec

from pywats_mqtt.events import Point
from pywats_mqtt.limits.values import DAY_US

Z = 1.959964
"""Of a normal distribution, 95 % lie within so many standard deviations."""

LEAST_POINTS = 5
"""With four points the widest interval there is, from the least to the greatest slope, holds in 92 % of all cases."""

LEAST_SPAN_DAYS = 1.0
"""Minutes say nothing about weeks: what warms up drifts fast, and stops."""


class Trend(msgspec.Struct, frozen=True):
    """A line through points, and how sure its slope is.

    Attributes:
        slope: change in a day.
        low: the slope is above this, and below `high`, with a confidence of 95 %.
        high: see `low`.
        value: where the line is at the newest point; a single wild one does not move it.
        at_us: when that is.
    """

    slope: float
    low: float
    high: float
    value: float
    at_us: int

    def days_to(self, limit: float, now_us: int) -> Days:
        """Tell in how many days from now the line leaves the range from -`limit` to `limit`.

        `soonest` is finite only where the drift itself is sure: where its interval excludes none at all.
        """
        past = (now_us - self.at_us) / DAY_US
        sure = self.low > 0 or self.high < 0
        steep, flat = (self.high, self.low) if self.slope > 0 else (self.low, self.high)
        return Days(
            expected=self._until(self.slope, limit, past),
            soonest=self._until(steep, limit, past) if sure else math.inf,
            latest=self._until(flat, limit, past) if sure else math.inf,
        )

    def _until(self, slope: float, limit: float, past: float) -> float:
        if slope == 0:
            return math.inf
        way = limit - self.value if slope > 0 else limit + self.value
        return max(0.0, way / abs(slope) - past)


class Days(msgspec.Struct, frozen=True):
    """Days from now until a limit is reached: as the slope says, and at the ends of its interval; infinite: never."""

    expected: float
    soonest: float
    latest: float

    @property
    def shown(self) -> str:
        """What is expected, as a person reads it."""
        return "never" if math.isinf(self.expected) else f"{self.expected:.1f}"

    @property
    def finite(self) -> dict[str, float]:
        """Those that are numbers, by name."""
        named = {"days": self.expected, "days_soonest": self.soonest, "days_latest": self.latest}
        return {name: round(days, 1) for name, days in named.items() if not math.isinf(days)}


def trend_of(points: Sequence[Point]) -> Trend | None:
    """Fit a line; None where the points are too few or too close for one.

    Args:
        points: in order of time, one a moment.
    """
    if len(points) < LEAST_POINTS or points[-1][0] - points[0][0] < LEAST_SPAN_DAYS * DAY_US:
        return None
    end_us = points[-1][0]
    placed = [((at_us - end_us) / DAY_US, value) for at_us, value in points]
    slopes = sorted((later - value) / (end - start) for (start, value), (end, later) in combinations(placed, 2))
    if not math.isfinite(slopes[0]) or not math.isfinite(slopes[-1]):
        return None  # values beyond all measure
    slope = _median(slopes)
    left_out = _left_out([value for _, value in points], len(slopes))
    return Trend(
        slope=slope,
        low=slopes[left_out],
        high=slopes[-1 - left_out],
        value=_median(sorted(value - slope * day for day, value in placed)),
        at_us=end_us,
    )


def _left_out(values: Sequence[float], pairs: int) -> int:
    """Tell how many slopes lie outside the interval at each end; rounded to the wider one."""
    count = len(values)
    ties = sum(same * (same - 1) * (2 * same + 5) for same in Counter(values).values())
    spread = math.sqrt((count * (count - 1) * (2 * count + 5) - ties) / 18)  # of Kendall's S
    return max(0, math.floor((pairs - Z * spread) / 2) - 1)


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
