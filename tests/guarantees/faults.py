"""What can happen to a line, one function a fault, each at a moment that a seed chooses; used by tests and soak."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

from tests.guarantees.fleet import Fleet
from tests.guarantees.line import BOUND_S, Line
from tests.guarantees.proxy import FAIR, FAR, NARROW, Proxy
from tests.guarantees.wall_clock import WallClock
from tests.waiting import block_until

Fault: TypeAlias = Callable[[Line, Random], None]
"""Does it, and leaves the line running."""

LONGER_S = 6.0
"""Longer than a call may take in a soak."""

MISBEHAVIOURS: tuple[dict[str, Any], ...] = (
    {"kind": "drop_after"},
    {"kind": "drop_before"},
    {"kind": "reset"},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "empty"},
    {"kind": "redirect"},
    {"kind": "hang"},
    {"kind": "delay", "delay_s": LONGER_S},
    {"kind": "delay_after", "delay_s": LONGER_S},
    {"kind": "slow_body", "byte_s": 0.5, "longest_s": LONGER_S},
    {"kind": "throttle", "retry_after": "1"},
    {"kind": "flapping", "status": 503, "up": 2, "down": 2},
    *({"kind": "status", "status": status} for status in (401, 404, 500, 502, 503)),
)
"""What WATS may do to a few calls."""

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
    chance = Random(seed)  # noqa: S311 - it has to be repeatable
    for _ in range(rounds):
        fleet.publish(chance.randrange(1, 5))
        await_moment(line, chance)
        line.bridge.kill()
        line.bridge.start()
    line.await_session()
    fleet.publish(1)


def kill(line: Line, chance: Random) -> None:
    """Kill the bridge with -9."""
    await_moment(line, chance)
    line.bridge.kill()
    line.bridge.start()


def stop(line: Line, chance: Random) -> None:
    """Stop the bridge with SIGTERM under load."""
    await_moment(line, chance)
    block_until(line.bridge.status, bound_s=BOUND_S, what="it runs")
    assert line.bridge.stop() == 0
    line.bridge.start()


def restart_broker(line: Line, chance: Random) -> None:
    """Restart the broker from its persistence."""
    await_moment(line, chance)
    line.mosquitto.restart()


def let_broker_stand_still(line: Line, chance: Random) -> None:
    """Stop the broker (SIGSTOP) until the bridge takes it for dead, and let it go on."""
    await_moment(line, chance)
    line.mosquitto.pause()
    block_until(lambda: not line.bridge.status().get("connected"), bound_s=BOUND_S, what="the bridge notices")
    line.mosquitto.resume()


def take_wats_away(line: Line, chance: Random) -> None:
    """Kill WATS, which keeps what it has, and start it once the bridge has done some of what it can without."""
    await_moment(line, chance)
    line.kill_wats()
    if chance.random() < 0.5:
        line.bridge.kill()
        line.bridge.start()
    line.start_wats()


def misbehave(line: Line, chance: Random) -> None:
    """Let WATS do what it is asked for and not say so, or refuse, or be slow."""
    assert line.emulator is not None
    fault = chance.choice(MISBEHAVIOURS)
    line.emulator.fault(
        **fault, path=chance.choice(("/api", "/api/Report", "/api/Asset")), times=chance.randrange(1, 9)
    )


def refuse_connections(line: Line, chance: Random) -> None:
    """Let nobody connect to WATS for a moment."""
    assert line.emulator is not None
    line.emulator.fault("refuse", seconds=chance.randrange(1, 4))
    await_moment(line, chance)
    line.await_wats()


def kill_before_the_answer(line: Line, chance: Random) -> None:
    """Kill the bridge when WATS has done something that it does not know of."""
    assert line.emulator is not None
    line.emulator.fault("delay_after", path=chance.choice(("/api/Report", "/api/Asset")), delay_s=3_600, times=3)

    def hit() -> bool:
        status = line.bridge.status()
        return any(fault["hits"] for fault in line.faults()) or (
            bool(status.get("connected")) and not status["waiting"]
        )

    block_until(hit, bound_s=BOUND_S, what="WATS has some")
    line.bridge.kill()
    line.emulator.clear_faults()
    line.bridge.start()


FAULTS: dict[str, Fault] = {
    "kill": kill,
    "stop": stop,
    "restart_broker": restart_broker,
    "let_broker_stand_still": let_broker_stand_still,
    "take_wats_away": take_wats_away,
    "misbehave": misbehave,
    "refuse_connections": refuse_connections,
    "kill_before_the_answer": kill_before_the_answer,
}


def faults_of_network(to_broker: Proxy, to_wats: Proxy) -> dict[str, Fault]:
    """Give what can happen to the networks of a line."""

    def cut(line: Line, chance: Random) -> None:
        """Reset all connections of one."""
        await_moment(line, chance)
        chance.choice((to_broker, to_wats)).cut()

    def lose(line: Line, chance: Random) -> None:
        """Leave all connections of one half open."""
        await_moment(line, chance)
        chance.choice((to_broker, to_wats)).lose()

    def worsen(line: Line, chance: Random) -> None:
        """Let one be far or narrow for a while."""
        proxy = chance.choice((to_broker, to_wats))
        proxy.weather = chance.choice((FAR, NARROW))
        await_moment(line, chance)
        proxy.weather = FAIR

    return {"cut": cut, "lose": lose, "worsen": worsen}


def setting(wall: WallClock) -> Fault:
    """Give the fault of a clock that is set, by a day at most."""

    def set_clock(line: Line, chance: Random) -> None:
        await_moment(line, chance)
        wall.set(ahead_s=chance.randrange(-86_400, 86_400))

    return set_clock
