"""How much room the store has left, and what it will throw away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["", "filling", "full"]


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Room as of the last look.

    Attributes:
        level: empty while there is enough; `filling` from 80 % of a bound on, `full` where nothing is received.
        problem: what is scarce, and what to do about it; empty while there is enough.
        used_bytes: pages in use, and the write-ahead log.
        max_bytes: the bound of that.
        free_bytes: what the disk has left; -1 where it does not tell.
        min_free_bytes: the bound of that; 0 for none.
        will_drop: lane to when its oldest rows get too old (ISO 8601), where that is near.
    """

    level: Level = ""
    problem: str = ""
    used_bytes: int = 0
    max_bytes: int = 0
    free_bytes: int = -1
    min_free_bytes: int = 0
    will_drop: Mapping[str, str] = {}
