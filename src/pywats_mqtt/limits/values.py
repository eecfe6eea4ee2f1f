"""What WATS says of the limits of assets, as values."""

from __future__ import annotations

from enum import IntEnum

import msgspec

DAY_US = 86_400_000_000
"""Microseconds of a day."""


class Level(IntEnum):
    """How near an asset is to a limit."""

    OK = 0
    WARNING = 1
    ALARM = 2

    @property
    def word(self) -> str:
        """As it stands in an alarm's message; empty in order."""
        return "" if self is Level.OK else self.name.lower()


class AssetType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of assets, and their limits; None, and 0, where it has none.

    Attributes:
        id: WATS' id of the type.
        name: its name.
        running_limit: uses since the running count was reset.
        total_limit: uses over the whole life.
        calibration_days: days from one calibration to the next; -1 unlimited, -2 as another system says.
        maintenance_days: the same of maintenance.
        warning_percent: share of a limit from which on WATS warns, or None.
        alarm_percent: share of a limit from which on it alarms, or None.
    """

    id: str
    name: str
    running_limit: int | None = None
    total_limit: int | None = None
    calibration_days: float | None = None
    maintenance_days: float | None = None
    warning_percent: float | None = None
    alarm_percent: float | None = None


EXTERNAL = -2
"""The interval of a type whose dates another system tells."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What WATS holds of an asset beside its counts; times in microseconds since 1970 UTC, None where there is none.

    Attributes:
        type_id: of its type; may be empty.
        first_seen_us: when WATS saw it first.
        calibrated_us: last calibration.
        calibration_due_us: next one.
        maintained_us: last maintenance.
        maintenance_due_us: next one.
    """

    type_id: str = ""
    first_seen_us: int | None = None
    calibrated_us: int | None = None
    calibration_due_us: int | None = None
    maintained_us: int | None = None
    maintenance_due_us: int | None = None


class AssetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What WATS itself says of an asset and its limits.

    Attributes:
        level: the worst of all its limits; None where the answer does not say it in a way that is known.
        message: WATS' own words.
        running: running count it was said about, or None.
        total: total count it was said about, or None.
    """

    level: Level | None
    message: str = ""
    running: int | None = None
    total: int | None = None
