"""The bridge dies, in every way and at every moment: nothing is lost, doubled or out of order, and counts are exact."""

from __future__ import annotations

import pytest

from tests.guarantees.faults import kill_at_random, restart_by_kill
from tests.guarantees.fleet import Fleet, await_grown, settle
from tests.guarantees.line import BOUND_S, TESTERS, Line
from tests.guarantees.power import Power
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.tap import Tap
from tests.waiting import block_until

pytestmark = pytest.mark.slow

WSJF = "/api/Report/WSJF"
COUNT = "/api/Asset/Count"
"""Where counts go: one call a minute by default, at once here."""
HELD_UP_S = 3_600
"""An answer that nobody lives to hear."""


@pytest.mark.parametrize("seed", [26])
def test_kill_9_at_random_moments(made: Line, fleet: Fleet, seed: int) -> None:
    """Ten times, while it starts, connects, receives, stores, delivers."""
    kill_at_random(made, fleet, seed=seed, rounds=10)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT


def test_killed_between_its_commit_and_the_acknowledgement(made: Line, fleet: Fleet) -> None:
    """What is stored and not acknowledged comes again from the broker, and is known, also where it does not fit."""
    tap = Tap(made.mosquitto.port)
    made.bridge.kill()
    made.broker_at(tap.port)
    made.bridge.start()
    made.await_session()
    tap.hold()
    fleet.publish(6)
    fleet.wait()
    everything = len(fleet.sent.numbers())
    block_until(lambda: made.bridge.status().get("stored", 0) >= everything, bound_s=BOUND_S, what="all stored")
    made.bridge.kill()
    tap.release()
    restart_by_kill(made)
    fleet.publish(1)
    held = settle(made, fleet.sent)
    tap.close()
    assert made.bridge.status()["duplicates"] > 0, "nothing came twice: the acknowledgements were not held"
    assert compare(fleet.sent, held) == EXACT


def test_killed_between_the_commit_of_wats_and_its_own_record(made: Line, fleet: Fleet) -> None:
    """WATS has it and the answer never comes: it is sent again, under its id or as the same total."""
    assert made.emulator is not None
    made.emulator.fault("delay_after", path=WSJF, delay_s=HELD_UP_S, times=TESTERS)
    made.emulator.fault("delay_after", path=COUNT, delay_s=HELD_UP_S, times=2)
    fleet.publish(3)
    block_until(lambda: all(fault["hits"] for fault in made.faults()), bound_s=BOUND_S, what="WATS has some")
    made.bridge.kill()
    made.emulator.clear_faults()
    restart_by_kill(made)
    fleet.publish(2)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
    assert any(report["receiveCount"] > 1 for report in made.reports()), "no report was sent again"


def lose_power(made: Line, fleet: Fleet, power: Power, *, lie: bool) -> None:
    """Acknowledge much that WATS does not have yet, and lose power; then go on, once more in mid-stream."""
    fleet.publish(2)
    made.await_reports(2 * TESTERS)
    block_until(lambda: made.bridge.status().get("waiting") == 0, bound_s=BOUND_S, what="nothing waits")
    if lie:
        power.lie()
    made.kill_wats()
    fleet.publish(5)
    fleet.wait()
    everything = len(fleet.sent.numbers())
    block_until(lambda: made.bridge.status().get("acknowledged", 0) >= everything, bound_s=BOUND_S, what="all acked")
    made.bridge.kill()
    power.cut(seed=1)
    made.start_wats()
    made.bridge.start()
    made.await_session()
    for seed in () if lie else range(2, 5):
        before = made.bridge.status()["stored"]
        fleet.publish(3)
        await_grown(made, "stored", before)
        made.bridge.kill()
        power.cut(seed)
        made.bridge.start()
        made.await_session()
    fleet.publish(1)


@pytest.fixture
def power(made: Line) -> Power:
    """The bridge's disk; only a store in files of its own has one."""
    if not made.store.files:
        pytest.skip("the power of this store is its server's")
    power = Power(made.folder / made.store.files[0], made.folder / "power")
    made.bridge.environment = power.environment
    return power


def test_power_loss(made: Line, power: Power, fleet: Fleet) -> None:
    """Only what was synced is on the disk, and torn parts of the rest: all that was acknowledged is there."""
    lose_power(made, fleet, power, lie=False)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT


def test_power_loss_once_wats_has_a_report(made: Line, power: Power, fleet: Fleet) -> None:
    """That it was routed, sent and settled need not be on the disk yet: it is done again, and comes to the same."""
    for seed in range(1, 6):
        before = len(made.reports())
        fleet.publish(2)
        block_until(lambda: len(made.reports()) > before, bound_s=BOUND_S, what="WATS has another")  # noqa: B023 - now
        made.bridge.kill()
        power.cut(seed)
        made.bridge.start()
        made.await_session()
    fleet.publish(1)
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT


def test_power_loss_would_be_seen_without_syncs(made: Line, power: Power, fleet: Fleet) -> None:
    """The same with syncs that do nothing, as `synchronous=OFF`: the reconciliation lists what was acknowledged."""
    lose_power(made, fleet, power, lie=True)
    found = compare(fleet.sent, settle(made, fleet.sent))
    assert found.missing
    assert found.inexact
    assert (found.doubled, found.disordered, found.foreign) == ((), (), ())


def test_sigterm_under_load_drains(made: Line, fleet: Fleet) -> None:
    """Told to stop while messages come, it delivers what it has stored, and leaves the rest to the broker."""
    fleet.publish(6)
    made.await_reports(TESTERS)
    assert made.bridge.stop() == 0
    assert made.status_of_the_dead()["waiting"] == 0
    fleet.publish(2)
    made.bridge.start()
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT


def test_sigterm_while_wats_does_not_answer_ends_within_the_limit(made: Line, fleet: Fleet) -> None:
    """A drain that cannot end is ended after `drain_s`; the next start delivers the rest."""
    assert made.emulator is not None
    made.emulator.fault("hang", path="/api")
    made.set_spool("drain_s = 1\n")
    restart_by_kill(made)
    fleet.publish(3)
    fleet.wait()
    block_until(lambda: made.bridge.status().get("stored", 0) >= len(fleet.sent.numbers()), what="all stored")
    assert made.bridge.stop() == 0
    assert made.status_of_the_dead()["waiting"] > 0
    made.emulator.clear_faults()
    made.bridge.start()
    assert compare(fleet.sent, settle(made, fleet.sent)) == EXACT
