"""How much a spool keeps."""

from __future__ import annotations

import msgspec


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a spool.

    Attributes:
        max_bytes: at this size `put` waits until there is room: deliveries make it, and traces and ids that are
            forgotten. What is on its way then still is stored.
        identity_days: days an event's id is remembered; fewer where `max_bytes` does not hold as many.
        trace_rows: messages whose way is remembered, the newest ones; 0 for none.
        trace_days: days it is remembered.
    """

    max_bytes: int = 2_147_483_648
    identity_days: int = 30
    trace_rows: int = 100_000
    trace_days: int = 30
