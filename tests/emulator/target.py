"""An emulator without a socket, and what tests throw at it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.exchange import Exchange
from pywats_mqtt.emulator.faults import Faults
from pywats_mqtt.emulator.inspection import Inspection
from pywats_mqtt.emulator.request_log import Arrival, RequestLog
from pywats_mqtt.emulator.settings import Server, Settings
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Reply
from tests.emulator.examples import REPORT_ID, report

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TYPE_ID = "0f6f3a9a-aba9-4abd-86bf-f9e9cf8c0528"
HEADERS = [
    (b"host", b"wats.example"),
    (b"authorization", b"Basic c2VjcmV0"),
    (b"referer", b"http://wats.example/"),
]

NASTY: Sequence[object] = [
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
    "9999-12-31T23:59:59-23:00",
    "0001-01-01T00:00:00+23:00",
    TYPE_ID,
    REPORT_ID,
]
"""Values that a field may not expect."""


def method_of(path: str) -> str:
    """The method that takes a body there."""
    return "POST" if path.endswith(("WSJF", "Message", "PostProductRevisionRelation")) else "PUT"


class Target:
    """An emulator of the newest release, which has all routes: one asset, one report."""

    def __init__(self) -> None:
        settings = Settings(rate_limit=0, server=list(Server)[-1])
        self.store = Store(None)
        self.faults = Faults()
        self._log = RequestLog(self.store, 1_000)
        throttle = Throttle(0)
        self._exchange = Exchange(settings, self.store, self._log, throttle)
        self.inspection = Inspection(self.store, self._log, self.faults, throttle, settings.clock)

    def ask(self, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
        """The answer to a request."""
        inspected = self.inspection.find(method, path)
        if inspected is not None:
            return self._exchange.inspect(inspected, Arrival(0, NOW, method, path, query, body))
        self.faults.take(method, path, time.monotonic())
        return self._exchange.process(Arrival(self._log.next_seq(), NOW, method, path, query, body), HEADERS)

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
