"""The bridge calls WATS as fast as WATS accepts: fewer calls where it refuses some, and slowly at first."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from tests.contract.brokers.mosquitto import HOST, Mosquitto
from tests.emulator.server import RunningEmulator, running_emulator
from tests.guarantees.line import Bridge
from tests.guarantees.test_broker import listening
from tests.waiting import block_until

RATE = 200
"""How fast the clock of bridge and emulator goes."""

TESTERS = 20
MANY = 600
"""Results: more than a minute has calls."""

LOWERED = "calls a minute instead of 450, more as it accepts them: "
RESTORED = "WATS gets all 450 calls a minute again"


class Line:
    """Mosquitto, the emulator and the bridge as processes."""

    def __init__(self, folder: Path, mosquitto: Mosquitto, wats: RunningEmulator, clock: tuple[str, ...]) -> None:
        self.mosquitto = mosquitto
        self.wats = wats
        self.bridge = Bridge(folder / "bridge.toml", *clock)
        self.bridge.config.write_text(
            f'[mqtt]\nbroker = "{HOST}"\nport = {mosquitto.port}\n'
            f'[wats]\nurl = "{wats.url}"\ntoken = "c2VjcmV0"\ndefault_part_number = "PN"\n'
            '[spool]\npath = "spool.db"\n'
        )

    def start(self) -> None:
        """Start the bridge."""
        self.bridge.start()
        block_until(lambda: self.bridge.status().get("connected"), bound_s=60.0, what="the bridge connected")

    def publish(self, count: int, first: int = 0) -> None:
        """Publish numbered results of some testers in turn."""
        messages: list[Any] = [
            {"topic": f"testers/T{number % TESTERS}/results", "payload": _result(number), "qos": 1}
            for number in range(first, first + count)
        ]
        paho.mqtt.publish.multiple(messages, hostname=HOST, port=self.mosquitto.port)

    def reports(self) -> list[dict[str, Any]]:
        """Give the reports that WATS holds."""
        found: list[dict[str, Any]] = self.wats.state()["reports"]
        return found

    def lines(self, words: str) -> list[str]:
        """Give the lines of the bridge's log that say this."""
        return [line for line in self.bridge.lines() if words in line]

    def check(self, count: int) -> None:
        """Compare both ends: each result once, in the order of its tester."""
        block_until(lambda: self.bridge.status().get("waiting") == 0, bound_s=120.0, what="all delivered")
        assert Counter(report["sn"] for report in self.reports()) == Counter(f"U{n:04d}" for n in range(count))
        assert self.bridge.status()["quarantined"] == 0
        first: dict[str, int] = {}
        for request in self.wats.requests():
            if request["path"] == "/api/Report/WSJF":
                first.setdefault(request["body"]["sn"], request["seq"])
        for tester in range(TESTERS):
            numbers = [first[f"U{number:04d}"] for number in range(tester, count, TESTERS)]
            assert numbers == sorted(numbers)


def _result(number: int) -> str:
    return json.dumps({"message_id": str(number), "serial_number": f"U{number:04d}", "result": "P"})


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Run them, but for the bridge."""
    clock = ("--clock-rate", str(RATE), "--clock-since", str(time.time()))
    with ExitStack() as ends:
        mosquitto = Mosquitto(tmp_path / "mosquitto")
        ends.callback(mosquitto.kill)
        mosquitto.start()
        wats = ends.enter_context(running_emulator(*clock))
        line = Line(tmp_path, mosquitto, wats, clock)
        ends.callback(line.bridge.kill)
        yield line


def test_a_server_that_refuses_some_gets_fewer_calls_and_then_all_again(line: Line) -> None:
    """It says so once each; nothing is lost or doubled, also where answers are lost meanwhile."""
    line.start()
    line.wats.fault("throttle", path="/api/Report/WSJF", retry_after="5", times=1)
    line.wats.fault("drop_after", path="/api/Report/WSJF", times=2)
    line.publish(MANY)
    block_until(lambda: line.lines(LOWERED), what="the rate is lowered")
    line.check(MANY)
    more = MANY
    while not line.lines(RESTORED):
        line.publish(TESTERS, more)
        more += TESTERS
        line.check(more)
    assert [found.rsplit(": ", 1)[1] for found in line.lines(LOWERED)] == ["429"]
    assert len(line.lines(RESTORED)) == 1
    assert line.bridge.status()["rate"] == {"now": 450, "limit": 450, "why": ""}


def test_a_backlog_at_the_start_is_begun_slowly_and_delivered(line: Line) -> None:
    """What was owed when the bridge ended goes out with a rising rate, which `status` tells meanwhile."""
    line.wats.fault("status", status=502)
    line.start()
    line.publish(MANY)
    block_until(lambda: line.bridge.status().get("stored") == MANY, what="all stored")
    line.bridge.kill()
    line.wats.clear_faults()
    line.bridge.start()
    block_until(lambda: line.lines(LOWERED), bound_s=60.0, what="the rate begins low")
    line.check(MANY)
    assert line.lines(LOWERED)[0].endswith("much was owed at the start")
    block_until(lambda: line.lines(RESTORED), what="the rate at its limit")


def test_a_token_that_is_refused_is_an_alarm(line: Line) -> None:
    """So is a kind of call that needs a permission: who hears it learns why and what to do; each is told once."""
    line.start()
    with (
        listening(line.mosquitto.port, "wats/alarms/call_refused") as calls,
        listening(line.mosquitto.port, "wats/alarms/token_refused") as tokens,
    ):
        line.wats.fault("status", status=403, path="/api/Report/WSJF", times=1)
        line.publish(1)
        block_until(lambda: calls, what="the alarm about the call")
        line.check(1)
        line.wats.fault("status", status=401, times=3)
        line.publish(1, 1)
        block_until(lambda: tokens, what="the alarm about the token")
        line.check(2)
    (call,), (token,) = [json.loads(each) for each in calls], [json.loads(each) for each in tokens]
    assert (call["alarm"], call["call"]) == ("call_refused", "test_result")
    assert "give the token this permission" in call["problem"]
    assert token["alarm"] == "token_refused"
    assert "check wats.token" in token["problem"]
