"""The grade of a unit is what its reports make of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.emulator.examples import repair, report

# Operations: 30 comes before 100. A run is (operation, result), a repair is the operation that had failed.
Run = tuple[int, str] | int


async def reported(http: httpx.AsyncClient, runs: list[Run]) -> None:
    """Reports of one unit, an hour each, in this order."""
    for hour, run in enumerate(runs):
        head = {"id": str(UUID(int=hour + 1)), "start": f"2026-01-01T{hour:02}:00:00Z"}
        if isinstance(run, int):
            body = repair(**head)
            body["uur"] |= {"processCode": run, "refUUT": str(UUID(int=1))}
        else:
            body = report(**head, processCode=run[0], result=run[1])
        (await http.post("/api/Report/WSJF", json=body)).raise_for_status()


async def grade(http: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    """The grade of unit SN-1."""
    answer = await http.get("/api/Production/UnitVerification", params={"serialNumber": "SN-1", **params})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


ORDER, LAST = "allProcessesExecutedInCorrectOrder", "allProcessesPassedLastRun"
FIRST, ANY = "allProcessesPassedFirstRun", "allProcessesPassedAnyRun"
UNREPAIRED = "noRepairs"


@pytest.mark.parametrize(
    ("runs", "status", "letter", "true"),
    [
        ([], "Unknown", "Unknown", {UNREPAIRED}),
        ([30], "Unknown", "Unknown", set()),
        ([(30, "P"), (100, "P")], "Passed", "A", {ORDER, FIRST, ANY, LAST, UNREPAIRED}),
        ([(100, "P"), (30, "P")], "Passed", "B", {FIRST, ANY, LAST, UNREPAIRED}),
        ([(30, "F"), (30, "P"), (100, "P")], "Passed", "B", {ORDER, ANY, LAST, UNREPAIRED}),
        ([(30, "F"), 30, (30, "P")], "Passed", "C", {ORDER, ANY, LAST}),
        ([(30, "P"), (30, "E")], "Failed", "D", {ORDER, FIRST, ANY, UNREPAIRED}),
        ([(30, "P"), (100, "T")], "Failed", "D", {ORDER, UNREPAIRED}),
    ],
)
async def test_grades(http: httpx.AsyncClient, runs: list[Run], status: str, letter: str, true: set[str]) -> None:
    """The last run of each operation decides; order, first tries and repairs make the letter."""
    await reported(http, runs)
    found = await grade(http)
    assert (found["status"], found["grade"]) == (status, letter)
    assert {name for name, value in found.items() if value is True} == true
    assert {name for name, value in found.items() if value is False} == {ORDER, FIRST, ANY, LAST, UNREPAIRED} - true


async def test_an_operation_is_shown_by_its_last_run(http: httpx.AsyncClient) -> None:
    """Operations in their order, each with the start, station and result of its last run, and its counts."""
    await reported(http, [(100, "F"), (30, "P"), 100, (100, "P")])
    results = (await grade(http, partNumber="PN-1"))["results"]
    assert results == [
        {
            "processCode": 30,
            "processName": "ICT",
            "processIndex": 1,
            "status": "Passed",
            "startUtc": "2026-01-01T01:00:00.0000000Z",
            "stationName": "ST1",
            "totalCount": 1,
            "nonPassedCount": 0,
            "repairCount": 0,
        },
        {
            "processCode": 100,
            "processName": "End of line test",
            "processIndex": 6,
            "status": "Passed",
            "startUtc": "2026-01-01T03:00:00.0000000Z",
            "stationName": "ST1",
            "totalCount": 2,
            "nonPassedCount": 1,
            "repairCount": 1,
        },
    ]


async def test_other_units_and_quarantined_reports_do_not_count(http: httpx.AsyncClient) -> None:
    """Only what WATS shows of this serial number, and part number if one is given."""
    await http.post("/api/Report/WSJF", json=report(sn="SN-2"))
    await http.post("/api/Report/WSJF", json=report(id=str(UUID(int=2)), start="2999-01-01T00:00:00Z"))
    assert (await grade(http))["status"] == "Unknown"
    await http.post("/api/Report/WSJF", json=report(id=str(UUID(int=3)), pn="PN-2"))
    assert (await grade(http))["status"] == "Passed"
    assert (await grade(http, partNumber=""))["status"] == "Passed"
    assert (await grade(http, partNumber="PN-1"))["status"] == "Unknown"


async def test_the_serial_number_is_required(http: httpx.AsyncClient) -> None:
    """Absent it is 400; blank it is a unit that nobody tested."""
    answer = await http.get("/api/Production/UnitVerification", params={"partNumber": "PN-1"})
    assert (answer.status_code, answer.json()["Message"]) == (400, "query parameter serialNumber is required")
    assert (await grade(http, serialNumber=""))["status"] == "Unknown"
