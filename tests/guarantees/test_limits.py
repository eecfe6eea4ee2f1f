"""Calibrations and limits of assets, from the broker to WATS and back, with lost answers and a kill in between."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.contract.wats_servers import SystemClock, set_limits
from tests.guarantees.line import BOUND_S, Line, line
from tests.guarantees.test_software import hearing, subscriber
from tests.waiting import block_until

pytestmark = pytest.mark.slow

FIXTURE = "FIXTURE-001"
SOON = "limits_refresh_s = 1\nstatus_refresh_s = 1\n"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line that writes at once, and asks WATS for types and statuses every second."""
    with line(tmp_path) as made:
        config = made.bridge.config
        at_once = "requests_per_minute = 0\ntags_interval_s = 0\nupdate_interval_s = 0\n"
        config.write_text(config.read_text().replace("requests_per_minute = 0\n", at_once) + f"[assets]\n{SOON}")
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def publish(made: Line, level: str, payload: dict[str, Any]) -> None:
    """Publish as the fixture."""
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-s"]
    sent = {"asset_id": FIXTURE, **payload}
    subprocess.run([*words, "-t", f"assets/{FIXTURE}/{level}"], input=json.dumps(sent).encode(), check=True)


def kept(made: Line, alarm: str) -> dict[str, Any]:
    """Give what the broker keeps of an alarm of the fixture; empty for nothing."""
    words = subscriber(made, f"wats/alarms/{alarm}/{FIXTURE}", "-C", "1", "-W", "1")
    found = subprocess.run(words, stdout=subprocess.PIPE, check=False).stdout
    read: dict[str, Any] = json.loads(found) if found else {}
    return read


def await_level(made: Line, alarm: str, level: str) -> dict[str, Any]:
    """Wait until the broker keeps an alarm at a level, empty for none; give its message."""
    block_until(lambda: kept(made, alarm).get("level", "") == level, bound_s=BOUND_S, what=f"{alarm} is {level!r}")
    return kept(made, alarm)


def asset(made: Line) -> dict[str, Any]:
    """Give the fixture as WATS holds it; empty where it is not there."""
    assert made.emulator is not None
    assets = made.emulator.state()["assets"]
    return next((found for found in assets if found["serialNumber"] == FIXTURE), {})


def tags(made: Line) -> dict[str, str]:
    """Give its tags."""
    return {tag["key"]: tag["value"] for tag in asset(made).get("tags", ())}


def rows(made: Line, kind: int) -> list[str]:
    """Give the texts in its log of one kind: 0 messages, 4 calibrations."""
    assert made.emulator is not None
    return [row["comment"] for row in made.emulator.state()["asset_log"] if row["type"] == kind]


def as_person(made: Line, route: str, **params: str) -> None:
    """Do something in WATS, as people do."""
    assert made.emulator is not None
    httpx.post(
        f"{made.emulator.url}/api/Asset/{route}",
        params={"serialNumber": FIXTURE, **params},
        headers={"Authorization": f"Basic {made.emulator.token}"},
        trust_env=False,
    ).raise_for_status()


def test_a_drift_warns_and_a_calibration_is_noted_once(running: Line) -> None:
    """Also where WATS notes it and loses the answer, twice, and the bridge is killed in between."""
    assert running.emulator is not None
    now = SystemClock().now()
    running.emulator.fault("drop_after", method="PUT", path="/api/Asset", times=3)  # type, asset and tags
    for day in range(6):
        measured = {"deviation": 0.04 + 0.002 * day, "limit": 0.06, "unit": "V"}
        at = (now - timedelta(days=6 - day)).isoformat()
        publish(running, "calibration", {"timestamp": at, "due": (now + timedelta(days=90)).isoformat(), **measured})
    await_level(running, "calibration_drift", "warning")
    drift = "calibration_drift"  # it may be raised by the fifth measurement, and tells the sixth after it
    block_until(lambda: kept(running, drift).get("deviation") == 0.05, bound_s=BOUND_S, what="the newest in the alarm")
    alarm = kept(running, drift)
    assert (alarm["asset"], alarm["limit"], alarm["unit"]) == (FIXTURE, 0.06, "V")
    assert 3.9 < alarm["days"] < 4.1
    block_until(lambda: tags(running).get("calibration_drift") == "0.05", bound_s=BOUND_S, what="the newest tags")
    assert tags(running)["calibration_trend_days"] == "5.0"
    assert tags(running)["calibration_due"].startswith(str((now + timedelta(days=90)).date()))

    running.emulator.fault("drop_after", method="POST", path="/api/Asset/Calibration", times=1)
    done = {"timestamp": now.isoformat(), "calibrated": True, "deviation": 0.001, "certificate": 4711}
    publish(running, "calibration", done)
    block_until(lambda: rows(running, 4), bound_s=BOUND_S, what="it is noted")
    running.bridge.kill()
    running.bridge.start()
    publish(running, "calibration", done)
    publish(running, "alerts", {"code": "E1", "severity": "info"})  # in the same line, so it comes after all before
    await_level(running, "calibration_drift", "")
    block_until(lambda: tags(running).get("calibration_drift") == "0.001", bound_s=BOUND_S, what="the new tags")
    block_until(lambda: any("E1" in text for text in rows(running, 0)), bound_s=BOUND_S, what="all before the alert")
    assert rows(running, 4) == ["certificate 4711"]
    assert datetime.fromisoformat(asset(running)["lastCalibrationDate"]) == now
    assert running.bridge.status()["quarantined"] == 0


def test_limits_are_told_as_they_are_crossed_and_as_people_mend_it(running: Line) -> None:
    """By the count of the device, by the date, and when someone resets or calibrates in WATS, with no message."""
    assert running.emulator is not None
    publish(running, "counters", {"counters": {"total_count": 50}})
    block_until(lambda: asset(running).get("totalCount") == 50, bound_s=BOUND_S, what="the first count")
    set_limits(running.emulator, running.emulator.token, running_limit=100, calibration_days=30.0)
    as_person(running, "Calibration", dateTime=(SystemClock().now() - timedelta(days=31)).isoformat())
    alarm = await_level(running, "calibration", "alarm")
    assert (alarm["limit"], alarm["source"]) == (30, "limits")
    with hearing(running, "wats/alarms/running_count") as alarms:
        publish(running, "counters", {"counters": {"total_count": 85}})
        warning = next(alarms)
        assert (warning["asset"], warning["level"], warning["used"], warning["limit"]) == (FIXTURE, "warning", 85, 100)
        running.emulator.fault("drop_after", method="PUT", path="/api/Asset/Count", times=1)
        publish(running, "counters", {"counters": {"total_count": 100}})
        assert next(alarms)["level"] == "alarm"
        await_level(running, "running_count", "alarm")
        running.bridge.kill()
        running.bridge.start()
        as_person(running, "ResetRunningCount")
        as_person(running, "Calibration")
        cleared = next(alarms)
        assert (cleared["level"], cleared["active"]) == ("cleared", False)
    await_level(running, "running_count", "")
    await_level(running, "calibration", "")
    assert asset(running)["totalCount"] == 100
