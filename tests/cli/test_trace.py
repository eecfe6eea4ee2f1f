"""`trace` as an operator uses it: what became of this unit, this message, this report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_by_hand import command, publish
from tests.guarantees.line import Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
WSJF = "/api/Report/WSJF"
RESULT: dict[str, Any] = json.loads((EXAMPLES / "result.json").read_bytes()) | {"message_id": "m-1"}
"""The proposal's payload, with an id."""
SERIAL = str(RESULT["serial_number"])


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line of which everything runs."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def trace(made: Line, word: str, code: int = 0) -> list[dict[str, Any]]:
    """Run the command, and give its JSON."""
    done = command("trace", word, "-c", str(made.bridge.config), "--json")
    assert done.returncode == code, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def names(way: dict[str, Any]) -> list[str]:
    """Give the names of a message's hops."""
    return [hop["hop"] for hop in way["hops"]]


def await_count(made: Line, name: str, count: int) -> None:
    """Wait until a figure of the status is so much."""
    block_until(lambda: made.bridge.status().get(name) == count, what=f"{count} {name}")


def test_every_hop_of_a_result_is_told_through_a_lost_answer_and_kill_9(running: Line) -> None:
    """Received, stored, read, tried in vain, delivered; by all names, and when the bridge is dead; its repeat."""
    assert running.emulator is not None
    running.emulator.fault("drop_after", path=WSJF, times=1)
    publish(running, "testers/T1/results", json.dumps(RESULT))
    await_count(running, "delivered", 1)
    publish(running, "testers/T1/results", json.dumps(RESULT))
    await_count(running, "duplicates", 1)
    first, repeat = trace(running, SERIAL)
    assert names(first) == ["received", "stored", "interpreted", "tried", "delivered"]
    assert first["tries"] == 1
    assert first["hops"][0]["what"].startswith("on testers/T1/results, QoS 1, packet ")
    assert all(hop["at"] for hop in first["hops"])
    assert [hop["at"] for hop in first["hops"]] == sorted(hop["at"] for hop in first["hops"])
    (report,) = running.reports()
    assert first["report_id"] == report["id"]
    assert first["hops"][-1]["what"] == f"report {report['id']} is in WATS"
    assert names(repeat) == ["received", "stored", "duplicate"]
    assert repeat["hops"][-1]["what"].startswith(f"of the message of batch {first['batch']}, received ")
    running.bridge.kill()
    for word in (SERIAL, "m-1", report["id"].upper()):
        assert trace(running, word) == [first, repeat]
    shown = command("trace", SERIAL, "-c", str(running.bridge.config))
    assert f"test_result, {SERIAL}, message m-1, report {report['id']}: delivered" in shown.stdout
    assert trace(running, "nobody", code=1) == []


def test_a_refused_message_is_found_in_quarantine_and_through_its_release(running: Line) -> None:
    """By its serial number, although nobody understood it; after a retry, both its ways."""
    wrong = RESULT | {"steps": [{"name": "A", "value": "high"}]}
    publish(running, "testers/T1/results", json.dumps(wrong))
    await_count(running, "quarantined", 1)
    (refused,) = trace(running, SERIAL)
    assert names(refused) == ["received", "quarantined"]
    assert refused["hops"][0]["what"] == "on testers/T1/results, QoS 1"
    assert "$.steps[0].value" in refused["hops"][1]["what"]
    assert refused["quarantine_id"] == 1
    assert command("spool", "discard", "1", "--yes", "-c", str(running.bridge.config)).returncode == 0
    (discarded,) = trace(running, "m-1")
    assert names(discarded) == ["received", "quarantined", "discarded"]
    publish(running, "testers/T1/results", json.dumps(RESULT))
    await_count(running, "delivered", 1)
    assert [way["state"] for way in trace(running, SERIAL)] == ["discarded", "delivered"]


def test_what_waits_says_so_beside_a_running_bridge(running: Line) -> None:
    """WATS is away: stored and owed, with why; counts with a message id are told where they went."""
    running.kill_wats()
    publish(running, "testers/T1/results", json.dumps(RESULT))
    block_until(lambda: was_tried(running), what="a try in vain")
    (waiting,) = trace(running, SERIAL)
    assert waiting["state"] == "waiting"
    publish(running, "assets/F1/counters", '{"increment": 1, "message_id": "c-1"}')
    block_until(lambda: command("trace", "c-1", "-c", str(running.bridge.config)).returncode == 0, what="it is read")
    (folded,) = trace(running, "c-1")
    assert names(folded) == ["received", "stored", "folded", "waiting"]
    running.start_wats()
    await_count(running, "waiting", 0)
    assert [way["state"] for way in (*trace(running, SERIAL), *trace(running, "c-1"))] == ["delivered", "delivered"]


def was_tried(made: Line) -> bool:
    """Tell whether the result was tried in vain."""
    done = command("trace", SERIAL, "-c", str(made.bridge.config), "--json")
    return '"tried"' in done.stdout
