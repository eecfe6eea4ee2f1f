"""Units are built into others, by the rules of a box build."""

from __future__ import annotations

import httpx
import pytest

from tests.emulator.examples import make_product, make_unit, unit_in

ADD, REMOVE = "/api/Production/AddChildUnit", "/api/Production/RemoveChildUnit"
RELATION = "/api/internal/Product/PostProductRevisionRelation"


def pair(child: str = "PCB", child_part: str = "PN-2", **more: str) -> dict[str, str]:
    """The parameters for a child in BOX."""
    return {
        "parentSerialNumber": "BOX",
        "parentPartNumber": "PN-1",
        "childSerialNumber": child,
        "childPartNumber": child_part,
        "checkPartNumber": "",
        "checkRevision": "",
        **more,
    }


async def refused(http: httpx.AsyncClient, path: str, params: dict[str, str]) -> str:
    """The sentence of a 400."""
    answer = await http.post(path, params=params)
    assert answer.status_code == 400
    return str(answer.json()["Message"])


@pytest.fixture
async def units(http: httpx.AsyncClient) -> None:
    """A box, and a finalized board."""
    await make_unit(http, "BOX")
    await make_unit(http, "PCB", "PN-2", unitPhaseId=16)


@pytest.mark.usefixtures("units")
async def test_a_child_goes_in_and_out(http: httpx.AsyncClient) -> None:
    """Both units show it, and so do history and changes; a second time in or out is refused."""
    assert (await http.post(ADD, params=pair(checkPartNumber="PN-2", checkRevision="A"))).json() is True
    assert (await unit_in(http, "PCB", "PN-2"))["parentSerialNumber"] == "BOX"
    assert [unit["serialNumber"] for unit in (await unit_in(http, "BOX"))["subUnits"]] == ["PCB"]
    state = (await http.get("/_emulator/state")).json()
    assert [unit["serialNumber"] for unit in state["units"][0]["subUnits"]] == ["PCB"]
    assert state["units"][1]["history"][-1]["value"] == "BOX"
    assert state["unit_changes"] == [{"id": 1, "unitSerialNumber": "PCB", "newParentSerialNumber": "BOX"}]
    assert "it is built into 'BOX' already" in await refused(http, ADD, pair())
    assert (await http.post(REMOVE, params=pair())).json() is True
    assert "parentSerialNumber" not in await unit_in(http, "PCB", "PN-2")
    assert "is not built into 'BOX'" in await refused(http, REMOVE, pair())


@pytest.mark.usefixtures("units")
async def test_what_the_child_has_to_be(http: httpx.AsyncClient) -> None:
    """Finalized, of the part number and revision asked for, and not the parent or around it."""
    assert "checkPartNumber: 'PN-3' is asked for, the child has 'PN-2'" in await refused(
        http, ADD, pair(checkPartNumber="PN-3")
    )
    assert "checkRevision: 'B' is asked for" in await refused(http, ADD, pair(checkRevision="B"))
    await make_unit(http, "RAW", "PN-2")
    assert "'Under production', and must be Finalized (16)" in await refused(http, ADD, pair("RAW"))
    assert "the parent is the same unit" in await refused(http, ADD, pair("BOX", "PN-1"))
    assert (await http.post(ADD, params=pair())).status_code == 200
    around = pair("BOX", "PN-1", parentSerialNumber="PCB", parentPartNumber="PN-2")
    assert "the parent is the same unit, or built into it" in await refused(http, ADD, around)


@pytest.mark.usefixtures("units")
async def test_every_parameter_is_required_and_may_be_blank(http: httpx.AsyncClient) -> None:
    """One that is absent is named; a blank serial number is a unit that is not there."""
    for path, names in ((ADD, list(pair())), (REMOVE, list(pair())[:4])):
        for name in names:
            params = {key: value for key, value in pair().items() if key != name}
            assert await refused(http, path, params) == f"query parameter {name} is required"
        assert (await http.post(path, params=pair(""))).status_code == 404
        assert (await http.post(path, params=pair(parentPartNumber="x"))).status_code == 404


@pytest.mark.usefixtures("units")
async def test_a_template_says_what_fits_and_how_many(http: httpx.AsyncClient) -> None:
    """With a template, only its parts go in, by revision mask, as many as it has places for."""
    box = (await http.get("/api/Product/PN-1/A")).json()["productRevisionId"]
    board = (await http.get("/api/Product/PN-2/A")).json()["productRevisionId"]
    relation = {"ParentProductRevisionId": box, "ProductRevisionId": board, "Quantity": 2, "RevisionMask": "A, C%"}
    headers = {"Referer": str(http.base_url)}
    assert (await http.post(RELATION, json=relation, headers=headers)).status_code == 200
    await make_unit(http, "OTHER", "PN-3", unitPhaseId=16)
    assert "has no place for 'PN-3' revision 'A'" in await refused(http, ADD, pair("OTHER", "PN-3"))
    for revision in ("B", "C7"):
        await make_product(http, "PN-2", revision)
        unit = {"serialNumber": revision, "partNumber": "PN-2", "revision": revision, "unitPhaseId": 16}
        await http.put("/api/Production/Units", json=[unit])
    assert "has no place for 'PN-2' revision 'B'" in await refused(http, ADD, pair("B"))
    assert (await http.post(ADD, params=pair())).status_code == 200
    assert (await http.post(ADD, params=pair("C7"))).status_code == 200
    await make_unit(http, "PCB2", "PN-2", unitPhaseId=16)
    assert "all places" in await refused(http, ADD, pair("PCB2"))


@pytest.mark.usefixtures("units")
async def test_a_wrong_template_is_refused(http: httpx.AsyncClient) -> None:
    """Unknown revisions, a revision of itself, the same part twice, no whole quantity; nothing without a Referer."""
    box = (await http.get("/api/Product/PN-1/A")).json()["productRevisionId"]
    board = (await http.get("/api/Product/PN-2/A")).json()["productRevisionId"]
    good = {"ParentProductRevisionId": box, "ProductRevisionId": board}
    assert (await http.post(RELATION, json=good)).status_code == 403
    headers = {"Referer": str(http.base_url)}
    assert (await http.post(RELATION, json=good, headers=headers)).json()["Quantity"] == 1
    for wrong, said in (
        ({}, "ProductRevisionId: relation "),
        ({"ProductRevisionId": box}, "ProductRevisionId: a revision is not built of itself"),
        ({"ProductRevisionId": "x"}, "ProductRevisionId: expected a UUID"),
        ({"ParentProductRevisionId": None}, "ParentProductRevisionId: expected the id of a product revision"),
        ({"ParentProductRevisionId": board, "ProductRevisionId": box, "Quantity": 0}, "Quantity: expected a whole"),
    ):
        answer = await http.post(RELATION, json={**good, **wrong}, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["Message"].startswith(said)
    path = "/api/internal/Product/PutProductRevisionRelation"
    for body, status in (({}, 400), ({"ProductRevisionRelationId": box}, 404)):
        assert (await http.put(path, json=body, headers=headers)).status_code == status
