"""How fast a server is called: as fast as it accepts, up to the limit. Pure: times come in as arguments.

The rate is raised by a part of the limit from time to time while calls are accepted, and halved when one is refused for
being too many (additive increase, multiplicative decrease). Many refusals may come of one rate: of calls that began
before it was halved, none halves it again. After an absence of the server, and at a start with much to deliver, the
rate begins low and doubles until a call is refused, or the limit is reached.

Below the limit calls are spaced. At the limit they may come all at once, as long as there were few before: calls that
are not made save up to a minute's worth. So a rate that never was lowered delays nothing that the quota would let go.

Where no limit is set there is no rate until a call is refused. Then the calls of the last minute are what it is halved
from and rises to; when none was refused there for a minute, there is none again.

A server that throttles does so whether the bridge was started anew or not: what is known is kept for an hour.
"""

from __future__ import annotations

from typing import Final

import msgspec

MINUTE_S: Final = 60.0

START: Final = 1 / 8
"""Where the rate begins, as a part of the limit: about a call a second of 450 a minute."""

FLOOR: Final = 1 / 30
"""What the rate is not lowered below, as a part of the limit: a call in 4 s of 450 a minute still tells what is
accepted."""

RISE: Final = 1 / 20
"""What is added, as a part of the limit."""

RISE_S: Final = 5.0
"""Between two rises: from half the limit to the limit in 50 s, about the minute that servers count calls in; and from
`START`, doubling, in 15 s."""

SAVED_S: Final = 2.0
"""Below the limit, calls that were not made are saved up for so long: a server may count calls a second."""

ABSENCE_S: Final = 10.0
"""A server that did not answer for so long may have to find its feet first; a lost connection is mended sooner."""

LEAST_TOP: Final = 450.0
"""Without a limit the rate is halved from the default one at least, which WATS accepts."""

CALM_S: Final = 60.0
"""So long calls are accepted at the rate that was refused once, until there is none: servers count calls a minute."""

KEPT_S: Final = 3_600.0
"""What was known so long ago says nothing of the server now."""

AWAY = "WATS was away"
BACKLOG = "much was owed at the start"

_ALMOST_ONE: Final = 1 - 1e-6
"""A whole call, but for what adding up parts of it loses."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a server, as it is written down.

    Attributes:
        at_us: when, in microseconds since 1970 UTC.
        top: what the rate rises to.
        per_minute: the rate; 0 where there is none, or it was at the limit.
        why: why it was lowered.
        held_s: seconds from then in which the server wanted not to be called.
    """

    at_us: int
    top: float
    per_minute: float
    why: str
    held_s: float


