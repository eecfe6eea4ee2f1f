"""The states of an update, and how one follows another: all transitions stand in this file.

A device reports what it does; only a time that runs out is our own conclusion, and what the device says after it
counts again. What comes late or twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import UpdateReported


class State(StrEnum):
    """What an update does."""

    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    REBOOTING = "rebooting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    TIMED_OUT = "timed out"


ACTIVE = frozenset({State.DOWNLOADING, State.INSTALLING, State.REBOOTING})
"""It goes on, so silence means that something is wrong."""

_STARTS = frozenset({State.DOWNLOADING, State.INSTALLING})

NEXT: Mapping[State, frozenset[State]] = {
    State.DOWNLOADING: frozenset(State),
    State.INSTALLING: frozenset(State),
    State.REBOOTING: frozenset(State),
    State.SUCCEEDED: ACTIVE | {State.SUCCEEDED, State.ROLLED_BACK},
    State.FAILED: ACTIVE | {State.FAILED, State.ROLLED_BACK},
    State.ROLLED_BACK: ACTIVE | {State.ROLLED_BACK},
    State.TIMED_OUT: frozenset(State),
}
"""Where an update of one version may go from where it is; another version begins anew, in any state."""


class Update(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An update as it stands; the fields are those of `UpdateReported`."""

    version: str = ""
    state: State
    percent: float | None = None
    text: str = ""
    sequence: int | None = None
    as_of_us: int = 0
    heard_us: int = 0

    @property
    def words(self) -> str:
        """What it does, as it stands in a tag: `installing 2.3.1 (40 %)`."""
        return words(self.state, self.version, self.percent, self.text)


def words(state: str, version: str, percent: float | None, text: str) -> str:
    """Say what an update does."""
    done = f" ({percent:g} %)" if percent is not None and state in ACTIVE else ""
    return f"{state} {version}".rstrip() + done + (f": {text}" if text else "")


def follow(known: Update | None, said: UpdateReported) -> Update | None:
    """Tell how an update stands after a message; None where the message is an old one, or repeats what is known.

    Raises:
        Reject: the state cannot follow the present one.
    """
    state = State(said.state)
    if known is not None and _is_old(known, said, state):
        return None
    if known is not None and known.version == said.version and state not in NEXT[known.state]:
        problem = (
            f"an update that {_HAS[known.state]} cannot be {state}: expected {' or '.join(sorted(NEXT[known.state]))}"
        )
        raise Reject(problem, path="$.status")
    return Update(
        version=said.version,
        state=state,
        percent=said.percent,
        text=said.text,
        sequence=said.sequence,
        as_of_us=said.as_of_us,
        heard_us=said.heard_us,
    )


_HAS = {state: f"is {state}" for state in State} | {State.SUCCEEDED: "has succeeded", State.FAILED: "has failed"}


def _is_old(known: Update, said: UpdateReported, state: State) -> bool:
    """Tell whether a message was sent before what is known: by its number where both have one, else by its time."""
    if said.sequence is None or known.sequence is None or said.version != known.version:
        return said.as_of_us < known.as_of_us
    if known.state not in ACTIVE and state in _STARTS and said.as_of_us > known.as_of_us:
        return False  # a device that tries again may count from the beginning
    return said.sequence <= known.sequence


def timed_out(known: Update, now_us: int, timeout_us: int) -> Update | None:
    """Tell how an update stands whose device was silent until now; None where its time has not run out."""
    if known.state not in ACTIVE or now_us - known.heard_us <= timeout_us:
        return None
    return msgspec.structs.replace(known, state=State.TIMED_OUT, text=f"nothing was heard while {known.state}")
