"""WATS is away for an hour, or takes another token than ours: what comes meanwhile is kept, and nothing is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.guarantees.fleet import Fleet, await_stored, settle
from tests.guarantees.line import BOUND_S, Line
from tests.guarantees.reconcile import EXACT, compare
from tests.waiting import block_until

pytestmark = pytest.mark.slow

RATE = 600
"""An hour is six seconds."""
HOUR_S = 3_600.0
OLD, NEW = "b2xk", "bmV3"


@pytest.fixture
def clock(made: Line) -> tuple[str, ...]:
    """Let bridge and WATS go by one clock that is fast; gives the options that say so."""
    clock = ("--clock-rate", str(RATE), "--clock-since", str(time.time()))
    made.kill_wats()
    made.start_wats(*clock)
    made.bridge.options = clock
    return clock


@pytest.fixture
def token_file(made: Line) -> Path:
    """The file in which the bridge finds its token; WATS takes that one."""
    made.kill_wats()
    made.start_wats("--token", OLD)
    file = made.folder / "token"
    file.write_text(OLD)
    config = made.bridge.config.read_text()
    made.bridge.config.write_text(config.replace('token = "c2VjcmV0"', f'token_file = "{file}"'))
    return file


def owed_for_s(made: Line) -> float:
    """Tell how long WATS has waited for the oldest reading that it does not have."""
    staleness = made.bridge.status().get("staleness", {})
    return max((kind["max_s"] for kind in staleness.values()), default=0.0)


def test_an_hours_outage(made: Line, clock: tuple[str, ...], fleet: Fleet) -> None:
    """All of it is received and stored, also by a bridge that is killed meanwhile and starts without WATS."""
    fleet.publish(2)
    made.await_reports(1)
    made.kill_wats()
    for _ in range(2):
        fleet.publish(6)
        fleet.wait()
        await_stored(made, fleet.sent)
        made.bridge.kill()
        made.bridge.start()
        made.await_session()
    block_until(lambda: owed_for_s(made) > HOUR_S, bound_s=BOUND_S, what="an hour has passed")
    assert made.bridge.status()["wats_reachable"] is False
    made.start_wats(*clock)
    fleet.publish(1)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert owed_for_s(made) == 0
    assert [text for text in made.bridge.lines() if text.endswith("WATS is back")]


def test_a_token_that_is_changed_on_the_server_first_and_then_on_disk(
    made: Line, token_file: Path, fleet: Fleet
) -> None:
    """401 in mid-stream pauses delivery and is told; the new token is found without a restart, and never shown."""
    fleet.publish(2)
    made.await_reports(1)
    made.kill_wats()
    made.start_wats("--token", NEW)
    fleet.publish(3)
    fleet.wait()
    block_until(lambda: "401" in made.bridge.status()["wats_problem"], bound_s=BOUND_S, what="the token is refused")
    await_stored(made, fleet.sent)
    token_file.write_text("")  # as a program that writes it anew leaves it for a moment
    fleet.publish(1)
    token_file.write_text(f"{NEW}\n")
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert [text for text in made.bridge.lines() if "refuses the token" in text]
    told = made.bridge.log.read_text()
    assert OLD not in told
    assert NEW not in told


def test_a_token_that_is_changed_on_disk_first(made: Line, token_file: Path, fleet: Fleet) -> None:
    """The old one is used as long as the server takes it; then the new one, at once: nothing is put off for it."""
    fleet.publish(2)
    token_file.write_text(NEW)
    made.await_reports(1)
    settle(made, fleet.sent)
    made.bridge.pause()
    made.kill_wats()
    made.start_wats("--token", NEW)
    made.bridge.resume()
    before = made.bridge.status()["retried"]
    fleet.publish(3)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert not [text for text in made.bridge.lines() if "refuses the token" in text]
    assert made.bridge.status()["retried"] == before
