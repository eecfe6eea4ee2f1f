"""The real clock."""

from __future__ import annotations

import time
from datetime import datetime

from pywats_mqtt.messages import from_us


class SystemClock:
    """The machine's clock; everything else gets its time from here, as an argument."""

    def now(self) -> datetime:
        """Give the present time, aware UTC, to the microsecond."""
        return from_us(time.time_ns() // 1000)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()
