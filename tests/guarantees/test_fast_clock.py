"""Broker, bridge and emulator on one clock that goes two hundred times as fast: an hour is eighteen seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.emulator.server import RunningEmulator, running_emulator
from tests.guarantees.line import Bridge
from tests.waiting import block_until

RATE = 200
TOKEN = "c2VjcmV0"


class Line:
    """The three programs."""

    def __init__(self, folder: Path, mosquitto: Mosquitto, wats: RunningEmulator, clock: tuple[str, ...]) -> None:
        self.mosquitto = mosquitto
        self.wats = wats
        self.bridge = Bridge(folder / "bridge.toml", *clock)
        self.bridge.config.write_text(
            f'[mqtt]\nbroker = "{HOST}"\nport = {mosquitto.port}\n'
            f'[wats]\nurl = "{wats.url}"\ntoken = "{TOKEN}"\ndefault_part_number = "PN"\n'
            '[spool]\npath = "spool.db"\n'
        )

    def say(self, topic: str, **facts: object) -> None:
        """Publish what a device says."""
        paho.mqtt.publish.single(topic, json.dumps(facts), qos=1, hostname=HOST, port=self.mosquitto.port)

    def total(self, asset: str) -> int:
        """Give the total count that WATS holds."""
        return sum(found["totalCount"] for found in self.wats.state()["assets"] if found["serialNumber"] == asset)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Run them."""
    clock = ("--clock-rate", str(RATE), "--clock-offset", "86400", "--clock-since", str(time.time()))
    with ExitStack() as ends:
        mosquitto = Mosquitto(tmp_path / "mosquitto")
        ends.callback(mosquitto.kill)
        mosquitto.start()
        wats = ends.enter_context(running_emulator(*clock, rate_limit=500))
        line = Line(tmp_path, mosquitto, wats, clock)
        ends.callback(line.bridge.kill)
        line.bridge.start()
        block_until(lambda: line.bridge.status().get("connected"), what="the bridge connected")
        yield line


def test_intervals_and_windows_go_by_the_clock(line: Line) -> None:
    """Counts that change at once are there after their interval of a minute; six hundred calls need two minutes."""
    for total in (10, 20, 30):
        line.say("assets/F1/counters", counters={"total_count": total})
    block_until(lambda: line.total("F1") == 30, bound_s=45.0, what="the newest count, an interval later")

    for number in range(600):
        line.say(f"testers/T{number % 20}/results", message_id=str(number), serial_number=f"U{number}", result="P")
    block_until(lambda: len(line.wats.state()["reports"]) == 600, bound_s=100.0, what="all reports, two minutes later")
    times = [datetime.fromisoformat(found["at"]).timestamp() for found in line.wats.requests()]
    assert min(times) > time.time() + 86_400
    assert all(last - first > 60.0 for first, last in zip(times, times[450:], strict=False))
    assert all(found["status"] != 429 for found in line.wats.requests())


def test_what_an_asset_said_between_two_deliveries_is_not_lost(line: Line) -> None:
    """Maintenance is in WATS; running and idle come at once, and an answer is lost: the asset is in operation."""

    def state() -> int:
        return sum(asset["state"] for asset in line.wats.state()["assets"])

    line.say("assets/F1/status", status="maintenance")
    block_until(lambda: state() == 3, what="in maintenance")
    line.wats.fault("drop_after", path="/api/Asset/State", times=1)
    words: list[Any] = [
        {"topic": "assets/F1/status", "payload": json.dumps({"status": word}), "qos": 1} for word in ("running", "idle")
    ]
    paho.mqtt.publish.multiple(words, hostname=HOST, port=line.mosquitto.port)
    block_until(lambda: line.bridge.status().get("delivered", 0) >= 3, what="all delivered")  # and its silence, perhaps
    assert state() == 1


def test_half_an_hours_outage_is_over_in_seconds_and_an_answer_that_was_lost_does_no_harm(line: Line) -> None:
    """Counts, tags and a state that were owed meanwhile are in WATS, once."""
    line.say("assets/F1/counters", counters={"total_count": 10})
    block_until(lambda: line.total("F1") == 10, what="the first count")
    line.wats.fault("drop_after", method="PUT", times=2)
    line.wats.fault("refuse", seconds=1_800.0)
    facts = {"counters": {"total_count": 50}, "environment": {"temperature_c": 23.5}, "status": "maintenance"}
    line.say("assets/F1/status", **facts)
    block_until(
        lambda: line.bridge.status().get("staleness", {}).get("asset_counts", {}).get("max_s", 0.0) > 60.0,
        what="what is owed shows its age",
    )
    block_until(lambda: line.bridge.status().get("staleness") == {}, bound_s=180.0, what="nothing is owed")
    (asset,) = line.wats.state()["assets"]
    assert (asset["totalCount"], asset["runningCount"], asset["state"]) == (50, 50, 3)
    assert {"key": "temperature_c", "value": "23.5"} in asset["tags"]
    assert line.bridge.status()["quarantined"] == line.bridge.status()["waiting"] == 0
