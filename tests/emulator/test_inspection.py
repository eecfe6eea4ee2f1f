from __future__ import annotations

from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from pywats_mqtt.emulator import Running, Settings, serve
from pywats_mqtt.emulator.wire import Call, Reply
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import REPORT_ID, make_type, report, save, zip_of
from tests.emulator.target import TYPE_ID, target
from tests.emulator.test_reports import WSJF
from tests.emulator.test_software import make


async def test_the_log_has_every_request_as_it_came(running: Running) -> None:
    """Path and query in their case, JSON bodies parsed, others as text, refused requests too, no inspection."""
    before = datetime.now(UTC)  # noqa: TID251 - what the emulator notes
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        await client.put("/API/Asset/Count", params={"SerialNumber": "Ä 1", "incrementBy": "1"})
        client.headers["Authorization"] = f"Basic {TOKEN}"
        await client.post(WSJF, json={"id": 1})
        await client.post(WSJF, content=b"{half\xff")
        await client.get("/nowhere")
        await client.post("/api/App/Version")
        await client.post(WSJF, content=b" " * 100_001)
        log = (await client.get("/_EMULATOR/Requests/")).json()
    expected = [
        (1, "PUT", "/API/Asset/Count", {"SerialNumber": "Ä 1", "incrementBy": "1"}, None, 401),
        (2, "POST", WSJF, {}, {"id": 1}, 400),
        (3, "POST", WSJF, {}, "{half\ufffd", 400),
        (4, "GET", "/nowhere", {}, None, 404),
        (5, "POST", "/api/App/Version", {}, None, 405),
        (6, "POST", WSJF, {}, None, 413),
    ]
    keys = ("seq", "method", "path", "query", "body", "status")
    assert [tuple(entry[key] for key in keys) for entry in log] == expected
    times = [datetime.fromisoformat(entry["at"]) for entry in log]
    assert times == sorted(times)
    assert before <= times[0]
    assert all(entry["at"].endswith("+00:00") and len(entry["at"]) == 32 for entry in log)


async def test_the_log_is_read_in_pages(http: httpx.AsyncClient) -> None:
    """`after` and `limit` walk through it, oldest first."""
    for _ in range(5):
        await http.get("/api/App/Version")

    async def page(query: str) -> list[int]:
        return [entry["seq"] for entry in (await http.get(f"/_emulator/requests?{query}")).json()]

    assert await page("") == [1, 2, 3, 4, 5]
    assert await page("limit=2") == [1, 2]
    assert await page("after=2&limit=2") == [3, 4]
    assert await page("after=5") == []
    for wrong in ("limit=x", "limit=-1", "after=1.5", "limit=100001"):
        assert (await http.get(f"/_emulator/requests?{wrong}")).status_code == 400


async def test_the_log_is_bounded() -> None:
    """Of more requests than it keeps, the oldest go."""
    async with (
        serve(Settings(port=0, rate_limit=0, keep_requests=10)) as running,
        httpx.AsyncClient(base_url=running.url, trust_env=False) as client,
    ):
        for _ in range(1_000):
            await client.get("/api/App/Version")
        assert [entry["seq"] for entry in (await client.get("/_emulator/requests")).json()] == list(range(991, 1001))


async def test_reset_forgets_everything_but_numbers_on(http: httpx.AsyncClient) -> None:
    """Nothing is left of what was stored, requests and faults; the next asset is 1 again."""
    type_id = await make_type(http)
    await save(http, serialNumber="A", typeId=type_id)
    await save(http, serialNumber="B", typeId=type_id, parentSerialNumber="A")
    await http.post(WSJF, json=report())
    package = await make(http)
    await http.post(f"/api/Software/Package/UploadZip/{package['packageId']}", content=zip_of({"bin/a": b""}))
    await http.post("/_emulator/serial_numbers", json={"type": "MAC", "serialNumbers": ["1"]})
    await http.post("/_emulator/faults", json={"kind": "status"})
    assert (await http.post("/_emulator/reset")).status_code == 204
    state = (await http.get("/_emulator/state")).json()
    assert [folder["name"] for folder in state.pop("virtual_folders")] == ["Stations", "Archive"]  # as at the start
    assert state == {
        "assets": [],
        "types": [],
        "asset_log": [],
        "reports": [],
        "packages": [],
        "products": [],
        "units": [],
        "batches": [],
        "unit_changes": [],
        "serial_numbers": [],
        "counts": {"assets": 0, "reports": 0, "quarantined": 0, "requests": 0},
    }
    assert (await save(http, serialNumber="A", typeId=await make_type(http)))["assetId"] == "1"
    assert [entry["seq"] for entry in (await http.get("/_emulator/requests")).json()] == [7, 8]


async def test_state_shows_what_was_stored(http: httpx.AsyncClient) -> None:
    """Assets in full, types, and reports with what a test compares."""
    await save(http, serialNumber="A", typeId=await make_type(http), tags=[{"key": "Lot", "value": "1"}])
    await http.post(WSJF, json=report())
    state = (await http.get("/_emulator/state")).json()
    assert [(asset["serialNumber"], asset["tags"]) for asset in state["assets"]] == [
        ("A", [{"key": "Lot", "value": "1"}])
    ]
    assert [kind["typeName"] for kind in state["types"]] == ["Fixture"]
    (shown,) = state["reports"]
    assert shown == {
        "id": REPORT_ID,
        "receiveCount": 1,
        "quarantined": False,
        "first_seq": 3,
        "last_seq": 3,
        "type": "T",
        "pn": "PN-1",
        "sn": "SN-1",
        "machineName": "ST1",
        "processCode": 100,
        "result": "Passed",
        "start": "2026-01-02T03:04:05.1234560Z",
    }
    assert state["counts"] == {"assets": 1, "reports": 1, "quarantined": 0, "requests": 3}


async def test_unknown_inspection_is_told_what_there_is(http: httpx.AsyncClient) -> None:
    """404 lists the routes."""
    answer = await http.get("/_emulator/nothing")
    assert answer.status_code == 404
    assert "GET /_emulator/state" in answer.json()["Message"]
    assert (await http.get("/_emulator/requests")).json() == []


def test_a_mistake_of_ours_in_an_inspection_is_500_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is on stderr, what the route did is undone, and the next request is served."""

    def broken(call: Call) -> Reply:
        call.store.clear()
        raise ZeroDivisionError("ours")

    with target() as found:
        found.inspection.routes = {**found.inspection.routes, ("GET", "broken"): broken}
        assert found.ask("GET", "/_emulator/broken", {}, b"").status == 500
        assert "ZeroDivisionError: ours" in capsys.readouterr().err
        assert found.ask("GET", f"/api/Report/Wsjf/{REPORT_ID}", {}, b"").status == 200


def test_braces_are_an_identifier_like_others() -> None:
    """`{}` in a path finds no route by itself: it is a serial number, or no path at all."""
    with target() as found:
        found.put("/api/Asset", {"serialNumber": "{}", "typeId": TYPE_ID})
        assert msgspec.json.decode(found.ask("GET", "/api/Asset/{}", {}, b"").body)["serialNumber"] == "{}"
        assert found.ask("GET", "/api/Report/Wsjf/{}/x", {}, b"").status == 404
