"""Self-tests as a plant meets them: over MQTT into WATS, through lost answers, kill -9, and silence."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.brokers.mosquitto import HOST
from tests.guarantees.line import Line, line
from tests.guarantees.test_shopfloor import publish, read, requests, settled
from tests.waiting import block_until

pytestmark = pytest.mark.slow

FIXTURE = "FIXTURE-001"
SELF_TESTS = f"devices/{FIXTURE}/selftest"
PASSED: dict[str, object] = json.loads(
    (Path(__file__).parents[1] / "cases/report/proposal_selftest/message.json").read_bytes()
)
"""The proposal's payload; it says 06:00."""
RETAINED = f"wats/alarms/selftest_failed/{FIXTURE}"


@contextmanager
def blocking(folder: Path, settings: str = "", rate: int = 1) -> Iterator[Line]:
    """A line of which everything runs, with `block`; it looks often. The bridge's clock goes `rate` times as fast."""
    with line(folder) as made:
        config = made.bridge.config
        config.write_text(
            f'{config.read_text()}[assets]\nselftest_failed = "block"\n{settings}[software]\nrefresh_s = {0.5 * rate}\n'
        )
        made.bridge.options = ("--clock-rate", str(rate))
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def asset(made: Line) -> dict[str, Any]:
    """Give the fixture as it stands in WATS; empty where it does not."""
    assert made.emulator is not None
    found: list[dict[str, Any]] = made.emulator.state()["assets"]
    return next((one for one in found if one["serialNumber"] == FIXTURE), {})


def log(made: Line) -> list[str]:
    """Give the messages in the fixture's log, oldest first."""
    assert made.emulator is not None
    rows = made.emulator.state()["asset_log"]
    return [row["comment"] for row in rows if row["serialNumber"] == FIXTURE and row["type"] == 0]


def tag(made: Line) -> str:
    """Give what the fixture's tag says."""
    return next((one["value"] for one in asset(made).get("tags", []) if one["key"] == "selftest"), "")


def kept(made: Line) -> dict[str, Any]:
    """Give what the broker keeps of the alarm; empty where it keeps nothing."""
    words = [
        "mosquitto_sub",
        "-V",
        "5",
        "-h",
        HOST,
        "-p",
        str(made.mosquitto.port),
        "-t",
        RETAINED,
        "-t",
        "end",
        "-C",
        "1",
    ]
    end = ["mosquitto_pub", "-V", "5", "-h", HOST, "-p", str(made.mosquitto.port), "-t", "end", "-r", "-m", "{}"]
    subprocess.run(end, check=True)
    found: dict[str, Any] = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=20).stdout)
    return found


def checks(made: Line, serial_number: str) -> list[str]:
    """Give what the report of a unit says of its fixtures."""
    (report,) = [one for one in made.reports() if one["sn"] == serial_number]
    infos = read(made, report["id"]).get("miscInfos", [])
    return [info["text"] for info in infos if info["description"] == "selftest_check"]


def on_fixture(serial_number: str, start: str) -> dict[str, object]:
    """Give the result of a unit on the fixture."""
    used = [{"asset": FIXTURE}]
    return {"serial_number": serial_number, "part_number": "P", "result": "P", "timestamp": start, "assets": used}


def test_a_failed_self_test_blocks_the_fixture_and_names_the_units(tmp_path: Path) -> None:
    """Three kinds of call lose an answer, and the bridge dies; then a good one ends it."""
    with blocking(tmp_path) as made:
        assert made.emulator is not None
        publish(made, SELF_TESTS, PASSED)
        settled(made, 1)
        publish(
            made,
            "testers/T1/results",
            on_fixture("U1", "2026-01-26T07:00:00Z"),
            on_fixture("U2", "2026-01-26T08:00:00Z"),
        )
        settled(made, 3)
        assert (tag(made), log(made)) == ("passed 2026-01-26T06:00:00+00:00", [])

        for path in ("/api/Asset", "/api/Asset/State", "/api/Asset/Message"):
            made.emulator.fault("drop_after", path=path, method="PUT" if path == "/api/Asset" else None, times=1)
        publish(made, SELF_TESTS, {**PASSED, "result": "Failed", "timestamp": "2026-01-26T09:00:00Z"})
        block_until(lambda: requests(made, "/api/Asset/State"), what="the state was set")
        made.bridge.kill()
        made.bridge.start()
        settled(made, 4)
        publish(made, "testers/T1/results", on_fixture("U3", "2026-01-26T10:00:00Z"))
        settled(made, 5)
        assert asset(made)["state"] == 3
        assert tag(made) == "failed 2026-01-26T09:00:00+00:00"
        first, units = log(made)
        assert first.endswith("2 reports of units since the last good one at 2026-01-26T06:00:00+00:00")
        assert units.endswith(": U1, U2")
        assert [checks(made, serial) for serial in ("U1", "U2", "U3")] == [
            [],
            [],
            [f"failed 2026-01-26T09:00:00+00:00: {FIXTURE}"],
        ]
        block_until(lambda: kept(made).get("serial_numbers") == "U1, U2", what="the alarm is kept")
        assert [fault["hits"] for fault in made.emulator.faults()] == [1, 1, 1]

        publish(made, SELF_TESTS, {**PASSED, "timestamp": "2026-01-26T11:00:00Z"})
        settled(made, 6)
        block_until(lambda: asset(made)["state"] == 1, what="the fixture is in operation")
        block_until(lambda: not kept(made), what="the alarm is gone")
        assert len(log(made)) == 3
        assert made.bridge.status()["quarantined"] == 0


def test_a_self_test_that_does_not_come_is_overdue(tmp_path: Path) -> None:
    """Without any message, and through a restart: the last one was in January.

    It is told once the bridge has listened for some minutes, which a fast clock makes seconds.
    """
    with blocking(tmp_path, "selftest_every_h = 24\n", rate=60) as made:
        publish(made, SELF_TESTS, PASSED)
        block_until(lambda: log(made), what="a line in the log")
        block_until(lambda: asset(made)["state"] == 3, what="the fixture in maintenance")
        assert tag(made) == "overdue since 2026-01-27T06:00:00+00:00, passed 2026-01-26T06:00:00+00:00"
        made.bridge.kill()
        made.bridge.start()
        publish(made, "testers/T1/results", on_fixture("U1", "2026-02-01T07:00:00Z"))
        settled(made, 2)
        assert checks(made, "U1") == [f"overdue since 2026-01-27T06:00:00+00:00: {FIXTURE}"]
        assert len(log(made)) == 1
