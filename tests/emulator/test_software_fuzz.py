"""Whatever a client sends about packages, it gets an answer that is not 500, and what was taken can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.emulator import Server, Settings
from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.exchange import Exchange
from pywats_mqtt.emulator.request_log import Arrival, RequestLog
from pywats_mqtt.emulator.software.routes import SOFTWARE_ROUTES
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Reply
from tests.emulator.target import HEADERS, NASTY
from tests.emulator.test_fuzz import changed, json_values, places

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Target:
    """A newer emulator without a socket, with a package of each kind and a folder."""

    def __init__(self) -> None:
        self.store = Store(None)
        self._log = RequestLog(self.store, 1_000)
        settings = Settings(rate_limit=0, server=Server.V2026_3)
        self._exchange = Exchange(settings, self.store, self._log, Throttle(0))
        self.draft = self.make("/api/Software/Package", {"name": "Draft"})["packageId"]
        self.pending = self.make("/api/Software/Package", {"name": "Pending"})["packageId"]
        assert self.ask("POST", f"/api/Software/PackageStatus/{self.pending}", {"status": "Pending"}).status == 200
        self.folder = self.make("/api/Software/VirtualFolder", {"name": "Folder"})["id"]

    def ask(self, method: str, path: str, query: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        """The answer to a request."""
        arrival = Arrival(self._log.next_seq(), NOW, method, path, query or {}, body)
        return self._exchange.process(arrival, HEADERS)

    def make(self, path: str, value: object) -> dict[str, Any]:
        """Store something."""
        reply = self.ask("POST", path, body=msgspec.json.encode(value))
        assert reply.status == 200
        stored: dict[str, Any] = msgspec.json.decode(reply.body)
        return stored

    def bodies(self) -> list[tuple[str, str, dict[str, Any]]]:
        """A right body for each route that takes one, with every field."""
        package = {
            "packageId": self.draft,
            "name": "Draft",
            "description": "x",
            "status": "Draft",
            "version": 1,
            "installOnRoot": False,
            "rootDirectory": "x",
            "priority": 0,
            "virtualFolderId": self.folder,
            "tags": [{"key": "Line", "value": "1"}],
        }
        folder = {"id": self.folder, "parentId": None, "name": "x", "description": "x", "isRestricted": False}
        return [
            ("POST", "/api/Software/Package", package),
            ("PUT", f"/api/Software/Package/{self.draft}", package),
            ("PUT", f"/api/Software/Package/{self.pending}", {**package, "packageId": self.pending}),
            ("POST", "/api/Software/VirtualFolder", folder),
            ("PUT", "/api/Software/VirtualFolder", folder),
        ]

    def answered(self, method: str, path: str, body: bytes) -> None:
        """Send a body: it is taken, and everything can be read afterwards, or it is refused with a sentence."""
        reply = self.ask(method, path, body=body)
        if reply.status == 200:
            for read in ("Packages", f"Package/{self.draft}", "VirtualFolders"):
                assert self.ask("GET", f"/api/Software/{read}").status == 200, body
            assert self.ask("GET", "/api/Software/PackagesByTag", {"tag": "Line=1", "status": "Draft"}).status == 200
        else:
            assert reply.status in {400, 404}, body
            assert msgspec.json.decode(reply.body)["Message"]


@contextmanager
def target() -> Iterator[Target]:
    """An emulator with something in it."""
    found = Target()
    try:
        yield found
    finally:
        found.store.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Target]:
    """One emulator for all examples of a test; what they store stays."""
    with target() as found:
        yield found


def test_each_field_with_each_nasty_value() -> None:
    """No single value in any place is more than a 400 or a 404."""
    with target() as found:
        for method, path, body in found.bodies():
            for way in places(body):
                for value in NASTY:
                    found.answered(method, path, msgspec.json.encode(changed(body, way, value)))


@pytest.mark.parametrize("text", [b"\\ud800", b"x\\udfff", b"\\u0000", b"\xed\xa0\x80", b"\xff"])
def test_text_that_is_no_unicode(shared: Target, text: bytes) -> None:
    """A lone surrogate, escaped or not, and bytes that are no UTF-8 are no more than a 400."""
    for method, path, _ in shared.bodies():
        shared.answered(method, path, b'{"name": "%s", "tags": [{"key": "Line", "value": "%s"}]}' % (text, text))


@given(st.data())
def test_bodies_with_wrong_values(shared: Target, data: st.DataObject) -> None:
    """The same with two or three wrong values at once."""
    method, path, body = data.draw(st.sampled_from(shared.bodies()))
    for _ in range(data.draw(st.integers(2, 3))):
        body = changed(body, data.draw(st.sampled_from(list(places(body)))), data.draw(json_values))
    shared.answered(method, path, msgspec.json.encode(body))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.sampled_from(["name", "status", "version", "tag", "value", "cleanInstall", "attribute", "$top"])
values = st.sampled_from(["", "Draft", "draft", "1", "-1", "true", "9" * 30, "Line=1", "=", "\0", "x" * 6_000]) | texts


@given(st.data())
def test_any_route_with_any_query(shared: Target, data: st.DataObject) -> None:
    """Every route answers every method, identifier, query and body with something other than 500."""
    method = data.draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH"]))
    identifier = data.draw(st.sampled_from([shared.draft, shared.pending, shared.folder]) | texts)
    path = data.draw(st.sampled_from(sorted(SOFTWARE_ROUTES))).replace("{}", identifier)
    query = data.draw(st.dictionaries(names, values, max_size=4))
    assert shared.ask(method, path, query, data.draw(st.binary(max_size=20))).status in {200, 400, 404, 405}
