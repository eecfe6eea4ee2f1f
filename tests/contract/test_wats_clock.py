"""WATS' time is learned from its answers, and no report is dated after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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


async def test_what_begins_now_is_not_moved_for_what_is_not_known_of_the_servers_clock(
    emulator: RunningEmulator,
) -> None:
    """`Date` cuts off up to a second, so it may be later by the server's clock: it is sent when it surely is."""
    clock, server = HandClock(), ServerClock(10_000_000)
    async with PywatsClient(configure(emulator), MemoryNotes(), clock, clock.sleep, server=server) as wats:
        await wats.reach()
        steady_us = instant(clock).steady_us
        ours = to_us(clock.now()) - steady_us
        server.bounds = Bounds(ours - 300_000, ours + 700_000, steady_us)  # what one answer tells
        start = clock.now()
        await wats.submit_repair(repair_at(start))

    (report,) = [request["body"] for request in emulator.requests() if request["path"] == "/api/Report/WSJF"]
    assert datetime.fromisoformat(report["start"]) == start
    assert "miscInfos" not in report
    assert (clock.now() - start).total_seconds() == pytest.approx(0.301)


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
