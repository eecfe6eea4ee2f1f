from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx

from tests.emulator.examples import REPORT_ID, make_type, numeric_step, repair, report, save

Json = dict[str, Any]
WSJF = "/api/Report/WSJF"


async def send(http: httpx.AsyncClient, taken: Json) -> Json:
    """The one result of a report that is taken."""
    answer = await http.post(WSJF, json=taken)
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()
    assert isinstance(result, dict)
    return result


async def stored(http: httpx.AsyncClient) -> list[Json]:
    """What the inspection shows of the reports."""
    found: list[Json] = (await http.get("/_emulator/state")).json()["reports"]
    return found


def numbered(number: int) -> str:
    """A report id."""
    return str(uuid5(NAMESPACE_OID, str(number)))


async def test_a_report_comes_back_with_what_the_server_adds(http: httpx.AsyncClient) -> None:
    """Steps are numbered depth-first from 1, the first bad leaf is blamed, and names and times are filled in."""
    inner = {"stepType": "SequenceCall", "name": "s", "status": "F", "steps": [numeric_step("b", status="F")]}
    taken = report(result="F", start="2026-01-02T04:04:05.5+01:00", id=REPORT_ID.upper())
    taken["root"]["steps"] = [numeric_step("a"), inner, numeric_step("c", status="F")]
    result = await send(http, taken)
    assert result == {"ID": REPORT_ID.upper(), "uuid": REPORT_ID, "Report_ID": 1}
    back = (await http.get(f"/api/report/wsjf/{REPORT_ID.upper()}")).json()
    assert (back["id"], back["processName"], back["startUTC"]) == (
        REPORT_ID,
        "End of line test",
        "2026-01-02T03:04:05.5000000Z",
    )
    root = back["root"]
    steps = [root, *root["steps"], root["steps"][1]["steps"][0]]
    assert [(step["name"], step["id"], step["causedUUTFailure"]) for step in steps] == [
        ("MainSequence Callback", 1, False),
        ("a", 2, False),
        ("s", 3, False),
        ("c", 5, False),
        ("b", 4, True),
    ]
    assert back["miscInfos"] == taken["miscInfos"]
    assert root["steps"][0]["numericMeas"] == taken["root"]["steps"][0]["numericMeas"]


async def test_a_report_sent_again_replaces_itself(http: httpx.AsyncClient) -> None:
    """The same id keeps its Report_ID and its place, counts its receptions and shows its last content."""
    await send(http, report())
    await send(http, report(id=numbered(2)))
    again = await send(http, report(id=REPORT_ID.upper(), sn="SN-2"))
    assert again["Report_ID"] == 1
    assert [(row["id"], row["receiveCount"], row["first_seq"], row["last_seq"]) for row in await stored(http)] == [
        (REPORT_ID, 2, 1, 3),
        (numbered(2), 1, 2, 2),
    ]
    headers = (await http.get("/api/Report/Query/Header", params={"$filter": f"uuid eq {REPORT_ID}"})).json()
    assert [(header["serialNumber"], header["receiveCount"]) for header in headers] == [("SN-2", 2)]


async def test_a_report_from_the_future_is_taken_and_hidden(http: httpx.AsyncClient) -> None:
    """It is answered like any other, but no route shows it until it is sent again with a start that has been."""
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()  # noqa: TID251 - what the emulator compares with
    await send(http, report(start=soon))
    assert [row["quarantined"] for row in await stored(http)] == [True]
    assert (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).status_code == 404
    assert (await http.get("/api/Report/Query/Header")).json() == []
    await send(http, report())
    assert [row["quarantined"] for row in await stored(http)] == [False]
    assert (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).status_code == 200