class Rate:
    """The rate of one server; times are seconds of one clock that never goes back.

    Attributes:
        limit: calls a minute at most; 0 for no limit.
        top: what the rate rises to: the limit; without one the calls of the minute before one was refused, and 0 while
            none is: then there is no rate.
        per_minute: calls a minute now; 0 for no rate.
        why: why that is below the limit, or that there is one at all; else empty.
    """

    def __init__(self, limit: int, *, backlog: bool = False) -> None:
        """Begin at the limit; low where `backlog`, since much is owed."""
        self.limit = limit
        self.top = self.per_minute = float(limit)
        self.why = ""
        self._doubles = False
        self._changed_s = self._lowered_s = self._held_until_s = float("-inf")
        self._away_s: float | None = None
        self._saved = float(limit)
        self._saved_s: float | None = None
        if backlog and limit:
            self._begin_low(BACKLOG)

    @property
    def floor(self) -> float:
        """The lowest rate."""
        return min(self.top, max(1.0, self.top * FLOOR))

    @property
    def is_full(self) -> bool:
        """Whether the rate is at the limit, or there is neither."""
        return self.per_minute >= self.top if self.limit else self.is_none

    @property
    def is_none(self) -> bool:
        """Whether there is no rate: no limit, and no call that was refused."""
        return not self.top

    def may_call(self, now_s: float) -> bool:
        """Tell whether a call may begin."""
        return self.is_none or self._save(now_s) >= _ALMOST_ONE

    def call(self) -> None:
        """Take note that a call begins."""
        self._saved -= not self.is_none

    def give_back(self) -> None:
        """Take note that it was not made."""
        self._saved += not self.is_none

    def opens_in_s(self, now_s: float) -> float:
        """Tell how long until a call may begin; 0 where one may."""
        if self.may_call(now_s):
            return 0.0
        return (1 - self._saved) * MINUTE_S / self.per_minute + 0.001  # over it, not at it

    def held_s(self, now_s: float) -> float:
        """Tell how long the server wants not to be called at all; 0 where it may be."""
        return max(0.0, self._held_until_s - now_s)

    def accepted(self, began_s: float, now_s: float) -> bool:
        """Take note of an answer to a call that began then; tells whether the rate changed."""
        away_s = 0.0 if self._away_s is None else now_s - self._away_s
        self._away_s = None
        if away_s >= ABSENCE_S and self.top:
            before = self.per_minute
            self._save(now_s)
            self._begin_low(AWAY)
            self._changed_s = now_s
            return self.per_minute != before
        if self.is_full or began_s < self._changed_s or now_s < self._changed_s + RISE_S:
            return False
        if self.per_minute >= self.top:  # no limit is set
            if now_s < self._changed_s + CALM_S:
                return False
            self.top = self.per_minute = 0.0
            self.why = ""
        else:
            self._save(now_s)
            raised = self.per_minute * 2 if self._doubles else self.per_minute + self.top * RISE
            self.per_minute = min(self.top, raised)
            if raised >= self.top:
                self.why, self._doubles = "" if self.limit else self.why, False
        self._changed_s = now_s
        return True

    def refused(self, began_s: float, now_s: float, why: str, after_s: float | None = None, *, made: int = 0) -> bool:
        """Take note that a call was one too many; tells whether the rate changed.

        Args:
            began_s: when the call began; none that began before the rate was lowered lowers it again.
            now_s: the time.
            why: what the server answered.
            after_s: how long it wants not to be called, or None.
            made: calls of the last minute, this one included; where no limit is set, it is what is halved.
        """
        self._held_until_s = max(self._held_until_s, now_s + (after_s or 0.0))
        self._doubles = False
        if began_s <= self._lowered_s:
            return False
        self._save(now_s)
        before = self.per_minute
        if not self.limit:
            self.top = max(LEAST_TOP, made)
            self.per_minute = min(before or self.top, self.top)
        self.per_minute = max(self.floor, self.per_minute / 2)
        self._saved = min(self._saved, 0.0)
        self._lowered_s = self._changed_s = now_s
        self.why = "" if self.is_full else why
        return self.per_minute != before

    def unanswered(self, now_s: float) -> None:
        """Take note that the server is not there."""
        if self._away_s is None:
            self._away_s = now_s

    def keep(self, now_s: float, now_us: int) -> Kept | None:
        """Give what is to be known after a restart; None where that is nothing."""
        held_s = self.held_s(now_s)
        if self.is_full and not held_s:
            return None
        return Kept(now_us, self.top, 0.0 if self.is_full else self.per_minute, self.why, held_s)

    def restore(self, kept: Kept, now_s: float, now_us: int) -> None:
        """Go on from what an earlier run knew, if that is not too old; a time in the future counts as now."""
        age_s = max(0.0, (now_us - kept.at_us) / 1e6)
        if age_s > KEPT_S:
            return
        self._held_until_s = now_s + min(kept.held_s, KEPT_S) - age_s
        if kept.per_minute and (not self.limit or kept.per_minute < self.limit):
            self._save(now_s)
            self.top = self.top or kept.top
            self.per_minute = min(self.per_minute or self.top, max(self.floor, kept.per_minute))
            self.why, self._doubles = kept.why, False  # what was refused once is not doubled up to
            self._saved, self._changed_s = 1.0, now_s

    def _begin_low(self, why: str) -> None:
        start = max(self.floor, self.top * START)
        if start >= self.per_minute:
            self._doubles = not self.is_full  # it is as low already, or the limit is
            return
        self.per_minute, self.why, self._doubles = start, why, True
        self._saved = min(self._saved, 1.0)

    def _save(self, now_s: float) -> float:
        """Count the calls that were saved up."""
        if self._saved_s is not None and now_s > self._saved_s:
            self._saved += (now_s - self._saved_s) * self.per_minute / MINUTE_S
        self._saved_s = now_s
        most = self.top if self.is_full else max(1.0, self.per_minute * SAVED_S / MINUTE_S)
        self._saved = min(self._saved, most)
        return self._saved
