from __future__ import annotations

import httpx
import pytest

from pywats_mqtt.emulator import LowerTotal, Settings, serve
from tests.emulator.conftest import NO_COUNTS, READ_ONLY, TOKEN, client_of
from tests.emulator.examples import log, make_type, save


async def test_a_new_asset_counts_from_zero_and_has_a_text_id(http: httpx.AsyncClient) -> None:
    """Ids are "1", "2" …; counts that are sent are ignored; lists are there and empty, unknown fields absent."""
    type_id = await make_type(http)
    first = await save(http, serialNumber="A", typeId=type_id, totalCount=7, runningCount=7)
    second = await save(http, serialNumber="B", typeId=type_id)
    assert (first["assetId"], second["assetId"]) == ("1", "2")
    assert (first["totalCount"], first["runningCount"], first["state"]) == (0, 0, 1)
    assert (first["tags"], first["assetChildren"], first["assetLog"]) == ([], [], [])
    assert first["assetType"]["typeName"] == "Fixture"
    assert first["firstSeenDate"].endswith("Z")
    assert len(first["firstSeenDate"].partition(".")[2]) == len("1234567Z")
    assert None not in first.values()


async def test_an_asset_is_found_by_id_before_serial_number(http: httpx.AsyncClient) -> None:
    """A serial number that looks like an id does not hide that id; a serial number keeps its case."""
    type_id = await make_type(http)
    await save(http, serialNumber="first", typeId=type_id)
    await save(http, serialNumber="1", typeId=type_id)
    await save(http, serialNumber="Säge 7", typeId=type_id)
    assert (await http.get("/API/asset/1")).json()["serialNumber"] == "first"
    assert (await http.get("/api/Asset/Säge 7")).json()["assetId"] == "3"
    assert (await http.get("/api/Asset/FIRST")).status_code == 404
    assert (await http.get("/api/Asset/a/b")).status_code == 404


async def test_saving_again_changes_what_is_named(http: httpx.AsyncClient) -> None:
    """A save is found by id, else by serial number; what it leaves out stays; each change is one log row."""
    type_id = await make_type(http)
    await save(http, serialNumber="A", typeId=type_id, location="Hall 1", assetName="Jig")
    await save(http, serialNumber="A", typeId=type_id, location="Hall 2", state=5)
    saved = await save(http, assetId="1", serialNumber="A2", typeId=type_id)
    assert (saved["assetName"], saved["location"], saved["state"], saved["serialNumber"]) == ("Jig", "Hall 2", 5, "A2")
    assert await log(http) == [("1", 1, None), ("1", 6, "state"), ("1", 2, "location"), ("1", 2, "serialNumber")]


async def test_tags_are_replaced_or_changed(http: httpx.AsyncClient) -> None:
    """Tags without `change` replace all tags; with it they add, update and delete; a list shows them as XML."""
    type_id = await make_type(http)
    asset = {"serialNumber": "A", "typeId": type_id}
    await save(http, **asset, tags=[{"key": "Lot", "value": "1"}, {"key": "Room", "value": '"a" & <b>'}])
    changed = [{"key": "Lot", "change": 3}, {"key": "New", "value": "n", "change": 1}]
    assert (await save(http, **asset, tags=changed))["tags"] == [
        {"key": "Room", "value": '"a" & <b>'},
        {"key": "New", "value": "n"},
    ]
    (listed,) = (await http.get("/api/Asset", params={"$filter": "xmldata eq '//Room'"})).json()
    assert "tags" not in listed
    assert listed["xmlData"] == '<Root><Room Value=\'"a" &amp; &lt;b&gt;\'/><New Value="n"/></Root>'
    assert (await save(http, **asset, tags=[]))["tags"] == []
    refused = await http.put("/api/Asset", json={**asset, "tags": [{"key": "a b", "value": "x"}]})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"serialNumber": None}, "serialNumber: required"),
        ({"serialNumber": "x" * 101}, "serialNumber: 101 characters"),
        ({"typeId": None}, "typeId: required"),
        ({"typeId": "7"}, "typeId: expected a UUID"),
        ({"typeId": "0f6f3a9a-aba9-4abd-86bf-f9e9cf8c0528"}, "there is no asset type"),
        ({"state": 7}, "state: expected a whole number 0 to 6"),
        ({"state": True}, "state: expected a whole number"),
        ({"parentSerialNumber": "nobody"}, "there is no parent asset 'nobody'"),
        ({"parentAssetId": "1"}, "asset 1 cannot be below itself"),
        ({"assetId": "99"}, "there is no asset '99'"),
        ({"assetId": "1", "serialNumber": "B"}, "'B' belongs to asset 2"),
        ({"tags": {}}, "tags: expected a list"),
    ],
)
async def test_a_wrong_asset_is_refused_with_the_field(
    http: httpx.AsyncClient, fields: dict[str, object], message: str
) -> None:
    """400 says which field is wrong, and nothing is changed."""
    type_id = await make_type(http)
    await save(http, serialNumber="A", typeId=type_id)
    await save(http, serialNumber="B", typeId=type_id)
    answer = await http.put("/api/Asset", json={"serialNumber": "A", "typeId": type_id, "location": "new", **fields})
    assert answer.status_code == 400
    assert message in answer.json()["Message"]
    assert "location" not in (await http.get("/api/Asset/1")).json()


