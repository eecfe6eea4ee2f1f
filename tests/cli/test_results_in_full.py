"""Results with all that a step may be, and repairs, from the broker to WATS, through answers that are lost."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywats_mqtt.adapters.report import RESULTS
from pywats_mqtt.events import identify
from tests.cli.test_by_hand import PAYLOADS, command, delivered, publish, wats
from tests.guarantees.line import Line, line

pytestmark = pytest.mark.slow

IN_FULL = (PAYLOADS / "result-in-full.json").read_bytes()
REPAIR = (PAYLOADS / "repair.json").read_bytes()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Line]:
    """A line with a broker, and a WATS that counts the assets of a report each time it comes; no bridge yet."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats("--asset-use-again")
        yield made


def start(made: Line, settings: str = "") -> None:
    """Start the bridge with more settings in [wats], and wait until the broker keeps for it."""
    config = made.bridge.config
    config.write_text(config.read_text().replace("requests_per_minute = 0\n", f"requests_per_minute = 0\n{settings}"))
    made.bridge.start()
    made.await_session()


def lose_one_answer(made: Line) -> None:
    """Let WATS store the next report, and drop the connection instead of answering."""
    assert made.emulator is not None
    made.emulator.fault("drop_after", path="/api/Report/WSJF", times=1)


def report(made: Line, **wanted: object) -> dict[str, Any]:
    """Give the one report that is so, as WATS shows it."""
    (known,) = [each for each in made.reports() if all(each[key] == value for key, value in wanted.items())]
    found: dict[str, Any] = wats(made, f"/api/Report/Wsjf/{known['id']}")
    return found | {"receiveCount": known["receiveCount"]}


def test_every_kind_of_step_stands_in_wats(made: Line) -> None:
    """Through a lost answer: received twice, there once, and each step as the device meant it."""
    start(made)
    lose_one_answer(made)
    publish(made, "testers/T1/results", IN_FULL)
    delivered(made, 1)

    found = report(made)
    assert (found["receiveCount"], found["result"], found["uut"]["errorCode"]) == (2, "F", 17)
    assert (found["uut"]["user"], found["uut"]["batchSN"], found["uut"]["testSocketIndex"]) == ("john.doe", "LOT-9", 2)
    assert [(unit["sn"], unit["partType"]) for unit in found["subUnits"]] == [("0004711", "PCBA")]
    steps = found["root"]["steps"]
    assert [step["stepType"] for step in steps] == [
        *("Action", "SequenceCall", "ET_SVT", "ET_MSVT", "ET_MPFT", "ET_PFT", "ET_NLT", "ET_NLT", "Chart", "ET_PFT")
    ]
    assert [step["status"] for step in steps] == ["D", "F", "P", "P", "P", "P", "P", "P", "D", "D"]
    assert [step["group"] for step in steps] == ["S", *"MMMMMMMM", "C"]
    rails, resonance = steps[1]["steps"]
    assert [(each["name"], each["compOp"], each["status"]) for each in rails["numericMeas"]] == [
        ("3V3", "GELE", "P"),
        ("5V", "LT", "F"),
    ]
    assert (resonance["numericMeas"][0]["compOp"], resonance["status"]) == ("LTGT", "P")
    assert (steps[2]["stringMeas"][0]["compOp"], steps[2]["stringMeas"][0]["limit"]) == ("IGNORECASE", "v2.3.1")
    assert [step["loop"]["i"] for step in steps[6:8]] == [0, 1]
    assert (steps[8]["chart"]["chartType"], steps[8]["chart"]["series"][0]["ydata"]) == ("LineLogX", "0.0;-0.5;-3.0")
    assert b64decode(steps[9]["attachment"]["data"]) == b"t;v\n0;1\n"


