"""When a message was received, told apart from every other one's.

A result that names no id, sequence or time is identified by its reception, so two that come in one read of the network
must not share a stamp.
"""

from __future__ import annotations

from typing import Final

SET_BACK_US: Final = 1_000_000
"""A clock that shows this much less than before was set, and is believed: stamps held ahead of it would date reports
into the future, where WATS hides them. Below that, two readings were merely too close, or the clock is being slewed."""


class Stamps:
    """Gives stamps in microseconds since 1970 UTC, each later than the one before; one for all connections."""

    __slots__ = ("_last_us",)

    def __init__(self) -> None:
        self._last_us = -SET_BACK_US

    def take(self, now_us: int, count: int) -> int:
        """Take the stamps of messages that came together.

        Args:
            now_us: what the clock shows.
            count: how many messages, at least 1.

        Returns:
            The first one's stamp; each next one's is a microsecond later.
        """
        ahead_us = self._last_us - now_us
        first_us = self._last_us + 1 if 0 <= ahead_us < SET_BACK_US else now_us
        self._last_us = first_us + count - 1
        return first_us