async def test_a_deleted_asset_leaves_its_children_to_its_parent(http: httpx.AsyncClient) -> None:
    """Children move up and their log says so, the log of the deleted asset goes, its id is not given again."""
    type_id = await make_type(http)
    await save(http, serialNumber="top", typeId=type_id)
    await save(http, serialNumber="middle", typeId=type_id, parentSerialNumber="top")
    await save(http, serialNumber="bottom", typeId=type_id, parentAssetId="2")
    deleted = await http.delete("/api/Asset", params={"serialNumber": "middle"})
    assert deleted.json()["parentSerialNumber"] == "top"
    assert (await http.get("/api/Asset/bottom")).json()["parentSerialNumber"] == "top"
    assert await log(http) == [("1", 1, None), ("3", 1, None), ("3", 2, "parentAssetId")]
    assert (await http.delete("/api/Asset", params={"serialNumber": "middle"})).status_code == 404
    assert (await http.delete("/api/Asset")).status_code == 400
    assert (await save(http, serialNumber="next", typeId=type_id))["assetId"] == "4"


async def test_a_total_count_adds_its_difference_to_both_counts_once(http: httpx.AsyncClient) -> None:
    """`totalCount` may be sent again and again, and a lower one changes nothing; `incrementBy` adds each time."""
    type_id = await make_type(http)
    await save(http, serialNumber="A", typeId=type_id)

    async def count(**query: int) -> tuple[int, int]:
        answer = await http.put("/api/Asset/Count", params={"serialNumber": "A", **query})
        assert answer.status_code == 200, answer.text
        asset = (await http.get("/api/Asset/A")).json()
        return asset["runningCount"], asset["totalCount"]

    assert await count(totalCount=10) == (10, 10)
    assert await count(totalCount=10) == (10, 10)
    assert await count(totalCount=4) == (10, 10)
    assert await count(incrementBy=2) == (12, 12)
    await http.put("/api/Asset/SetRunningCount", params={"serialNumber": "A", "runningCount": 3})
    assert await count(totalCount=20) == (11, 20)
    await http.put("/api/Asset/SetTotalCount", params={"id": "1", "totalCount": 5})
    assert await count(incrementBy=0) == (11, 5)


@pytest.mark.parametrize(
    "query",
    [
        "serialNumber=A",
        "totalCount=1",
        "serialNumber=A&totalCount=1&incrementBy=1",
        "serialNumber=A&totalCount=-1",
        "serialNumber=A&incrementBy=-1",
        "serialNumber=A&incrementBy=1.5",
        "serialNumber=A&incrementBy=2147483648",
        "serialNumber=A&incrementBy=1&incrementChildren=maybe",
    ],
)
async def test_a_wrong_count_is_refused(http: httpx.AsyncClient, query: str) -> None:
    """Neither or both ways of counting, and numbers that are none, are 400; an unknown asset is 404."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    assert (await http.put(f"/api/Asset/Count?{query}")).status_code == 400
    assert (await http.put("/api/Asset/Count?serialNumber=B&totalCount=1")).status_code == 404
    assert (await http.put("/api/Asset/Count?id=2&totalCount=1")).status_code == 404


async def test_a_count_beyond_32_bits_is_refused_whole(http: httpx.AsyncClient) -> None:
    """If a child's counter would overflow, the parent's keeps its value, too."""
    type_id = await make_type(http)
    await save(http, serialNumber="A", typeId=type_id)
    await save(http, serialNumber="B", typeId=type_id, parentSerialNumber="A")
    await http.put("/api/Asset/Count?serialNumber=B&totalCount=2147483647")
    overflow = await http.put("/api/Asset/Count?serialNumber=A&incrementBy=1&incrementChildren=true")
    assert overflow.status_code == 400
    assert (await http.get("/api/Asset/A")).json()["totalCount"] == 0


async def test_children_are_counted_where_asked(http: httpx.AsyncClient) -> None:
    """`incrementChildren` reaches every level below."""
    type_id = await make_type(http)
    for serial, parent in (("A", None), ("B", "A"), ("C", "B"), ("D", None)):
        await save(http, serialNumber=serial, typeId=type_id, parentSerialNumber=parent)
    await http.put("/api/Asset/Count?serialNumber=A&incrementBy=2&incrementChildren=true")
    as_json = {"Content-Type": "application/json"}  # and an empty body, as clients send it
    await http.put("/api/Asset/Count?SERIALNUMBER=A&IncrementBy=1&unknown=x", headers=as_json)
    counts = [asset["totalCount"] for asset in (await http.get("/api/Asset")).json()]
    assert counts == [3, 2, 2, 0]


async def test_a_count_answers_the_state_of_the_limits(http: httpx.AsyncClient) -> None:
    """0 in order, 2 at the warning threshold, 3 at the alarm threshold; total limits are at least running ones."""
    type_id = await make_type(http, runningCountLimit=10, totalCountLimit=5, warningThreshold=60, alarmThreshold=50)
    (kind,) = (await http.get("/api/Asset/Types", params={"$filter": "typeName eq 'Fixture'"})).json()
    assert (kind["totalCountLimit"], kind["alarmThreshold"]) == (10, 60)
    type_id = await make_type(http, "Jig", runningCountLimit=10, warningThreshold=60)
    await save(http, serialNumber="A", typeId=type_id)
    answers = [(await http.put(f"/api/Asset/Count?id=1&totalCount={n}")).json() for n in (5, 6, 9, 10)]
    assert answers == [0, 2, 2, 3]


async def test_types_have_unique_names_and_keep_what_is_not_sent(http: httpx.AsyncClient) -> None:
    """A second type of a name, in any case, is refused; a save with the id changes what it names."""
    type_id = await make_type(http, "Fixture", warningThreshold=70)
    assert "exists" in (await http.put("/api/Asset/Types", json={"typeName": "fixture"})).json()["Message"]
    assert (await http.put("/api/Asset/Types", json={})).status_code == 400
    await make_type(http, "Jig", typeId=type_id)
    (kind,) = (await http.get("/api/Asset/Types")).json()
    assert (kind["typeName"], kind["warningThreshold"], kind["isReadonly"]) == ("Jig", 70, False)
    assert await make_type(http, "Fixture") != type_id


async def test_state_is_set_and_logged_once(http: httpx.AsyncClient) -> None:
    """State 0 to 6; setting the present state again logs nothing."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    for state in (5, 5):
        assert (await http.put(f"/api/Asset/State?serialNumber=A&state={state}")).json() is True
    assert (await http.get("/api/Asset/A")).json()["state"] == 5
    assert await log(http) == [("1", 1, None), ("1", 6, "state")]
    for wrong in ("state=7", "state=-1", "state=x", "state=", ""):
        assert (await http.put(f"/api/Asset/State?serialNumber=A&{wrong}")).status_code == 400


