"""The shop floor as a plant meets it: units, stations and operators over MQTT, and what stands in WATS then."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

STATION = "LINE1-STATION3"
ENTERED: dict[str, object] = json.loads((Path(__file__).parents[2] / "examples/unit.json").read_bytes())
"""The proposal's payload."""

UNITS = "/api/Production/Units"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line of which everything runs; the station has an operation."""
    with line(tmp_path) as made:
        config = made.bridge.config
        config.write_text(
            f'{config.read_text()}[production.processes]\n{STATION} = "ICT"\n[production]\ngather_s = 2.0\n'
        )
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def publish(made: Line, topic: str, *payloads: Mapping[str, object]) -> None:
    """Publish, one message a payload, over one connection."""
    words = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-q", "1", "-t", topic, "-l"]
    subprocess.run(words, input="".join(f"{json.dumps(payload)}\n" for payload in payloads).encode(), check=True)


def units(made: Line) -> dict[str, dict[str, Any]]:
    """Give WATS' units by serial number."""
    assert made.emulator is not None
    return {unit["serialNumber"]: unit for unit in made.emulator.state()["units"]}


def requests(made: Line, path: str, method: str = "PUT") -> list[dict[str, Any]]:
    """Give what was asked of WATS."""
    assert made.emulator is not None
    return [r for r in made.emulator.requests() if (r["method"], r["path"]) == (method, path)]


