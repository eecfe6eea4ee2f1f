"""Lanes beside each other, one try at a time of what is closed, and defects of ours that come to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetAlert, AssetState, Event, Identified, TestResult, UnitEvent, kind_of
from pywats_mqtt.pipeline.deliver import LEASED_AHEAD, Delivering
from pywats_mqtt.pipeline.gate import Change, Gate
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.ports import Settlement, Spool
from pywats_mqtt.spool import SqliteSpool
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, message, put, put_and_route, result_of
from tests.waiting import wait_until

PACE = Pace(concurrency=4, attempts=3, intervals_s={"asset_state": 5.0})
AWAY = Retry("no route", scope=Scope.SERVER, cause="unreachable")


class Bench:
    """A loop on a spool in memory, and a server that takes, keeps waiting, or fails as told."""

    def __init__(self, spool: Spool | None = None, clock: SetClock | None = None) -> None:
        self.clock = clock or SetClock()
        self.spool = spool or MemorySpool(clock=self.clock)
        self.gate = Gate()
        self.got: list[Event] = []
        self.tried: list[Event] = []
        self.waits: set[str] = set()
        self.open = asyncio.Event()
        self.failure: Exception | None = None
        self.probes = 0
        self.changes: list[Change] = []
        self.settled: list[Settlement] = []
        self.loop = Delivering(
            spool=self.spool,
            handle=self._take,
            pace=PACE,
            clock=self.clock,
            jitter=lambda: 1.0,
            on_change=lambda change, _problem: self.changes.append(change),
            on_settled=self._note,
            gate=self.gate,
            probe=self._probe,
        )

    async def _take(self, event: Event) -> bool:
        self.tried.append(event)
        if kind_of(event) in self.waits:
            await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.got.append(event)
        return kind_of(event) != "asset_alert"

    async def _probe(self) -> None:
        self.probes += 1
        if isinstance(self.failure, (Retry, Reject)):
            raise self.failure

    def _note(self, settlements: Sequence[Settlement]) -> None:
        self.settled += settlements

    async def owe(self, *events: Event) -> None:
        """Store and route events."""
        batch = await put(self.spool, *(message("T1", number) for number, _ in enumerate(events)))
        await self.spool.route(batch, [(Identified(event),) for event in events])
        self.loop.wake()

    async def drain(self) -> None:
        """Deliver all that can be delivered now."""
        self.loop.drain()
        async with asyncio.timeout(10):
            await self.loop.run()


def alert(asset: str) -> AssetAlert:
    """Make an alert."""
    return AssetAlert(asset=asset, code="E1", severity="warning")


async def test_a_backlog_of_one_lane_keeps_no_other_from_its_turn() -> None:
    """Far more results wait than are leased, and none gets through: units and alerts behind them do."""
    bench = Bench()
    bench.waits = {"test_result"}
    many = 3 * LEASED_AHEAD * PACE.concurrency
    await put_and_route(bench.spool, *(message(f"T{number}", number) for number in range(many)))
    running = asyncio.create_task(bench.loop.run())
    await wait_until(lambda: len(bench.tried) == PACE.concurrency)
    await bench.owe(UnitEvent(action="scanned", serial_number="U1", at_us=1, line="L"), alert("F1"))
    await wait_until(lambda: len(bench.got) == 2)
    assert {kind_of(event) for event in bench.got} == {"unit_event", "asset_alert"}
    await bench.owe(alert("F2"))  # and again, while nothing of the results moves
    await wait_until(lambda: len(bench.got) == 3)
    left = await bench.spool.lease(many, 10**18)
    assert len(left) == many - LEASED_AHEAD * PACE.concurrency
    await bench.spool.give_back(left)
    bench.open.set()
    bench.loop.drain()
    await asyncio.wait_for(running, 10)
    assert sum(isinstance(event, TestResult) for event in bench.got) == many


async def test_an_alert_behind_a_backlog_that_is_still_to_be_read_is_found(tmp_path: Path) -> None:
    """After a restart, while no result gets through: the spool is read on until the alert is reached."""
    clock = SetClock()
    many = 12_000
    async with SqliteSpool.open(tmp_path / "spool.db", clock=clock) as spool:
        results = [message(f"T{number % 300}", number) for number in range(many)]
        batch = await put(spool, *results, message("F1", many))
        await spool.route(batch, [*map(result_of, results), (Identified(alert("F1")),)])
    async with SqliteSpool.open(tmp_path / "spool.db", clock=clock) as spool:
        bench = Bench(spool, clock)
        bench.waits = {"test_result"}
        running = asyncio.create_task(bench.loop.run())
        await wait_until(lambda: bench.got)
        assert bench.got == [alert("F1")]
        running.cancel()
        await asyncio.wait({running})


async def test_an_absent_server_is_tried_by_one_at_a_time() -> None:
    """Of what was leased before, of the probe, and of what is due, one meets it; the others wait meanwhile."""
    bench = Bench()
    bench.waits = {"test_result"}
    await put_and_route(bench.spool, *(message(f"T{number}", number) for number in range(20)))
    await bench.owe(alert("F1"), AssetState(asset="F1", status="idle"))
    bench.gate.failed(AWAY, "test_result", 0, bench.clock.seconds, 1.0)
    bench.clock.seconds += 60
    running = asyncio.create_task(bench.loop.run())
    await wait_until(lambda: bench.tried or bench.probes)
    for _ in range(200):  # turns of the loop in which others could go
        await asyncio.sleep(0)
    assert len(bench.tried) + bench.probes == 1
    bench.open.set()
    await wait_until(lambda: len(bench.got) == 22)
    bench.loop.drain()
    await asyncio.wait_for(running, 10)


async def test_a_refused_kind_is_tried_by_one_at_a_time() -> None:
    """Twenty results wait for a permission; when it is time, one asks, and the others follow when it got through."""
    bench = Bench()
    bench.waits = {"test_result"}
    await put_and_route(bench.spool, *(message(f"T{number}", number) for number in range(20)))
    refused = Retry("no permission", scope=Scope.CALL, cause="403")
    bench.gate.failed(refused, "test_result", 0, bench.clock.seconds, 1.0)
    bench.clock.seconds += 60
    running = asyncio.create_task(bench.loop.run())
    bench.loop.wake()
    await wait_until(lambda: bench.tried)
    await bench.owe(alert("F1"))
    await wait_until(lambda: bench.got)
    assert [kind_of(event) for event in bench.tried] == ["test_result", "asset_alert"]
    bench.open.set()
    await wait_until(lambda: len(bench.got) == 21)
    bench.loop.drain()
    await asyncio.wait_for(running, 10)


async def test_a_server_that_asks_for_patience_is_not_probed() -> None:
    """Nobody asks whether it is there before the time it named."""
    bench = Bench()
    slow = Retry("slow down", scope=Scope.SERVER, cause="429", after_s=600.0)
    bench.gate.failed(slow, "test_result", 0, bench.clock.seconds, 1.0)
    running = asyncio.create_task(bench.loop.run())
    await bench.owe(alert("F1"))
    for _ in range(200):
        await asyncio.sleep(0)
    assert (bench.probes, bench.tried) == (0, [])
    bench.clock.seconds += 600
    bench.loop.wake()
    await wait_until(lambda: bench.got)
    bench.loop.drain()
    await asyncio.wait_for(running, 10)


@pytest.mark.parametrize("event", [AssetState(asset="F1", status="idle"), alert("F1")])
async def test_a_defect_that_stays_ends_in_quarantine(event: Event) -> None:
    """Also where nothing else of its kind gets through: the latest of a lone asset, or what asks nothing."""
    bench = Bench()
    bench.failure = KeyError("no such thing")
    await bench.owe(event)
    for _ in range(PACE.attempts):
        assert (await bench.spool.figures()).quarantined == 0
        await bench.drain()
        bench.clock.seconds += 600
    (row,) = await bench.spool.quarantined(10)
    assert row.reason == "a defect of the bridge: KeyError: 'no such thing' (tried 3 times)"
    assert (await bench.spool.figures()).waiting == 0
    await bench.drain()
    assert len(bench.tried) == PACE.attempts


async def test_a_probe_that_fails_by_a_defect_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and what is owed goes out."""
    bench = Bench()

    async def broken() -> None:
        raise KeyError("no such thing")

    bench.loop._probe = broken  # noqa: SLF001 - before it begins
    await bench.owe(alert("F1"))
    await bench.drain()
    assert len(bench.got) == 1
    assert "by a defect" in caplog.text