async def test_lists_are_filtered_ordered_and_cut(http: httpx.AsyncClient) -> None:
    """OData on assets: by any field, ordered by number where ids are, 400 for what is not supported."""
    type_id = await make_type(http)
    for number in range(11):
        await save(http, serialNumber=f"S{number}", typeId=type_id, location="odd" if number % 2 else None)

    async def serials(**options: str) -> list[str]:
        answer = await http.get("/api/Asset", params={f"${name}": value for name, value in options.items()})
        assert answer.status_code == 200, answer.text
        return [asset["serialNumber"] for asset in answer.json()]

    assert await serials(orderby="assetId desc", top="2") == ["S10", "S9"]
    assert await serials(top="2", skip="9") == ["S9", "S10"]
    assert await serials(filter="location eq null and startswith(serialNumber,'S1')") == ["S10"]
    assert await serials(filter=f"typeId eq {type_id} and assetId eq '3'") == ["S2"]
    assert await serials(top="0") == []
    for wrong in ("$filter=x eq 1", "$top=-1", "$top=x", "$select=serialNumber", "$orderby=nothing"):
        assert (await http.get(f"/api/Asset?{wrong}")).status_code == 400


async def test_permissions_of_tokens(http: httpx.AsyncClient) -> None:
    """A token without "Edit Total count" counts but does not set; a read-only one reads; both are told by 403."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    calls = [
        ("GET", "/api/Asset/A"),
        ("PUT", "/api/Asset/Count?serialNumber=A&totalCount=3"),
        ("PUT", "/api/Asset/SetRunningCount?serialNumber=A&runningCount=1"),
        ("PUT", "/api/Asset/SetTotalCount?serialNumber=A&totalCount=1"),
    ]

    async def statuses(token: str) -> list[int]:
        headers = {"Authorization": f"Basic {token}"}
        return [(await http.request(method, url, headers=headers)).status_code for method, url in calls]

    assert await statuses(NO_COUNTS) == [200, 200, 403, 403]
    assert await statuses(READ_ONLY) == [200, 403, 403, 403]
    asset = (await http.get("/api/Asset/A")).json()
    assert (asset["runningCount"], asset["totalCount"]) == (3, 3)


@pytest.mark.parametrize("rule", list(LowerTotal))
async def test_a_lower_total_is_ignored_or_refused(rule: LowerTotal) -> None:
    """Either way no count falls; the same total is taken in both."""
    settings = Settings(port=0, rate_limit=0, lower_total=rule)
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        await save(http, serialNumber="A", typeId=await make_type(http))
        totals = (10, 10, 4, 0)
        answers = [await http.put(f"/api/Asset/Count?id=1&totalCount={total}") for total in totals]
        lower = 400 if rule is LowerTotal.REFUSE else 200
        assert [answer.status_code for answer in answers] == [200, 200, lower, lower]
        if rule is LowerTotal.REFUSE:
            assert "totalCount: 4 is below the present 10" in answers[2].json()["Message"]
        assert (await http.get("/api/Asset/A")).json()["totalCount"] == 10
