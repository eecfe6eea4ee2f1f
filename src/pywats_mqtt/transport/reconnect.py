"""How long to wait before the next try to connect; pure."""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from pywats_mqtt.retry import Backoff, delay_s


class Pace(Enum):
    """How soon another try makes sense."""

    SOON = auto()
    """The cause may pass by itself: wait `reconnect_delay`, then twice as long, and so on."""
    SLOW = auto()
    """Someone has to mend something, and trying often does harm (locked accounts): wait `max_reconnect_delay`."""


class Tries(msgspec.Struct, frozen=True):
    """The tries since the last connection that held, and the bounds of the waits between them."""

    bounds: Backoff
    count: int = 0

    def failed(self) -> Tries:
        """Give the state after one more try in vain."""
        return Tries(self.bounds, self.count + 1)

    def held(self, seconds: float) -> Tries:
        """Give the state after a connection that stood so long; one that broke at once counts as a try in vain."""
        return Tries(self.bounds, 0 if seconds >= self.bounds.first_s else self.count)

    def wait_s(self, pace: Pace, jitter: float) -> float:
        """Tell how many seconds to wait now, between half of the full wait and all of it.

        Args:
            pace: of the cause.
            jitter: from 0 to 1.
        """
        longest_s = self.bounds.longest_s
        bounds = self.bounds if pace is Pace.SOON else Backoff(longest_s, longest_s)
        return delay_s(bounds, self.count, jitter)
