"""A session keeps its subscriptions; those that the configuration no longer has are ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guarantees.line import BOUND_S, Line, Testers, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

SCAN: dict[str, object] = {"serial_number": "S-1", "part_number": "P", "station": "ST1"}


def test_a_filter_that_was_removed_no_longer_brings_messages(tmp_path: Path) -> None:
    """Else each of them would stand in quarantine, for as long as the broker keeps the session."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        testers = Testers(made.mosquitto.port)
        assert stored_of_a_scan_and_a_result(made, testers) == 2

        made.bridge.stop()
        text = made.bridge.config.read_text()
        made.bridge.config.write_text(text.replace("[wats]\n", "[topics]\nproduction_topics = []\n[wats]\n"))
        made.bridge.start()
        made.await_session()

        block_until(
            lambda: stored_of_a_scan_and_a_result(made, testers) == 1, bound_s=BOUND_S, what="the scan stays away"
        )
        testers.close()


def stored_of_a_scan_and_a_result(made: Line, testers: Testers) -> int:
    """Publish one after the other, wait until the result is in WATS, and tell how many of the two were stored."""
    before, reports = stored(made), len(made.reports())
    testers.send("lines/L1/scan", SCAN)
    testers.wait()
    number = testers.published["T1"]
    testers.published["T1"] += 1
    testers.send(
        "testers/T1/results",
        {
            "serial_number": f"T1-{number:06d}",
            "part_number": "P",
            "timestamp": f"2026-01-26T06:00:{number:02d}Z",
            "result": "Passed",
        },
    )
    made.await_reports(reports + 1)
    return stored(made) - before


def stored(made: Line) -> int:
    """Tell how many messages the bridge has stored since it was started."""
    return int(made.bridge.status()["stored"])
