"""The routes for one unit that a server has from 2026.3 on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from pywats_mqtt.emulator import Server, Settings, serve
from tests.emulator.conftest import TOKEN, client_of
from tests.emulator.examples import make_product, make_unit, unit_in

UNIT = "/api/Production/Unit"
NAMES = {"serialNumber": "SN-1", "partNumber": "PN-1"}


@pytest.fixture
async def new() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server of 2026.3."""
    settings = Settings(port=0, rate_limit=0, server=Server.V2026_3)
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        yield http


async def test_an_older_server_has_none_of_them(http: httpx.AsyncClient) -> None:
    """404, as for any path that is not there; the unit with its part number is still read."""
    await make_unit(http)
    for method, path in (
        ("POST", UNIT),
        ("PUT", UNIT),
        ("DELETE", UNIT),
        ("GET", f"{UNIT}/Query"),
        ("PUT", "/api/Production/ChangeUnit"),
        ("PUT", "/api/Production/UnitTag"),
    ):
        answer = await http.request(method, path, params=NAMES)
        assert answer.status_code == 404
        assert "No HTTP resource was found" in answer.json()["Message"]
    assert (await unit_in(http))["serialNumber"] == "SN-1"


async def test_a_unit_is_made_whole(new: httpx.AsyncClient) -> None:
    """With tags, phase and operation; a second time it is a conflict."""
    await make_product(new)
    unit = {
        **NAMES,
        "revision": "A",
        "tags": [{"key": "Fw", "value": "1"}],
        "unitPhaseId": 4,
        "processCode": "30",
        "batchNumber": "any",
        "subUnits": [],
    }
    assert (await new.post(UNIT, json=unit)).json() is True
    shown = await unit_in(new)
    assert (shown["unitPhase"], shown["processCode"], shown["batchNumber"]) == ("Production repair", "30", "any")
    assert shown["tags"] == [{"key": "Fw", "value": "1"}]
    assert (await new.post(UNIT, json=unit)).status_code == 409


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"revision": None}, "revision: required"),
        ({"revision": "B"}, "partNumber, revision: there is no revision 'B'"),
        ({"parentSerialNumber": "BOX"}, "parentSerialNumber: not taken here"),
        ({"unitPhaseId": 0}, "unitPhaseId: 0 is no phase"),
        ({"processCode": []}, "processCode: [] is no operation"),
        ({"tags": [{"value": "1"}]}, "key: required"),
    ],
)
async def test_a_wrong_unit_is_not_made(new: httpx.AsyncClient, wrong: dict[str, object], said: str) -> None:
    """400 names the field."""
    await make_product(new)
    answer = await new.post(UNIT, json={**NAMES, "revision": "A", **wrong})
    assert answer.status_code == 400
    assert answer.json()["Message"].startswith(said)
    assert (await new.get(f"{UNIT}/SN-1/PN-1")).status_code == 404


async def test_a_change_leaves_phase_operation_and_parent_alone(new: httpx.AsyncClient) -> None:
    """They have routes of their own; revision, batch, location and tags are taken, the batch only if it is there."""
    await make_unit(new)
    await make_product(new, "PN-1", "B")
    change = {
        **NAMES,
        "revision": "B",
        "currentLocation": "Line 1",
        "tags": [{"key": "Fw", "value": "1"}],
        "unitPhaseId": 32,
        "processCode": "30",
        "parentSerialNumber": "nobody",
    }
    assert (await new.put(UNIT, json=change)).json() is True
    shown = await unit_in(new)
    assert (shown["revision"], shown["currentLocation"], shown["unitPhaseId"]) == ("B", "Line 1", 2)
    assert shown["tags"] == [{"key": "Fw", "value": "1"}]
    assert "processCode" not in shown
    answer = await new.put(UNIT, json={**NAMES, "batchNumber": "B1"})
    assert (answer.status_code, answer.json()["Message"][:34]) == (400, "batchNumber: there is no batch 'B1")
    await new.put("/api/Production/Batches", json=[{"batchNumber": "B1", "batchSize": 1}])
    assert (await new.put(UNIT, json={**NAMES, "batchNumber": "B1"})).status_code == 200
    assert (await new.put(UNIT, json={**NAMES, "revision": "C"})).status_code == 400
    assert (await new.put(UNIT, json={**NAMES, "partNumber": "x"})).status_code == 404


