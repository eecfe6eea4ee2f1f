"""What is known of an asset now, each kind folded into the newest of its asset; and its alerts, one by one."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

OFFLINE = "offline"
"""The word of a device that is not there."""

Severity: TypeAlias = Literal["info", "warning", "error", "critical"]
"""How grave an alert is, the mildest first."""


class Past(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of an asset's counters: those that went backwards, and the running count that was reset; folded.

    Attributes:
        peak: the highest total of the present counter, where a message that may be a repeat has shown a lower one
            since; 0: none has.
        ends: the last totals of the newest counters before the present one, the oldest first.
        carried: sum of the last totals of all counters before the present one.
        drops: how often the total went backwards, so that another counter began.
        end_us: time of the newest of `ends`, as `AssetCounts.as_of_us`.
        begun_us: time of the first total of the present counter.
        resets: how often the running count was reset.
        reset_us: time of the newest reset.
        reset_total: `AssetCounts.counted` at that time, or None where no total was known.
        reset_added: `AssetCounts.added` at that time.
        behind: what was counted since `AssetCounts.running` was told.
    """

    peak: int = 0
    ends: tuple[int, ...] = ()
    carried: int = 0
    drops: int = 0
    end_us: int = 0
    begun_us: int = 0
    resets: int = 0
    reset_us: int = 0
    reset_total: int | None = None
    reset_added: int = 0
    behind: int = 0


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
        untimed: the device sent neither a time nor an id, so that a lower total may be an old message that comes again.
        past: what became of the counters before, or None for nothing. Of one message it says a reset alone.
        handed: those of the increments in `added` that were handed over from one bridge to another, by the id of the
            export: WATS says of each whether it is counted, since either bridge may have done it.
    """

    asset: str
    total: int | None = None
    running: int | None = None
    added: int = 0
    as_of_us: int = 0
    running_as_of_us: int | None = None
    untimed: bool = False
    past: Past | None = None
    handed: dict[str, int] = {}

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset

    @property
    def counted(self) -> int:
        """What the device's counters counted in all, through those that went backwards; 0 without a total."""
        if self.past is None:
            return self.total or 0
        return self.past.carried + max(self.total or 0, self.past.peak)


class AssetCounters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_counters"):
    """The newest value of each counter of an asset that WATS has no place for; folded by name, for tags.

    Attributes:
        asset: serial number of the asset.
        counters: name, as the device gave it, to its newest value.
        as_of_us: as in `AssetCounts`, of the newest.
        older_us: name to its time, of the counters that are older than that.
    """

    asset: str
    counters: dict[str, int | float]
    as_of_us: int = 0
    older_us: dict[str, int] = {}

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset


class AssetState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_state"):
    """What an asset does now; folded.

    Attributes:
        asset: serial number of the asset.
        status: the device's newest word but `offline`, lower case; that one or none where it never said another.
        state: the WATS asset state that its newest word meant which means one: 1 in operation, 3 in maintenance, 4 in
            calibration; None where no word did (online, offline, idle).
        state_us: when it said that word, where it is not `status` but an earlier one; else 0.
        as_of_us: as in `AssetCounts`.
        gone_us: when it, or its Will, said that it is offline, or its silence was noticed, by our clock. 0: it has
            said something since.
    """

    asset: str
    status: str
    state: int | None = None
    as_of_us: int = 0
    gone_us: int = 0
    state_us: int = 0

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
