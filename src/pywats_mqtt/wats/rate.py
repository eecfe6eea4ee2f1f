"""How fast a server is called: as fast as it accepts, up to the limit. Pure: times come in as arguments.

The rate is raised by a part of the limit from time to time while calls are accepted, and halved when one is refused for
being too many (additive increase, multiplicative decrease). Many refusals may come of one rate: of calls that began
before it was halved, none halves it again. After an absence of the server, and at a start with much to deliver, the
rate begins low and doubles until a call is refused, or the limit is reached.

Below the limit calls are spaced. At the limit they may come all at once, as long as there were few before: calls that
are not made save up to a minute's worth. So a rate that never was lowered delays nothing that the quota would let go.
"""

from __future__ import annotations

from typing import Final

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

AWAY = "WATS was away"
BACKLOG = "much was owed at the start"

_ALMOST_ONE: Final = 1 - 1e-6
"""A whole call, but for what adding up parts of it loses."""


class Rate:
    """The rate of one server; times are seconds of one clock that never goes back.

    Attributes:
        limit: calls a minute at most; 0 for no limit, and then there is no rate, only the server's wish to wait.
        per_minute: calls a minute now.
        why: why that is below the limit; else empty.
    """

    def __init__(self, limit: int, *, backlog: bool = False) -> None:
        """Begin at the limit; low where `backlog`, since much is owed."""
        self.limit = limit
        self.per_minute = float(limit)
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
        return min(float(self.limit), max(1.0, self.limit * FLOOR))

    @property
    def is_full(self) -> bool:
        """Whether the rate is at the limit."""
        return self.per_minute >= self.limit

    def may_call(self, now_s: float) -> bool:
        """Tell whether a call may begin."""
        return self._save(now_s) >= _ALMOST_ONE

    def call(self) -> None:
        """Take note that a call begins."""
        self._saved -= 1

    def give_back(self) -> None:
        """Take note that it was not made."""
        self._saved += 1

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
        if away_s >= ABSENCE_S and self.limit:
            before = self.per_minute
            self._save(now_s)
            self._begin_low(AWAY)
            self._changed_s = now_s
            return self.per_minute != before
        if self.is_full or began_s < self._changed_s or now_s < self._changed_s + RISE_S:
            return False
        self._save(now_s)
        raised = self.per_minute * 2 if self._doubles else self.per_minute + self.limit * RISE
        self.per_minute = min(float(self.limit), raised)
        self._changed_s = now_s
        if raised >= self.limit:
            self.why, self._doubles = "", False
        return True

    def refused(self, began_s: float, now_s: float, why: str, after_s: float | None = None) -> bool:
        """Take note that a call was one too many; tells whether the rate changed.

        Args:
            began_s: when the call began; none that began before the rate was lowered lowers it again.
            now_s: the time.
            why: what the server answered.
            after_s: how long it wants not to be called, or None.
        """
        self._held_until_s = max(self._held_until_s, now_s + (after_s or 0.0))
        self._doubles = False
        if not self.limit or began_s <= self._lowered_s:
            return False
        self._save(now_s)
        before = self.per_minute
        self.per_minute = max(self.floor, self.per_minute / 2)
        self._saved = min(self._saved, 0.0)
        self._lowered_s = self._changed_s = now_s
        self.why = "" if self.is_full else why
        return self.per_minute != before

    def unanswered(self, now_s: float) -> None:
        """Take note that the server is not there."""
        if self._away_s is None:
            self._away_s = now_s

    def _begin_low(self, why: str) -> None:
        start = max(self.floor, self.limit * START)
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
        most = float(self.limit) if self.is_full else max(1.0, self.per_minute * SAVED_S / MINUTE_S)
        self._saved = min(self._saved, most)
        return self._saved
