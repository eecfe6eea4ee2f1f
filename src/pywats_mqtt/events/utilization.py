"""What an asset did since it last said so: times in states, and parts made."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Parts(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Numbers of parts, or None where the device does not say.

    Attributes:
        total: all that were made.
        good: those without fault.
    """

    total: int | None = None
    good: int | None = None


NO_PARTS = Parts()


class AssetUtilization(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_utilization"
):
    """What an asset did; delivered in order.

    Attributes:
        id: derived; tells a delivery that is tried again from the next event.
        asset: serial number of the asset.
        at_us: the end of what is told, in microseconds since 1970 UTC: the device's time where it can be true, else
            that of reception.
        states: state, lower case, to the seconds spent in it since the last message; empty where `state` tells.
        state: what the asset does from `at_us` on, lower case; empty where `states` tells.
        planned_s: seconds since the last message that were planned for production; None: the calendar's.
        counted: absolute counters of the device.
        added: parts made since the last message.
        ideal_cycle_s: seconds a part takes at best, from now on; None: as before.
        unread: names of the fields that were not read; empty for none.
    """

    id: UUID
    asset: str
    at_us: int
    states: dict[str, float] = {}
    state: str = ""
    planned_s: float | None = None
    counted: Parts = NO_PARTS
    added: Parts = NO_PARTS
    ideal_cycle_s: float | None = None
    unread: str = ""

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset
