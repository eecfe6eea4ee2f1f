"""How fast and how long to deliver, and what does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec

from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import Event

Handle: TypeAlias = Callable[[Event], Awaitable[bool | None]]
"""Does what an event asks for; gives False where the server was asked nothing: that tells nothing of it."""
HandleGroup: TypeAlias = Callable[[Sequence[Event]], Awaitable[Sequence[Retry | Reject | None]]]
"""Handles events of one kind and different keys together; tells for each what stands against it, or None."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast and how long to deliver.

    Attributes:
        concurrency: ordered deliveries of a lane under way at once; of each kind of latest ones, a part of that.
        attempts: failures of a delivery's own, before it is refused.
        intervals_s: kind of latest event to the shortest time between two deliveries of the same asset.
        together: kind of ordered event whose deliveries are gathered and handled together; empty for none.
        gather_s: how long they are gathered, from the first on.
        local: kinds of event that are handled without asking the server: that it is done says nothing of it.
    """

    concurrency: int
    attempts: int
    intervals_s: dict[str, float]
    together: str = ""
    gather_s: float = 0.0
    local: frozenset[str] = frozenset()
