"""What can happen to a line, one function a fault, each at a moment that a seed chooses; used by tests and soak."""

from __future__ import annotations

from random import Random

from tests.guarantees.fleet import Fleet
from tests.guarantees.line import BOUND_S, Line
from tests.waiting import block_until

FIGURES = ("received", "stored", "acknowledged", "delivered")


def restart_by_kill(line: Line) -> None:
    """Kill the bridge where it still runs, start it, and wait for its session."""
    line.bridge.kill()
    line.bridge.start()
    line.await_session()


def await_moment(line: Line, chance: Random) -> None:
    """Wait for a moment of the bridge's life that chance chooses; it comes also where little is left to do."""
    moment = chance.choice(("at once", "up", "connected", *FIGURES, *FIGURES))
    if moment == "at once":
        return
    block_until(line.bridge.status, bound_s=BOUND_S, what="the bridge answers")
    if moment == "connected":
        line.await_session()
    if moment not in FIGURES:
        return
    enough = line.bridge.status().get(moment, 0) + chance.randrange(1, 60)

    def reached() -> bool:
        status = line.bridge.status()
        return status.get(moment, 0) >= enough or (bool(status.get("connected")) and status["waiting"] == 0)

    block_until(reached, bound_s=BOUND_S, what=f"{moment} {enough}")


def kill_at_random(line: Line, fleet: Fleet, *, seed: int, rounds: int) -> None:
    """Kill the bridge with -9 again and again while devices publish; it runs afterwards."""
    chance = Random(seed)
    for _ in range(rounds):
        fleet.publish(chance.randrange(1, 8))
        await_moment(line, chance)
        line.bridge.kill()
        line.bridge.start()
    line.await_session()
    fleet.publish(1)
