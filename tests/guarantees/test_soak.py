"""Fault after fault at random: a few rounds in the suite, and as many as fit with `./bridge test --soak MINUTES`."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.guarantees.faults import FAULTS, Fault
from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import Line, line
from tests.guarantees.power import Power
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.stores import STORES, Store

pytestmark = pytest.mark.slow

MINUTES = float(os.environ.get("SOAK_MINUTES", "0"))
"""How long it goes on; 0 in the suite."""

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
    with line(tmp_path, store) as made:
        made.write_at_once()
        power = _power(made)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        fleet = Fleet(made.mosquitto.port)
        faults = {**FAULTS, **({"lose_power": _losing(power)} if power else {})}
        while not done or time.monotonic() < ends_at:
            for _ in range(ROUNDS):
                done.append(chance.choice(sorted(faults)))
                fleet.publish(chance.randrange(1, 8))
                faults[done[-1]](made, chance)
            fleet.publish(1)
            found = compare(fleet.sent, settle(made, fleet.sent))
            say(f"soak     {len(done)} faults, {len(fleet.sent.numbers())} messages: {', '.join(done[-ROUNDS:])}")
            assert replace(found, refused_again=()) == EXACT, f"seed {seed}, after {done}"
        fleet.close()


def _power(made: Line) -> Power | None:
    if not made.store.files:
        return None
    power = Power(made.folder / made.store.files[0], made.folder / "power")
    made.bridge.environment = power.environment
    return power


def _losing(power: Power) -> Fault:
    def lose_power(made: Line, chance: Random) -> None:
        made.await_session()
        made.bridge.kill()
        power.cut(chance.randrange(1_000_000))
        made.bridge.start()

    return lose_power
