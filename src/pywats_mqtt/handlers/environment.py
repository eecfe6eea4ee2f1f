"""The environment of assets over time: a report for each closed window, and alarms of channels outside their limits.

What is folded is closed and judged in the spool; here are the effects, and what has to be done without a message:
windows of an asset that went silent are closed, and alarms end whose limits were taken out of the configuration. Both
are said to the bridge itself, so that they take the way of every message.
"""

from __future__ import annotations

import asyncio

import msgspec

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.events import ALARM, AssetCrossing, AssetHistory, AssetSamples, AssetWatch
from pywats_mqtt.folding.windows import silence_us
from pywats_mqtt.handlers.history import result_of
from pywats_mqtt.handlers.surroundings import Surroundings
from pywats_mqtt.messages import RawMessage, from_us, to_us
from pywats_mqtt.ports import Notes, Wats
from pywats_mqtt.schemas.environment import CLOSE_TOPIC, UNWATCH_TOPIC, CloseWindows, Unwatch

PREFIX = "windows/"
"""Of the notes that say which assets have open windows; each holds how long they stay open in silence."""

TOGETHER = 500
"""Assets whose windows are closed by one message: some tens of kilobytes."""


class _Open(msgspec.Struct):
    """An asset with open windows."""

    silence_us: int
    heard_us: int


class EnvironmentHandlers:
    """The handlers of the environment over time; one instance for one server.

    Args:
        config: how reports are named, and which channels have limits.
        around: the clock, the alarms, and what takes the bridge's own messages.
    """

    def __init__(self, config: AssetConfig, around: Surroundings) -> None:
        self._config = config
        self._watching = config.watching()
        self._around = around
        self._open: dict[str, _Open] = {}
        self._loaded = False
        self._loading = asyncio.Lock()
        self._unwatched = False

    async def handle_history(self, event: AssetHistory, wats: Wats, notes: Notes) -> None:  # noqa: ARG002
        """Store the report of a window; sent twice, it overwrites itself."""
        await wats.submit_report(result_of(event, self._config))

    async def handle_crossing(self, event: AssetCrossing, wats: Wats, notes: Notes) -> None:  # noqa: ARG002
        """Raise or clear the alarm of a channel."""
        alarms, alarm_type = self._around.alarms, f"{ALARM}{event.channel}"
        facts: dict[str, str | float] = {
            "channel": event.channel,
            "side": event.side,
            "limit": event.limit,
            "value": event.value,
            "unit": event.unit,
            "measured_at": from_us(event.at_us).isoformat(),
        }
        if event.outside:
            await alarms.raise_(event.asset, alarm_type, event.level, notes, facts)
            self._unwatched = False  # perhaps its limits are gone since
        else:
            await alarms.clear(event.asset, alarm_type, notes, {**facts, "extreme": event.extreme})

    async def handle_watch(self, event: AssetWatch, wats: Wats, notes: Notes) -> None:
        """Do nothing: what leaves its limits is told as it does."""

    async def handle_samples(self, event: AssetSamples, wats: Wats, notes: Notes) -> None:  # noqa: ARG002
        """Note whether the asset has open windows, and when it was heard."""
        await self._load(notes)
        known = self._open.get(event.asset)
        if not event.windows:
            if known is not None:
                await notes.set_note(PREFIX + event.asset, None)
                self._open.pop(event.asset, None)
            return
        silence = silence_us(event.windows, event.late_us)
        if known is None or known.silence_us != silence:
            await notes.set_note(PREFIX + event.asset, str(silence).encode())
        self._open[event.asset] = _Open(silence, event.heard_us)

    async def look(self, wats: Wats, notes: Notes) -> None:  # noqa: ARG002
        """Close the windows of silent assets, and end alarms of channels that are no longer watched."""
        await self._load(notes)
        if not self._unwatched:
            self._unwatched = True  # an alarm that is raised meanwhile has it done once more
            try:
                await self._unwatch(notes)
            except BaseException:
                self._unwatched = False
                raise
        now_us = self._now_us()
        silent = [asset for asset, one in self._open.items() if now_us >= one.heard_us + one.silence_us]
        for place in range(0, len(silent), TOGETHER):
            assets = tuple(silent[place : place + TOGETHER])
            await self._say(CLOSE_TOPIC, CloseWindows(until_us=now_us, assets=assets))
            for asset in assets:
                if (known := self._open.get(asset)) is not None:
                    known.heard_us = now_us  # if nothing comes of it, once more

    async def _unwatch(self, notes: Notes) -> None:
        gone: dict[str, tuple[str, ...]] = {}
        for asset, alarms in (await self._around.alarms.all_active(notes)).items():
            channels = (kind.removeprefix(ALARM) for kind in alarms if kind.startswith(ALARM))
            lost = tuple(channel for channel in channels if self._watching.threshold(asset, channel) is None)
            if lost:
                gone[asset] = lost
        if gone:
            await self._say(UNWATCH_TOPIC, Unwatch(gone))

    async def _say(self, topic: str, said: CloseWindows | Unwatch) -> None:
        await self._around.accept(RawMessage(topic, msgspec.json.encode(said), self._now_us(), 1))

    async def _load(self, notes: Notes) -> None:
        """Take over what an earlier run left open; each asset gets its whole time once more."""
        async with self._loading:
            if self._loaded:
                return
            now_us = self._now_us()
            for name, note in (await notes.notes(PREFIX)).items():
                self._open[name.removeprefix(PREFIX)] = _Open(int(note), now_us)
            self._loaded = True

    def _now_us(self) -> int:
        return to_us(self._around.clock.now())
