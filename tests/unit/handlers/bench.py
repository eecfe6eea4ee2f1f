"""Handlers on a WATS in memory."""

from __future__ import annotations

import msgspec

from pywats_mqtt.config.model import AssetConfig, BridgeConfig
from pywats_mqtt.events import Event
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.messages import RawMessage
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

FIXTURE = "FIXTURE-001"


class Bench:
    """Handlers on a WATS in memory."""

    def __init__(self, config: AssetConfig | None = None) -> None:
        self._config = config or AssetConfig()
        self.wats = MemoryWats()
        self.notes = MemoryNotes()
        self.clock = HandClock()
        self.refused: list[tuple[str, str]] = []
        self.backwards: dict[str, int] = {}
        self.said: list[RawMessage] = []
        self.listens = True
        self.restart()

    def restart(self, config: AssetConfig | None = None) -> None:
        """Forget what only memory holds; with another configuration, if one is given."""
        self._config = config or self._config

        async def accept(message: RawMessage) -> None:
            self.said.append(message)

        around = msgspec.structs.replace(
            quiet(self.clock),
            on_refused=lambda call, why: self.refused.append((call, why)),
            backwards=self.backwards,
            accept=accept,
            is_listening=lambda: self.listens,
        )
        self.alarms = around.alarms
        self.made = make_handlers(BridgeConfig(assets=self._config), around)
        self._handlers = self.made.by_event

    async def look(self) -> None:
        """Do what falls due."""
        for look in self.made.looks:
            await look(self.wats, self.notes)

    async def active(self, asset: str = FIXTURE) -> list[str]:
        """Give the alarms that stand."""
        return list(await self.alarms.active(asset, self.notes))

    async def handle(self, *events: Event) -> list[str]:
        """Handle events; the names of the calls that took."""
        before = len(self.wats.calls)
        for event in events:
            await self._handlers[type(event)](event, self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]

    def counts(self, asset: str = FIXTURE) -> tuple[int, int]:
        """Running and total of an asset in WATS."""
        return self.wats.assets[asset].running, self.wats.assets[asset].total
