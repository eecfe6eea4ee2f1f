"""What is done with the environment of assets: units by the names of channels, windows of history, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

UNITS: Mapping[str, str] = {
    "c": "°C",
    "degc": "°C",
    "f": "°F",
    "degf": "°F",
    "k": "K",
    "pct": "%",
    "percent": "%",
    "rh": "%",
    "g": "g",
    "mg": "mg",
    "ms2": "m/s²",
    "mms": "mm/s",
    "um": "µm",
    "mm": "mm",
    "bar": "bar",
    "mbar": "mbar",
    "pa": "Pa",
    "hpa": "hPa",
    "kpa": "kPa",
    "psi": "psi",
    "v": "V",
    "mv": "mV",
    "a": "A",
    "ma": "mA",
    "w": "W",
    "kw": "kW",
    "kwh": "kWh",
    "hz": "Hz",
    "khz": "kHz",
    "rpm": "rpm",
    "db": "dB",
    "dba": "dB(A)",
    "lux": "lx",
    "ppm": "ppm",
    "ppb": "ppb",
    "ugm3": "µg/m³",
    "lpm": "l/min",
}
"""What follows the last `_` of a channel's name, in lower case, to its unit."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a channel.

    Attributes:
        low: a value below it is outside; not set, there is none.
        high: a value above it is outside; not set, there is none.
        hysteresis: how far inside the limit a value must be before it counts as within again.
        level: `warning` or `alarm`; an alarm is also written to the log of the asset.
    """

    low: float | None = None
    high: float | None = None
    hysteresis: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    level: Literal["warning", "alarm"] = "warning"


class Watching(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with the values of channels besides keeping the newest.

    Attributes:
        window_us: length of a window of history; 0 for none.
        late_us: how long after its end a window takes values.
        thresholds: channel, or asset, `/` and channel, to its limits.
        units: what follows the last `_` of a channel's name to its unit.
    """

    window_us: int = 0
    late_us: int = 0
    thresholds: Mapping[str, Threshold] = {}
    units: Mapping[str, str] = msgspec.field(default_factory=lambda: UNITS)

    @property
    def is_on(self) -> bool:
        """Whether anything is to be done."""
        return self.window_us > 0 or bool(self.thresholds)

    def threshold(self, asset: str, channel: str) -> Threshold | None:
        """Give the limits of a channel, or None where it is not watched; those of the asset come before the general."""
        found = self.thresholds.get(f"{asset}/{channel}") or self.thresholds.get(channel)
        return None if found is None or (found.low is None and found.high is None) else found

    def unit(self, channel: str) -> str:
        """Give the unit that a channel's name tells, or an empty text."""
        _, mark, suffix = channel.rpartition("_")
        return self.units.get(suffix.lower(), "") if mark else ""