async def test_assets_of_a_report_are_counted_once(http: httpx.AsyncClient) -> None:
    """Use is added once per report id; the report shows the counts after it, or that an asset is not known."""
    await save(http, serialNumber="F1", typeId=await make_type(http))
    used = report(assets=[{"assetSN": "F1", "usageCount": 2}, {"assetSN": "F2"}])
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()  # noqa: TID251 - what the emulator compares with
    for taken in ({**used, "start": soon}, used, used):
        await send(http, taken)
    asset = (await http.get("/api/Asset/F1")).json()
    assert (asset["runningCount"], asset["totalCount"]) == (2, 2)
    back = (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).json()
    assert back["assetStats"] == [
        {"sn": "F1", "assetSN": "F1", "runningCount": 2, "totalCount": 2},
        {"sn": "F2", "assetSN": "F2", "message": "asset 'F2' is not registered"},
    ]


async def test_a_wrong_report_is_refused_and_not_kept(http: httpx.AsyncClient) -> None:
    """400 with every mistake on its own line, in the key that clients read."""
    answer = await http.post(WSJF, json=report(result="X", pn=""))
    assert answer.status_code == 400
    assert answer.json()["Message"].splitlines() == [
        "pn: required, must not be blank",
        "result: expected one of P, F, E, T, got 'X'",
    ]
    for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 90_000):
        assert (await http.post(WSJF, content=body)).status_code == 400
    assert await stored(http) == []


async def test_a_repair_report_is_taken(http: httpx.AsyncClient) -> None:
    """Type R has a repair operation of its own and is found by its type."""
    await send(http, repair(id=numbered(1)))
    await send(http, report())
    (header,) = (await http.get("/api/Report/Query/Header", params={"$filter": "reportType eq 'R'"})).json()
    assert (header["processName"], header["uuid"]) == ("Repair", numbered(1))


async def test_headers_are_the_newest_ten_first(http: httpx.AsyncClient) -> None:
    """Ten without `$top`, newest start first; filters on every field, order only by what a server orders by."""
    for number in range(12):
        sn = "odd" if number % 2 else "even"
        await send(http, report(id=numbered(number), sn=sn, start=f"2026-01-02T03:{number:02}:00Z"))

    async def minutes(**options: str) -> list[int]:
        query = {f"${name}": value for name, value in options.items()}
        answer = await http.get("/api/Report/Query/Header", params={"reportType": "U", **query})
        assert answer.status_code == 200, answer.text
        return [int(header["start"][14:16]) for header in answer.json()]

    assert await minutes() == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert await minutes(orderby="start", top="2", skip="1") == [1, 2]
    assert await minutes(filter="start ge 2026-01-02T03:10:00Z") == [11, 10]
    assert await minutes(filter="serialNumber eq 'odd' and start lt 2026-01-02T03:04:00Z") == [3, 1]
    assert await minutes(filter="result eq 'Passed' and swVersion eq '1.0.0' and processCode eq 100", top="1") == [11]
    for wrong in ("$orderby=result", "$top=10001", f"$filter=uuid eq '{REPORT_ID}'", "$filter=sn eq 'x'"):
        assert (await http.get(f"/api/Report/Query/Header?{wrong}")).status_code == 400
    newest = (await http.get("/api/Report/Query/Header?$top=1")).json()[0]
    assert newest["run"] == 6
    assert newest.items() >= {"stationName": "ST1", "operator": "op", "executionTime": 1.5, "batchNumber": "B1"}.items()


async def test_the_longest_and_the_deepest_filter_are_answered(http: httpx.AsyncClient) -> None:
    """What is read stays within what SQLite can nest: many terms, and groups in groups."""
    await send(http, report())
    long = " or ".join(["result eq ''"] * 248)
    groups = "(receiveCount eq 0 or not (" * 6 + "receiveCount eq 1" + "))" * 6
    deepest = "(receiveCount eq 0 or " * 20 + "receiveCount eq 1" + ")" * 20
    for text, found in ((long, 0), (groups, 1), (deepest, 1)):
        answer = await http.get("/api/Report/Query/Header", params={"$filter": text})
        assert (answer.status_code, len(answer.json())) == (200, found), answer.text
