"""How far the server's clock is ahead of the bridge's, from the `Date` of its answers.

An answer was made between its request and its arrival, and `Date` cuts the second off; so each answer says that the
server is ahead by something between two bounds (Cristian 1989). What all of them say together is between the greatest
lower bound and the least upper one, as in NTP's selection (Marzullo; RFC 5905, section 11.2.1), which a few answers
narrow to less than their second.
"""

from __future__ import annotations

import msgspec

DATE_US = 1_000_000
"""What `Date` cuts off at most (RFC 9110, 5.6.7: whole seconds)."""

WANDER = 500e-6
"""How fast the two clocks may part, and old bounds grow wide."""


class Bounds(msgspec.Struct, frozen=True):
    """The server's clock is ahead by at least `low_us` and at most `high_us`, as known at `at_us`."""

    low_us: int
    high_us: int
    at_us: int


class ServerClock:
    """What is known of one server's clock.

    Args:
        tolerance_us: less than this is no skew.

    Attributes:
        bounds: None before the first answer.
    """

    def __init__(self, tolerance_us: int) -> None:
        self.tolerance_us = tolerance_us
        self.bounds: Bounds | None = None

    def heard(self, date_us: int, asked_us: int, answered_us: int) -> None:
        """Learn from an answer.

        Args:
            date_us: its `Date`.
            asked_us: when the request went out, by our clock.
            answered_us: when the answer was there.
        """
        if answered_us < asked_us:
            return  # our clock was set meanwhile
        low_us, high_us, known = date_us - answered_us, date_us + DATE_US - asked_us, self.bounds
        if known is not None and answered_us >= known.at_us:
            wide_us = round(WANDER * (answered_us - known.at_us))
            both = max(low_us, known.low_us - wide_us), min(high_us, known.high_us + wide_us)
            if both[0] <= both[1]:  # else one of the two clocks was set
                low_us, high_us = both
        self.bounds = Bounds(low_us, high_us, answered_us)

    @property
    def ahead_us(self) -> int:
        """How far it is surely ahead; negative: behind. 0 where nothing is known, or it may be right."""
        if self.bounds is None or self.bounds.low_us <= 0 <= self.bounds.high_us:
            return 0
        return self.bounds.low_us if self.bounds.low_us > 0 else self.bounds.high_us

    @property
    def skew_us(self) -> int:
        """How far it is ahead, where that is more than the tolerance, in the middle of the bounds; else 0."""
        if self.bounds is None or abs(self.ahead_us) <= self.tolerance_us:
            return 0
        return (self.bounds.low_us + self.bounds.high_us) // 2

    def latest_us(self, now_us: int) -> int:
        """Give the latest time that is surely not in the server's future; ours where nothing is known of its clock."""
        return now_us + (0 if self.bounds is None else self.bounds.low_us)
