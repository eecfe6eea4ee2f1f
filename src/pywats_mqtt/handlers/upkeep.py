"""What is known of each asset's limits, and the alarms that follow; nothing here asks WATS.

An alarm is raised at the very count or value that crosses its limit, and by the clock alone where a date passes. What
has not been read yet raises nothing and clears nothing, so that a restart tells no alarm twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.events import AssetDrift
from pywats_mqtt.handlers.alarms import NO_FACTS, Alarms, Facts
from pywats_mqtt.limits.drift import Bounds, DriftState, judge, judge_due
from pywats_mqtt.limits.history import since
from pywats_mqtt.limits.monitors import COUNTS, MONITORS, Monitor, Said, beyond, monitors_of, settled
from pywats_mqtt.limits.trend import Trend, trend_of
from pywats_mqtt.limits.values import AssetType, Level, Schedule
from pywats_mqtt.messages import from_us, to_us
from pywats_mqtt.ports import Clock, Notes

PREFIX = "upkeep/"
TYPES = "asset_types"
"""Names of notes: of each asset, and of the types that were read last."""

DRIFT, DUE, STATUS = "calibration_drift", "calibration", "asset_status"
"""Names of alarms: a parameter drifts; a date comes near; WATS says so, and no monitor of ours does."""

SAME_US = 1_000_000
"""Times of one calibration may differ by so much: a server may round what it is told."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of one asset over a restart.

    Attributes:
        schedule: its type and dates in WATS, or None where they have never been read.
        drift: what its device measured, or None.
        tags: the tags of it that stand in WATS.
        said: what WATS said last that differs from what we compute, or None.
        recording: the time of a calibration that is being noted in WATS, and of the one that WATS had before; or None.
    """

    schedule: Schedule | None = None
    drift: AssetDrift | None = None
    tags: dict[str, str] = {}
    said: Said | None = None
    recording: tuple[int, int | None] | None = None

    @property
    def calibrated_us(self) -> int:
        """When it was calibrated last, by whomever; 0 for never."""
        in_wats = self.schedule.calibrated_us if self.schedule is not None else None
        by_device = self.drift.calibrated_us if self.drift is not None else 0
        return max(0 if in_wats is None else in_wats - SAME_US, by_device)

    @property
    def due_us(self) -> int | None:
        """When the device says that it is due, unless it was calibrated since."""
        if self.drift is None or self.drift.due_as_of_us < self.calibrated_us:
            return None
        return self.drift.due_us


class Upkeep:
    """What is known of all assets of one server.

    Attributes:
        types: types of assets by id, as read last, perhaps before a restart; None until they were read once.
    """

    def __init__(self, config: AssetConfig, clock: Clock, alarms: Alarms) -> None:
        self.types: Mapping[str, AssetType] | None = None
        self._limits = config.calibration_limits
        self._bounds = Bounds(warn_days=config.calibration_warn_days, warn_percent=config.calibration_warn_percent)
        self._clock = clock
        self._alarms = alarms
        self._kept: dict[str, Kept] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._trends: dict[str, tuple[AssetDrift, int, dict[str, Trend | None]]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._loaded = False

    async def load(self, notes: Notes) -> None:
        """Read what was kept, once."""
        if not self._loaded:
            types = await notes.note(TYPES)
            if types is not None:
                self.types = msgspec.json.decode(types, type=dict[str, AssetType])
            for name, note in (await notes.notes(PREFIX)).items():
                self._kept.setdefault(name.removeprefix(PREFIX), msgspec.json.decode(note, type=Kept))
            self._loaded = True

    async def learn(self, types: Mapping[str, AssetType], notes: Notes) -> None:
        """Take types of assets, by id; kept, so that after a restart the first count is compared with its limits."""
        if types != self.types:
            await notes.set_note(TYPES, msgspec.json.encode(types))
            self.types = types

    def names(self) -> list[str]:
        """Name the assets that anything is known of."""
        return list(self._kept)

    async def kept(self, asset: str, notes: Notes) -> Kept:
        """Give what is known of an asset."""
        await self.load(notes)
        return self._kept.get(asset, Kept())

    async def take(self, asset: str, notes: Notes, *, counts: tuple[int, int] | None = None, **fields: object) -> Kept:
        """Take what is new of an asset, keep it, and raise and clear its alarms; no call to WATS.

        Args:
            asset: serial number.
            notes: durable on return.
            counts: running and total.
            fields: of `Kept`.

        Returns:
            What is known now.
        """
        async with self._turn(asset):
            before = await self.kept(asset, notes)
            if counts is not None:
                self._counts[asset] = counts
            kept = msgspec.structs.replace(before, **fields) if fields else before
            if kept != before:
                await notes.set_note(PREFIX + asset, msgspec.json.encode(kept))
                self._kept[asset] = kept
            active = await self._alarms.active(asset, notes)
            for alarm, (level, facts) in self._wanted(asset, kept, active).items():
                if level is not Level.OK:
                    await self._alarms.raise_(asset, alarm, level.word, notes, facts)
                elif alarm in active:
                    await self._alarms.clear(asset, alarm, notes)
            return kept

    async def forget(self, asset: str, notes: Notes) -> None:
        """Forget an asset that WATS does not have, and end its alarms."""
        async with self._turn(asset):
            await self.load(notes)
            self._counts.pop(asset, None)
            self._trends.pop(asset, None)
            if self._kept.pop(asset, None) is not None:
                await notes.set_note(PREFIX + asset, None)
            for alarm in await self._alarms.active(asset, notes):
                if alarm in {*MONITORS, STATUS} or alarm.startswith(DRIFT):
                    await self._alarms.clear(asset, alarm, notes)

    def monitors(self, asset: str) -> dict[str, Monitor] | None:
        """Compute an asset's monitors; None where its type or the limits of that have not been read yet."""
        schedule = self._kept.get(asset, Kept()).schedule
        if self.types is None or schedule is None:
            return None
        kind = self.types.get(schedule.type_id)
        if kind is None:
            return {}
        return monitors_of(kind, schedule, self._counts.get(asset), to_us(self._clock.now()))

    def drifts(self, asset: str, kept: Kept, now_us: int) -> dict[str, DriftState]:
        """Tell how each parameter of an asset stands."""
        if kept.drift is None:
            return {}
        parameters = {name: since(drift, kept.calibrated_us) for name, drift in kept.drift.parameters.items()}
        known = self._trends.get(asset)
        if known is None or known[0] is not kept.drift or known[1] != kept.calibrated_us:
            trends = {name: trend_of(drift.points) for name, drift in parameters.items()}
            known = self._trends[asset] = (kept.drift, kept.calibrated_us, trends)
        limits = {name: self._limits.get(name, self._limits.get("default")) for name in parameters}
        return {
            name: judge(drift, known[2][name], limits[name], self._bounds, now_us) for name, drift in parameters.items()
        }

    def _wanted(self, asset: str, kept: Kept, active: Mapping[str, str]) -> dict[str, tuple[Level, Facts]]:
        """Tell at which level each alarm of an asset has to stand; those of which nothing is known are left out."""
        now_us = to_us(self._clock.now())
        wanted: dict[str, tuple[Level, Facts]] = {}
        monitors = self.monitors(asset)
        if monitors is not None:
            local = {name: monitor.level for name, monitor in monitors.items()}
            for name, level in settled(local, kept.said).items():
                wanted[name] = (level, _facts_of(monitors[name]) if level else NO_FACTS)
            for name in MONITORS:
                if name not in COUNTS or asset in self._counts:
                    wanted.setdefault(name, (Level.OK, NO_FACTS))
            message = "" if kept.said is None else kept.said.message
            wanted[STATUS] = (beyond(local, kept.said), {"source": "wats", "message": message})
        if kept.due_us is not None:
            level = judge_due(kept.due_us, self._bounds, now_us)
            standing = Level[active[DUE].upper()] if active.get(DUE) else Level.OK
            if level > (standing if monitors is None else wanted[DUE][0]):
                wanted[DUE] = (level, {"source": "device", "due": from_us(kept.due_us).isoformat()})
        for alarm in active:
            if alarm.startswith(DRIFT):
                wanted[alarm] = (Level.OK, NO_FACTS)  # unless its parameter is still there
        for name, state in self.drifts(asset, kept, now_us).items():
            facts = _facts_of_drift(name, state, kept) if state.level else NO_FACTS
            wanted[_named(DRIFT, name)] = (state.level, facts)
        return wanted

    def _turn(self, asset: str) -> asyncio.Lock:
        turn = self._turns.get(asset)
        if turn is None:
            turn = self._turns[asset] = asyncio.Lock()
        return turn


