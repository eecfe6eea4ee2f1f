"""The handlers of one server in memory, and the self-tests and units of a fixture; for the tests of self-tests."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import uuid5

import msgspec

from pywats_mqtt.config.model import AssetConfig, BridgeConfig
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.events import NAMESPACE, AssetUse, Event, TestResult
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.handlers.registry import Handlers, make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.messages import from_us, to_us
from pywats_mqtt.ports import Publication
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

Action: TypeAlias = Callable[[], Awaitable[None]]

FIXTURE = "FIXTURE-001"
SIX_US = to_us(datetime(2026, 1, 26, 6, 0, tzinfo=UTC))
HOUR_US = 3_600_000_000
IN_OPERATION, IN_TRANSIT, IN_MAINTENANCE, IN_STORAGE = 1, 2, 3, 5
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
FORBIDDEN = Retry("403", scope=Scope.CALL, cause="403")


class Bench:
    """Handlers on a WATS in memory; the clock stands at six at first."""

    def __init__(self, how: str = "tag", every_h: float = 0.0) -> None:
        assets = msgspec.convert({"selftest_failed": how, "selftest_every_h": every_h}, AssetConfig)
        self.config = BridgeConfig(assets=assets)
        self.wats, self.notes, self.clock = MemoryWats(), MemoryNotes(), HandClock()
        self.clock.start, self.clock.seconds = from_us(SIX_US), 0.0
        self.said: list[Publication] = []
        self._acknowledge: list[Action] = []
        self.refused: list[tuple[str, str]] = []
        self.handlers = self.restart()

    def restart(self) -> Handlers:
        """Forget what only memory holds."""

        def publish(publication: Publication, then: Action | None = None) -> bool:
            self.said.append(publication)
            if then is not None:
                self._acknowledge.append(then)
            return True

        self._acknowledge.clear()
        around = msgspec.structs.replace(
            quiet(self.clock),
            alarms=Alarms("wats/alarms/{alarm_type}", "B1", self.clock, publish),
            on_refused=lambda call, why: self.refused.append((call, why)),
        )
        self.handlers = make_handlers(self.config, around)
        return self.handlers

    async def handle(self, *events: Event) -> list[str]:
        """Handle events; the names of the calls that took."""
        before = len(self.wats.calls)
        for event in events:
            await self.handlers.by_event[type(event)](event, self.wats, self.notes)
        await self._settle()
        return [name for name, _, _ in self.wats.calls[before:]]

    async def look(self, hour: float) -> list[str]:
        """Look, so many hours after six; the names of the calls that took, but for those that ask for limits."""
        self.clock.seconds = hour * 3_600
        before = len(self.wats.calls)
        for look in self.handlers.looks:
            await look(self.wats, self.notes)
        await self._settle()
        return [name for name, _, _ in self.wats.calls[before:] if name not in {"asset_types", "asset_status"}]

    async def _settle(self) -> None:
        """Let the broker acknowledge what was said."""
        waiting, self._acknowledge[:] = list(self._acknowledge), []
        for then in waiting:
            await then()

    def log(self) -> list[str]:
        """Give what stands in the log of the fixture."""
        return [text for asset, text in self.wats.log if asset == FIXTURE]

    def checks(self) -> dict[str, list[str]]:
        """Give serial number to what its report says of its fixtures; those that say something."""
        reports = [sent[-1] for sent in self.wats.reports.values()]
        found = {one.serial_number: [t for n, t in one.misc if n == "selftest_check"] for one in reports}
        return {serial: texts for serial, texts in found.items() if texts}

    def alarms(self) -> list[tuple[str, dict[str, Any]]]:
        """Give topic and payload of what was published for those who listen now."""
        return [(said.topic, json.loads(said.payload)) for said in self.said if not said.retain]

    @property
    def state(self) -> int:
        """State of the fixture in WATS."""
        return self.wats.assets[FIXTURE].state


def self_test(hour: float, result: str = "P", device: str = FIXTURE) -> TestResult:
    """Give a self-test, so many hours after six."""
    start = from_us(SIX_US + int(hour * HOUR_US))
    report_id = uuid5(NAMESPACE, f"self-test {device} {hour}")
    return TestResult(
        report_id=report_id, device=device, kind="selftest", serial_number=device, result=result, start=start
    )


def unit(hour: float, device: str = "T1", **fields: Any) -> TestResult:
    """Give a result of a unit, so many hours after six, on the fixture unless told otherwise."""
    result = TestResult(
        report_id=uuid5(NAMESPACE, f"{device} {hour}"),
        device=device,
        kind="results",
        serial_number=f"U{hour}",
        result="P",
        start=from_us(SIX_US + int(hour * HOUR_US)),
    )
    return msgspec.structs.replace(result, **(fields or {"assets": (AssetUse(FIXTURE),)}))
