"""The environment over time: samples gathered in windows, channels watched against limits, and what comes of both.

`AssetSamples` and `AssetWatch` are folded as messages arrive; folding them yields ordered events: `AssetHistory` when a
window is closed, `AssetCrossing` when a channel leaves its limits or is back.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

ALARM = "environment_"
"""What an alarm of a channel, and an alert, begin with; the channel follows."""

LOGGED = "alarm"
"""The level at which a channel outside its limits is an alert of its asset, too."""

Side: TypeAlias = Literal["", "low", "high"]
"""Where a channel is: within its limits, below the low one, or above the high one."""


class Stats(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The values of one channel in one unit.

    Attributes:
        unit: empty where nothing tells it.
        count: how many values, at least one.
        least, most, mean: of them; finite.
    """

    unit: str
    count: int
    least: float
    most: float
    mean: float


class Window(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was measured in one stretch of time.

    Attributes:
        start_us: its begin, in microseconds since 1970 UTC; a multiple of its length.
        length_us: how long it is.
        channels: channel to its values, one entry for each unit they came in.
    """

    start_us: int
    length_us: int
    channels: dict[str, tuple[Stats, ...]]

    @property
    def end_us(self) -> int:
        """The first moment after it."""
        return self.start_us + self.length_us


class AssetSamples(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_samples"):
    """The open windows of an asset; folded, every value counts.

    Attributes:
        asset: serial number of the asset.
        windows: by start; of one message the one its values are in.
        as_of_us: time of the newest value; the device's own where it sends one, else ours.
        heard_us: when the newest of its messages was received.
        until_us: of a message of the bridge's own: if the asset was silent until then, what ended before is closed.
        late_us: how long after its end a window still takes values.
        closed_us: what ends up to here comes too late for its report.
        reports: windows closed so far, supplements among them.
    """

    asset: str
    windows: tuple[Window, ...] = ()
    as_of_us: int = 0
    heard_us: int = 0
    until_us: int = 0
    late_us: int = 0
    closed_us: int = 0
    reports: int = 0

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetHistory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_history"):
    """A window was closed: one report.

    Attributes:
        report_id: the WATS report id, derived from the asset, the window, its values and the number of reports before.
        asset: serial number of the asset.
        window: what was measured, channels in order of their names.
        is_supplement: these values came too late for the report of their window, if there was one.
    """

    report_id: UUID
    asset: str
    window: Window
    is_supplement: bool = False

    @property
    def key(self) -> str:
        """A line of its own: a report that is refused or waits holds up nothing else of the asset."""
        return f"{self.asset}/history"


class Watched(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A channel and its limits.

    Attributes:
        value: the newest one.
        unit: empty where nothing tells it.
        at_us: its time.
        low, high: the limits, or None; neither: it is no longer watched.
        hysteresis: how far it must be back inside a limit to count as within.
        level: how grave it is to be outside.
        side: where it is.
        since_us: when it got there; 0 while it was never outside.
        extreme: the farthest value since then.
    """

    value: float
    unit: str
    at_us: int
    low: float | None
    high: float | None
    hysteresis: float
    level: str
    side: Side = ""
    since_us: int = 0
    extreme: float = 0.0

    @property
    def limit(self) -> float:
        """The limit it is outside of; 0 where it is within."""
        limit = {"": None, "low": self.low, "high": self.high}[self.side]
        return 0.0 if limit is None else limit


class AssetWatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_watch"):
    """The watched channels of an asset; folded by channel.

    Attributes:
        asset: serial number of the asset.
        channels: channel to what is known of it.
        as_of_us: time of the newest value.
    """

    asset: str
    channels: dict[str, Watched]
    as_of_us: int = 0

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetCrossing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_crossing"):
    """A channel left its limits, or is back within them; delivered in order.

    Attributes:
        asset: serial number of the asset.
        channel: as the device named it.
        outside: it left them; else it is back, or no longer watched.
        side: `low` or `high`, where it is or was.
        level: `warning` or `alarm`.
        limit: the one it crossed.
        value: of the crossing.
        unit: empty where nothing tells it.
        at_us: time of the value.
        since_us: when it left them.
        extreme: the farthest value since then.
    """

    asset: str
    channel: str
    outside: bool
    side: Side
    level: str
    limit: float
    value: float
    unit: str
    at_us: int
    since_us: int
    extreme: float

    @property
    def key(self) -> str:
        """The line of the asset's alerts, one of which may follow it."""
        return self.asset