def tags_of(kept: Kept, drifts: Mapping[str, DriftState]) -> dict[str, str]:
    """Give the tags of an asset's calibration; those that stand in WATS and say nothing any more say `none`, once.

    Args:
        kept: what is known.
        drifts: how each parameter stood when it was measured last.
    """
    tags = dict.fromkeys((name for name, value in kept.tags.items() if value != "none"), "none")
    if kept.due_us is not None:
        tags["calibration_due"] = from_us(kept.due_us).isoformat()
    for name, state in drifts.items():
        if state.deviation is not None:
            tags[_named(DRIFT, name)] = f"{state.deviation:.10g}"
        if state.days is not None:
            tags[_named("calibration_trend_days", name)] = state.days.shown
    return tags


def _named(what: str, parameter: str) -> str:
    return f"{what}_{parameter}" if parameter else what


def _facts_of(monitor: Monitor) -> Facts:
    facts: dict[str, str | float] = {
        "source": "limits",
        "used": round(monitor.used, 3),
        "limit": round(monitor.limit, 3),
        "percent": round(monitor.percent, 1),
    }
    return facts if monitor.due_us is None else {**facts, "due": from_us(monitor.due_us).isoformat()}


def _facts_of_drift(name: str, state: DriftState, kept: Kept) -> Facts:
    unit = kept.drift.parameters[name].unit if kept.drift is not None else None
    facts: dict[str, str | float | None] = {
        "parameter": name,
        "deviation": state.deviation,
        "limit": state.limit,
        "unit": unit[1] if unit else "",
    }
    return facts if state.days is None else {**facts, **state.days.finite}
