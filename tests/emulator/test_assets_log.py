"""The log of assets: what writes to it, how it is read, and messages."""

from __future__ import annotations

import httpx
import pytest

from pywats_mqtt.emulator import Settings, serve
from tests.emulator.conftest import READ_ONLY, TOKEN, client_of
from tests.emulator.examples import Json, make_type, report, save


async def rows(http: httpx.AsyncClient, **options: str) -> list[Json]:
    """The log as the API gives it."""
    answer = await http.get("/api/Asset/Log", params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()
    return found


async def test_each_change_is_a_row_with_its_value(http: httpx.AsyncClient) -> None:
    """Newest first; what is set to its present value leaves no row."""
    type_id = await make_type(http)
    await save(http, serialNumber="P", typeId=type_id)
    await save(http, serialNumber="A", typeId=type_id)
    tags = [{"key": "Lot", "value": "1"}]
    for _ in range(2):
        await save(http, serialNumber="A", typeId=type_id, location="Hall 1", parentSerialNumber="P", tags=tags)
        await http.put("/api/Asset/State?id=2&state=3")
        await http.put("/api/Asset/SetRunningCount?id=2&runningCount=5")
        await http.put("/api/Asset/SetTotalCount?id=2&totalCount=6")
    await http.post("/api/Asset/ResetRunningCount?id=2&comment=new+tip")
    await http.post("/api/Asset/ResetRunningCount?id=2")
    found = [row for row in await rows(http) if row["assetId"] == "2"]
    assert [(row["type"], row.get("property"), row.get("value"), row["comment"]) for row in found] == [
        (3, "runningCount", "0", "runningCount: 0"),
        (3, "runningCount", "0", "new tip"),
        (2, "totalCount", "6", "totalCount: 6"),
        (2, "runningCount", "5", "runningCount: 5"),
        (6, "state", "3", "state: 3"),
        (2, "tags", '[{"key":"Lot","value":"1"}]', 'tags: [{"key":"Lot","value":"1"}]'),
        (2, "location", "Hall 1", "location: Hall 1"),
        (2, "parentAssetId", "1", "parentAssetId: 1"),
        (1, None, None, ""),
    ]
    assert all(row["serialNumber"] == "A" and row["user"] == "api" for row in found)
    assert all(len(row["date"]) == len("2026-01-02T03:04:05.1234567Z") for row in found)


async def test_counted_uses_leave_no_row(http: httpx.AsyncClient) -> None:
    """A fleet counts a thousand times a minute, by itself or with reports: the log does not grow."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    await http.put("/api/Asset/Count?serialNumber=A&incrementBy=1")
    await http.put("/api/Asset/Count?serialNumber=A&totalCount=9")
    await http.post("/api/Report/WSJF", json=report(assets=[{"assetSN": "A", "usageCount": 1}]))
    assert (await http.get("/api/Asset/A")).json()["totalCount"] == 10
    assert [row["type"] for row in await rows(http)] == [1]


async def test_the_log_is_filtered_ordered_and_cut(http: httpx.AsyncClient) -> None:
    """OData on every field; 1000 rows without `$top`; 400 for what is not supported."""
    type_id = await make_type(http)
    for serial in ("A", "B"):
        await save(http, serialNumber=serial, typeId=type_id)
    names = ("assetName", "partNumber", "revision", "description", "location", "nextCalibrationDate")
    for number in range(167):  # 6 rows each, so more than 1000 in all
        value = f"{2010 + number}-01-01T00:00:00.0000000Z"
        await save(http, serialNumber="A", typeId=type_id, **dict.fromkeys(names, value))
    assert len(await rows(http)) == 1_000
    assert len(await rows(http, top="2000")) == 2 + 167 * 6
    last = await rows(http, filter="assetId eq '1' and type eq 2", top="7")
    assert [row["value"][:4] for row in last] == ["2176"] * 6 + ["2175"]
    assert [row["logId"] for row in await rows(http, orderby="logId", top="2", skip="1")] == [2, 3]
    assert [row["logId"] for row in await rows(http, orderby="type,serialNumber desc", top="2")] == [2, 1]
    assert len(await rows(http, filter="date gt 2026-01-01T00:00:00Z and property eq null")) == 2
    assert await rows(http, filter="contains(comment,'nothing')") == []
    for wrong in ("$filter=x eq 1", "$filter=type eq 'x'", "$top=-1", "$orderby=nothing", "$select=type"):
        assert (await http.get(f"/api/Asset/Log?{wrong}")).status_code == 400


async def test_a_message_is_a_row_of_its_asset(http: httpx.AsyncClient) -> None:
    """The query names the asset, `content` is the text, however long and whatever characters."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    text = "dröge 🜨 \0 " + "x" * 4_000
    for query in ({"serialNumber": "A"}, {"id": "1"}):
        assert (await http.post("/api/Asset/Message", params=query, json={"content": text})).json() is True
    found = await rows(http, filter="type eq 0")
    assert [(row["assetId"], row["comment"], row["user"]) for row in found] == [("1", text, "api")] * 2
    assert "property" not in found[0]


@pytest.mark.parametrize(
    ("query", "body", "status", "message"),
    [
        ({}, {"content": "x"}, 400, "id or serialNumber is required"),
        ({}, {"assetId": "1", "comment": "x"}, 400, "id or serialNumber is required"),
        ({"id": "1"}, {"comment": "x"}, 400, "content: required"),
        ({"id": "1"}, {"content": " "}, 400, "content: required"),
        ({"id": "1"}, {"content": 7}, 400, "content: expected a text, got int"),
        ({"id": "1"}, {"content": None}, 400, "content: required"),
        ({"id": "1"}, {"content": "x" * 5_001}, 400, "content: 5001 characters"),
        ({"id": "1"}, ["x"], 400, "must be a JSON object"),
        ({"id": "2"}, {"content": "x"}, 404, "There is no asset with id '2'"),
        ({"serialNumber": ""}, {"content": "x"}, 404, "There is no asset"),
    ],
)
async def test_a_wrong_message_is_refused(
    http: httpx.AsyncClient, query: dict[str, str], body: object, status: int, message: str
) -> None:
    """400 or 404 says what is wrong; what pywats sends is wrong, too."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    answer = await http.post("/api/Asset/Message", params=query, json=body)
    assert (answer.status_code, message in answer.json()["Message"]) == (status, True), answer.text
    assert await rows(http, filter="type eq 0") == []


async def test_messages_as_pywats_sends_them_may_be_taken() -> None:
    """Where the settings are lenient, the body may name asset, text and user; a query and `content` still win."""
    async with (
        serve(Settings(port=0, rate_limit=0, lenient_messages=True)) as running,
        client_of(running, TOKEN) as http,
    ):
        type_id = await make_type(http)
        for serial in ("A", "B"):
            await save(http, serialNumber=serial, typeId=type_id)
        both = {"assetId": "1", "comment": "mine", "user": "me"}
        assert (await http.post("/api/Asset/Message", json=both)).json() is True
        await http.post("/api/Asset/Message?serialNumber=B", json={**both, "content": "theirs"})
        found = await rows(http, filter="type eq 0", orderby="logId")
        assert [(row["assetId"], row["comment"], row["user"]) for row in found] == [
            ("1", "mine", "me"),
            ("2", "theirs", "me"),
        ]
        wrong: list[tuple[object, int]] = [
            ({"comment": "x"}, 400),
            ({"assetId": "1"}, 400),
            ({"assetId": 1, "comment": "x"}, 400),
            ({"assetId": "1", "comment": "x", "user": ["me"]}, 400),
            ({"assetId": "3", "comment": "x"}, 404),
            ([], 400),
        ]
        for body, status in wrong:
            assert (await http.post("/api/Asset/Message", json=body)).status_code == status, body


async def test_writing_to_the_log_needs_a_token_that_may(http: httpx.AsyncClient) -> None:
    """A read-only token reads it and writes nothing."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    headers = {"Authorization": f"Basic {READ_ONLY}"}
    assert (await http.get("/api/Asset/Log", headers=headers)).status_code == 200
    for route in ("Message", "ResetRunningCount"):
        answer = await http.post(f"/api/Asset/{route}?id=1", headers=headers, json={"content": "x"})
        assert answer.status_code == 403
