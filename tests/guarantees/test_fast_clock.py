"""Broker, bridge and emulator on one clock that goes two hundred times as fast: an hour is eighteen seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.quick_line import QuickLine, quick_line
from tests.waiting import block_until


@pytest.fixture
def line(tmp_path: Path) -> Iterator[QuickLine]:
    """Run all three, a day ahead."""
    with quick_line(tmp_path, ahead_s=86_400, rate_limit=500) as line:
        line.start()
        yield line


def say(line: QuickLine, topic: str, **facts: object) -> None:
    """Publish what a device says."""
    paho.mqtt.publish.single(topic, json.dumps(facts), qos=1, hostname=HOST, port=line.mosquitto.port)


def total_of(line: QuickLine, asset: str) -> int:
    """Give the total count that WATS holds."""
    return sum(found["totalCount"] for found in line.wats.state()["assets"] if found["serialNumber"] == asset)


def test_intervals_and_windows_go_by_the_clock(line: QuickLine) -> None:
    """Counts that change at once are there after their interval of a minute; six hundred calls need two minutes."""
    for total in (10, 20, 30):
        say(line, "assets/F1/counters", counters={"total_count": total})
    block_until(lambda: total_of(line, "F1") == 30, bound_s=45.0, what="the newest count, an interval later")

    for number in range(600):
        say(line, f"testers/T{number % 20}/results", message_id=str(number), serial_number=f"U{number}", result="P")
    block_until(lambda: len(line.reports()) == 600, bound_s=100.0, what="all reports, two minutes later")
    times = [datetime.fromisoformat(found["at"]).timestamp() for found in line.wats.requests()]
    assert min(times) > time.time() + 86_400
    assert all(last - first > 60.0 for first, last in zip(times, times[450:], strict=False))
    assert all(found["status"] != 429 for found in line.wats.requests())


def test_what_an_asset_said_between_two_deliveries_is_not_lost(line: QuickLine) -> None:
    """Maintenance is in WATS; running and idle come at once, and an answer is lost: the asset is in operation."""

    def state() -> int:
        return sum(asset["state"] for asset in line.wats.state()["assets"])

    say(line, "assets/F1/status", status="maintenance")
    block_until(lambda: state() == 3, what="in maintenance")
    line.wats.fault("drop_after", path="/api/Asset/State", times=1)
    words: list[Any] = [
        {"topic": "assets/F1/status", "payload": json.dumps({"status": word}), "qos": 1} for word in ("running", "idle")
    ]
    paho.mqtt.publish.multiple(words, hostname=HOST, port=line.mosquitto.port)
    block_until(lambda: line.bridge.status().get("delivered", 0) >= 3, what="all delivered")  # and its silence, perhaps
    assert state() == 1


def test_half_an_hours_outage_is_over_in_seconds_and_an_answer_that_was_lost_does_no_harm(line: QuickLine) -> None:
    """Counts, tags and a state that were owed meanwhile are in WATS, once."""
    say(line, "assets/F1/counters", counters={"total_count": 10})
    block_until(lambda: total_of(line, "F1") == 10, what="the first count")
    line.wats.fault("drop_after", method="PUT", times=2)
    line.wats.fault("refuse", seconds=1_800.0)
    facts = {"counters": {"total_count": 50}, "environment": {"temperature_c": 23.5}, "status": "maintenance"}
    say(line, "assets/F1/status", **facts)
    block_until(
        lambda: line.bridge.status().get("staleness", {}).get("asset_counts", {}).get("max_s", 0.0) > 60.0,
        what="what is owed shows its age",
    )
    block_until(lambda: line.bridge.status().get("staleness") == {}, bound_s=180.0, what="nothing is owed")
    (asset,) = line.wats.state()["assets"]
    assert (asset["totalCount"], asset["runningCount"], asset["state"]) == (50, 50, 3)
    assert {"key": "temperature_c", "value": "23.5"} in asset["tags"]
    assert line.bridge.status()["quarantined"] == line.bridge.status()["waiting"] == 0
