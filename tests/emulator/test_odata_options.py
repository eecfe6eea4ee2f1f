"""OData over the wire: the options of a list, on `/api/Asset`."""

from __future__ import annotations

import httpx
import pytest

from tests.emulator.examples import make_type, save


@pytest.fixture
async def assets(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a server with three assets, in states 1, 2 and 5."""
    type_id = await make_type(http)
    for serial, state, name, tags in (("it's A", 1, "Jig", ["Lot"]), ("B", 2, "jig", ["lot"]), ("C", 5, None, [])):
        keys = [{"key": key, "value": "1"} for key in tags]
        await save(http, serialNumber=serial, typeId=type_id, state=state, assetName=name, tags=keys)
    return http


async def listed(http: httpx.AsyncClient, **options: str) -> list[str]:
    """The ids of the assets that a request with these options lists."""
    answer = await http.get("/api/Asset", params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    return [asset["assetId"] for asset in answer.json()]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("state eq 2", "2"),
        ("state ne 2", "13"),
        ("state gt 2", "3"),
        ("state ge 2", "23"),
        ("state lt 2", "1"),
        ("state le 2", "12"),
        ("state gt 1 and state lt 5", "2"),
        ("state eq 1 or state eq 5", "13"),
        ("state eq 1 or state eq 5 and serialNumber eq 'B'", "1"),
        ("(state eq 1 or state eq 5) and assetName eq null", "3"),
        ("not (state eq 1)", "23"),
        ("startswith(serialNumber,'it''s')", "1"),
        ("contains(serialNumber,'''')", "1"),
        ("contains(assetName,'ig')", "12"),
        ("serialNumber eq 'it''s A'", "1"),
        ("serialNumber eq 'it'", ""),
        ("assetName eq 'Jig'", "1"),
        ("firstSeenDate gt 2020-01-01", "123"),
        ("xmldata eq '//Lot'", "1"),
        ("xmlData eq '//lot' or state eq 5", "23"),
        ("xmldata eq '//Nothing'", ""),
        ("", "123"),
    ],
)
async def test_filters(assets: httpx.AsyncClient, text: str, ids: str) -> None:
    """Every operator and function, quotes doubled, tags by XPath; a blank filter lets all through."""
    assert "".join(await listed(assets, filter=text)) == ids


async def test_order_top_and_skip(assets: httpx.AsyncClient) -> None:
    """A list is ordered by fields, first by the first, nulls first; then cut; no top is all, and 0 is none."""
    assert await listed(assets, orderby="serialNumber") == ["2", "3", "1"]
    assert await listed(assets, orderby="serialNumber desc", top="2") == ["1", "3"]
    assert await listed(assets, orderby="assetName asc, state desc") == ["3", "1", "2"]
    assert await listed(assets, orderby="", top="2", skip="1") == ["2", "3"]
    assert await listed(assets, top="0") == []
    assert await listed(assets, skip="3") == []
    assert await listed(assets, top="2147483647", skip="0") == ["1", "2", "3"]
    assert await listed(assets, top="2147483647", skip="2147483647") == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("$top=-1", "query parameter $top: expected a whole number 0 to 2147483647, got '-1'"),
        ("$top=", "query parameter $top: expected a whole number"),
        ("$top=%201", "query parameter $top: expected a whole number"),
        ("$top=1.0", "query parameter $top: expected a whole number"),
        ("$top=2147483648", "query parameter $top: expected a whole number"),
        ("$top=" + "9" * 5_000, "query parameter $top: expected a whole number"),
        ("$skip=-1", "query parameter $skip: expected a whole number"),
        ("$skip=", "query parameter $skip: expected a whole number"),
        ("$select=state", "$select is not supported; use $filter, $orderby, $skip, $top"),
        ("$count=true", "$count is not supported"),
        ("$Nothing=", "$nothing is not supported"),
        ("$filter=%20", "$filter: cannot read"),
        ("$filter=%00", "$filter: cannot read"),
        ("$filter=%ED%A0%80", "$filter: cannot read"),
        ("$filter=state%20eq%20'1'", "state is compared with a number"),
        ("$filter=serialNumber%20eq%20'it's'", "$filter: cannot read"),
        ("$filter=colour%20eq%201", "unknown field 'colour'"),
        ("$filter=endswith(serialNumber,'x')", "expected startswith or contains"),
        ("$filter=xmldata%20eq%20'//Lot%5B1%5D'", "xmldata is compared only as xmldata eq '//TagName'"),
        ("$orderby=colour", "unknown field 'colour'"),
        ("$orderby=state%20down", "$orderby: expected"),
        ("$orderby=state," + "state," * 2_500 + "state", "$orderby: more than 100 fields"),
    ],
)
async def test_wrong_options_are_refused(http: httpx.AsyncClient, query: str, message: str) -> None:
    """400 names the option and says what is right."""
    answer = await http.get(f"/api/Asset?{query}")
    assert answer.status_code == 400
    assert message in answer.json()["Message"]


async def test_names_of_options_come_in_any_case_and_the_first_counts(assets: httpx.AsyncClient) -> None:
    """As for every query parameter; those without a dollar sign mean nothing to a list."""
    for query in ("$TOP=1", "%24top=1", "$top=1&$top=2", "$top=1&top=2&filter=x"):
        assert [asset["assetId"] for asset in (await assets.get(f"/api/Asset?{query}")).json()] == ["1"]