async def test_a_unit_with_sub_units_is_not_deleted(new: httpx.AsyncClient) -> None:
    """Take them out first; the history of a deleted unit goes with it."""
    await make_unit(new)
    await make_unit(new, "PCB", parentSerialNumber="SN-1")
    answer = await new.delete(UNIT, params=NAMES)
    assert (answer.status_code, "RemoveChildUnit" in answer.json()["Message"]) == (400, True)
    for serial in ("PCB", "SN-1"):
        assert (await new.delete(UNIT, params={**NAMES, "serialNumber": serial})).json() is True
    assert (await new.get("/_emulator/state")).json()["units"] == []
    assert (await new.delete(UNIT, params=NAMES)).status_code == 404
    assert (await new.delete(UNIT, params={"serialNumber": "SN-1"})).status_code == 400


async def test_a_unit_becomes_another_product(new: httpx.AsyncClient) -> None:
    """With history and a change to tell; not of a product that is not there, nor where that unit exists."""
    await make_unit(new)
    await make_product(new, "PN-2", "B")
    path, to = "/api/Production/ChangeUnit", {**NAMES, "newPartNumber": "PN-2", "newRevision": "B"}
    for wrong in ({"newRevision": "C"}, {"newRevision": ""}, {"newPartNumber": ""}):
        assert (await new.put(path, params={**to, **wrong})).status_code == 400
    assert (await new.put(path, params=NAMES)).status_code == 400
    assert (await new.put(path, params=to)).json() is True
    assert (await unit_in(new, "SN-1", "PN-2"))["revision"] == "B"
    changes = (await new.get("/_emulator/state")).json()["unit_changes"]
    assert changes == [{"id": 1, "unitSerialNumber": "SN-1", "newPartNumber": "PN-2", "newRevision": "B"}]
    assert (await new.put(path, params=to)).status_code == 404
    await make_unit(new)
    assert (await new.put(path, params=to)).status_code == 409


async def test_missing_products_are_made_if_that_is_switched_on() -> None:
    """With `auto_products` a new unit and one that becomes another product make them, but none without a name."""
    settings = Settings(port=0, server=Server.V2026_3, auto_products=True)
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        assert (await http.post(UNIT, json={**NAMES, "revision": "A"})).status_code == 200
        to = {**NAMES, "newPartNumber": "PN-2", "newRevision": "B"}
        for wrong in ({"newPartNumber": " "}, {"newPartNumber": "x" * 101}, {"newRevision": ""}):
            assert (await http.put("/api/Production/ChangeUnit", params={**to, **wrong})).status_code == 400
        assert (await http.put("/api/Production/ChangeUnit", params=to)).status_code == 200
        products = (await http.get("/api/Product/Query")).json()
        assert [product["partNumber"] for product in products] == ["PN-1", "PN-2"]


async def test_a_tag_is_set(new: httpx.AsyncClient) -> None:
    """One by one, also to nothing; a key or value that XML cannot hold is refused."""
    await make_unit(new)
    path = "/api/Production/UnitTag"
    for key, value in (("Fw", "1"), ("Hw", "2"), ("Fw", "")):
        assert (await new.put(path, params={**NAMES, "key": key, "value": value})).json() is True
    assert (await unit_in(new))["tags"] == [{"key": "Fw", "value": ""}, {"key": "Hw", "value": "2"}]
    for wrong in ({"key": "", "value": "1"}, {"key": "1", "value": "1"}, {"key": "A", "value": "\0"}, {"key": "A"}):
        assert (await new.put(path, params={**NAMES, **wrong})).status_code == 400


async def test_units_are_queried(new: httpx.AsyncClient) -> None:
    """By serial number, filtered and cut as asked; what the emulator cannot look into is refused."""
    for serial in ("C", "A", "B"):
        await make_unit(new, serial, processCode=30, currentLocation=serial)

    async def found(**params: str) -> list[str]:
        listed = (await new.get(f"{UNIT}/Query", params=params)).raise_for_status().json()
        return [unit["serialNumber"] for unit in listed]

    assert await found() == ["A", "B", "C"]
    condition = "processCode eq '30' and unitPhaseId eq 2 and currentLocation ne 'A'"
    assert await found(**{"$filter": condition, "$orderby": "serialNumber desc", "$top": "1"}) == ["C"]
    for wrong in ({"$filter": "subUnits/any(s: s/partNumber eq 'X')"}, {"$top": "1001"}, {"$expand": "product"}):
        assert (await new.get(f"{UNIT}/Query", params=wrong)).status_code == 400
