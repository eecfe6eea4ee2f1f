"""The bridge calls WATS as fast as WATS accepts: fewer calls where it refuses some, and slowly at first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from pywats_mqtt.app.standing import NOTE
from pywats_mqtt.wats.quota import RATE_NOTE
from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.quick_line import RATE, QuickLine, quick_line
from tests.guarantees.test_broker import listening
from tests.waiting import block_until

TESTERS = 20
MANY = 600
"""Results: more than a minute has calls."""

LOWERED = "calls a minute instead of 450, more as it accepts them: "
RESTORED = "WATS gets all 450 calls a minute again"


def publish(line: QuickLine, count: int, first: int = 0) -> None:
    """Publish numbered results of some testers in turn."""
    messages: list[Any] = [
        {"topic": f"testers/T{number % TESTERS}/results", "payload": _result(number), "qos": 1}
        for number in range(first, first + count)
    ]
    paho.mqtt.publish.multiple(messages, hostname=HOST, port=line.mosquitto.port)


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


def _result(number: int) -> str:
    return json.dumps({"message_id": str(number), "serial_number": f"U{number:04d}", "result": "P"})


@pytest.fixture
def rate(request: pytest.FixtureRequest) -> int:
    """Tell how fast the clock goes."""
    return int(getattr(request, "param", RATE))


@pytest.fixture
def line(tmp_path: Path, rate: int) -> Iterator[QuickLine]:
    """Broker and WATS; the bridge is to be started."""
    with quick_line(tmp_path, rate=rate) as line:
        yield line


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


@pytest.mark.parametrize("rate", [20], indirect=True)
@pytest.mark.parametrize("limit", [0, 450])
def test_a_bridge_that_is_started_while_wats_throttles_knows_so(line: QuickLine, limit: int) -> None:
    """Killed after a refusal it goes on as slowly, also without a limit of ours, until it may call as it did before."""
    config = line.bridge.config
    config.write_text(config.read_text().replace("[wats]\n", f"[wats]\nrequests_per_minute = {limit}\n"))
    lowered = f"calls a minute instead of {limit or 'any number'}, more as it accepts them: 429"
    restored = f"WATS gets all {f'{limit} calls a minute' if limit else 'calls at once'} again"
    line.start()
    line.wats.fault("throttle", path="/api/Report/WSJF", retry_after="60", times=1)
    line.wats.fault("drop_after", path="/api/Report/WSJF", times=1)
    publish(line, TESTERS)
    block_until(lambda: line.lines(lowered) and line.bridge.note(RATE_NOTE), what="the rate is lowered, and noted")
    line.bridge.kill()
    line.start()
    block_until(lambda: len(line.lines(lowered)) > 1, what="it knows")
    assert line.bridge.status()["rate"]["why"] == "429"
    assert [request["status"] for request in line.wats.requests()].count(429) == 1
    more = TESTERS
    check(line, more)
    while not line.lines(restored):
        publish(line, 1, more)
        more += 1
        check(line, more)
    assert line.bridge.status()["rate"] == {"now": limit, "limit": limit, "why": ""}


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


def test_what_wats_refuses_is_an_alarm_until_it_is_taken(line: QuickLine) -> None:
    """A kind of call without its permission: who listens, or comes later, learns why and what to do, and its end."""
    line.start()
    with listening(line.mosquitto.port, "wats/alarms/call_refused") as heard:
        line.wats.fault("status", status=403, path="/api/Report/WSJF")
        publish(line, 1)
        block_until(lambda: heard, what="the alarm about the call")
        with listening(line.mosquitto.port, "wats/alarms/call_refused/+/test_result") as kept:
            block_until(lambda: kept, what="what the broker keeps")
            line.wats.clear_faults()
            line.wats.fault("drop_after", path="/api/Report/WSJF", times=1)
            check(line, 1)
            block_until(lambda: len(heard) > 1, what="its end")
            block_until(lambda: kept[-1] == b"", what="the broker keeps it no more")
    raised, cleared = map(json.loads, heard)
    assert json.loads(kept[0]) == raised
    assert (raised["alarm"], raised["call"], raised["active"]) == ("call_refused", "test_result", True)
    assert "give the token this permission" in raised["problem"]
    assert (cleared["call"], cleared["active"], cleared["since"]) == ("test_result", False, raised["since"])


def test_a_token_that_is_taken_again_ends_its_alarm_also_after_a_kill(line: QuickLine) -> None:
    """The bridge that raised it is gone; the next one says that it is over."""
    line.start()
    with (
        listening(line.mosquitto.port, "wats/alarms/token_refused") as heard,
        listening(line.mosquitto.port, "wats/alarms/token_refused/+") as kept,
    ):
        line.wats.fault("status", status=401)
        publish(line, 1)
        block_until(lambda: heard and kept and kept[-1], what="the alarm about the token")
        block_until(lambda: line.bridge.note(NOTE), what="the note of it")
        line.bridge.kill()
        line.wats.clear_faults()
        line.start()
        check(line, 1)
        block_until(lambda: len(heard) > 1, what="its end")
        block_until(lambda: kept[-1] == b"", what="the broker keeps it no more")
    raised, cleared = map(json.loads, heard)
    assert (raised["alarm"], raised["active"]) == ("token_refused", True)
    assert "check wats.token" in raised["problem"]
    assert (cleared["active"], cleared["since"]) == (False, raised["since"])
