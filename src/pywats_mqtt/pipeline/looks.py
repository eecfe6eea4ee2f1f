"""How folded telemetry is looked for: each kind after news, and from time to time, since its intervals pass.

Pure: the clock's reading comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

AGAIN_S: Final = 1.0
"""How often a kind is looked at when none of it arrives; its own intervals are longer."""

APART_S: Final = 0.05
"""Seconds of the machine between two looks: each goes through all that is owed."""

BESIDE: Final = 4
"""Of each kind one delivery is worked on for so many ordered ones: calls take far less time than its intervals."""

AHEAD: Final = 4
"""Deliveries leased for each one worked on. What is leased no longer follows its asset, so they are few."""


class Looks:
    """Keeps for each kind when to look at it; times are seconds of one monotonic clock."""

    def __init__(self, kinds: Iterable[str]) -> None:
        """Begin with all kinds due."""
        self._due_s = dict.fromkeys(kinds, 0.0)

    def news(self) -> None:
        """Take note that something was folded."""
        self._due_s = dict.fromkeys(self._due_s, 0.0)

    def looked(self, kind: str, now_s: float, *, more: bool) -> None:
        """Take note of a look; `more`: as much as was asked for was found, so there may be more."""
        if not more:
            self._due_s[kind] = now_s + AGAIN_S

    def due(self, now_s: float) -> list[str]:
        """Name the kinds to look at."""
        return [kind for kind, due_s in self._due_s.items() if due_s <= now_s]
