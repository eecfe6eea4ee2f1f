"""Counters as a plant meets them: over MQTT into WATS, through lost answers, kill -9, repeats and a deleted asset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarantees.line import BOUND_S, Line, line
from tests.guarantees.test_shopfloor import publish, requests
from tests.waiting import block_until

pytestmark = pytest.mark.slow

COUNT = "/api/Asset/Count"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Line]:
    """A line of which everything runs; counts go out at once."""
    with line(tmp_path) as made:
        config = made.bridge.config
        text = config.read_text().replace("[wats]\n", "[wats]\nupdate_interval_s = 0.0\n", 1)
        config.write_text(text)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        yield made


def totals(made: Line) -> dict[str, int]:
    """Give the totals in WATS."""
    assert made.emulator is not None
    return {asset["serialNumber"]: asset["totalCount"] for asset in made.emulator.state()["assets"]}


def await_totals(made: Line, **wanted: int) -> None:
    """Wait until WATS has these totals, and nothing waits."""

    def are_there() -> bool:
        return totals(made) == wanted and made.bridge.status().get("waiting") == 0

    block_until(are_there, bound_s=BOUND_S, what=f"{wanted} in WATS")


def await_requests(made: Line, count: int) -> None:
    """Wait until WATS was asked to count so often."""
    block_until(lambda: len(requests(made, COUNT)) >= count, bound_s=BOUND_S, what="a count was sent")


def test_absolute_and_numbered_counters_end_exact(running: Line) -> None:
    """Answers are lost before and after their effect, the bridge dies twice, and each message arrives twice."""
    assert running.emulator is not None
    for turn in range(3):
        running.emulator.fault("drop_after", path=COUNT, times=2)
        running.emulator.fault("drop_before", path=COUNT, times=1)
        before = len(requests(running, COUNT))
        numbers = [number for number in range(turn * 10 + 1, turn * 10 + 11) for _twice in range(2)]
        publish(
            running,
            "assets/A/counters",
            *({"total_count": number, "timestamp": f"2026-01-26T10:00:{number:02d}Z"} for number in numbers),
        )
        publish(running, "assets/S/counters", *({"increment": 2, "sequence": number} for number in numbers))
        publish(running, "assets/M/counters", *({"increment": 3, "message_id": f"m{number}"} for number in numbers))
        await_requests(running, before + 1)
        if turn < 2:
            running.bridge.kill()
            running.bridge.start()
    await_totals(running, A=30, S=60, M=90)

    status = running.bridge.status()
    assert (status["quarantined"], status["counters_inexact"]) == (0, {})


def test_what_cannot_be_exact_is_counted_and_shown(running: Line) -> None:
    """Increments that name nothing: each may have arrived twice, and nobody could tell."""
    publish(running, "assets/U/counters", {"increment": 4}, {"increment": 5})
    await_totals(running, U=9)

    status = running.bridge.status()
    assert status["counters_inexact"] == {"U": 9}
    assert status["not_exactly_once"] == {"assets/+/counters": 2}
