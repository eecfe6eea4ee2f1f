"""How long to wait before the next try to connect; pure."""

from __future__ import annotations

from enum import Enum, auto

import msgspec


class Pace(Enum):
    """How soon another try makes sense."""

    SOON = auto()
    """The cause may pass by itself: wait `reconnect_delay`, then twice as long, and so on."""
    SLOW = auto()
    """Someone has to mend something, and trying often does harm (locked accounts): wait `max_reconnect_delay`."""


class Backoff(msgspec.Struct, frozen=True):
    """The waits between tries.

    Attributes:
        first_s: the longest first wait, seconds.
        longest_s: seconds no wait exceeds.
        tries: tries since the last connection that held.
    """

    first_s: float
    longest_s: float
    tries: int = 0

    def failed(self) -> Backoff:
        """Give the state after one more try in vain."""
        return Backoff(self.first_s, self.longest_s, self.tries + 1)

    def held(self, seconds: float) -> Backoff:
        """Give the state after a connection that stood so long; one that broke at once counts as a try in vain."""
        return Backoff(self.first_s, self.longest_s, 0 if seconds >= self.first_s else self.tries)

    def wait_s(self, pace: Pace, jitter: float) -> float:
        """Tell how long to wait now.

        Half of it is fixed, half is chance, so that a fleet that lost its broker does not come back in one instant.

        Args:
            pace: of the cause.
            jitter: from 0 to 1.

        Returns:
            Seconds, between half of the full wait and all of it.
        """
        full = self.longest_s
        if pace is Pace.SOON:
            # 2 ** 63 seconds exceed every wait; the exponent is bounded so that a float holds the product.
            full = min(self.longest_s, self.first_s * 2.0 ** min(self.tries, 63))
        return full * (0.5 + 0.5 * jitter)
