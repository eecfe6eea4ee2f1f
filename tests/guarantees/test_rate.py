"""The bridge calls WATS as fast as WATS accepts: fewer calls where it refuses some, and slowly at first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.quick_line import QuickLine, quick_line
from tests.guarantees.test_broker import listening
from tests.waiting import block_until

TESTERS = 20
MANY = 600
"""Results: more than a minute has calls."""

LOWERED = "calls a minute instead of 450, more as it accepts them: "
RESTORED = "WATS gets all 450 calls a minute again"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[QuickLine]:
    """Broker and WATS; the bridge is to be started."""
    with quick_line(tmp_path) as line:
        yield line


def publish(line: QuickLine, count: int, first: int = 0) -> None:
    """Publish numbered results of some testers in turn."""
    messages: list[Any] = [
        {"topic": f"testers/T{number % TESTERS}/results", "payload": _result(number), "qos": 1}
        for number in range(first, first + count)
    ]
    paho.mqtt.publish.multiple(messages, hostname=HOST, port=line.mosquitto.port)


def _result(number: int) -> str:
    return json.dumps({"message_id": str(number), "serial_number": f"U{number:04d}", "result": "P"})


def check(line: QuickLine, count: int) -> None:
    """Compare both ends: each result once, in the order of its tester."""
    block_until(lambda: line.bridge.status().get("waiting") == 0, bound_s=120.0, what="all delivered")
    assert Counter(report["sn"] for report in line.reports()) == Counter(f"U{n:04d}" for n in range(count))
    assert line.bridge.status()["quarantined"] == 0
    first: dict[str, int] = {}
    for request in line.wats.requests():
        if request["path"] == "/api/Report/WSJF":
            first.setdefault(request["body"]["sn"], request["seq"])
    for tester in range(TESTERS):
        numbers = [first[f"U{number:04d}"] for number in range(tester, count, TESTERS)]
        assert numbers == sorted(numbers)


def test_a_server_that_refuses_some_gets_fewer_calls_and_then_all_again(line: QuickLine) -> None:
    """It says so once each; nothing is lost or doubled, also where answers are lost meanwhile."""
    line.start()
    line.wats.fault("throttle", path="/api/Report/WSJF", retry_after="5", times=1)
    line.wats.fault("drop_after", path="/api/Report/WSJF", times=2)
    publish(line, MANY)
    block_until(lambda: line.lines(LOWERED), what="the rate is lowered")
    check(line, MANY)
    more = MANY
    while not line.lines(RESTORED):
        publish(line, TESTERS, more)
        more += TESTERS
        check(line, more)
    assert [found.rsplit(": ", 1)[1] for found in line.lines(LOWERED)] == ["429"]
    assert len(line.lines(RESTORED)) == 1
    assert line.bridge.status()["rate"] == {"now": 450, "limit": 450, "why": ""}


def test_a_backlog_at_the_start_is_begun_slowly_and_delivered(line: QuickLine) -> None:
    """What was owed when the bridge ended goes out with a rising rate, which `status` tells meanwhile."""
    line.wats.fault("status", status=502)
    line.start()
    publish(line, MANY)
    block_until(lambda: line.bridge.status().get("stored") == MANY, what="all stored")
    line.bridge.kill()
    line.wats.clear_faults()
    line.bridge.start()
    block_until(lambda: line.lines(LOWERED), bound_s=60.0, what="the rate begins low")
    check(line, MANY)
    assert line.lines(LOWERED)[0].endswith("much was owed at the start")
    block_until(lambda: line.lines(RESTORED), what="the rate at its limit")


def test_a_token_that_is_refused_is_an_alarm(line: QuickLine) -> None:
    """So is a kind of call that needs a permission: who hears it learns why and what to do; each is told once."""
    line.start()
    with (
        listening(line.mosquitto.port, "wats/alarms/call_refused") as calls,
        listening(line.mosquitto.port, "wats/alarms/token_refused") as tokens,
    ):
        line.wats.fault("status", status=403, path="/api/Report/WSJF", times=1)
        publish(line, 1)
        block_until(lambda: calls, what="the alarm about the call")
        check(line, 1)
        line.wats.fault("status", status=401, times=3)
        publish(line, 1, 1)
        block_until(lambda: tokens, what="the alarm about the token")
        check(line, 2)
    (call,), (token,) = [json.loads(each) for each in calls], [json.loads(each) for each in tokens]
    assert (call["alarm"], call["call"]) == ("call_refused", "test_result")
    assert "give the token this permission" in call["problem"]
    assert token["alarm"] == "token_refused"
    assert "check wats.token" in token["problem"]