def read(made: Line, report_id: str) -> dict[str, Any]:
    """Read a report from WATS."""
    assert made.emulator is not None
    headers = {"Authorization": f"Basic {made.emulator.token}"}
    answer = httpx.get(f"{made.emulator.url}/api/Report/Wsjf/{report_id}", headers=headers, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def settled(made: Line, count: int) -> None:
    """Wait until so many messages are in WATS, and none waits."""

    def all_there() -> bool:
        status = made.bridge.status()
        return bool(status) and status["delivered"] >= count and status["waiting"] == 0

    block_until(all_there, what=f"{count} delivered")


def test_the_proposals_unit_stands_in_wats_once_through_lost_answers_and_kill_9(running: Line) -> None:
    """Location, phase and operation, product and unit made; three kinds of call lose an answer, and the bridge dies."""
    assert running.emulator is not None
    for path in ("/api/Product/Revision", UNITS, "/api/Production/SetUnitProcess"):
        running.emulator.fault("drop_after", path=path, times=1)
    publish(running, f"stations/{STATION}/unit", ENTERED)
    block_until(lambda: requests(running, UNITS), what="the unit was sent")
    running.bridge.kill()
    running.bridge.start()
    settled(running, 1)
    publish(running, f"stations/{STATION}/unit", ENTERED)  # as a device does that heard no PUBACK
    block_until(lambda: running.bridge.status()["duplicates"] == 1, what="the repeat is known")

    (unit,) = units(running).values()
    assert (unit["serialNumber"], unit["partNumber"], unit["currentLocation"]) == ("UNIT-12345", "WIDGET-001", STATION)
    assert (unit["unitPhase"], unit["processCode"]) == ("Under production", "30")
    assert [entry["property"] for entry in unit["history"]] == ["unitPhaseId", "processCode"]  # made, and moved once
    assert [fault["hits"] for fault in running.emulator.faults()] == [1, 1, 1]
    assert running.bridge.status()["quarantined"] == 0


def test_the_units_of_a_moment_take_one_call(running: Line) -> None:
    """Twenty units that enter together; leaving again costs none."""
    many = [{**ENTERED, "serial_number": f"U{number}"} for number in range(20)]
    publish(running, f"stations/{STATION}/unit", *many)
    settled(running, 20)
    publish(
        running,
        f"stations/{STATION}/unit",
        *({**unit, "event": "unit_exited", "timestamp": "2026-01-26T10:30:42Z"} for unit in many),
    )
    settled(running, 40)

    assert [len(request["body"]) for request in requests(running, UNITS)] == [20]
    assert {unit["currentLocation"] for unit in units(running).values()} == {STATION}
    figures = running.bridge.status()["shopfloor"]["stations"][STATION]
    assert (figures["entered"], figures["exited"], figures["inside"], figures["mean_s"]) == (20, 20, 0, 42.0)


def test_a_missing_exit_is_published_and_an_older_event_moves_nothing_back(running: Line) -> None:
    """The alarm comes on `wats/alarms/missing_exit`; the unit stays where it was seen last."""
    words = ["stdbuf", "-oL", "mosquitto_sub", "-V", "5", "-h", HOST, "-p", str(running.mosquitto.port)]
    listener = subprocess.Popen(
        [*words, "-t", "wats/alarms/missing_exit", "-C", "1", "-d"], stdout=subprocess.PIPE, text=True
    )
    assert listener.stdout is not None
    for text in listener.stdout:
        if "Subscribed" in text:
            break
    publish(running, f"stations/{STATION}/unit", ENTERED)
    settled(running, 1)
    publish(running, "stations/S4/unit", {**ENTERED, "station_id": "S4", "timestamp": "2026-01-26T10:40:00Z"})
    publish(running, "lines/LINE1/scan", {"serial_number": "UNIT-12345", "timestamp": "2026-01-26T10:35:00Z"})
    settled(running, 3)

    (alarm,) = [json.loads(text) for text in listener.stdout if text.startswith("{")]
    listener.wait(10)
    listener.stdout.close()
    assert (alarm["alarm"], alarm["serial_number"], alarm["station"]) == ("missing_exit", "UNIT-12345", STATION)
    assert units(running)["UNIT-12345"]["currentLocation"] == "S4"
    shopfloor = running.bridge.status()["shopfloor"]
    assert shopfloor["older_events"] == 1
    assert shopfloor["stations"][STATION]["missing_exits"] == 1


def test_the_operator_at_a_station_goes_on_its_reports(running: Line) -> None:
    """Of the time of the test: jane's shift, also when the report comes after joe's login; through a restart."""
    early, late = "2026-01-26T06:00:00Z", "2026-01-26T14:00:00Z"
    publish(running, "stations/T1/operator", {"event": "login", "operator": "jane", "timestamp": early})
    publish(running, "stations/T1/operator", {"event": "shift", "operator": "joe", "shift": "late", "timestamp": late})
    settled(running, 2)
    running.bridge.kill()
    running.bridge.start()
    result: dict[str, object] = {"part_number": "P", "result": "Passed"}
    for serial, start in (("S1", "2026-01-26T10:00:00Z"), ("S2", "2026-01-26T15:00:00Z")):
        publish(running, "testers/T1/results", {**result, "serial_number": serial, "timestamp": start})
    publish(running, "testers/T1/results", {**result, "serial_number": "S3", "timestamp": late, "operator": "ann"})
    running.await_reports(3)

    operators = {report["sn"]: read(running, report["id"])["uut"]["user"] for report in running.reports()}
    assert operators == {"S1": "jane", "S2": "joe", "S3": "ann"}


def test_what_wats_does_not_take_is_in_quarantine_and_the_others_are_in_wats(tmp_path: Path) -> None:
    """Units of a product that WATS does not know, where none may be made."""
    with line(tmp_path) as made:
        config = made.bridge.config
        config.write_text(f"{config.read_text()}[production]\ncreate_products = false\n")
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        publish(made, "testers/T1/results", {"part_number": "KNOWN", "result": "P", "serial_number": "U0"})
        made.await_reports(1)  # which makes the product, with the revision of a result that names none
        publish(
            made,
            "stations/S/unit",
            *(
                {**ENTERED, "serial_number": f"U{number}", "part_number": "KNOWN" if number % 2 else "UNKNOWN"}
                for number in range(1, 5)
            ),
        )
        block_until(lambda: made.bridge.status()["quarantined"] == 2, what="two in quarantine")
        settled(made, 3)

        at_station = [serial for serial, unit in units(made).items() if unit.get("currentLocation") == "S"]
        assert sorted(at_station) == ["U1", "U3"]
