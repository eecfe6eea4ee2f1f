"""Where the time comes from, and how long to wait for it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pywats_mqtt.clocks.server import Instant
from pywats_mqtt.messages import to_us


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Give the present time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go back, from an arbitrary start."""
        ...


class Timer(Clock, Protocol):
    """A clock that is waited for: intervals, windows and waits between tries go by it.

    What happens on a socket or a disk takes the machine's time, whatever this clock shows.
    """

    def real_s(self, seconds: float) -> float:
        """Tell how many of the machine's seconds pass while so many of this clock's do."""
        ...


def instant(clock: Clock) -> Instant:
    """Give the present moment."""
    return Instant(to_us(clock.now()), round(clock.monotonic() * 1e6))
