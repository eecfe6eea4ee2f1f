"""How much a spool keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import msgspec

from pywats_mqtt.config.model import SpoolConfig


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a spool.

    Attributes:
        max_bytes: at this size `put` waits until there is room: deliveries make it, and traces and ids that are
            forgotten. What is on its way then still is stored.
        min_free_bytes: `put` waits, too, while the disk has less left; 0 for no such bound.
        max_age_days: lane to the days after which what is older is dropped; a lane that is not there keeps all.
        identity_days: days an event's id is remembered; fewer where `max_bytes` does not hold as many.
        trace_rows: messages whose way is remembered, the newest ones; 0 for none.
        trace_days: days it is remembered.
    """

    max_bytes: int = 2_147_483_648
    min_free_bytes: int = 0
    max_age_days: Mapping[str, float] = {}
    identity_days: int = 30
    trace_rows: int = 100_000
    trace_days: int = 30

    @classmethod
    def of(cls, settings: SpoolConfig) -> Self:
        """Take what is configured."""
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})
