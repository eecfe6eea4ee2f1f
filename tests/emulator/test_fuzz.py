"""Whatever a client sends, it gets an answer that is not 500: single fields of bodies that are right otherwise.

`test_fuzz_routes.py` sends anything to every route.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.emulator.examples import REPORT_ID, numeric_step, repair, report
from tests.emulator.target import NASTY, TYPE_ID, Target, method_of, target


@pytest.fixture(scope="module")
def shared() -> Iterator[Target]:
    """One emulator for all examples of a test; what they store stays."""
    with target() as found:
        yield found


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
VALID: dict[str, list[Any]] = {
    "/api/Asset": [
        {
            "serialNumber": "A",
            "typeId": TYPE_ID,
            "assetId": "1",
            "parentAssetId": None,
            "parentSerialNumber": None,
            "state": 1,
            "ClientId": 1,
            "location": "x",
            "nextCalibrationDate": "2026-01-01T00:00:00Z",
            "tags": [{"key": "Lot", "value": "1", "change": 1}],
        }
    ],
    "/api/Asset/Types": [
        {
            "typeName": "Other",
            "typeId": TYPE_ID,
            "runningCountLimit": 1,
            "warningThreshold": 1,
            "calibrationInterval": 1,
            "maintenanceInterval": -2,
            "isReadonly": False,
            "icon": "x",
        }
    ],
    "/api/Product": [
        {
            "partNumber": "PN-1",
            "name": "x",
            "description": "x",
            "nonSerial": False,
            "state": 1,
            "xmlData": "<Root/>",
            "productCategoryId": TYPE_ID,
            "tags": [{"key": "Lot", "value": "1", "change": 1}],
        },
        {"partNumber": "PN-1", "productId": TYPE_ID, "tags": [{"key": "Lot", "value": "1"}]},
    ],
    "/api/Product/Revision": [
        {"partNumber": "PN-1", "productId": "", "productRevisionId": "", "revision": "A", "name": "x", "state": 1},
    ],
    "/api/Production/Units": [
        [
            {
                "serialNumber": "SN-1",
                "partNumber": "PN-1",
                "revision": "A",
                "parentSerialNumber": "BOX",
                "batchNumber": "x",
                "serialDate": "2026-01-01T00:00:00Z",
                "currentLocation": "x",
                "xmlData": "<Root/>",
                "unitPhaseId": 2,
                "processCode": "30",
            }
        ]
    ],
    "/api/Production/Unit": [
        {
            "serialNumber": "SN-1",
            "partNumber": "PN-1",
            "revision": "A",
            "batchNumber": "x",
            "serialDate": "2026-01-01T00:00:00Z",
            "xmlData": "<Root/>",
            "tags": [{"key": "Lot", "value": "1", "change": 1}],
        }
    ],
    "/api/internal/Product/PostProductRevisionRelation": [
        {"ParentProductRevisionId": TYPE_ID, "ProductRevisionId": TYPE_ID, "Quantity": 1, "RevisionMask": "A"}
    ],
    "/api/internal/Product/PutProductRevisionRelation": [
        {"ProductRevisionRelationId": TYPE_ID, "Quantity": 1, "ItemNumber": "1", "RevisionMask": "A"}
    ],
    "/api/Production/Batches": [[{"batchNumber": "x", "batchSize": 1}]],
    "/api/Asset/Message": [{"content": "x", "assetId": "1", "comment": "x", "user": "x"}],
    "/api/Report/WSJF": [
        report(assets=[{"assetSN": "A", "usageCount": 1}], startUTC="2026-01-01T00:00:00Z"),
        repair(root={"stepType": "SequenceCall", "name": "n", "status": "P", "steps": [numeric_step()]}),
    ],
}


READS = (
    "/api/Asset",
    "/api/Asset/1",
    "/api/Asset/Types",
    "/api/Asset/Status",
    "/api/Asset/Log",
    "/api/Asset/SubAssets",
    "/api/Report/Query/Header",
    "/api/Product/Query",
    "/api/Product/PN-1",
    "/api/Production/Unit/BOX/PN-1",
    "/api/Production/Unit/SN-1/PN-1",
)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to each value in a JSON tree."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(body: object, way: tuple[str | int, ...], value: object) -> Any:
    """A copy of a JSON tree with another value in one place."""
    copied: Any = copy.deepcopy(body)
    inner = copied
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return copied


ASSET = {"id": "1"}


def answered(target: Target, path: str, body: bytes) -> None:
    """Send a body: it is taken, and everything can be read afterwards, or it is refused with a sentence."""
    reply = target.ask(method_of(path), path, ASSET, body)
    assert reply.status in {200, 400, 404}, body
    if reply.status == 200:
        for read in READS:
            assert target.ask("GET", read, ASSET, b"").status == 200, body
        assert target.ask("GET", f"/api/Report/Wsjf/{REPORT_ID}", {}, b"").status in {200, 404}, body
    else:
        assert msgspec.json.decode(reply.body)["Message"]


@pytest.mark.parametrize("path", sorted(VALID))
def test_each_field_with_each_nasty_value(path: str) -> None:
    """No single value in any place is more than a 400."""
    with target() as found:
        for body in VALID[path]:
            for way in places(body):
                for value in NASTY:
                    answered(found, path, msgspec.json.encode(changed(body, way, value)))


@st.composite
def broken_bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A route and a body that is right but for two or three values."""
    path = draw(st.sampled_from(sorted(VALID)))
    body = draw(st.sampled_from(VALID[path]))
    for _ in range(draw(st.integers(2, 3))):
        body = changed(body, draw(st.sampled_from(list(places(body)))), draw(json_values))
    return path, msgspec.json.encode(body)


@given(broken_bodies())
@example(("/api/Report/WSJF", b'{"id":' + b"9" * 5_000 + b"}"))
@example(("/api/Report/WSJF", b'{"id":' + b"[" * 5_000))
@example(("/api/Report/WSJF", b'{"a":' * 900 + b"1" + b"}" * 900))
@example(("/api/Report/WSJF", b'"\\ud800"'))
@example(("/api/Asset", b'{"serialNumber": "\\u0000", "typeId": 1e999}'))
def test_bodies_with_wrong_values(shared: Target, sent: tuple[str, bytes]) -> None:
    """A body is taken or refused with a sentence; what was taken can be read back."""
    answered(shared, *sent)
