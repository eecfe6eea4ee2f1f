"""The fleet's one clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class FleetClock:
    """The system's clock; a `ports.Timer`."""

    def now(self) -> datetime:
        """Give the present time, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the program's clock

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    def real_s(self, seconds: float) -> float:
        """Give the machine's seconds in so many of this clock's."""
        return seconds
