"""When to try again, as a function of what happened; the wait itself is the caller's.

Chance comes in as `jitter`, a number from 0 to 1, so that a fleet of bridges does not knock at the same moment.
"""

from __future__ import annotations

import msgspec

from pywats_mqtt.errors import Retry, Scope

LONGEST_PUT_OFF_S = 86_400.0
"""No delivery is put off for longer, and no server left alone for longer, whatever it asks for: a wrong date must not
silence the bridge for a year. What is due even later was put off by a clock that was put back since."""

LONGEST_OVER_RESTART_S = 600.0
"""What would wait longer after a restart is due at once: the clock may have been put back meanwhile, unseen."""

PUT_BACK_US = 1_000_000
"""A clock that shows this much less than when it was last looked at was put back, by a person or at its sync."""


class Backoff(msgspec.Struct, frozen=True):
    """Waits that double up to a bound.

    Attributes:
        first_s: the longest first wait, in seconds.
        longest_s: what no wait exceeds.
    """

    first_s: float
    longest_s: float


def delay_s(backoff: Backoff, attempt: int, jitter: float) -> float:
    """Give the wait in seconds before try number `attempt` + 1, from half to the whole of the doubled wait.

    Args:
        backoff: the bounds.
        attempt: failures in a row before this one, from 0.
        jitter: from 0 to 1.
    """
    doublings = min(attempt, 32)
    whole = min(backoff.longest_s, backoff.first_s * 2.0**doublings)
    return whole * (0.5 + jitter / 2)


def next_attempt(error: Retry, backoff: Backoff, attempt: int, jitter: float) -> float:
    """Give the wait in seconds after an error: the backoff's, or what the server asked for where that is longer.

    A server that asks for no wait at all (Retry-After: 0) is not hammered.
    """
    wait_s = delay_s(backoff, attempt, jitter)
    return wait_s if error.after_s is None else max(error.after_s, wait_s)


def gives_up(error: Retry, attempts: int, allowed: int) -> bool:
    """Tell whether a delivery is at its end; only failures that were about itself (500) ever end one.

    Args:
        error: the failure at hand.
        attempts: attempts used up, this one included.
        allowed: the configured number.
    """
    return error.scope is Scope.DELIVERY and attempts >= allowed


def must_wait(due_us: int, now_us: int) -> bool:
    """Tell whether a delivery that was put off is not due yet, by a wall clock; see `LONGEST_PUT_OFF_S`."""
    return now_us < due_us <= now_us + int(LONGEST_PUT_OFF_S * 1e6)


def due_as_read_us(due_us: int, now_us: int) -> int:
    """Tell when a delivery is due that was put off in a former run; see `LONGEST_OVER_RESTART_S`."""
    return due_us if due_us <= now_us + int(LONGEST_OVER_RESTART_S * 1e6) else 0
