"""Every route of the table, also those that come later, with anything in every part of a request.

Hypothesis alone: schemathesis would need an OpenAPI document, which the emulator has not, and would generate from it
what this module takes from the routing table and from the texts in the handlers' own modules.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pywats_mqtt.emulator
from pywats_mqtt.emulator.fault import Fault, Kind
from pywats_mqtt.emulator.inspection import PREFIX
from pywats_mqtt.emulator.routes import ROUTES
from pywats_mqtt.emulator.wire import Handler
from tests.emulator.examples import REPORT_ID, report
from tests.emulator.target import NASTY, TYPE_ID, Target, target

ROOM = Path(pywats_mqtt.emulator.__file__).parent
NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_]{1,30}\Z")
EXAMPLES = 25
"""For each route, besides those that are written down: there are many, and each run has others."""
METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "get", "X"]
ERROR = 400

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
known = st.sampled_from(["A", "1", "2", "0", "-1", "true", TYPE_ID, REPORT_ID, "SN-1", "PN-1", "Lot=1", "{}"])
values = (
    st.sampled_from(NASTY)
    | known
    | texts
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["2026-01-01T00:00:00Z", "1e999", "٣", " 1", "state eq 1", "eq", "<a/>", "'"])
)


@cache
def names_of(module: str) -> tuple[str, ...]:
    """The texts in a module's folder that may be names of fields, parameters or kinds."""
    file = Path(sys.modules[module].__file__ or "")
    files = [file] if file.parent == ROOM else sorted(file.parent.glob("*.py"))
    found = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.match(node.value)
    }
    return tuple(sorted(found | {"id", "serialNumber", "$filter", "$orderby", "$top", "$skip", "limit", "after"}))


def module_of(handler: Handler) -> str:
    """Where a handler is written."""
    written = handler.func if isinstance(handler, partial) else handler
    return written.__module__


@st.composite
def json_bodies(draw: st.DrawFn, names: tuple[str, ...]) -> bytes:
    """A JSON text of any shape, with names that handlers know among others."""
    keys = st.sampled_from(names) | st.text(max_size=5)
    trees = st.recursive(
        values,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=6,
    )
    return msgspec.json.encode(draw(trees | st.dictionaries(keys, trees, min_size=1, max_size=6)))


Request = tuple[str, str, dict[str, str], bytes]


@st.composite
def requests(draw: st.DrawFn, path: str, method: str, names: tuple[str, ...]) -> Request:
    """A request to a route: mostly its own method, known names, and something in each place."""
    while "{}" in path:
        path = path.replace("{}", draw(known | texts | st.just("x" * 3_000)), 1)
    query = draw(st.dictionaries(st.sampled_from(names) | texts, known | texts | st.just("9" * 30), max_size=6))
    body = draw(st.just(b"") | json_bodies(names) | st.binary(max_size=20))
    return draw(st.just(method) | st.sampled_from(METHODS)), path, query, body


@pytest.fixture(scope="module")
def shared() -> Iterator[Target]:
    """One emulator for all examples; what they store stays."""
    with target() as found:
        yield found


def check(shared: Target, sent: Request) -> None:
    """The answer is no mistake of ours, and an error says something."""
    reply = shared.ask(*sent)
    assert reply.status < 500, sent
    if reply.status >= ERROR:
        assert msgspec.json.decode(reply.body)["Message"].strip()


ALL = [
    (path, method, module_of(route.handler)) for path, methods in ROUTES.items() for method, route in methods.items()
]


@pytest.mark.parametrize(("path", "method", "module"), ALL, ids=[f"{method}-{path}" for path, method, _ in ALL])
def test_every_route_takes_anything(shared: Target, path: str, method: str, module: str) -> None:
    """No request to a route is answered with 500, and all that GET routes list can still be read."""
    names = names_of(module)

    @settings(max_examples=EXAMPLES)
    @given(requests(path, method, names))
    @example((method, path, {}, b'{"a":' * 900 + b"1" + b"}" * 900))
    @example((method, path, {}, b"[" * 5_000))
    @example((method, path, {}, b'"\\ud800"'))
    @example((method, path, {}, b'{"id": "\\ud800", "serialNumber": 1e999}'))
    @example((method, path, {}, b"9" * 5_000))
    @example((method, path, {}, b'{"id":NaN}'))
    @example((method, path, {}, b"null"))
    @example((method, path, {}, b"[null]"))
    @example((method, path, dict.fromkeys(names, ""), b"{}"))
    @example((method, path, dict.fromkeys(names, "\0"), b"{}"))
    @example((method, path, dict.fromkeys(names, "1"), b"[]"))
    def run(sent: Request) -> None:
        check(shared, sent)

    run()
    for read, methods in ROUTES.items():
        if "GET" in methods:
            assert shared.ask("GET", read.replace("{}", "A"), {}, b"").status < 500


def test_what_is_taken_can_be_read_again(shared: Target) -> None:
    """However deep a body is nested: what is written down must also be readable where the stack is fuller."""
    taken = []
    for depth in (200, *range(900, 1_000)):
        uuid = f"{REPORT_ID[:-4]}{depth:04}"
        body = msgspec.json.encode(report(id=uuid))[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}"
        if shared.ask("POST", "/api/Report/WSJF", {}, body).status == 200:
            taken.append(depth)
        for path in (f"/api/Report/Wsjf/{uuid}", f"{PREFIX}reports/{uuid}", f"{PREFIX}requests", f"{PREFIX}state"):
            assert shared.ask("GET", path, {"limit": "100000"}, b"").status in {200, 404}, depth
        expand = {"$expand": "attachments", "$top": "10000"}
        assert shared.ask("GET", "/api/Report/Query/Header", expand, b"").status == 200, depth
    assert taken == [200]


@given(st.sampled_from(METHODS), st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.binary(max_size=20))
def test_any_path_is_answered(shared: Target, method: str, path: str, body: bytes) -> None:
    """Paths that nobody knows are 404 or 405, whatever is in them."""
    check(shared, (method, "/" + path, {}, body))


def inspected() -> st.SearchStrategy[Request]:
    """Any request to the inspection API."""
    with target() as found:
        routes = sorted(found.inspection.routes)
    names = tuple(
        {*names_of("pywats_mqtt.emulator.inspection"), *Fault.__struct_fields__, *(kind.value for kind in Kind)}
    )
    return st.sampled_from(routes).flatmap(lambda route: requests(PREFIX + route[1], route[0], names))


@given(inspected())
def test_the_inspection_takes_anything(shared: Target, sent: Request) -> None:
    """A mistake of a test is answered like a mistake of a client."""
    check(shared, sent)


orders = st.fixed_dictionaries(
    {"kind": st.sampled_from([kind.value for kind in Kind])},
    optional={name: values for name in Fault.__struct_fields__ if name != "kind"},
)


@given(orders)
def test_any_fault_is_taken_or_refused(shared: Target, order: dict[str, object]) -> None:
    """What is taken can be listed and hit, and nothing in it breaks the request that it meets."""
    reply = shared.ask("POST", "/_emulator/faults", {}, msgspec.json.encode(order))
    assert reply.status in {201, 400}
    assert shared.ask("GET", "/api/App/Version", {}, b"").status == 200
    assert shared.ask("GET", "/_emulator/faults", {}, b"").status == 200
    assert shared.ask("DELETE", "/_emulator/faults", {}, b"").status == 204
