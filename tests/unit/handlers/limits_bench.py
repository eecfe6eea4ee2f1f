"""Handlers on a WATS in memory, whose alarms are heard; for the tests of limits and calibrations."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec

from pywats_mqtt.config.model import AssetConfig, BridgeConfig, WatsConfig
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.events import AssetCounts, AssetDrift, Drift, Event
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.limits.values import DAY_US
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Publication
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

FIXTURE = "FIXTURE-001"
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
FORBIDDEN = Retry("403", scope=Scope.CALL, cause="403")
FAILED = Retry("500", scope=Scope.DELIVERY, cause="500")


class Bench:
    """Handlers of one server in memory, with a clock moved by hand; WATS and the notes outlive `restart`."""

    def __init__(self, *, wats: WatsConfig | None = None, **settings: object) -> None:
        self.wats, self.notes, self.clock = MemoryWats(), MemoryNotes(), HandClock()
        self.config = BridgeConfig(assets=msgspec.convert(settings, AssetConfig), wats=wats or WatsConfig())
        self.refused: list[tuple[str, str]] = []
        self.said: list[dict[str, Any]] = []
        self.retained: dict[str, dict[str, Any]] = {}
        self.restart()

    def restart(self) -> None:
        """Forget what only memory holds."""
        self._waiting: list[Callable[[], Awaitable[None]]] = []
        alarms = Alarms("wats/alarms/{alarm_type}", "B1", self.clock, self._publish)
        around = msgspec.structs.replace(
            quiet(self.clock), alarms=alarms, on_refused=lambda call, why: self.refused.append((call, why))
        )
        self._handlers = make_handlers(self.config, around)

    def _publish(self, publication: Publication, then: Callable[[], Awaitable[None]] | None = None) -> bool:
        payload = json.loads(publication.payload) if publication.payload else {}
        if publication.retain:
            self.retained[publication.topic] = payload
        else:
            self.said.append(payload)
        if then is not None:
            self._waiting.append(then)
        return True

    async def handle(self, *events: Event) -> list[str]:
        """Handle events; the names of the calls that took."""
        before, self.wats.now = len(self.wats.calls), self.clock.now()
        try:
            for event in events:
                await self._handlers.by_event[type(event)](event, self.wats, self.notes)
        finally:
            await self._acknowledge()
        return [name for name, _, _ in self.wats.calls[before:]]

    async def look(self, *, seconds: float = 30.0) -> list[str]:
        """Look once that much later; the names of the calls that took."""
        self.clock.seconds += seconds
        before, self.wats.now = len(self.wats.calls), self.clock.now()
        for look in self._handlers.looks:
            await look(self.wats, self.notes)
        await self._acknowledge()
        return [name for name, _, _ in self.wats.calls[before:]]

    async def _acknowledge(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            await then()

    def heard(self) -> list[tuple[str, str]]:
        """Give the alarms told since this was asked last, as (type, level)."""
        said, self.said = self.said, []
        return [(alarm["alarm"], alarm["level"]) for alarm in said]

    def standing(self) -> dict[str, str]:
        """Give the alarms that the broker keeps, as type to level."""
        return {alarm["alarm"]: alarm["level"] for alarm in self.retained.values() if alarm}

    def limit(self, **limits: float) -> None:
        """Set limits of the type of all assets, as people do."""
        self.wats.type = msgspec.structs.replace(self.wats.type, **limits)

    def pass_days(self, days: float) -> None:
        """Let days pass."""
        self.clock.start += timedelta(days=days)

    def now_us(self) -> int:
        """Give the time."""
        return to_us(self.clock.now())


def counts(total: int, asset: str = FIXTURE) -> AssetCounts:
    """Give counts."""
    return AssetCounts(asset=asset, total=total, running=total, as_of_us=total + 1)


def drift(*values: float, end_us: int, limit: float | None = 1.0, name: str = "", **fields: Any) -> AssetDrift:
    """Give one value a day, the newest at a time."""
    points = tuple((end_us - (len(values) - 1 - day) * DAY_US, value) for day, value in enumerate(values))
    said = None if limit is None else (end_us, limit)
    parameters = {name: Drift(points, said, (end_us, "V"))} if values else {}
    return AssetDrift(asset=FIXTURE, parameters=parameters, as_of_us=end_us, **fields)
