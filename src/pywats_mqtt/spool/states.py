"""The states of a delivery and every way from one to another; nothing elsewhere changes a state.

A delivery is born WAITING when its message is routed. Whoever sends it leases it first, so that no two senders have
it at a time and, for ordered ones, none of its key overtakes it. A lease lives in the memory of the spool's owner:
when the owner ends, however it ends, what was LEASED is WAITING again.

A latest delivery takes the same ways once for each version: settling one leaves a newer version WAITING.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import Final

from pywats_mqtt.ports import Done, Refused, RetryAt, Settlement


class State(Enum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """Stored and owed, perhaps not before its time."""
    LEASED = "leased"
    """Somebody tries it now."""
    DONE = "done"
    """Its effect is in WATS; it is forgotten."""
    QUARANTINED = "quarantined"
    """Refused for good; kept aside with its reason."""


class Move(Enum):
    """What happens to a delivery."""

    LEASE = "lease"
    GIVE_BACK = "give back"
    """Its lease ends untried: the one who asked is gone, or the owner ended."""
    FINISH = "finish"
    RETRY = "retry"
    REFUSE = "refuse"


TRANSITIONS: Final = MappingProxyType(
    {
        (State.WAITING, Move.LEASE): State.LEASED,
        (State.LEASED, Move.GIVE_BACK): State.WAITING,
        (State.LEASED, Move.RETRY): State.WAITING,
        (State.LEASED, Move.FINISH): State.DONE,
        (State.LEASED, Move.REFUSE): State.QUARANTINED,
    }
)
"""All there are; any other pair is a mistake in the program."""


def advance(state: State, move: Move) -> State:
    """Give the state after a move.

    Raises:
        ValueError: the table has no such move; the caller has a mistake, such as settling what it did not lease.
    """
    after = TRANSITIONS.get((state, move))
    if after is None:
        raise ValueError(f"a delivery that is {state.value} cannot {move.value}: lease it first, settle it once")
    return after


def settled(state: State, settlement: Settlement) -> State:
    """Give the state after a settlement.

    Raises:
        ValueError: as `advance`.
    """
    match settlement:
        case Done():
            return advance(state, Move.FINISH)
        case RetryAt():
            return advance(state, Move.RETRY)
        case Refused():
            return advance(state, Move.REFUSE)
