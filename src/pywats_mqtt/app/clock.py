"""The real clock, and one that goes faster."""

from __future__ import annotations

import time
from datetime import datetime

from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import from_us
from pywats_mqtt.ports import Timer


class SystemClock:
    """The machine's clock; everything else gets its time from here, as an argument."""

    def now(self) -> datetime:
        """Give the present time, aware UTC, to the microsecond."""
        return from_us(time.time_ns() // 1000)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    def real_s(self, seconds: float) -> float:
        """See `ports.Timer.real_s`."""
        return seconds


class FastClock:
    """A clock to test with: from one moment on it goes faster, or slower, than the machine's.

    Two programs with the same three numbers show the same time, also one that is started again meanwhile.
    """

    def __init__(self, *, rate: float, ahead_s: float, since_s: float | None) -> None:
        """Begin.

        Args:
            rate: its seconds in one of the machine's; above 0.
            ahead_s: how far it is ahead, besides.
            since_s: the moment, in seconds since 1970 UTC by the machine's clock; None for now.
        """
        self._rate = rate
        self._since_us = time.time_ns() // 1000 if since_s is None else int(since_s * 1e6)
        self._shown_us = self._since_us + int(ahead_s * 1e6)

    def now(self) -> datetime:
        """Give the time it shows."""
        passed_us = time.time_ns() // 1000 - self._since_us
        return from_us(self._shown_us + int(passed_us * self._rate))

    def monotonic(self) -> float:
        """Give its seconds; they never go back."""
        return time.monotonic() * self._rate

    def real_s(self, seconds: float) -> float:
        """See `ports.Timer.real_s`."""
        return seconds / self._rate


def clock_of(rate: float, ahead_s: float, since_s: float | None) -> Timer:
    """Give the clock that a program's hidden options ask for: the machine's, unless they say otherwise.

    Raises:
        Fatal: it would not go.
    """
    if not 0 < rate < float("inf"):
        raise Fatal(f"--clock-rate {rate:g}: a clock goes at a rate above 0, such as 60")
    if rate == 1 and not ahead_s:
        return SystemClock()
    return FastClock(rate=rate, ahead_s=ahead_s, since_s=since_s)
