"""What WATS is known to hold of each asset, so that what says nothing new costs no call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from pywats_mqtt.events import AssetState
from pywats_mqtt.limits.values import Schedule
from pywats_mqtt.ports import Asset, Wats


class Held(msgspec.Struct):
    """Counts and state of one asset, as read and as written by us since; and its type and dates as read."""

    total: int
    running: int
    state: int
    schedule: Schedule = Schedule()

    @classmethod
    def of(cls, asset: Asset) -> Held:
        """Take them from what was read."""
        return cls(total=asset.total, running=asset.running, state=asset.state, schedule=asset.schedule)

    def raise_total(self, total: int) -> None:
        """Follow a write of the total: WATS adds the difference to both counts, and ignores a lower one."""
        difference = max(0, total - self.total)
        self.total += difference
        self.running += difference


class Known:
    """One asset.

    Attributes:
        held: None until it is read, and again after any failure: what became of it is then unknown.
        tags: the tags last written, or None.
        counters: the tags last written of counters of the device's own, or None.
        compared_s: when a total above the device's was read last, monotonic; or None.
        followed: the device's running count that WATS was last made to follow, and its time in microseconds; or None.
        stating: held by who decides about the state, since an alert and a status may come at once.
        stated_us: time of the newest word of the device whose state was brought to WATS, in microseconds; at first that
            of our start, since nobody knows what an earlier run brought there.
        peoples: the state that was wanted last where a person's stands in WATS, and when that was seen; or None.
    """

    def __init__(self, stated_us: int = 0) -> None:
        self.peoples: tuple[int | None, float] | None = None
        self.held: Held | None = None
        self.tags: Mapping[str, str] | None = None
        self.counters: Mapping[str, str] | None = None
        self.compared_s: float | None = None
        self.followed: tuple[int | None, int] | None = None
        self.stated_us = stated_us
        self.stating = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def read(self, wats: Wats, asset: str) -> Held:
        """Give what is held; the kinds of telemetry that arrive together share one call."""
        async with self._reading:
            if self.held is None:
                self.held = Held.of(await wats.asset(asset))
            return self.held

    def unsaid_state(self, event: AssetState) -> int | None:
        """Give the state that an asset said; of a word before its newest one only where WATS was not told it."""
        return None if event.state_us and event.state_us <= self.stated_us else event.state

    def note_said(self, event: AssetState) -> None:
        """Take note that WATS was told what an asset said."""
        if event.state is not None:
            self.stated_us = max(self.stated_us, event.state_us or event.as_of_us)

    def forget(self) -> None:
        """Take nothing for known."""
        self.held = None
        self.tags = None
        self.counters = None
        self.followed = None
        self.peoples = None
