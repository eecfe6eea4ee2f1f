"""Units, their phases, operations, changes and batches, as a client without pywats sees them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pywats_mqtt.emulator import Settings, serve
from pywats_mqtt.emulator.processes import Process
from tests.emulator.conftest import READ_ONLY, TOKEN, client_of
from tests.emulator.examples import make_product, make_unit, report, unit_in

UNITS = "/api/Production/Units"
UNIT = {"serialNumber": "SN-1", "partNumber": "PN-1", "revision": "A"}
NAMES = {"serialNumber": "SN-1", "partNumber": "PN-1"}


async def test_a_save_changes_what_it_names(http: httpx.AsyncClient) -> None:
    """The rest stays, also where null is sent; read-only fields are ignored; tags show what xmlData holds."""
    await make_unit(http, batchNumber="B1", serialDate="2026-01-02T03:04:05+01:00", processCode=100)
    change = {
        **NAMES,
        "currentLocation": "Line 1",
        "batchNumber": None,
        "xmlData": '<Root><Fw Value="1.2"/><Other>x</Other></Root>',
        "tags": [{"key": "No", "value": "1"}],
        "unitPhase": "Scrapped",
    }
    answer = await http.put(UNITS, json=[change])
    assert answer.json() == {"errorCount": 0, "insertCount": 0, "updateCount": 1, "errors": []}
    shown = await unit_in(http)
    del shown["product"], shown["productRevision"]
    assert shown == {
        "serialNumber": "SN-1",
        "partNumber": "PN-1",
        "revision": "A",
        "batchNumber": "B1",
        "serialDate": "2026-01-02T02:04:05.0000000Z",
        "currentLocation": "Line 1",
        "xmlData": '<Root><Fw Value="1.2"/><Other>x</Other></Root>',
        "unitPhaseId": 2,
        "unitPhase": "Under production",
        "processCode": "100",
        "tags": [{"key": "Fw", "value": "1.2"}],
        "subUnits": [],
    }


async def test_a_unit_is_a_serial_number_with_a_part_number(http: httpx.AsyncClient) -> None:
    """The same serial number under another part number is another unit, and no parent by its serial number alone."""
    await make_unit(http)
    await make_unit(http, "SN-1", "PN-2")
    await http.put(UNITS, json=[{**UNIT, "currentLocation": "Line 1"}])
    assert (await unit_in(http))["currentLocation"] == "Line 1"
    assert "currentLocation" not in await unit_in(http, "SN-1", "PN-2")
    answer = await http.put(UNITS, json=[{**UNIT, "serialNumber": "SN-2", "parentSerialNumber": "SN-1"}])
    assert answer.json()["errors"] == ["[0].parentSerialNumber: more than one unit has serial number 'SN-1'"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"serialNumber": None}, "serialNumber: required"),
        ({"partNumber": " "}, "partNumber: required"),
        ({"revision": ""}, "revision: required for a new unit"),
        ({"revision": "B"}, "partNumber, revision: there is no revision 'B' of a product 'PN-1'"),
        ({"serialNumber": "x" * 101}, "serialNumber: 101 characters"),
        ({"unitPhaseId": 3}, "unitPhaseId: 3 is no phase"),
        ({"unitPhaseId": "2"}, "unitPhaseId: expected a whole number"),
        ({"processCode": "101"}, "processCode: '101' is no operation of this server; use one of 10,"),
        ({"processCode": True}, "processCode: True is no operation"),
        ({"serialDate": "yesterday"}, "serialDate: expected an ISO 8601 time"),
        ({"xmlData": "<Root>"}, "xmlData: no well-formed XML"),
        ({"xmlData": "<!DOCTYPE a><a/>"}, "xmlData: no well-formed XML: a document type is not taken"),
        ({"parentSerialNumber": "SN-9"}, "parentSerialNumber: there is no unit with serial number 'SN-9'"),
    ],
)
async def test_a_wrong_unit_is_told_and_the_others_are_saved(
    http: httpx.AsyncClient, wrong: dict[str, object], said: str
) -> None:
    """Each mistake names its place in the list and its field; nothing of that unit is kept."""
    await make_product(http)
    answer = await http.put(UNITS, json=[{**UNIT, "serialNumber": "A"}, {**UNIT, **wrong}])
    body = answer.json()
    assert (answer.status_code, body["errorCount"], body["insertCount"]) == (200, 1, 1)
    assert body["errors"][0].startswith(f"[1].{said}")
    assert [unit["serialNumber"] for unit in (await http.get("/_emulator/state")).json()["units"]] == ["A"]


@pytest.mark.parametrize("body", ["{}", "[1]", "[null]", "[", '"x"', "", "[[]]"])
@pytest.mark.parametrize("path", [UNITS, "/api/Production/Batches"])
async def test_a_body_that_is_no_list_of_objects(http: httpx.AsyncClient, path: str, body: str) -> None:
    """400, and the sentence says what is expected."""
    answer = await http.put(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["Message"].startswith("the body ")


async def test_a_unit_is_never_below_itself(http: httpx.AsyncClient) -> None:
    """A parent that is the unit itself, or is built into it, is refused."""
    await make_unit(http)
    await make_unit(http, "SN-2", parentSerialNumber="SN-1")
    assert (await unit_in(http, "SN-2"))["parentSerialNumber"] == "SN-1"
    for parent in ("SN-1", "SN-2"):
        answer = await http.put(UNITS, json=[{**UNIT, "parentSerialNumber": parent}])
        assert answer.json()["errors"] == [f"[0].parentSerialNumber: '{parent}' is the unit itself or one below it"]


async def test_missing_products_are_made_if_that_is_switched_on() -> None:
    """With `auto_products` a unit makes its product and revision; without, it is refused (see above)."""
    async with serve(Settings(port=0, auto_products=True)) as running, client_of(running, TOKEN) as http:
        assert (await http.put(UNITS, json=[UNIT])).json()["errorCount"] == 0
        product = (await http.get("/api/Product/PN-1")).json()
        assert [revision["revision"] for revision in product["revisions"]] == ["A"]
        # A unit that is refused for another reason makes no product.
        await http.put(UNITS, json=[{**UNIT, "partNumber": "PN-2", "unitPhaseId": 3}])
        assert (await http.get("/api/Product/PN-2")).status_code == 404


async def test_a_unit_remembers_what_happened_to_it(http: httpx.AsyncClient) -> None:
    """Its history begins with its phase, and has a row for each property that got another value."""
    await make_unit(http)
    await http.put("/api/Production/SetUnitPhase", params={**NAMES, "phase": 16})
    await http.put("/api/Production/SetUnitPhase", params={**NAMES, "phase": 16})
    await http.put("/api/Production/SetUnitProcess", params={**NAMES, "processName": "ICT"})
    await http.put(UNITS, json=[{**UNIT, "currentLocation": "Line 1"}])
    (unit,) = (await http.get("/_emulator/state")).json()["units"]
    assert [(row["property"], row["value"]) for row in unit["history"]] == [
        ("unitPhaseId", "2"),
        ("unitPhaseId", "16"),
        ("processCode", "30"),
        ("currentLocation", "Line 1"),
    ]
    assert all(len(row["date"]) == 28 and row["date"].endswith("Z") for row in unit["history"])


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("SetUnitPhase", {"serialNumber": "SN-1", "phase": "2"}, 400, "partNumber is required"),
        ("SetUnitPhase", {**NAMES}, 400, "phase: expected one of 1, 2, 4"),
        ("SetUnitPhase", {**NAMES, "phase": "Finalized"}, 400, "phase: expected a whole number"),
        ("SetUnitPhase", {**NAMES, "phase": "9" * 30}, 400, "phase: expected a whole number"),
        ("SetUnitPhase", {**NAMES, "phase": ""}, 400, "phase: expected a whole number"),
        ("SetUnitPhase", {"serialNumber": "", "partNumber": "\0", "phase": "2"}, 404, "no unit with serial number ''"),
        ("SetUnitProcess", {**NAMES, "processCode": "100"}, 404, "processName is required"),
        ("SetUnitProcess", {**NAMES, "processName": ""}, 400, "'' is no operation of this server"),
        ("SetUnitProcess", {**NAMES, "partNumber": "x", "processName": "ICT"}, 404, "part number 'x'"),
    ],
)
async def test_wrong_phases_and_processes(
    http: httpx.AsyncClient, path: str, params: dict[str, str], status: int, said: str
) -> None:
    """The answer names the parameter, and the unit stays as it was."""
    await make_unit(http)
    before = await unit_in(http)
    answer = await http.put(f"/api/Production/{path}", params=params)
    assert answer.status_code == status
    assert said in answer.json()["Message"]
    assert await unit_in(http) == before


async def test_changes_are_told_oldest_first_until_acknowledged(http: httpx.AsyncClient) -> None:
    """Phase, revision and parent are told, in one row what changed at once; other properties and new units are not."""
    await make_unit(http)
    await make_unit(http, "SN-2")
    await make_product(http, "PN-1", "B")
    await http.put(UNITS, json=[{**UNIT, "currentLocation": "Line 1"}])
    await http.put(UNITS, json=[{**UNIT, "revision": "B", "unitPhaseId": 16}])
    await http.put(UNITS, json=[{**UNIT, "revision": "B", "parentSerialNumber": "SN-2"}])
    path = f"{UNITS}/Changes"
    first = {"id": 1, "unitSerialNumber": "SN-1", "newRevision": "B", "newUnitPhaseId": 16}
    second = {"id": 2, "unitSerialNumber": "SN-1", "newParentSerialNumber": "SN-2"}
    assert (await http.get(path, params={"maxCount": 5})).json() == [first, second]
    assert (await http.get(path, params={"maxCount": 1})).json() == [first]
    assert (await http.delete(f"{path}/1")).json() is True
    assert (await http.get(path, params={"maxCount": 5})).json() == [second]
    assert (await http.get("/_emulator/state")).json()["unit_changes"] == [second]
    for wrong in ("1", "x", "9" * 40):
        assert (await http.delete(f"{path}/{wrong}")).status_code == 404
    for params in ({}, {"maxCount": ""}, {"maxCount": "-1"}):
        assert (await http.get(path, params=params)).status_code == 400


async def test_changes_can_be_switched_off() -> None:
    """Without `unit_changes` nothing is told, as on a server where nobody switched it on."""
    async with serve(Settings(port=0, unit_changes=False)) as running, client_of(running, TOKEN) as http:
        await make_unit(http)
        await http.put("/api/Production/SetUnitPhase", params={**NAMES, "phase": 16})
        assert (await http.get(f"{UNITS}/Changes", params={"maxCount": 5})).json() == []


async def test_a_report_makes_its_unit_once(http: httpx.AsyncClient) -> None:
    """Product, revision and unit come with the first report; what is there, stays. A quarantined one makes none."""
    await http.post("/api/Report/WSJF", json=report(start="2999-01-01T00:00:00Z"))
    assert (await http.get("/_emulator/state")).json()["units"] == []
    await http.post("/api/Report/WSJF", json=report())
    shown = await unit_in(http)
    assert (shown["revision"], shown["unitPhaseId"], shown["product"]["partNumber"]) == ("A", 2, "PN-1")
    await http.put("/api/Production/SetUnitPhase", params={**NAMES, "phase": 16})
    await http.post("/api/Report/WSJF", json=report(rev="B"))
    assert (await unit_in(http))["revision"] == "A"
    assert (await unit_in(http))["unitPhaseId"] == 16


async def test_reports_can_leave_units_alone() -> None:
    """Without `report_units` a report makes nothing."""
    async with serve(Settings(port=0, report_units=False)) as running, client_of(running, TOKEN) as http:
        await http.post("/api/Report/WSJF", json=report())
        state = (await http.get("/_emulator/state")).json()
        assert (len(state["reports"]), state["products"], state["units"]) == (1, [], [])


async def test_the_operations_are_those_of_the_settings() -> None:
    """A unit gets to one of them by its name, and by no other; its reports are graded in their order."""
    own = {
        7: Process(7, "Own", 1, is_test_operation=True),
        8: Process(8, "First", 0, is_test_operation=True),
    }
    async with serve(Settings(port=0, processes=own)) as running, client_of(running, TOKEN) as http:
        await make_unit(http, processCode=8)
        path = "/api/Production/SetUnitProcess"
        assert (await http.put(path, params={**NAMES, "processName": "ICT"})).status_code == 400
        assert (await http.put(path, params={**NAMES, "processName": "Own"})).status_code == 200
        assert (await unit_in(http))["processCode"] == "7"
        started = await http.get("/api/Workflow/StartTest", params={**NAMES, "stationName": "ST1"})
        assert started.json() is True
        await http.post("/api/Report/WSJF", json=report(processCode=7))
        (result,) = (await http.get("/api/Production/UnitVerification", params=NAMES)).json()["results"]
        assert (result["processName"], result["processIndex"]) == ("Own", 1)


async def test_batches_are_made_and_changed(http: httpx.AsyncClient) -> None:
    """The counts tell new from known; a wrong one names its field."""
    sent = [{"batchNumber": "B1", "batchSize": 5}, {"batchNumber": "B2", "batchSize": 0}]
    answer = await http.put("/api/Production/Batches", json=sent)
    assert answer.json() == {"errorCount": 0, "insertCount": 2, "updateCount": 0, "errors": []}
    changed = [{"batchNumber": "B1", "batchSize": 6}, {"batchNumber": "B3", "batchSize": -1}, {"batchNumber": "B4"}]
    answer = await http.put("/api/Production/Batches", json=changed)
    body = answer.json()
    assert (body["errorCount"], body["updateCount"]) == (2, 1)
    assert body["errors"][0].startswith("[1].batchSize: expected a whole number 0 to")
    assert body["errors"][1] == "[2].batchSize: required"
    batches = (await http.get("/_emulator/state")).json()["batches"]
    assert [(batch["batchNumber"], batch["batchSize"]) for batch in batches] == [("B1", 6), ("B2", 0)]


async def test_a_unit_lives_on_in_a_state_file(tmp_path: Path) -> None:
    """Units, history and pools are there again after a restart."""
    settings = Settings(port=0, state=tmp_path / "wats.db")
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        await make_unit(http)
        await http.post("/_emulator/serial_numbers", json={"type": "MAC", "serialNumbers": ["1", "2"]})
        await http.post("/api/Production/SerialNumbers/Take", params={"serialNumberType": "MAC", "quantity": 1})
        before = (await http.get("/_emulator/state")).json()
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        after = (await http.get("/_emulator/state")).json()
    assert after["units"] == before["units"] != []
    assert after["serial_numbers"] == before["serial_numbers"] != []


async def test_a_token_that_reads_changes_no_unit(http: httpx.AsyncClient) -> None:
    """It reads units, phases and grades; every write, also the workflow's GET, is 403."""
    await make_unit(http)
    headers = {"Authorization": f"Basic {READ_ONLY}"}
    for path in ("/api/Production/Unit/SN-1/PN-1", "/api/Product/PN-1"):
        assert (await http.get(path, headers=headers)).status_code == 200
    for method, path in (
        ("PUT", UNITS),
        ("PUT", "/api/Product"),
        ("POST", "/api/Production/SerialNumbers/Take"),
        ("GET", "/api/Workflow/StartTest"),
    ):
        assert (await http.request(method, path, headers=headers)).status_code == 403


async def test_phases_are_read_by_the_servers_own_pages_only(http: httpx.AsyncClient) -> None:
    """The internal route wants a Referer of this server."""
    path = "/api/internal/Mes/GetUnitPhases"
    assert (await http.get(path)).status_code == 403
    answer = await http.get(path, headers={"Referer": str(http.base_url)})
    assert answer.json()[4] == {"UnitPhaseId": 16, "Code": "Finalized", "Name": "Finalized", "Description": ""}
