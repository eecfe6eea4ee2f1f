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


class Instant(msgspec.Struct, frozen=True, gc=False):
    """One moment by the bridge's two clocks.

    Attributes:
        wall_us: the time, in microseconds since 1970 UTC; it may be set.
        steady_us: microseconds that never go back, from an arbitrary start.
    """

    wall_us: int
    steady_us: int


class Bounds(msgspec.Struct, frozen=True):
    """The server's time is the steady clock's and at least `low_us`, at most `high_us`; as known at `steady_us`."""

    low_us: int
    high_us: int
    steady_us: int


class ServerClock:
    """What is known of one server's clock; kept against our steady clock, so that setting ours changes nothing.

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
            asked_us: when the request went out, by our steady clock.
            answered_us: when the answer was there.
        """
        low_us, high_us, known = date_us - answered_us, date_us + DATE_US - asked_us, self.bounds
        if known is not None:
            wide_us = round(WANDER * max(0, answered_us - known.steady_us))
            both = max(low_us, known.low_us - wide_us), min(high_us, known.high_us + wide_us)
            if both[0] <= both[1]:  # else the server's clock was set
                low_us, high_us = both
        self.bounds = Bounds(low_us, high_us, answered_us)

    def skew_us(self, now: Instant) -> int:
        """How far it is ahead of our time, where that is surely more than the tolerance; else 0."""
        if self.bounds is None:
            return 0
        low_us, high_us = (bound + now.steady_us - now.wall_us for bound in (self.bounds.low_us, self.bounds.high_us))
        if low_us <= self.tolerance_us and high_us >= -self.tolerance_us:
            return 0
        return (low_us + high_us) // 2

    def latest_us(self, now: Instant) -> int:
        """Give the latest time that is surely not in the server's future; ours where nothing is known of its clock."""
        return now.wall_us if self.bounds is None else now.steady_us + self.bounds.low_us
