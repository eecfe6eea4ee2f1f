"""What is known of an asset now, each kind folded into the newest of its asset; and its alerts, one by one."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Severity: TypeAlias = Literal["info", "warning", "error", "critical"]
"""How grave an alert is, the mildest first."""


class AssetCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_counts"):
    """What an asset's counters say; folded.

    Attributes:
        asset: serial number of the asset: the id in the topic.
        total: newest absolute total count, or None where the device sends none.
        running: newest absolute running count, or None.
        added: sum of all increments the device ever sent (each counted once); the durable half of its ledger.
        as_of_us: time of the absolute values, in microseconds since 1970 UTC: the device's own where it sends one, else
            ours. An older one that arrives late does not overwrite a newer. 0 where there is none.
        running_as_of_us: time of `running` where it is another than the total's; else None.
    """

    asset: str
    total: int | None = None
    running: int | None = None
    added: int = 0
    as_of_us: int = 0
    running_as_of_us: int | None = None

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_state"):
    """What an asset does now; folded.

    Attributes:
        asset: serial number of the asset.
        status: the device's word, lower case.
        state: the WATS asset state it means: 1 in operation, 3 in maintenance, 4 in calibration; None where the word
            changes none (online, offline, idle).
        as_of_us: as in `AssetCounts`.
    """

    asset: str
    status: str
    state: int | None = None
    as_of_us: int = 0

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetEnvironment(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_environment"
):
    """The newest value of each environmental channel of an asset; folded by channel.

    Attributes:
        asset: serial number of the asset.
        channels: channel name to its newest value, as the device named it (`temperature_c`).
        as_of_us: as in `AssetCounts`, of the newest channel.
        older_us: channel name to its time, of the channels that are older than that.
        units: channel name to the unit the device sent with its newest value; of those that had one.
    """

    asset: str
    channels: dict[str, float]
    as_of_us: int = 0
    older_us: dict[str, int] = {}
    units: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetAlert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_alert"):
    """An asset asks for attention, or no longer does; delivered in order.

    Attributes:
        asset: serial number of the asset.
        code: names the alert among those of its asset: what is raised under a code is cleared under it.
        severity: how grave it is.
        text: what a person should read; may be empty.
        active: False where it is cleared.
        at_us: when, in microseconds since 1970 UTC: the device's time where it can be true, else that of reception.
    """

    asset: str
    code: str
    severity: Severity
    text: str = ""
    active: bool = True
    at_us: int = 0

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset
