"""What the page is made of: its files, the lists it pages through, and one thing in full."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx
import pytest

from pywats_mqtt.emulator import Running
from tests.emulator.examples import REPORT_ID, make_type, report, save
from tests.emulator.test_reports import WSJF

Json = dict[str, Any]


async def listed(http: httpx.AsyncClient, name: str, **query: object) -> list[Json]:
    """A list of the page."""
    answer = await http.get(f"/_emulator/lists/{name}", params={key: str(value) for key, value in query.items()})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()
    return found


async def summary(http: httpx.AsyncClient) -> Json:
    """How much there is."""
    found: Json = (await http.get("/_emulator/summary")).json()
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_page_needs_no_token_and_leaves_no_trace(running: Running, method: str) -> None:
    """Every file it names is sent with its type and may load nothing from elsewhere; faults and the log pass it by."""
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        await client.post("/_emulator/faults", json={"kind": "status", "status": 500})
        types = {}
        for path in ("/", *(f"/_emulator/page/{name}" for name in ("page.css", "main.js", "icon.svg"))):
            answer = await client.request(method, path)
            assert answer.status_code == 200
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert (len(answer.content) > 0) == (method == "GET")
            types[path.rpartition("/")[2]] = answer.headers["Content-Type"]
        assert types == {
            "": "text/html; charset=utf-8",
            "page.css": "text/css; charset=utf-8",
            "main.js": "text/javascript; charset=utf-8",
            "icon.svg": "image/svg+xml",
        }
        assert (await client.get("/_emulator/requests")).json() == []
        assert [fault["hits"] for fault in (await client.get("/_emulator/faults")).json()] == [0]


async def test_only_the_files_of_the_page_are_sent(running: Running) -> None:
    """A name that is no file of the page is 404, also one that leads out of its folder; / takes GET and HEAD only."""
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        for name in ("", "nothing.js", "../static_files.py", "..%2fstatic_files.py", "%2fetc%2fpasswd", "main.js%00"):
            answer = await client.get(f"/_emulator/page/{name}")
            assert answer.status_code == 404, name
        assert (await client.post("/")).status_code == 401


async def test_lists_are_paged_newest_first(http: httpx.AsyncClient) -> None:
    """`before` continues where a page ended; without `limit` it is a hundred; what is no number is refused."""
    for number in range(5):
        await http.post(WSJF, json=report(id=str(uuid5(NAMESPACE_OID, str(number))), sn=f"S{number}"))
    newest = await listed(http, "reports", limit=2)
    assert [row["sn"] for row in newest] == ["S4", "S3"]
    assert [row["sn"] for row in await listed(http, "reports", limit=2, before=newest[-1]["number"])] == ["S2", "S1"]
    assert await listed(http, "reports", limit=0) == []
    assert [row["seq"] for row in await listed(http, "requests", before=3)] == [2, 1]
    assert [row["sn"] for row in await listed(http, "reports", key=newest[0]["id"])] == ["S4"]
    assert [row["seq"] for row in await listed(http, "requests", key="2")] == [2]
    assert await listed(http, "reports", key="S4") == []
    assert "body" not in (await listed(http, "requests"))[0]
    for wrong in ("limit=x", "limit=-1", "limit=1001", "before=x", f"find={'a' * 201}"):
        answer = await http.get(f"/_emulator/lists/reports?{wrong}")
        assert (answer.status_code, wrong.partition("=")[0] in answer.json()["Message"]) == (400, True)
    assert (await http.get("/_emulator/lists/nothing")).status_code == 404


async def test_a_filter_is_words_that_all_must_match(http: httpx.AsyncClient) -> None:
    """In any field that is searched, in any case; what SQL's patterns give a meaning to has none."""
    type_id = await make_type(http, "Rack")
    await save(http, serialNumber="A_1", typeId=type_id, location="Line 2", tags=[{"key": "Lot", "value": "100%"}])
    await save(http, serialNumber="AB1", typeId=type_id, location="Line 3")

    async def found(find: str) -> list[str]:
        return [row["serialNumber"] for row in await listed(http, "assets", find=find)]

    assert await found("line RACK") == ["AB1", "A_1"]
    assert await found("rack line 3") == ["AB1"]
    assert await found("a_1") == ["A_1"]
    assert await found("100%") == ["A_1"]
    assert await found("\\") == []
    assert await found("  ") == ["AB1", "A_1"]
    assert await found("line 4") == []


