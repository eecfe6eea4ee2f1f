"""Whatever a client sends, it gets an answer that is not 500."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.exchange import Exchange
from pywats_mqtt.emulator.request_log import Arrival, RequestLog
from pywats_mqtt.emulator.routes import ROUTES
from pywats_mqtt.emulator.settings import Server, Settings
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Reply
from tests.emulator.examples import REPORT_ID, numeric_step, repair, report

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADERS = [(b"authorization", b"Basic c2VjcmV0"), (b"host", b"wats"), (b"referer", b"http://wats")]
TYPE_ID = "0f6f3a9a-aba9-4abd-86bf-f9e9cf8c0528"


def method_of(path: str) -> str:
    """The method that takes a body there."""
    return "POST" if path.endswith(("WSJF", "Message", "PostProductRevisionRelation")) else "PUT"


class Target:
    """An emulator without a socket: one asset, one report."""

    def __init__(self) -> None:
        settings = Settings(rate_limit=0, server=Server.V2026_3)
        self.store = Store(None)
        self._log = RequestLog(self.store, 1_000)
        self._exchange = Exchange(settings, self.store, self._log, Throttle(0))

    def ask(self, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
        """The answer to a request."""
        arrival = Arrival(self._log.next_seq(), NOW, method, path, query, body)
        return self._exchange.process(arrival, HEADERS)

    def put(self, path: str, value: object) -> None:
        """Store something."""
        assert self.ask(method_of(path), path, {}, msgspec.json.encode(value)).status == 200


@contextmanager
def target() -> Iterator[Target]:
    """An emulator with something in it."""
    found = Target()
    try:
        found.put("/api/Asset/Types", {"typeName": "Fixture", "typeId": TYPE_ID, "runningCountLimit": 10})
        found.put("/api/Asset", {"serialNumber": "A", "typeId": TYPE_ID})
        found.put("/api/Report/WSJF", report())
        found.put("/api/Production/Units", [{"serialNumber": "BOX", "partNumber": "PN-1", "revision": "A"}])
        yield found
    finally:
        found.store.close()


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


NASTY: list[object] = [
    None,
    True,
    -1,
    0.5,
    2**31,
    10**30,
    10**400,
    "",
    "A",
    "\0",
    "x" * 6_000,
    [],
    {},
    [[]],
    [{}],
    {"a": 1},
]
NASTY += ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", TYPE_ID, REPORT_ID]


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


NAMES = ["id", "serialNumber", "state", "incrementBy", "totalCount", "runningCount", "incrementChildren"]
NAMES += ["partNumber", "phase", "processName", "maxCount", "serialNumberType", "quantity", "stationName", "passed"]
NAMES += ["parentSerialNumber", "parentPartNumber", "childSerialNumber", "childPartNumber", "checkPartNumber"]
NAMES += ["level", "translate", "dateTime", "fromDate", "toDate", "comment"]
OPTIONS = ["includeWipOperations", "$filter", "$orderby", "$top", "$skip", "$select"]
query_names = st.sampled_from([*NAMES, *OPTIONS])
query_values = st.sampled_from(
    ["", "A", "1", "-1", "true", "9" * 30, "٣", "1_0", " 1", "eq", "state eq 1", "9999-12-31"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


requests = st.tuples(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH"]),
    st.builds(
        lambda route, identifier: route.replace("{}", identifier),
        st.sampled_from(sorted(ROUTES)),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    ),
    st.dictionaries(query_names, query_values, max_size=4),
    st.binary(max_size=20),
)


@given(requests)
def test_any_route_with_any_query(shared: Target, sent: tuple[str, str, dict[str, str], bytes]) -> None:
    """Every route answers every method, identifier, query and body with something other than 500."""
    assert shared.ask(*sent).status in {200, 400, 403, 404, 405, 409}
