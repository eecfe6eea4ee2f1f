"""The samples of one channel, in order of their time, within a bound.

Up to the bound every sample is kept. Past it the samples are thinned: in order of time they are put in buckets that
stand for an equal number of samples, and of each bucket the first, the last, the least and the greatest are kept, so
that no extreme and no end of the line is lost. Each point that is kept knows how many samples it stands for; so when
the channel is thinned again, what came early is not thinned more than what came late. Number, sum, minimum and maximum
are counted beside the points, and stay exact.
"""

from __future__ import annotations

from bisect import bisect_right
from math import isfinite

import msgspec

POINTS_OF_A_BUCKET = 4
"""First, last, least, greatest."""


class Channel(msgspec.Struct, array_like=True):
    """One channel; changed by `add`.

    Attributes:
        unit: the last that was named.
        low, high, comp: the last limits that a message named, as in `events.Measurement`; all unset for none.
        times_us: of the points, ascending.
        values: of the points.
        weights: how many samples each point stands for; their sum is `count`.
        count: samples taken.
        total: sum of all samples.
        carry: what rounding took from `total` (Neumaier's summation).
        least, greatest: of all samples.
        changes: how often a message named other limits than the one before.
    """

    unit: str = ""
    low: float | None = None
    high: float | None = None
    comp: str = ""
    times_us: list[int] = []
    values: list[float] = []
    weights: list[int] = []
    count: int = 0
    total: float = 0.0
    carry: float = 0.0
    least: float = 0.0
    greatest: float = 0.0
    changes: int = 0

    @property
    def limited(self) -> bool:
        """Whether a message named limits."""
        return bool(self.comp) or self.low is not None or self.high is not None

    @property
    def mean(self) -> float:
        """The mean of all samples; never outside of them, as rounding alone could put it."""
        mean = (self.total + self.carry) / self.count
        if not isfinite(mean):  # their sum is more than a float holds
            mean = self.least / 2 + self.greatest / 2
        return min(max(mean, self.least), self.greatest)

    def add(self, at_us: int, value: float, most: int) -> None:
        """Take a sample; one that is older than others is put where it belongs.

        Args:
            at_us: its time, in microseconds since 1970 UTC.
            value: finite.
            most: points kept, at least 16.
        """
        if not self.count or value < self.least:
            self.least = value
        if not self.count or value > self.greatest:
            self.greatest = value
        self.count += 1
        self._sum(value)
        place = len(self.times_us)
        if place and at_us < self.times_us[-1]:
            place = bisect_right(self.times_us, at_us)
        self.times_us.insert(place, at_us)
        self.values.insert(place, value)
        self.weights.insert(place, 1)
        if len(self.times_us) > most:
            self._thin(most)

    def _sum(self, value: float) -> None:
        total = self.total + value
        larger, smaller = (self.total, value) if abs(self.total) >= abs(value) else (value, self.total)
        self.carry += (larger - total) + smaller
        self.total = total

    def _thin(self, most: int) -> None:
        """Keep at most half of `most`, so that thinning costs little for each sample."""
        capacity = -(-self.count // (most // (2 * POINTS_OF_A_BUCKET)))
        times, values, weights = self.times_us, self.values, self.weights
        self.times_us, self.values, self.weights = [], [], []
        first, bucket, before = 0, 0, 0
        for place, weight in enumerate(weights):
            if before // capacity != bucket:
                self._keep(times, values, weights, range(first, place))
                first, bucket = place, before // capacity
            before += weight
        self._keep(times, values, weights, range(first, len(times)))

    def _keep(self, times: list[int], values: list[float], weights: list[int], bucket: range) -> None:
        chosen = {bucket[0], bucket[-1], min(bucket, key=values.__getitem__), max(bucket, key=values.__getitem__)}
        kept = sorted(chosen)
        self.times_us += [times[place] for place in kept]
        self.values += [values[place] for place in kept]
        self.weights += [weights[place] for place in kept]
        self.weights[-1] += sum(weights[place] for place in bucket if place not in chosen)
