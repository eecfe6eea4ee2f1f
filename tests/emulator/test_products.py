"""Products and revisions, as a client without pywats sees them."""

from __future__ import annotations

import httpx
import pytest

from tests.emulator.examples import make_product

ID = "0f6f3a9a-aba9-4abd-86bf-f9e9cf8c0528"


async def test_a_save_changes_what_it_names(http: httpx.AsyncClient) -> None:
    """The rest stays, also where null is sent; revisions in the body are left alone."""
    first = {"partNumber": "PN-1", "name": "Board", "nonSerial": True, "productCategoryName": "PCB"}
    made = (await http.put("/api/Product", json=first)).json()
    change = {"partNumber": "PN-1", "productId": made["productId"].upper(), "name": None, "description": "A board"}
    saved = (await http.put("/api/Product", json={**change, "revisions": [{"revision": "A"}]})).json()
    assert saved == {
        "productId": made["productId"],
        "partNumber": "PN-1",
        "name": "Board",
        "description": "A board",
        "nonSerial": True,
        "state": 1,
        "productCategoryName": "PCB",
        "revisions": [],
        "tags": [],
    }
    assert (await http.get("/api/Product/PN-1")).json() == saved
    assert (await http.get("/api/Product", params={"partNumber": "PN-1"})).json() == saved


async def test_a_blank_id_makes_what_is_not_there(http: httpx.AsyncClient) -> None:
    """As the description of the API has it: no id is a new product, a new revision."""
    made = (await http.put("/api/Product", json={"partNumber": "PN-1", "productId": ""})).json()
    body = {"productRevisionId": "", "productId": made["productId"], "partNumber": "ignored", "revision": "A"}
    revision = (await http.put("/api/Product/Revision", json=body)).json()
    assert (revision["partNumber"], revision["revision"], revision["state"]) == ("PN-1", "A", 1)
    assert (await http.get("/api/Product/PN-1/A")).json() == revision
    assert (await http.get("/api/Product", params={"partNumber": "PN-1", "revision": "A"})).json() == revision


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("", {}, "partNumber: required"),
        ("", {"partNumber": "\t"}, "partNumber: required"),
        ("", {"partNumber": "PN-1", "productId": ID}, f"productId: {ID} is not 'PN-1'"),
        ("", {"partNumber": "PN-2", "productId": ID}, f"productId: {ID} is not 'PN-2'"),
        ("", {"partNumber": "PN-1", "productId": "x"}, "productId: expected a UUID"),
        ("", {"partNumber": "PN-1", "state": 2}, "state: expected a whole number 0 to 1"),
        ("", {"partNumber": "PN-1", "nonSerial": "no"}, "nonSerial: expected true or false"),
        ("", {"partNumber": "PN-1", "xmlData": "x"}, "xmlData: no well-formed XML"),
        ("", {"partNumber": "PN-1", "tags": [{"key": "a b"}]}, "key: 'a b' cannot be stored"),
        ("", {"partNumber": "PN-1", "tags": [{"key": "a", "value": "\0"}]}, "xmlData: no well-formed XML"),
        ("/Revision", {"partNumber": "PN-1"}, "revision: required"),
        ("/Revision", {"revision": "A"}, "name the product: productId or partNumber is required"),
        ("/Revision", {"revision": "A", "partNumber": "PN-2"}, "there is no product 'PN-2'"),
        ("/Revision", {"revision": "A", "productId": ID, "partNumber": "PN-1"}, "there is no product '0f6f"),
        ("/Revision", {"revision": "B", "partNumber": "PN-1", "productRevisionId": ID}, "productRevisionId: 0f6f"),
    ],
)
async def test_a_wrong_product_is_refused(
    http: httpx.AsyncClient, path: str, body: dict[str, object], said: str
) -> None:
    """400 names the field, and nothing is made or changed."""
    await make_product(http)
    before = (await http.get("/_emulator/state")).json()["products"]
    answer = await http.put(f"/api/Product{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["Message"].startswith(said)
    assert (await http.get("/_emulator/state")).json()["products"] == before


async def test_tags_are_another_view_of_the_xml(http: httpx.AsyncClient) -> None:
    """XML that is sent counts, then tags that say add, update or delete; tags that say nothing only without XML."""

    async def saved(**fields: object) -> tuple[str, dict[str, str]]:
        body = (await http.put("/api/Product", json={"partNumber": "PN-1", **fields})).raise_for_status().json()
        return body["xmlData"], {tag["key"]: tag["value"] for tag in body["tags"]}

    xml, tags = await saved(tags=[{"key": "A", "value": '<"1">'}, {"key": "B", "value": None}])
    assert tags == {"A": '<"1">', "B": ""}
    assert await saved() == (xml, tags)
    changed = [{"key": "B", "value": "2", "change": 2}, {"key": "A", "change": 3}, {"key": "C", "value": "3"}]
    assert (await saved(tags=changed))[1] == {"B": "2", "C": "3"}
    sent = '<Root><D Value="4"><Deep Value="5"/></D><Text>x</Text></Root>'
    assert await saved(xmlData=sent, tags=[{"key": "B", "value": "2"}]) == (sent, {"D": "4"})
    assert (await saved(xmlData=sent, tags=[{"key": "B", "value": "2", "change": 1}]))[1] == {"D": "4", "B": "2"}
    assert await saved(xmlData="") == ("", {})


async def test_products_are_listed_with_odata(http: httpx.AsyncClient) -> None:
    """By part number, with their revisions; filtered, ordered and cut as asked; a wrong filter is 400."""
    for part_number in ("C", "A", "B"):
        await make_product(http, part_number)
    await http.put("/api/Product", json={"partNumber": "B", "state": 0})

    async def listed(**params: str) -> list[str]:
        found = (await http.get("/api/Product/Query", params=params)).raise_for_status().json()
        assert all([revision["revision"] for revision in product["revisions"]] == ["A"] for product in found)
        return [product["partNumber"] for product in found]

    assert await listed() == ["A", "B", "C"]
    assert await listed(**{"$filter": "state eq 1", "$orderby": "partNumber desc", "$top": "1"}) == ["C"]
    for wrong in ({"$filter": "price eq 1"}, {"$top": "100001"}, {"$expand": "revisions"}):
        assert (await http.get("/api/Product/Query", params=wrong)).status_code == 400


async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    """404 names part number and revision; a query without a part number is 400."""
    await make_product(http)
    for path in ("/api/Product/PN-2", "/api/Product/PN-1/B", "/api/Product?partNumber=", "/api/Product?partNumber=x"):
        answer = await http.get(path)
        assert answer.status_code == 404
        assert answer.json()["Message"].startswith("There is no ")
    assert (await http.get("/api/Product?revision=A")).status_code == 400
    headers = {"Referer": str(http.base_url)}
    info = "/api/internal/Product/GetProductInfo?partNumber=PN-1"
    assert (await http.get(info, headers=headers)).status_code == 400
    assert (await http.get(f"{info}&revision=B", headers=headers)).status_code == 404
