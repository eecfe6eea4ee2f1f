"""Measurements as testers send them while they test: one report of each test in WATS, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_by_hand import PAYLOADS, command, publish, wats
from tests.guarantees.line import Line, line
from tests.guarantees.test_shopfloor import publish as publish_all
from tests.waiting import block_until

pytestmark = pytest.mark.slow

TESTER = "SENSOR-ARRAY-01"
SAID: dict[str, Any] = json.loads((PAYLOADS / "measurements.json").read_bytes())
"""The proposal's payload."""

UNIT = SAID["serial_number"]
MESSAGES = 300


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Line]:
    """A line with a broker and WATS; no bridge yet."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        yield made


def start(made: Line, settings: str = "", part_number: str = 'default_part_number = "WIDGET-001"\n') -> None:
    """Start the bridge with more settings, and wait until the broker keeps for it."""
    config = made.bridge.config
    before = "requests_per_minute = 0\n"
    config.write_text(config.read_text().replace(before, before + part_number) + settings)
    made.bridge.start()
    made.await_session()


def report(made: Line) -> dict[str, Any]:
    """Give the one report, as WATS shows it, with how often it was received."""
    (known,) = made.reports()
    found: dict[str, Any] = wats(made, f"/api/Report/Wsjf/{known['id']}")
    return found | {"receiveCount": known["receiveCount"]}


def settled(made: Line) -> None:
    """Wait until nothing waits."""
    block_until(lambda: made.bridge.status().get("waiting") == 0, what="nothing waits")


def handled(made: Line, count: int) -> None:
    """Wait until more than so many messages are handled: some are in the notes then, and some wait."""
    block_until(lambda: made.bridge.status().get("delivered", 0) > count, what=f"more than {count} handled")


def test_the_proposals_measurements_stand_in_the_report_of_the_result_through_a_lost_answer(made: Line) -> None:
    """As they are, with no part number; nested by their paths, in one report with the steps of the result."""
    start(made)
    assert made.emulator is not None
    made.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)
    publish(made, f"testers/{TESTER}/measurements", (PAYLOADS / "measurements.json").read_bytes())
    later = {**SAID, "timestamp": "2026-01-26T10:30:01.123Z"}
    publish(made, f"testers/{TESTER}/measurements", json.dumps(later))
    result = {"serial_number": UNIT, "timestamp": "2026-01-26T10:30:02Z", "steps": [{"name": "Final", "status": "P"}]}
    publish(made, f"testers/{TESTER}/results", json.dumps({**result, "result": "Passed"}))
    made.await_reports(1)
    settled(made)

    found = report(made)
    assert (found["sn"], found["pn"], found["machineName"], found["result"]) == (UNIT, "WIDGET-001", TESTER, "P")
    assert found["receiveCount"] == 2
    final, temperature, current = found["root"]["steps"]
    assert (final["name"], temperature["name"], current["name"]) == ("Final", "Temperature", "Current")
    names = [step["name"] for step in temperature["steps"]]
    assert names == ["Ambient", "Ambient chart", "DUT", "DUT chart"]
    values, chart = temperature["steps"][2:]
    assert {one["name"]: (one["value"], one.get("unit", "")) for one in values["numericMeas"]} == {
        **dict.fromkeys(("min", "mean", "max"), (42.1, "°C")),
        "samples": (2, ""),
    }
    assert (chart["stepType"], chart["chart"]["series"][0]["ydata"]) == ("Chart", "42.1;42.1")
    assert chart["chart"]["series"][0]["xdata"] == "0.0;1.0"
    assert made.bridge.status()["streams"]["ended"] == {"result": 1}


def test_kill_9_in_the_middle_of_a_stream_loses_and_doubles_no_sample(made: Line) -> None:
    """Killed again and again while the samples come, and once more after the end; each stands in the chart once."""
    limits = '[streams]\nmax_points = 1000\nexit_s = 0.5\n[streams.limits]\n"Temperature/#" = {high = 290}\n'
    start(made, f'{limits}[production.testers]\n{TESTER} = "S3"\n')
    publish(made, "stations/S3/unit", json.dumps({"event": "unit_entered", "serial_number": UNIT}))
    topic = f"testers/{TESTER}/measurements"
    bare = {"serial_number": UNIT}
    for part in range(5):
        publish_all(
            made,
            topic,
            *(
                {**bare, "message_id": f"m{n}", "measurements": [{"path": "Temperature/DUT", "value": n}]}
                for n in range(part * MESSAGES // 5, (part + 1) * MESSAGES // 5)
            ),
        )
        handled(made, part * MESSAGES // 5)
        made.bridge.kill()
        made.bridge.start()
        made.await_session()
    assert made.emulator is not None
    made.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)
    publish(made, "stations/S3/unit", json.dumps({"event": "unit_exited", "serial_number": UNIT}))
    made.await_reports(1)
    made.bridge.kill()
    made.bridge.start()
    made.await_session()
    settled(made)

    found = report(made)
    values, chart = found["root"]["steps"][0]["steps"]
    assert [float(y) for y in chart["chart"]["series"][0]["ydata"].split(";")] == [float(n) for n in range(MESSAGES)]
    measured = {one["name"]: (one["value"], one["status"]) for one in values["numericMeas"]}
    assert measured == {
        "min": (0, "P"),
        "mean": ((MESSAGES - 1) / 2, "P"),
        "max": (MESSAGES - 1, "F"),
        "samples": (MESSAGES, "P"),
    }
    assert (found["result"], made.bridge.status()["quarantined"]) == ("F", 0)


def test_a_silent_stream_is_terminated_and_late_samples_overwrite_its_report(made: Line) -> None:
    """The look ends it; what comes for it afterwards goes under the same id."""
    start(made, "[streams]\ntimeout_s = 1.0\n")
    publish(made, f"testers/{TESTER}/measurements", json.dumps(SAID))
    made.await_reports(1)
    assert report(made)["result"] == "T"
    before = {**SAID, "timestamp": "2026-01-26T10:29:59.123Z"}
    publish(made, f"testers/{TESTER}/measurements", json.dumps(before))
    block_until(lambda: made.reports()[0]["receiveCount"] == 2, bound_s=60.0, what="the report came again")

    found = report(made)
    dut = found["root"]["steps"][0]["steps"][2]
    assert (found["result"], dut["numericMeas"][3]["value"]) == ("T", 2)


def test_a_stream_that_wats_cannot_take_is_in_quarantine_with_the_reason(made: Line) -> None:
    """Without a part number; set one, and the next start brings the samples."""
    start(made, "[streams]\ntimeout_s = 1.0\n", part_number="")
    publish(made, f"testers/{TESTER}/measurements", json.dumps(SAID))
    block_until(lambda: made.bridge.status()["quarantined"] == 1, what="one in quarantine")
    (row,) = json.loads(command("spool", "list", "-c", str(made.bridge.config), "--json").stdout)
    assert (row["path"], row["reason"].partition(":")[0]) == ("$.part_number", "no part number")
    assert made.bridge.stop() == 0
    start(made)
    made.await_reports(1)

    found = report(made)
    assert (found["sn"], found["pn"], found["result"]) == (UNIT, "WIDGET-001", "T")
