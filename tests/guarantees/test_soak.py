"""Fault after fault at random: a few rounds in the suite, and as many as fit with `./bridge test --soak MINUTES`."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.guarantees.faults import FAULTS, Fault, faults_of_network, kill, setting
from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import Line, line
from tests.guarantees.power import Power
from tests.guarantees.proxy import Proxy
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.stores import STORES, Store
from tests.guarantees.wall_clock import WallClock

pytestmark = pytest.mark.slow

MINUTES = float(os.environ.get("SOAK_MINUTES", "0"))
"""How long it goes on; 0 in the suite."""

KEEPALIVE_S, TIMEOUT_S = 3, 5.0
"""Short, so that half-open connections are noticed."""

ALSO_KILLED = 0.6
"""How often a fault is followed by a kill, while it may still last: fifty kills in a quarter of an hour."""

ROUNDS = 5 if MINUTES else 3
"""Faults between two reconciliations, and in the suite all there are."""


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_faults_at_random(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Any faults in any order: after every few of them both ends agree."""
    seed = int(os.environ.get("SOAK_SEED") or secrets.randbelow(1_000_000))
    chance = Random(seed)  # noqa: S311 - it has to be repeatable

    def say(text: str) -> None:
        if MINUTES:
            with capsys.disabled():
                print(text, flush=True)  # noqa: T201 - for who watches a soak

    say(f"\nsoak     seed {seed}: repeat with ./bridge test --soak {MINUTES:g} --seed {seed}")
    ends_at = time.monotonic() + MINUTES * 60
    done: list[str] = []
    with ExitStack() as ends:
        made = ends.enter_context(line(tmp_path, store))
        made.write_at_once()
        made.set_mqtt(f"keepalive = {KEEPALIVE_S}\n")
        # What WATS does to calls at random is no verdict on any of them, however often one of them is hit.
        made.set_wats(f"timeout_s = {TIMEOUT_S}\nattempts = 1000\n")
        faults = FAULTS | _faults_of(made, ends)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        fleet = Fleet(made.mosquitto.port)
        ends.callback(fleet.close)
        while not done or time.monotonic() < ends_at:
            for _ in range(ROUNDS):
                done.append(chance.choice(sorted(faults)))
                fleet.publish(chance.randrange(1, 8))
                faults[done[-1]](made, chance)
                if chance.random() < ALSO_KILLED:
                    fleet.publish(1)
                    kill(made, chance)
            fleet.publish(1)
            held = settle(made, fleet.sent)
            said = f"{len(done)} faults, {made.bridge.kills} kills, {len(fleet.sent.numbers())} messages"
            say(f"soak     {said}: {', '.join(done[-ROUNDS:])}")
            assert compare(fleet.sent, held) == EXACT, f"seed {seed}, after {done}"


def _faults_of(made: Line, ends: ExitStack) -> dict[str, Fault]:
    """Give the faults of a line's networks, of its clock, and of its disk where the store has one."""
    to_broker, to_wats = Proxy(made.mosquitto.port), Proxy(made.wats_port)
    ends.callback(to_broker.close)
    ends.callback(to_wats.close)
    made.broker_at(to_broker.port)
    made.wats_at(to_wats.port)
    wall = WallClock(made.folder / "clock")
    made.bridge.environment = wall.environment
    faults = {**faults_of_network(to_broker, to_wats), "set_clock": setting(wall)}
    if made.store.files:
        power = Power(made.folder / made.store.files[0], made.folder / "power")
        both = f"{power.environment['LD_PRELOAD']}:{wall.environment['LD_PRELOAD']}"
        made.bridge.environment = power.environment | wall.environment | {"LD_PRELOAD": both}
        faults["lose_power"] = _losing(power)
    return faults


def _losing(power: Power) -> Fault:
    def lose_power(made: Line, chance: Random) -> None:
        made.await_session()
        made.bridge.kill()
        power.cut(chance.randrange(1_000_000))
        made.bridge.start()

    return lose_power
