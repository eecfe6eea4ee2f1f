"""Batches as a line tells them: over MQTT into WATS, through lost answers, kill -9 and repetition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.guarantees.line import Line, line
from tests.guarantees.test_shopfloor import publish, read, requests, settled
from tests.waiting import block_until

pytestmark = pytest.mark.slow

WSJF = "/api/Report/WSJF"
BATCHES = "/api/Production/Batches"
TOPIC = "lines/LINE1/batch"
OPENED: dict[str, object] = {
    "batch_id": "B-017",
    "event": "opened",
    "product": "WIDGET-001",
    "size": 200,
    "timestamp": "2026-01-26T06:00:00Z",
}
CLOSED: dict[str, object] = {
    "batch_id": "B-017",
    "event": "closed",
    "timestamp": "2026-01-26T10:30:00Z",
    "total": 180,
    "failed": 9,
    "failures": {"Power Supply Check": 6, "Communication Test": 3},
}
SUMMARY: dict[str, object] = json.loads((Path(__file__).parents[2] / "examples/batch.json").read_bytes())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line of which everything runs; T1 stands at LINE1."""
    with line(tmp_path) as made:
        config = made.bridge.config
        config.write_text(f'{config.read_text()}[production.lines]\nT1 = "LINE1"\n')
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def logged(report: dict[str, Any]) -> dict[str, float]:
    """Give what the steps of a report logged, those of its sequences, too."""
    found: dict[str, float] = {}
    steps = list(report["root"]["steps"])
    while steps:
        step = steps.pop(0)
        steps += step.get("steps") or []
        for measured in step.get("numericMeas") or []:
            assert measured["compOp"] == "LOG"
            found[step["name"]] = measured["value"]
    return found


def test_a_batch_is_one_report_one_batch_and_on_the_results_of_its_line(running: Line) -> None:
    """Opened, a unit tested, closed; the report and the batch each lose an answer, and the bridge dies in between."""
    assert running.emulator is not None
    running.emulator.fault("drop_after", path=BATCHES, times=1)
    publish(running, TOPIC, OPENED)
    settled(running, 1)
    result = {"part_number": "WIDGET-001", "result": "Passed"}
    tested, later = "2026-01-26T08:00:00Z", "2026-01-26T11:00:00Z"
    publish(running, "testers/T1/results", {**result, "serial_number": "U1", "timestamp": tested})
    settled(running, 2)
    running.emulator.fault("drop_after", path=WSJF, times=1)
    publish(running, TOPIC, CLOSED)
    block_until(lambda: len(requests(running, WSJF, "POST")) >= 2, what="the summary was sent")
    running.bridge.kill()
    running.bridge.start()
    settled(running, 3)
    publish(running, TOPIC, CLOSED)  # as a line does that heard no PUBACK
    block_until(lambda: running.bridge.status().get("duplicates") == 1, what="the repeat is known")
    publish(running, "testers/T1/results", {**result, "serial_number": "U2", "timestamp": later})
    settled(running, 4)

    reports = {report["sn"]: read(running, report["id"]) for report in running.reports()}
    assert sorted(reports) == ["B-017", "U1", "U2"]
    assert {sn: report["uut"].get("batchSN") for sn, report in reports.items()} == {
        "B-017": "B-017",
        "U1": "B-017",
        "U2": None,
    }
    summary = reports["B-017"]
    assert (summary["machineName"], summary["pn"], summary["uut"]["execTime"]) == ("LINE1", "WIDGET-001", 16_200)
    assert logged(summary) == {
        "Planned": 200,
        "Total": 180,
        "Good": 171,
        "Failed": 9,
        "Yield": 95,
        "Duration": 16_200,
        "Power Supply Check": 6,
        "Communication Test": 3,
    }
    state = running.emulator.state()
    assert state["batches"] == [{"batchNumber": "B-017", "batchSize": 200}]
    assert [fault["hits"] for fault in running.emulator.faults()] == [1, 1]
    assert running.bridge.status()["quarantined"] == 0


def test_what_contradicts_itself_is_in_quarantine_and_blocks_nothing(running: Line) -> None:
    """More failed than tested: kept with its reason and path; what follows is in WATS."""
    publish(running, TOPIC, {**SUMMARY, "failed": 181}, SUMMARY)
    settled(running, 1)

    assert running.bridge.status()["quarantined"] == 1
    assert [report["sn"] for report in running.reports()] == [SUMMARY["batch_id"]]
