"""The numbers of one device's messages."""

from __future__ import annotations


class Numbers:
    """Counts the messages of a device from 1, over all their kinds.

    Args:
        device: its id.
        run: makes message ids unique over runs with the same seed.
    """

    def __init__(self, device: str, run: str) -> None:
        self.device = device
        self.run = run
        self._last = 0

    @property
    def coming(self) -> int:
        """The number the next message gets."""
        return self._last + 1

    @property
    def coming_id(self) -> str:
        """The id the next message gets."""
        return f"{self.device}-{self.run}-{self.coming:06d}"

    def take(self) -> tuple[int, str]:
        """Give the next message its number and its id."""
        message_id = self.coming_id
        self._last += 1
        return self._last, message_id