async def test_a_report_is_shown_in_full_even_in_quarantine(http: httpx.AsyncClient) -> None:
    """As it is read back over the API, whatever the case of its id; one that is not there is 404."""
    await http.post(WSJF, json=report())
    shown = await http.get(f"/_emulator/reports/{REPORT_ID.upper()}")
    assert shown.json() == (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).json()
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()  # noqa: TID251 - what the emulator compares with
    await http.post(WSJF, json=report(start=soon, sn="LATER"))
    assert (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).status_code == 404
    assert (await http.get(f"/_emulator/reports/{REPORT_ID}")).json()["sn"] == "LATER"
    assert [row["quarantined"] for row in await listed(http, "reports")] == [True]
    for nowhere in ("x", "%00", "a/b"):
        answer = await http.get(f"/_emulator/reports/{nowhere}")
        assert (answer.status_code, "no report" in answer.json()["Message"]) == (404, True)


async def test_an_asset_is_shown_with_its_parts_and_log(http: httpx.AsyncClient) -> None:
    """The log newest first, and whether its counts call for attention."""
    type_id = await make_type(http, runningCountLimit=10, warningThreshold=50)
    await save(http, serialNumber="A", typeId=type_id)
    await save(http, serialNumber="B", typeId=type_id, parentSerialNumber="A")
    await http.put("/api/Asset/State", params={"id": "1", "state": 2})
    await http.put("/api/Asset/Count", params={"id": "1", "incrementBy": 5})
    shown = (await http.get("/_emulator/assets/1")).json()
    assert (shown["asset"]["serialNumber"], shown["asset"]["alarm"]) == ("A", "warning")
    assert [child["serialNumber"] for child in shown["children"]] == ["B"]
    assert [entry["type"] for entry in shown["log"]][-2:] == [6, 1]
    assert [row["alarm"] for row in await listed(http, "assets")] == ["ok", "warning"]
    for nowhere in ("3", "A", "9" * 30):
        assert (await http.get(f"/_emulator/assets/{nowhere}")).status_code == 404


async def test_a_unit_is_shown_with_its_history(http: httpx.AsyncClient) -> None:
    """As the API gives it, its history newest first; in the list it has the number that names it."""
    await http.post(WSJF, json=report())
    await http.put("/api/Production/SetUnitPhase?serialNumber=SN-1&partNumber=PN-1&phase=16")
    (listed_one,) = await listed(http, "units", find="sn-1")
    assert (listed_one["number"], listed_one["unitPhase"]) == (1, "Finalized")
    shown = (await http.get("/_emulator/units/1")).json()
    assert [entry["value"] for entry in shown.pop("history")] == ["16", "2"]
    assert shown == (await http.get("/api/Production/Unit/SN-1/PN-1")).json()
    for nowhere in ("2", "x", "9" * 30):
        assert (await http.get(f"/_emulator/units/{nowhere}")).status_code == 404


async def test_a_package_is_shown_with_its_files(http: httpx.AsyncClient) -> None:
    """As the inspection's state shows it; in the list it has a number to page by."""
    made = (await http.post("/api/Software/Package", json={"name": "P", "tags": [{"key": "k", "value": "v"}]})).json()
    (listed_one,) = await listed(http, "packages", find="draft")
    assert listed_one == {**made, "number": 1}
    shown = (await http.get(f"/_emulator/packages/{made['packageId']}")).json()
    assert [shown] == (await http.get("/_emulator/state")).json()["packages"]
    assert (await http.get("/_emulator/packages/x")).status_code == 404


async def test_a_request_is_shown_in_full(http: httpx.AsyncClient) -> None:
    """With its body; a number that the log does not have is 404."""
    await http.post(WSJF, json={"id": 1})
    assert (await http.get("/_emulator/requests/1")).json()["body"] == {"id": 1}
    for nowhere in ("0", "2", "-1", "x", "9" * 30, "\N{SUPERSCRIPT TWO}"):
        assert (await http.get(f"/_emulator/requests/{nowhere}")).status_code == 404


async def test_the_summary_counts_and_tells_of_changes(http: httpx.AsyncClient) -> None:
    """`changes` stays while only the page looks, and grows with every request; faults over and in force are told."""
    await http.post("/_emulator/faults", json={"kind": "status", "path": "/x", "times": 1})
    await http.post("/_emulator/faults", json={"kind": "status", "path": "/y"})
    await http.get("/x")
    await save(http, serialNumber="A", typeId=await make_type(http))
    await http.post(WSJF, json=report())
    first = await summary(http)
    expected = {"assets": 1, "reports": 1, "units": 1, "packages": 0, "requests": 4, "faults": 2, "inForce": 1}
    assert first["counts"].items() >= expected.items()
    assert (first["server"], first["version"]) == ("2025.3", "2025.3.9.824")
    await listed(http, "reports")
    assert await summary(http) == first
    await http.get("/api/App/Version")
    assert (await summary(http))["changes"] > first["changes"]
    await http.post("/_emulator/reset")
    assert (await summary(http))["counts"]["requests"] == 0
