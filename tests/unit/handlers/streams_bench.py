"""Streams on a WATS in memory: what testers send, read and handled as the bridge does, with crashes where wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject, Retry
from pywats_mqtt.events import Event, TestResult, kind_of
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.streams import Streams
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.observe import StreamFigures
from pywats_mqtt.ports import Rejection
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

TESTER = "T1"
UNIT = "U1"


class Died(BaseException):
    """The bridge was killed."""


class MortalNotes(MemoryNotes):
    """Notes that die when told.

    Attributes:
        dies_at: at `2n` before the nth write from now, at `2n + 1` after it.
        dies_again: what that becomes then.
        dies_with: after a write that has this in it.
        away_s: how long the bridge is away then.
        deaths: how often it died.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dies_at: int | None = None
        self.dies_again: int | None = None
        self.dies_with: bytes | None = None
        self.away_s = 0.0
        self.deaths = 0

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Keep a note, or die."""
        if self.dies_at is not None:
            if self.dies_at == 0:
                self._die()
            self.dies_at -= 2
        await super().set_note(name, value)
        if self.dies_with is not None and self.dies_with in (value or b""):
            self.dies_with = None
            self._die()
        if self.dies_at is not None and self.dies_at < 0:
            self._die()

    def _die(self) -> NoReturn:
        self.dies_at, self.dies_again = self.dies_again, None
        self.deaths += 1
        raise Died


class Bench:
    """Handlers, and the inbox of the bridge; `inbox` holds what the look put there."""

    def __init__(self, **settings: object) -> None:
        self.config = msgspec.convert(settings, BridgeConfig)
        self.wats = MemoryWats()
        self.notes = MortalNotes()
        self.clock = HandClock()
        self.inbox: list[RawMessage] = []
        self.refused: list[Reject] = []
        self.listening = True
        self.room = True
        self.figures = StreamFigures()
        self._routes = RouteTable(self.config.topics, production=self.config.production)
        self._seen: set[bytes] = set()
        self.restart()

    def restart(self) -> None:
        """Forget what only memory holds."""

        async def accept(message: RawMessage) -> None:
            self.inbox.append(message)

        async def has_room() -> bool:
            return self.room

        around = msgspec.structs.replace(
            quiet(self.clock),
            accept=accept,
            is_listening=lambda: self.listening,
            has_room=has_room,
            streams=self.figures,
        )
        handlers = make_handlers(self.config, around)
        self._handlers, self.tell_again = handlers.by_event, handlers.tell_again
        (self._look,) = (look for look in handlers.looks if isinstance(getattr(look, "__self__", None), Streams))

    async def send(self, topic: str, payload: Mapping[str, object]) -> None:
        """Receive a message now, and handle its events but those of units; through deaths and lost answers."""
        await self.receive(RawMessage(topic, json.dumps(payload).encode(), self.now_us()))

    async def receive(self, message: RawMessage) -> None:
        """Do the same with the message as it came."""
        outcome = interpret(message, self._routes)
        assert not isinstance(outcome, Rejection), outcome
        for identified in outcome:
            if identified.identity is not None:
                if identified.identity.key in self._seen:
                    continue
                self._seen.add(identified.identity.key)
            if kind_of(identified.event) != "unit_event":
                await self.deliver(identified.event)

    async def deliver(self, event: Event) -> None:
        """Handle an event; through deaths and lost answers."""
        while True:
            try:
                await self._handlers[type(event)](event, self.wats, self.notes)
            except (Died, Retry):
                self.clock.seconds += self.notes.away_s
                self.restart()
                continue
            except Reject as refused:
                self.refused.append(refused)
            return

    async def measure(self, *values: float, path: str = "T/DUT", at: float | None = None, **more: object) -> None:
        """Send samples, one a second up to now; or from `at` on, in seconds from now."""
        base_us = self.now_us() - (len(values) - 1) * 1_000_000 if at is None else self.now_us() + int(at * 1e6)
        await self.send(
            f"testers/{TESTER}/measurements",
            {
                "serial_number": UNIT,
                "timestamp": base_us // 1_000,
                "measurements": [{"path": path, "samples": list(values), "interval_ms": 1_000, "high": 50}],
                **more,
            },
        )

    async def result(self, verdict: str | None = "Passed", **more: object) -> None:
        """Send the result of the unit, which ends now."""
        payload = {
            "serial_number": UNIT,
            "timestamp": self.now_us() // 1_000,
            "steps": [{"name": "Final", "status": "P"}],
        }
        await self.send(f"testers/{TESTER}/results", {**payload, **({"result": verdict} if verdict else {}), **more})

    async def unit(self, event: str, station: str = TESTER) -> None:
        """Let the unit enter or leave the tester's station, now."""
        payload = {"event": event, "serial_number": UNIT, "timestamp": self.now_us() // 1_000}
        await self.send(f"stations/{station}/unit", payload)

    async def leaves(self) -> None:
        """Let the unit leave, and look when no result is waited for any more."""
        await self.unit("unit_exited")
        self.clock.seconds += self.config.streams.exit_s
        await self.look()

    async def find_due(self) -> None:
        """Look; what is due waits in the inbox."""
        await self._look(self.wats, self.notes)

    async def look(self) -> None:
        """Look, and let what is due take its turn; through a death."""
        while True:
            try:
                await self.find_due()
            except Died:
                self.restart()
                continue
            break
        while self.inbox:
            await self.receive(self.inbox.pop(0))

    def now_us(self) -> int:
        """Give the time."""
        return to_us(self.clock.now())

    def reports(self) -> list[TestResult]:
        """Give the newest version of each report in WATS."""
        return [versions[-1] for versions in self.wats.reports.values()]

    def report(self) -> TestResult:
        """Give the only report."""
        (report,) = self.reports()
        return report

    def versions(self) -> int:
        """Tell how often the only report was received."""
        (versions,) = self.wats.reports.values()
        return len(versions)


def channel(report: TestResult, name: str = "DUT") -> dict[str, Any]:
    """Give the figures of a channel of the report."""
    found: dict[str, Any] = {}
    for sequence in report.steps:
        for step in sequence.steps:
            if step.name == name:
                found = {one.name: one.value for one in step.measurements} or {"value": step.measurement.value}
            if step.name == f"{name} chart" and step.chart is not None:
                found["y"] = list(step.chart.series[0].y)
    return found
