"""Wrong clocks as a plant meets them: over MQTT into WATS, through a lost answer and kill -9."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.config.load import load
from tests.guarantees.line import Line, line
from tests.guarantees.test_shopfloor import publish, read, requests, settled
from tests.waiting import block_until, wait_until

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
RESULT: dict[str, object] = json.loads(
    (Path(__file__).parents[1] / "cases/report/proposal_results/message.json").read_bytes()
)
"""The proposal's payload."""
MESSAGES, EVERY_S = 36, 10.0
"""Telemetry of a device, by the bridge's clock."""


def now() -> datetime:
    """Give the time by the machine's clock, which is WATS', too."""
    return datetime.fromtimestamp(time.time(), UTC)


def misc(made: Line, report_id: str) -> dict[str, str]:
    """Give the misc infos of a report in WATS."""
    return {info["description"]: info["text"] for info in read(made, report_id).get("miscInfos", [])}


def start(made: Line, report_id: str) -> datetime:
    """Give the start of a report in WATS."""
    return datetime.fromisoformat(read(made, report_id)["start"])


def test_a_start_in_the_future_is_moved_once_through_a_lost_answer_and_kill_9(tmp_path: Path) -> None:
    """One report, dated before it came, with what the device sent beside it; sent again, it is a duplicate."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        assert made.emulator is not None
        made.bridge.start()
        made.await_session()
        made.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)
        sent = now() + HOUR
        ahead = {**RESULT, "timestamp": sent.isoformat()}
        publish(made, "testers/T1/results", ahead)
        block_until(lambda: requests(made, "/api/Report/WSJF", "POST"), what="the report was sent")
        made.bridge.kill()
        made.bridge.start()
        settled(made, 1)
        publish(made, "testers/T1/results", ahead)
        block_until(lambda: made.bridge.status()["duplicates"] == 1, what="the repeat is known")

        (report,) = made.reports()
        assert start(made, report["id"]) < now()
        found = misc(made, report["id"])
        assert found["start_sent"] == sent.isoformat()
        assert -3_700 < float(found["clock_correction_s"]) < -3_590
        assert [fault["hits"] for fault in made.emulator.faults()] == [1]
        assert made.bridge.status()["quarantined"] == 0


class SlowClock:
    """A clock that is behind, and is set forward when told."""

    def __init__(self, behind_s: float) -> None:
        self.behind_s = behind_s

    def now(self) -> datetime:
        """Give the time."""
        return now() - timedelta(seconds=self.behind_s)

    def monotonic(self) -> float:
        """Give the seconds."""
        return time.monotonic()

    def real_s(self, seconds: float) -> float:
        """Seconds are the machine's."""
        return seconds


async def send(made: Line, topic: str, payload: dict[str, Any]) -> None:
    """Publish one message, and wait until the broker has it."""
    await asyncio.to_thread(publish, made, topic, payload)


async def await_stored(bridge: Bridge, count: int) -> None:
    """Wait until the bridge has stored so many messages."""

    async def are_stored() -> bool:
        return (await bridge.spool.figures()).stored >= count

    await wait_until(are_stored, what=f"{count} stored")


@pytest.mark.parametrize("correct", ["flag", "correct"])
async def test_a_device_that_is_an_hour_behind_is_known_by_its_telemetry(tmp_path: Path, correct: str) -> None:
    """Six minutes of it, by the bridge's clock; then its results are flagged, or corrected with their steps."""
    with line(tmp_path) as made:
        config = made.bridge.config
        config.write_text(f'{config.read_text()}[clock]\ncorrect = "{correct}"\n')
        made.mosquitto.start()
        made.start_wats()
        clock = SlowClock(MESSAGES * EVERY_S)
        bridge, stopping = Bridge(load(config, {}), clock=clock), asyncio.Event()
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            running = group.create_task(bridge.run(stopping))
            await bridge.connected.wait()
            for number in range(MESSAGES):
                device_time = clock.now() - HOUR
                await send(made, "assets/T1/status", {"status": "running", "timestamp": device_time.isoformat()})
                await await_stored(bridge, number + 1)
                clock.behind_s -= EVERY_S
            sent = clock.now() - HOUR
            await send(made, "testers/T1/results", {**RESULT, "timestamp": sent.isoformat()})
            await asyncio.to_thread(block_until, made.reports, what="the report")
            status = await asyncio.to_thread(made.bridge.status)
            stopping.set()
            assert await running == 0

        (report,) = made.reports()
        found, began = misc(made, report["id"]), start(made, report["id"])
        assert abs(float(found["clock_skew_s"]) + 3_600) < 10
        assert abs(status["clocks"]["T1"]["ahead_s"] + 3_600) < 10
        untrue = [each["route"] for each in status["guarantees"] if each["promise"] == "true times"]
        assert untrue == (["device T1"] if correct == "flag" else [])
        if correct == "flag":
            assert began == sent
            assert "start_sent" not in found
        else:
            assert abs(began - sent - HOUR) < timedelta(seconds=10)
            assert found["start_sent"] == sent.isoformat()
            assert abs(float(found["clock_correction_s"]) - 3_600) < 10


async def test_a_bridge_that_is_an_hour_behind_blames_itself(tmp_path: Path) -> None:
    """WATS says so; the start of a device that is right stays as it is, and `status` names the bridge alone."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        bridge, stopping = Bridge(load(made.bridge.config, {}), clock=SlowClock(3_600.0)), asyncio.Event()
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            running = group.create_task(bridge.run(stopping))
            await bridge.connected.wait()
            await wait_until(lambda: bridge.health.wats_reachable, what="the first answer")
            sent = now() - timedelta(minutes=10)
            await send(made, "testers/T1/results", {**RESULT, "timestamp": sent.isoformat()})
            await asyncio.to_thread(block_until, made.reports, what="the report")
            status = await asyncio.to_thread(made.bridge.status)
            stopping.set()
            assert await running == 0

        (report,) = made.reports()
        assert start(made, report["id"]) == sent
        assert not {"start_sent", "clock_correction_s", "clock_skew_s"} & misc(made, report["id"]).keys()
        assert abs(status["server_ahead_s"] - 3_600) < 2
        assert status["clocks"] == {}
