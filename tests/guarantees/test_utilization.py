"""Utilization from the broker to WATS: one report a shift, exact over repeats, lost answers and a killed bridge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from pywats_mqtt.app.clock import SystemClock
from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import BOUND_S, Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

PRESS = "PRESS-7"
TABLES = """
[shifts]
timezone = "Europe/Oslo"
[[shifts.shift]]
name = "early"
start = "06:00"
end = "14:00"
breaks = ["10:00-10:30"]
[[shifts.shift]]
name = "late"
start = "14:00"
end = "22:00"
[utilization]
report_after_s = 0.5
[utilization.ideal_cycle_s]
PRESS-7 = 4.0
"""


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Line]:
    """A line with two shifts, whose reports and tags are due at once."""
    with line(tmp_path) as made:
        config = made.bridge.config
        at_once = config.read_text().replace(
            "requests_per_minute = 0\n", "requests_per_minute = 0\ntags_interval_s = 0\n"
        )
        config.write_text(at_once + TABLES)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def publish(made: Line, payload: dict[str, Any]) -> None:
    """Publish as the press."""
    topic = f"assets/{PRESS}/utilization"
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-t", topic, "-s"]
    subprocess.run(words, input=json.dumps(payload).encode(), check=True)


def wats(made: Line, path: str) -> Any:
    """Ask the WATS server itself."""
    assert made.emulator is not None
    answer = httpx.get(made.emulator.url + path, headers={"Authorization": f"Basic {made.emulator.token}"})
    answer.raise_for_status()
    return answer.json()


def shift(made: Line, name: str) -> dict[str, float]:
    """Give the measured values of the report of a shift by name, of sequences as `sequence/name`; empty for none."""
    for known in made.reports():
        report = wats(made, f"/api/Report/Wsjf/{known['id']}")
        if {"description": "shift", "text": name} in [
            {key: info[key] for key in ("description", "text")} for info in report["miscInfos"]
        ]:
            found: dict[str, float] = {}
            for step in report["root"]["steps"]:
                for one in step.get("steps") or [step]:
                    path = f"{step['name']}/{one['name']}" if step.get("steps") else one["name"]
                    found[path] = one["numericMeas"][0]["value"]
            return found
    return {}


def test_shifts_of_yesterday_are_reported_once_whatever_happens(plant: Line) -> None:
    """Messages that come twice, one over the end of a shift, an answer that is lost, and a bridge that is killed."""
    assert plant.emulator is not None
    plant.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)
    yesterday = SystemClock().now().date() - timedelta(days=1)

    def told(clock: str, **said: object) -> dict[str, Any]:
        """A message at a time of yesterday in Oslo; it is winter there or summer, the zone knows."""
        return {"timestamp": zoned(f"{yesterday}T{clock}").isoformat(), **said}

    messages = [
        told("07:00:00", states={"running": 3_000, "idle": 600}, total_count=500, good_count=500, message_id="1"),
        told("08:00:00", states={"running": 3_000, "idle": 600}, total_count=1_100, good_count=1_070, message_id="2"),
        told("14:00:30", states={"running": 60}, total_added=4, good_added=4, message_id="3"),
    ]
    for message in messages:
        publish(plant, message)
        publish(plant, message)
    block_until(lambda: plant.bridge.status().get("delivered", 0) >= len(messages), bound_s=BOUND_S, what="delivered")
    plant.bridge.kill()
    plant.bridge.start()
    block_until(lambda: shift(plant, "late").get("parts/total") == 2, bound_s=BOUND_S, what="the late shift")
    block_until(lambda: shift(plant, "early").get("parts/total") == 602, bound_s=BOUND_S, what="the early shift")
    early = shift(plant, "early")
    assert (early["states/running"], early["states/idle"]) == (6_030, 1_200)
    assert (early["times/planned"], early["times/unknown"]) == (27_000, 28_800 - 7_230)
    assert early["availability"] == pytest.approx(6_030 / 27_000, abs=1e-6)
    assert early["performance"] == pytest.approx(602 * 4 / 6_030, abs=1e-6)
    assert early["quality"] == pytest.approx(572 / 602, abs=1e-6)
    assert early["oee"] == pytest.approx(572 * 4 / 27_000, abs=1e-6)
    assert shift(plant, "late")["states/running"] == 30
    assert {(report["sn"], report["pn"]) for report in plant.reports()} == {(PRESS, "UTILIZATION")}
    assert len(plant.reports()) == 2
    assert plant.emulator.faults()[0]["hits"] == 1
    assert (plant.bridge.status()["duplicates"], plant.bridge.status()["quarantined"]) == (3, 0)

    # Late data: the report is sent again under its id.
    publish(plant, told("09:00:00", states={"down": 3_600}, message_id="4"))
    block_until(lambda: shift(plant, "early").get("states/down") == 3_600, bound_s=BOUND_S, what="late data")
    assert len(plant.reports()) == 2

    # The tags are those of the newest shift.
    def tags() -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in wats(plant, f"/api/Asset/{PRESS}")["tags"]}

    block_until(lambda: "oee" in tags(), bound_s=BOUND_S, what="tags")
    assert tags()["shift"].startswith("late ")
    assert (tags()["availability"], tags()["quality"]) == ("1.000", "1.000")


def test_what_a_shift_no_longer_takes_is_in_quarantine_and_holds_nobody_up(plant: Line) -> None:
    """Data of a month ago stand there with their reason and path; the running shift goes on."""
    publish(plant, {"timestamp": (SystemClock().now() - timedelta(days=30)).isoformat(), "states": {"running": 60}})
    publish(plant, {"states": {"running": "sixty"}})
    publish(plant, {"states": {"running": 60}})
    block_until(lambda: plant.bridge.status().get("delivered", 0) >= 1, bound_s=BOUND_S, what="delivered")
    assert plant.bridge.status()["quarantined"] == 2


def zoned(wall: str) -> datetime:
    """A time on the clocks of Oslo."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo("Europe/Oslo"))
