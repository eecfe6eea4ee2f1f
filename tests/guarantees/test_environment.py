"""The environment over time, from the broker to WATS and back: tags, history and alarms, with lost answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import BOUND_S, Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

FIXTURE = "FIXTURE-001"
PROPOSAL: dict[str, Any] = {
    "asset_id": FIXTURE,
    "timestamp": "2026-01-26T10:30:00Z",
    "counters": {"running_count": 1523, "total_count": 45000},
    "environment": {"temperature_c": 23.5, "humidity_pct": 45.2, "vibration_g": 0.02},
    "status": "running",
}
ALARM = "wats/alarms/environment_temperature_c"


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Line]:
    """A line that writes tags at once and looks every second; its bridge is to be started."""
    with line(tmp_path) as made:
        config = made.bridge.config
        text = config.read_text().replace("requests_per_minute = 0\n", "requests_per_minute = 0\ntags_interval_s = 0\n")
        config.write_text(f"{text}[software]\nrefresh_s = 1\n")
        made.mosquitto.start()
        made.start_wats()
        yield made


def start(made: Line, assets: str) -> None:
    """Start the bridge with these lines in `[assets]`."""
    config = made.bridge.config
    config.write_text(f"{config.read_text()}[assets]\n{assets}\n")
    made.bridge.start()
    made.await_session()


def publish(made: Line, *payloads: dict[str, Any]) -> None:
    """Publish as the fixture, one message a payload."""
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-l"]
    lines = "".join(f"{json.dumps(payload)}\n" for payload in payloads)
    subprocess.run([*words, "-t", f"assets/{FIXTURE}/environment"], input=lines.encode(), check=True)


def at(time: str, temperature_c: float) -> dict[str, Any]:
    """The proposal's payload at another time."""
    return {**PROPOSAL, "timestamp": f"2026-01-26T{time}Z", "environment": {"temperature_c": temperature_c}}


def kept(made: Line) -> dict[str, Any]:
    """Give the alarm that the broker keeps; empty for none."""
    words = ["mosquitto_sub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-C", "1", "-W", "2"]
    found = subprocess.run([*words, "-t", f"{ALARM}/{FIXTURE}"], stdout=subprocess.PIPE, check=False).stdout
    read: dict[str, Any] = json.loads(found) if found else {}
    return read


def tags(made: Line) -> dict[str, str]:
    """Give the tags of the fixture, without those that tell whether it is there."""
    assert made.emulator is not None
    found = (tag for asset in made.emulator.state()["assets"] for tag in asset.get("tags", ()))
    return {tag["key"]: tag["value"] for tag in found if tag["key"] not in {"online", "last_seen"}}


def log(made: Line) -> list[str]:
    """Give the messages in the log of the fixture."""
    assert made.emulator is not None
    return [entry["comment"] for entry in made.emulator.state()["asset_log"] if entry["type"] == 0]


def read(made: Line, report_id: str) -> dict[str, Any]:
    """Read a report from WATS."""
    assert made.emulator is not None
    headers = {"Authorization": f"Basic {made.emulator.token}"}
    answer = httpx.get(f"{made.emulator.url}/api/Report/Wsjf/{report_id}", headers=headers, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def measured(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Give the values of a report's steps by step and name."""
    return {
        step["name"]: {one["name"]: one["value"] for one in step["numericMeas"]} for step in report["root"]["steps"]
    }


def test_the_proposals_environment_is_in_tags_history_and_alarms_once(stopped: Line) -> None:
    """WATS does what is asked and loses each first answer, and the bridge is killed while an alarm stands."""
    start(stopped, 'history_window_s = 900\nthresholds.temperature_c = {high = 30, hysteresis = 2, level = "alarm"}')
    assert stopped.emulator is not None
    for method, path in (("POST", "/api/Report/WSJF"), ("POST", "/api/Asset/Message"), ("PUT", "/api/Asset")):
        stopped.emulator.fault("drop_after", method=method, path=path, times=1)
    publish(stopped, PROPOSAL, at("10:40:00", 31.5), at("10:41:00", 29.0))
    block_until(lambda: kept(stopped).get("active"), bound_s=BOUND_S, what="the alarm is raised")
    block_until(lambda: log(stopped), bound_s=BOUND_S, what="the alarm is in the log")
    stopped.bridge.kill()
    stopped.bridge.start()
    assert kept(stopped)["value"] == 31.5
    publish(stopped, at("10:44:00", 27.0), at("10:46:00", 26.0), at("10:44:00", 27.0))
    stopped.await_serial(FIXTURE)
    block_until(lambda: stopped.bridge.status().get("waiting") == 0, bound_s=BOUND_S, what="all is in WATS")
    block_until(lambda: not kept(stopped), bound_s=BOUND_S, what="the alarm has ended")

    (sent,) = stopped.reports()
    report = read(stopped, sent["id"])
    assert (report["pn"], report["start"][:19], report["result"]) == ("ENVIRONMENT", "2026-01-26T10:30:00", "P")
    assert measured(report) == {
        "humidity_pct": {"min": 45.2, "max": 45.2, "mean": 45.2, "count": 1},
        "temperature_c": {"min": 23.5, "max": 31.5, "mean": pytest.approx(27.75), "count": 4},
        "vibration_g": {"min": 0.02, "max": 0.02, "mean": 0.02, "count": 1},
    }
    assert sent["receiveCount"] == 2
    assert tags(stopped) == {"temperature_c": "26", "humidity_pct": "45.2", "vibration_g": "0.02"}
    raised, cleared = log(stopped)
    assert raised.endswith("at 2026-01-26T10:40:00.000+00:00: temperature_c is 31.5 °C, above 30 °C")
    assert cleared.endswith("at 2026-01-26T10:44:00.000+00:00: temperature_c is 27 °C, highest 31.5 °C")
    status = stopped.bridge.status()
    assert (status["duplicates"], status["quarantined"]) == (1, 0)


def test_the_window_of_a_fixture_that_fell_silent_is_reported_after_a_restart(stopped: Line) -> None:
    """It sent one value; the bridge is killed before the window ends, and nothing comes any more."""
    start(stopped, "history_window_s = 3\nhistory_late_s = 0")
    publish(stopped, {"environment": {"oven": {"value": 180.5, "unit": "°C"}}})
    block_until(lambda: stopped.bridge.status().get("waiting") == 0, bound_s=BOUND_S, what="the value is in WATS")
    stopped.bridge.kill()
    stopped.bridge.start()
    stopped.await_serial(FIXTURE)
    (sent,) = stopped.reports()
    report = read(stopped, sent["id"])
    assert measured(report) == {"oven": {"min": 180.5, "max": 180.5, "mean": 180.5, "count": 1}}
    assert report["root"]["steps"][0]["numericMeas"][0]["unit"] == "°C"
    assert tags(stopped) == {"oven": "180.5", "oven_unit": "°C"}
