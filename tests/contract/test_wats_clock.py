"""WATS' time is learned from its answers, and no report is dated after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pywats_mqtt.clocks.server import Bounds, ServerClock
from pywats_mqtt.clocks.starts import CORRECTION, SENT
from pywats_mqtt.events import Failure, Repair, TestResult
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import instant
from pywats_mqtt.wats.client import PywatsClient
from tests.contract.wats_memory import HandClock, MemoryNotes
from tests.contract.wats_servers import SystemClock, configure
from tests.emulator.server import RunningEmulator


def repair_at(start: datetime) -> Repair:
    """Give a repair that began then."""
    return Repair(
        report_id=UUID(int=2),
        device="T",
        serial_number="S",
        part_number="P",
        start=start,
        failures=(Failure(category="Component", code="Defect Component", path="$"),),
    )


class WrongClock(SystemClock):
    """A clock that is off."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self.ahead = ahead

    def now(self) -> datetime:
        """Give the wrong time."""
        return super().now() + self.ahead


def reported(emulator: RunningEmulator) -> dict[str, Any]:
    """Give the one report that was sent."""
    (body,) = [request["body"] for request in emulator.requests() if request["path"] == "/api/Report/WSJF"]
    found: dict[str, Any] = body
    return found


@pytest.mark.parametrize(
    ("behind_s", "ahead_s", "waits_s"),
    [(0.3, 0.7, 0.301), (1.25, 0.05, 1.251), (2.9, 0.4, 2.901), (1.2, -1.1, 0.0), (4.0, 0.0, 0.0)],
)
async def test_what_begins_now_is_not_moved_for_what_is_not_known_of_the_servers_clock(
    emulator: RunningEmulator, behind_s: float, ahead_s: float, waits_s: float
) -> None:
    """`Date` cuts off up to a second, and its way is not known: sent when surely past; beyond it is wrong."""
    clock, server = HandClock(), ServerClock(10_000_000)
    async with PywatsClient(configure(emulator), MemoryNotes(), clock, clock.sleep, server=server) as wats:
        await wats.reach()
        steady_us = instant(clock).steady_us
        ours = to_us(clock.now()) - steady_us
        server.bounds = Bounds(ours - round(behind_s * 1e6), ours + round(ahead_s * 1e6), steady_us)
        start = clock.now()
        await wats.submit_repair(repair_at(start))

    report = reported(emulator)
    assert (clock.now() - start).total_seconds() == pytest.approx(waits_s)
    moved_s = 0.0 if waits_s else -behind_s
    assert (datetime.fromisoformat(report["start"]) - start).total_seconds() == pytest.approx(moved_s)
    assert ("miscInfos" in report) == bool(moved_s)


async def test_an_answer_that_comes_while_a_start_is_waited_for_moves_nothing(emulator: RunningEmulator) -> None:
    """What it tells after a minute without one is a little less than was known."""
    clock, server = HandClock(), ServerClock(10_000_000)
    ours = to_us(clock.now()) - instant(clock).steady_us

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        now_us = instant(clock).steady_us
        server.heard((now_us + ours) // 1_000_000 * 1_000_000, now_us - 20_000, now_us)

    async with PywatsClient(configure(emulator), MemoryNotes(), clock, sleep, server=server) as wats:
        await wats.reach()
        clock.seconds += 0.5
        server.bounds = Bounds(ours - 10_000, ours + 10_000, instant(clock).steady_us - 60_000_000)
        start = clock.now()
        await wats.submit_repair(repair_at(start))

    report = reported(emulator)
    assert datetime.fromisoformat(report["start"]) == start
    assert "miscInfos" not in report


async def test_a_bridge_an_hour_ahead_dates_nothing_in_wats_future(emulator: RunningEmulator) -> None:
    """A result and a repair that begin now by its clock begin now by the server's, and say so."""
    clock, server = WrongClock(timedelta(hours=1)), ServerClock(10_000_000)
    start = clock.now()
    result = TestResult(
        report_id=UUID(int=1), device="T", kind="results", serial_number="S", part_number="P", result="P", start=start
    )
    async with PywatsClient(configure(emulator), MemoryNotes(), clock, server=server) as wats:
        await wats.reach()
        await wats.submit_report(result)
        await wats.submit_repair(repair_at(start))

    assert -3_601_000_000 <= server.skew_us(instant(clock)) <= -3_599_000_000
    sent = [request["body"] for request in emulator.requests() if request["path"] == "/api/Report/WSJF"]
    assert len(sent) == 2
    for report in sent:
        began = datetime.fromisoformat(report["start"])
        assert start - timedelta(seconds=3_605) < began <= datetime.now(UTC)  # noqa: TID251 - the emulator's clock
        misc = {info["description"]: info["text"] for info in report["miscInfos"]}
        assert misc[SENT] == start.isoformat()
        assert -3_605 < float(misc[CORRECTION]) < -3_595


async def test_a_bridge_an_hour_behind_takes_what_is_now_by_wats_clock(emulator: RunningEmulator) -> None:
    """What is ahead of its own clock only is left as it is."""
    clock, server = WrongClock(-timedelta(hours=1)), ServerClock(10_000_000)
    start = SystemClock().now() - timedelta(minutes=1)
    result = TestResult(
        report_id=UUID(int=1), device="T", kind="results", serial_number="S", part_number="P", result="P", start=start
    )
    async with PywatsClient(configure(emulator), MemoryNotes(), clock, server=server) as wats:
        await wats.reach()
        await wats.submit_report(result)

    assert 3_599_000_000 <= server.skew_us(instant(clock)) <= 3_601_000_000
    (report,) = [request["body"] for request in emulator.requests() if request["path"] == "/api/Report/WSJF"]
    assert datetime.fromisoformat(report["start"]) == start
    assert "miscInfos" not in report
