"""Pools of serial numbers are filled by a test and taken by a client."""

from __future__ import annotations

import httpx
import pytest

FILL, TAKE = "/_emulator/serial_numbers", "/api/Production/SerialNumbers/Take"


async def test_numbers_are_taken_in_the_order_in_which_they_came(http: httpx.AsyncClient) -> None:
    """The answer is XML; what was taken, when and for what, shows in the state, and is not given again."""
    await http.post(FILL, json={"type": "MAC", "serialNumbers": ["B", "A"]})
    await http.post(FILL, json={"type": "MAC", "serialNumbers": ["C"]})
    params = {"serialNumberType": "MAC", "quantity": "2", "refSN": "SN-1", "refPN": "PN-1", "stationName": "ST1"}
    answer = await http.post(TAKE, params=params)
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert answer.text == '<SerialNumbers serialNumberType="MAC"><SN id="B"/><SN id="A"/></SerialNumbers>'
    state = (await http.get("/_emulator/state")).json()["serial_numbers"]
    assert [(row["serialNumber"], row["refSN"], bool(row["taken"])) for row in state] == [
        ("B", "SN-1", True),
        ("A", "SN-1", True),
        ("C", None, False),
    ]
    assert '<SN id="C"/>' in (await http.post(TAKE, params={**params, "quantity": "1"})).text


async def test_fewer_than_asked_for_takes_none(http: httpx.AsyncClient) -> None:
    """404, and those that are free stay free."""
    await http.post(FILL, json={"type": "MAC", "serialNumbers": ["A"]})
    assert (await http.post(TAKE, params={"serialNumberType": "MAC", "quantity": "2"})).status_code == 404
    assert (await http.post(TAKE, params={"serialNumberType": "MAC", "quantity": "1"})).status_code == 200


async def test_a_type_keeps_its_first_description(http: httpx.AsyncClient) -> None:
    """Types are listed by name, without what is not known."""
    await http.post(FILL, json={"type": "MAC", "serialNumbers": [], "identifier": 1, "format": "XX"})
    await http.post(FILL, json={"type": "MAC", "serialNumbers": [], "identifier": 2})
    await http.post(FILL, json={"type": "Box", "serialNumbers": []})
    assert (await http.get("/api/Production/SerialNumbers/Types")).json() == [
        {"name": "Box", "identifier": 0, "identifierName": "Serial number"},
        {"name": "MAC", "format": "XX", "identifier": 1, "identifierName": "MAC address"},
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": None}, "type: required"),
        ({"type": "a\0"}, "type: only printable characters"),
        ({"serialNumbers": None}, "serialNumbers: expected a list of texts"),
        ({"serialNumbers": ["A", 1]}, "serialNumbers[1]: expected a text"),
        ({"serialNumbers": [" "]}, "serialNumbers[0]: expected a text of 1 to 100 characters"),
        ({"serialNumbers": ["x" * 101]}, "serialNumbers[0]: expected a text of 1 to 100 characters"),
        ({"serialNumbers": ["\n"]}, "serialNumbers[0]: expected a text"),
        ({"serialNumbers": ["A\x01"]}, "serialNumbers[0]: only printable characters"),
        ({"serialNumbers": ["A", "A"]}, "serialNumbers: 'A' is in the pool 'MAC' already"),
        ({"identifier": 3}, "identifier: expected a whole number 0 to 2"),
    ],
)
async def test_a_wrong_pool_is_refused_whole(http: httpx.AsyncClient, wrong: dict[str, object], said: str) -> None:
    """400 names the field; neither type nor number is kept."""
    answer = await http.post(FILL, json={"type": "MAC", "serialNumbers": ["A"], **wrong})
    assert answer.status_code == 400
    assert answer.json()["Message"].startswith(said)
    assert (await http.get("/_emulator/state")).json()["serial_numbers"] == []
    assert (await http.get("/api/Production/SerialNumbers/Types")).json() == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"quantity": "1"}, 400),
        ({"serialNumberType": "MAC"}, 400),
        ({"serialNumberType": "MAC", "quantity": "0"}, 400),
        ({"serialNumberType": "MAC", "quantity": "x"}, 400),
        ({"serialNumberType": "", "quantity": "1"}, 404),
        ({"serialNumberType": "mac", "quantity": "1"}, 404),
    ],
)
async def test_a_wrong_question_takes_none(http: httpx.AsyncClient, params: dict[str, str], status: int) -> None:
    """400 names the parameter; a type that is not there is 404."""
    await http.post(FILL, json={"type": "MAC", "serialNumbers": ["A"]})
    answer = await http.post(TAKE, params=params)
    assert answer.status_code == status
    assert answer.json()["Message"]
    assert (await http.get("/_emulator/state")).json()["serial_numbers"][0]["taken"] is None
