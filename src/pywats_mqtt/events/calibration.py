"""What is measured of an asset's calibration, folded; and that it was calibrated, one by one."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Point: TypeAlias = tuple[int, float]
"""When, in microseconds since 1970 UTC, and how far the value was off."""


class Drift(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, array_like=True):
    """How far one parameter was off since the last calibration.

    Attributes:
        points: in order of time, at most one a moment; thinned out where there are many.
        limit: when it was said, and the deviation in either direction that may not be exceeded; or None.
        unit: when it was said, and the unit of both; or None.
    """

    points: tuple[Point, ...] = ()
    limit: tuple[int, float] | None = None
    unit: tuple[int, str] | None = None


class AssetDrift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_drift"):
    """What is known of an asset's calibration; folded.

    Attributes:
        asset: serial number of the asset.
        parameters: name to what was measured of it; the one that a device does not name is "".
        due_us: when the device says that the next calibration is due, or None.
        due_as_of_us: when it said so.
        calibrated_us: when the device was calibrated last, as far as it said so; else 0. What was measured before
            tells nothing of what follows.
        as_of_us: as in `AssetCounts`, of the newest message.
    """

    asset: str
    parameters: dict[str, Drift] = {}
    due_us: int | None = None
    due_as_of_us: int = 0
    calibrated_us: int = 0
    as_of_us: int = 0

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetCalibrated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_calibrated"):
    """An asset was calibrated; delivered in order.

    Attributes:
        asset: serial number of the asset.
        at_us: when, in microseconds since 1970 UTC; never ahead of reception.
        due_us: when the next calibration is due by the device's word, or None.
        comment: what a person should read beside it; may be empty.
    """

    asset: str
    at_us: int
    due_us: int | None = None
    comment: str = ""

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset
