"""The handlers of one server in memory, and what stations and their tests say; for the tests of software."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from pywats_mqtt.config.model import BridgeConfig, SoftwareConfig
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.events import Event, Software, SoftwareReported, TestResult, UpdateReported
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Publication
from pywats_mqtt.software.packages import Package
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

T1 = "TESTER-1"
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
FORBIDDEN = Retry("403", scope=Scope.CALL, cause="403")
FAILED = Retry("500", scope=Scope.DELIVERY, cause="500")
OLD, NEW = Software("fw", "2.3.0", "aa"), Software("fw", "2.3.1", "bb")
RELEASED = Package(name="fw", number=2, status="Released", tags={"SwVersion": "2.3.1"})


class Bench:
    """Handlers of one server in memory, with a clock moved by hand; `said` is what was published."""

    def __init__(self, **settings: object) -> None:
        self.wats = MemoryWats()
        self.wats.software = [RELEASED]
        self.notes = MemoryNotes()
        self.clock = HandClock()
        self.config = BridgeConfig(software=msgspec.convert(settings, SoftwareConfig))
        self.said: list[Publication] = []
        self.refused: list[tuple[str, str]] = []
        self.has_room = True
        self.restart()

    def restart(self) -> None:
        """Forget what only memory holds."""

        def refuse(call: str, why: str) -> None:
            self.refused.append((call, why))

        around = msgspec.structs.replace(quiet(self.clock), on_refused=refuse, publish=self._publish)
        self.handlers = make_handlers(self.config, around)

    def _publish(self, publication: Publication, _then: Callable[[], Awaitable[None]] | None = None) -> bool:
        if self.has_room:
            self.said.append(publication)
        return self.has_room

    async def handle(self, *events: Event) -> list[str]:
        """Handle events; the names of the calls that took."""
        before = len(self.wats.calls)
        for event in events:
            await self.handlers.by_event[type(event)](event, self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]

    async def look(self) -> list[str]:
        """Look; the names of the calls that took."""
        before = len(self.wats.calls)
        for look in self.handlers.looks:
            await look(self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]

    def told(self) -> dict[str, Any]:
        """Give the newest message."""
        found: dict[str, Any] = json.loads(self.said[-1].payload)
        return found

    def log(self) -> list[str]:
        """Give what stands in the log of the station."""
        return [text for device, text in self.wats.log if device == T1]

    def now_us(self) -> int:
        """Give the time."""
        return to_us(self.clock.now())


def report(at: int, *software: Software, **fields: object) -> SoftwareReported:
    """Give an inventory."""
    return msgspec.structs.replace(
        SoftwareReported(device=T1, software=software or None, as_of_us=at, heard_us=at), **fields
    )


def result(part_number: str = "PN") -> TestResult:
    """Give a result of the station."""
    return TestResult(
        report_id=UUID(int=1),
        device=T1,
        kind="results",
        serial_number="SN-1",
        part_number=part_number,
        result="P",
        start=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
        misc=(("lot", "7"),),
    )


def misc(bench: Bench) -> dict[str, str]:
    """Give the misc infos of the report in WATS."""
    return dict(bench.wats.reports[str(UUID(int=1))][-1].misc)


def progress(bench: Bench, state: str, **fields: object) -> UpdateReported:
    """Give the progress of an update, now."""
    now_us = bench.now_us()
    said = UpdateReported(device=T1, package="fw", version="2", state=state, as_of_us=now_us, heard_us=now_us)
    return msgspec.structs.replace(said, **fields)
