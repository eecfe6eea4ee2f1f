"""The promise: what was acknowledged is in WATS exactly once, in order per device, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarantees.line import TESTERS, Line, Testers, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

EACH = 60
"""Results of each tester, where a scenario is not about a long backlog."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line with broker and WATS running, and the bridge connected."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


@pytest.fixture
def testers(running: Line) -> Iterator[Testers]:
    """Testers that publish to the running line."""
    made = Testers(running.mosquitto.port)
    yield made
    made.close()


def test_kill_9_of_the_bridge_mid_stream_with_a_long_backlog(running: Line, testers: Testers) -> None:
    """Killed again and again while it receives, stores and delivers more than all its queues hold, it loses nothing.

    The backlog is above the spool's window of deliveries in memory, and above the broker's window for the bridge.
    """
    running.bridge.kill()
    testers.publish(500)
    testers.wait()
    for kills in range(5):
        running.bridge.start()
        testers.publish(10)
        running.await_reports(100 + 300 * kills)
        running.bridge.kill()
    running.bridge.start()
    testers.wait()
    running.assert_complete(testers.published)


def test_sigterm_under_load_drains_and_exits_0(running: Line, testers: Testers) -> None:
    """A stop in mid-stream ends within its limit with exit code 0, and the next start goes on where it was."""
    testers.publish(EACH)
    running.await_reports(TESTERS)
    assert running.bridge.stop() == 0
    testers.publish(EACH)
    running.bridge.start()
    testers.wait()
    running.assert_complete(testers.published)


def test_broker_stopped_and_restarted_from_its_persistence(running: Line, testers: Testers) -> None:
    """The broker goes away in mid-stream and comes back: one line when it goes, one when it is back, nothing lost."""
    for _ in range(2):
        testers.publish(EACH)
        block_until(lambda: running.bridge.status().get("stored", 0) > TESTERS, what="some stored")
        running.mosquitto.stop()
        block_until(lambda: not running.bridge.status()["connected"], what="the bridge notices")
        running.mosquitto.start()
        running.await_session()
    testers.wait()
    running.assert_complete(testers.published)
    away = [text for text in running.bridge.lines() if "broker is away" in text]
    back = [text for text in running.bridge.lines() if "broker is back" in text]
    assert (len(away), len(back)) == (2, 2)


def test_broker_absent_at_start(tmp_path: Path) -> None:
    """The bridge waits for a broker that is not there yet, and takes what comes once it is."""
    with line(tmp_path) as made:
        made.start_wats()
        made.bridge.start()
        block_until(lambda: made.bridge.status().get("broker_problem"), what="the bridge tried")
        assert not made.bridge.status()["connected"]
        made.mosquitto.start()
        made.await_session()
        testers = Testers(made.mosquitto.port)
        testers.publish(EACH)
        testers.wait()
        testers.close()
        made.assert_complete(testers.published)


def test_wats_unreachable_in_mid_stream(running: Line, testers: Testers) -> None:
    """WATS is killed and comes back: results are kept meanwhile, and nothing is refused."""
    testers.publish(EACH)
    running.await_reports(TESTERS)
    running.kill_wats()
    testers.publish(EACH)
    testers.wait()
    block_until(lambda: not running.bridge.status()["wats_reachable"], what="the bridge notices")
    running.start_wats()
    running.assert_complete(testers.published)
    assert [text for text in running.bridge.lines() if text.endswith("WATS is back")] != []


def test_wats_answers_503_for_a_while(running: Line, testers: Testers) -> None:
    """503 puts everything off and uses up no attempt."""
    assert running.emulator is not None
    running.emulator.fault("status", path="/api/Report", status=503, times=10)
    testers.publish(EACH // 4)  # the rate that follows takes its time
    testers.wait()
    running.assert_complete(testers.published)
    refused = [request for request in running.emulator.requests() if request["status"] == 503]
    assert len(refused) == 10


def test_wats_refuses_the_token_for_a_while(running: Line, testers: Testers) -> None:
    """401 pauses delivery and says so; receiving and storing go on."""
    assert running.emulator is not None
    running.emulator.fault("status", path="/api/Report", status=401, times=3)
    testers.publish(EACH)
    testers.wait()
    running.assert_complete(testers.published)
    assert any("401" in text for text in running.bridge.lines())


def test_wats_drops_the_connection_after_it_stored_the_report(running: Line, testers: Testers) -> None:
    """The outcome is unknown, so the report is sent again under its id, and overwrites itself."""
    assert running.emulator is not None
    running.emulator.fault("drop_after", path="/api/Report/WSJF", times=9)
    testers.publish(EACH)
    testers.wait()
    running.assert_complete(testers.published)
    twice = [report for report in running.reports() if report["receiveCount"] > 1]
    assert twice, "at least one report was received again"