def test_assets_are_noted_where_their_topics_count_them(made: Line) -> None:
    """By default a result counts nothing; its assets are found by their misc infos."""
    start(made)
    publish(made, "assets/FIXTURE-001/counters", '{"counters": {"total_count": 7}}')
    publish(made, "testers/T1/results", IN_FULL)
    delivered(made, 2)

    noted = [info["text"] for info in report(made)["miscInfos"] if info["description"] == "asset_used"]
    assert noted == ["FIXTURE-001", "PROBE-7 (3 times)"]
    assert wats(made, "/api/Asset/FIXTURE-001")["totalCount"] == 7


def test_assets_that_reports_count_are_counted_once(made: Line) -> None:
    """Though the answer is lost, WATS would count a second time, and the asset's own counters say something too."""
    start(made, 'count_from = "reports"\ncount_from_exceptions = ["FIXTURE-001"]\n')
    lose_one_answer(made)
    publish(made, "testers/T1/results", IN_FULL)
    delivered(made, 1)
    publish(made, "assets/PROBE-7/counters", '{"counters": {"total_count": 1000}}')
    publish(made, "assets/FIXTURE-001/counters", '{"counters": {"total_count": 7}}')
    delivered(made, 3)

    assert report(made)["receiveCount"] == 1
    assert wats(made, "/api/Asset/PROBE-7")["totalCount"] == 3
    assert wats(made, "/api/Asset/FIXTURE-001")["totalCount"] == 7


def test_a_repair_is_linked_to_the_test_that_failed(made: Line) -> None:
    """By the tester's message id, and by the unit alone; through a lost answer each stands in WATS once."""
    start(made)
    publish(made, "testers/T1/results", IN_FULL)
    delivered(made, 1)
    lose_one_answer(made)
    publish(made, "testers/REPAIR-1/repairs", REPAIR)
    delivered(made, 2)
    bare = {key: value for key, value in json.loads(REPAIR).items() if key in {"timestamp", "serial_number"}}
    failures = [{"category": "COMPONENT", "code": "wrong component"}]
    publish(made, "testers/REPAIR-2/repairs", json.dumps({**bare, "part_number": "WIDGET-001", "failures": failures}))
    delivered(made, 3)

    test_id = str(identify((RESULTS, "T1", "T1/42"), b"").id)
    first, second = (report(made, machineName=f"REPAIR-{number}") for number in (1, 2))
    assert (first["type"], first["processCode"], first["receiveCount"]) == ("R", 500, 2)
    for repair in (first, second):
        assert (repair["uur"]["refUUT"].lower(), repair["uur"]["processCode"]) == (test_id, 10)
    assert (first["uur"]["execTime"], first["uur"]["comment"]) == (420, "C12 replaced")
    (failure,) = first["subUnits"][0]["failures"]
    assert (failure["category"], failure["code"], failure["comRef"]) == ("Component", "Defect Component", "C12")
    assert second["subUnits"][0]["failures"][0]["code"] == "Wrong Component"
    assert {each["id"] for each in report(made, machineName="T1")["uut"]["referencedByUURs"]} == {
        first["id"],
        second["id"],
    }


def test_what_does_not_fit_is_in_quarantine_and_holds_nobody_up(made: Line) -> None:
    """A code that WATS does not know, an attachment that is too large: each with its place; what follows arrives."""
    start(made, "max_attachment_bytes = 4\n")
    wrong = json.loads(REPAIR)
    wrong["failures"][0]["code"] = "Bad Luck"
    publish(made, "testers/T1/repairs", json.dumps({**wrong, "message_id": "wrong"}))
    publish(made, "testers/T1/results", IN_FULL)
    publish(made, "testers/T1/repairs", REPAIR)
    delivered(made, 1)

    rows = json.loads(command("spool", "list", "-c", str(made.bridge.config), "--json").stdout)
    assert {row["path"]: row["reason"].partition(";")[0] for row in rows} == {
        "$.failures[0].code": "'Bad Luck' is no code of Component in WATS",
        "$.steps[9].attachment.data": "has 8 bytes",
    }
    assert [each["machineName"] for each in made.reports()] == ["T1"]
