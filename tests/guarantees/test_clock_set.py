"""The machine's clock is set back and forward, while the bridge runs and while it does not."""

from __future__ import annotations

import pytest

from tests.guarantees.fleet import Fleet, await_grown, settle
from tests.guarantees.line import Line
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.wall_clock import WallClock

pytestmark = pytest.mark.slow

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


@pytest.fixture
def wall(made: Line) -> WallClock:
    """The bridge's wall clock; WATS and devices have another."""
    wall = WallClock(made.folder / "clock")
    made.bridge.environment = wall.environment
    return wall


@pytest.mark.parametrize("killed", [False, True], ids=["running", "killed"])
def test_set_while_deliveries_wait_for_their_next_try(
    made: Line, wall: WallClock, fleet: Fleet, *, killed: bool
) -> None:
    """What was put off until a time by the old clock does not wait for that time by the new one."""
    assert made.emulator is not None
    for ahead_s in (-HOUR_S, 40 * DAY_S, -DAY_S):
        made.emulator.clear_faults()
        made.emulator.fault("status", status=500, path="/api", times=12)
        before = made.bridge.status()["retried"]
        fleet.publish(2)
        await_grown(made, "retried", before)
        if killed:
            made.bridge.kill()
        wall.set(ahead_s=ahead_s)
        if killed:
            made.bridge.start()
            made.await_session()
        fleet.publish(1)
        assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
