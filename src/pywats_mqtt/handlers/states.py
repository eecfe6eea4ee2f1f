"""Which state an asset gets: what a person set stays. Pure."""

from __future__ import annotations

IN_MAINTENANCE = 3

PEOPLES = frozenset({IN_MAINTENANCE, 4, 5, 6})
"""In maintenance, in calibration, in storage and scrapped: states that people set, and nobody else may end."""


def may_leave(held: int, ours: int | None, *, override: bool) -> bool:
    """Tell whether the bridge may change the state that WATS holds.

    Args:
        held: what WATS holds, 0 to 6.
        ours: the state that the bridge set last, or None.
        override: the operator lets devices end what people set (`assets.override_states`).
    """
    return override or held not in PEOPLES or held == ours


def note_name(asset: str) -> str:
    """Name the note that holds the state the bridge set last, as a digit."""
    return f"state/{asset}"
