"""Which state an asset gets: what a person set stays. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

IN_MAINTENANCE = 3

PEOPLES = frozenset({IN_MAINTENANCE, 4, 5, 6})
"""In maintenance, in calibration, in storage and scrapped: states that people set, and nobody else may end."""


def may_leave(held: int, ours: Collection[int], *, override: bool) -> bool:
    """Tell whether the bridge may change the state that WATS holds.

    Args:
        held: what WATS holds, 0 to 6.
        ours: the states that may be the one the bridge set last, from `decode`.
        override: the operator lets devices end what people set (`assets.override_states`).
    """
    return override or held not in PEOPLES or held in ours


def held_name(asset: str) -> str:
    """Name the note that says that an asset is held in maintenance, and holds the state it would have, as a digit."""
    return f"held/{asset}"


def note_name(asset: str) -> str:
    """Name the note that holds the state the bridge set last; two while nobody knows whether the last one was set."""
    return f"state/{asset}"


def encode(ours: Iterable[int]) -> bytes:
    """Pack states for their note, each as a digit."""
    return "".join(map(str, ours)).encode()


def decode(note: bytes | None) -> tuple[int, ...]:
    """Read states; none where there is no note."""
    return tuple(map(int, note.decode())) if note else ()
