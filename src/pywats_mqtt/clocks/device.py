"""How far a device's clock is ahead, estimated from the times it sends and those of reception.

A message that says `sent` by the device's clock and arrives at `received` by ours gives `sent - received`, which is the
offset less the delay. Delays are never negative, but may be hours: what a broker or a device kept while the line was
down. So the greatest of many differences is nearest to the offset, as the clock filter of NTP takes the sample of least
delay (RFC 5905, section 10).

It is taken from each stage of a minute. Of the last stages the majority counts that agree, and of those the median, so
that a minute of nonsense moves nothing, whether it says much else or a little. In a backlog that is all there is, the
difference rises as fast as messages arrive, no stages agree, and nothing is known: better than what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

STAGE_US = 60_000_000
"""A backlog of many thousand messages drains in it; a clock that was set is known again after a few of them."""

STAGES = 8
"""As many as NTP's clock filter has."""

LEAST_STAGES = 5
"""That so many agree takes minutes whose last messages are as late as the first: no backlog drains so."""

LEAST_OF_SPIKE = 3
"""Messages of a stage from which on its greatest difference is left out where it stands alone."""

DRIFT_SPAN_US = 3_600_000_000
"""Over an hour, a tenth of a second of chance in the delay is 28 ppm; over less it hides any drift."""

MOST_DRIFT = 500e-6
"""What NTP takes for the worst clock that is not broken (RFC 5905, section 7.1, MAXFREQ)."""


class Stage(msgspec.Struct, array_like=True, gc=False):
    """The differences of one stretch of time, in microseconds; the two greatest are kept.

    Attributes:
        start_us: reception of its first message.
        best: the greatest difference.
        second: the next one.
        count: messages.
    """

    start_us: int
    best: int
    second: int
    count: int = 1

    def hear(self, differences_us: Sequence[int]) -> None:
        """Take more, the greatest last."""
        greatest = differences_us[-2:]
        for difference_us in greatest:
            self.count += 1
            if difference_us > self.best:
                self.best, self.second = difference_us, self.best
            elif difference_us > self.second or self.count == 2:  # noqa: PLR2004 - before, the second was the first
                self.second = difference_us
        self.count += len(differences_us) - len(greatest)

    def value(self, tolerance_us: int) -> int:
        """Give the difference nearest to the offset: the greatest, unless it stands alone."""
        is_spike = self.count >= LEAST_OF_SPIKE and self.best - self.second > tolerance_us
        return self.second if is_spike else self.best


class Skew(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a clock.

    Attributes:
        ahead_us: how far it is ahead of ours; negative: behind.
        at_us: when that was.
        drift: microseconds it gains in one; 0.0 while that is not known.
        since_us: when it was first known; it was not set since.
        first_us: how far it was ahead then.
    """

    ahead_us: int
    at_us: int
    drift: float
    since_us: int
    first_us: int

    def at(self, moment_us: int) -> int:
        """Tell how far it is ahead at another time."""
        return self.ahead_us + round(self.drift * (moment_us - self.at_us))


class DeviceClock(msgspec.Struct, array_like=True):
    """The clock of one device.

    Attributes:
        stage: the one that goes on, or None before the first message.
        stages: those that ended, the oldest first.
        count: messages since it is watched, or since our own clock was set back.
        skew: what is known, or None.
    """

    stage: Stage | None = None
    stages: list[Stage] = []
    count: int = 0
    skew: Skew | None = None

    @property
    def heard_us(self) -> int:
        """When its stage began: near enough to the last message to tell who is silent."""
        return 0 if self.stage is None else self.stage.start_us

    def hear(self, differences_us: Sequence[int], received_us: int, *, tolerance_us: int, least: int) -> None:
        """Take the times that messages say less those of their reception.

        Args:
            differences_us: in microseconds, of messages that came together; at least one.
            received_us: reception of the last, by our clock; never going back, unless our clock was set.
            tolerance_us: differences this near to each other agree.
            least: messages before anything is known.
        """
        heard_us = sorted(differences_us)
        self.count += len(heard_us)
        stage = self.stage
        if stage is not None and received_us < stage.start_us - tolerance_us:
            self.stages, self.count, self.skew, stage = (
                [],
                len(heard_us),
                None,
                None,
            )  # our clock was set back: all is different
        if stage is not None and received_us < stage.start_us + STAGE_US:
            stage.hear(heard_us)
            return
        if stage is not None:
            self.stages = [*self.stages, stage][-STAGES:]
            self._settle(stage.start_us, tolerance_us, least)
        self.stage = Stage(received_us, heard_us[-1], heard_us[-1])
        self.stage.hear(heard_us[:-1])

    def ahead_us(self, moment_us: int, tolerance_us: int) -> int | None:
        """Tell how far it is ahead of ours.

        Args:
            moment_us: when, at or after the last message.
            tolerance_us: see `hear`.

        Returns:
            None where that is not known, or the present stage contradicts: then the clock was just set, or a backlog
            arrives, and the messages to come tell which.
        """
        if self.skew is None or self.stage is None:
            return None
        ahead_us = self.skew.at(moment_us)
        return ahead_us if abs(self.stage.value(tolerance_us) - ahead_us) <= tolerance_us else None

    def _settle(self, now_us: int, tolerance_us: int, least: int) -> None:
        """Learn from the stages, if enough of them agree; else what was known stays."""
        if self.count < least or len(self.stages) < LEAST_STAGES:
            return
        values = [stage.value(tolerance_us) for stage in self.stages]
        # The most that lie within the tolerance; of equally many the greatest, whose delays are the least, and so it is
        # with the two in their middle.
        groups = [[value for value in values if top - tolerance_us <= value <= top] for top in sorted(values)[::-1]]
        agreeing = max(groups, key=len)
        if len(agreeing) < LEAST_STAGES or 2 * len(agreeing) <= len(values):
            return
        ahead_us, before = sorted(agreeing)[len(agreeing) // 2], self.skew
        if before is None or abs(ahead_us - before.at(now_us)) > tolerance_us:  # it was set
            self.skew = Skew(ahead_us, now_us, 0.0, now_us, ahead_us)
            return
        span_us = now_us - before.since_us
        drift = (ahead_us - before.first_us) / span_us if span_us >= DRIFT_SPAN_US else 0.0
        if abs(drift) > MOST_DRIFT:
            drift = 0.0
        self.skew = Skew(ahead_us, now_us, drift, before.since_us, before.first_us)
