"""Waiting in tests: on a condition, with a bound.

The one place that sleeps. A real broker, server or process tells nobody when it is ready, so somebody looks again and
again; the sleep between two looks is short and decides nothing: a test passes as soon as its condition holds.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 0.01
"""Short against the start of a process, long enough not to starve what is waited for on one core."""
BETWEEN_LOOKS = 3
"""How many times as long as a look the pause after it is at least: one that asks a server for all it has costs the time
in which that server would get on."""
BOUND_S = 60.0
"""Many times what anything takes that has no bound of its own, on a machine that has other work, too."""


async def wait_until(
    condition: Callable[[], object | Awaitable[object]], *, bound_s: float = BOUND_S, what: str = ""
) -> None:
    """Return as soon as a condition holds.

    Args:
        condition: called again and again; a function that tells by a truthy value, or an async one.
        bound_s: seconds after which the test fails; generous, since it costs nothing where all is well.
        what: what was waited for, for the message.

    Raises:
        AssertionError: the condition did not hold within the bound.
    """
    deadline = time.monotonic() + bound_s
    while True:
        began = time.monotonic()
        held = condition()
        if inspect.isawaitable(held):
            held = await held
        if held:
            return
        _check(deadline, bound_s, what)
        await asyncio.sleep(_pause_s(began))  # nothing sets an event for what happens elsewhere


def block_until(condition: Callable[[], object], *, bound_s: float = BOUND_S, what: str = "") -> None:
    """Return as soon as a condition holds, without an event loop; otherwise as `wait_until`.

    Raises:
        AssertionError: the condition did not hold within the bound.
    """
    deadline = time.monotonic() + bound_s
    while True:
        began = time.monotonic()
        if condition():
            return
        _check(deadline, bound_s, what)
        time.sleep(_pause_s(began))


def _pause_s(began: float) -> float:
    """Tell how long to wait after a look that began then, and has ended."""
    return max(LOOK_EVERY_S, BETWEEN_LOOKS * (time.monotonic() - began))


def _check(deadline: float, bound_s: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise AssertionError(f"not within {bound_s:g} s: {what or 'the condition'}")
