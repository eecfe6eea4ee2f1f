"""What a line says of its batches."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

BatchAction: TypeAlias = Literal["opened", "progressed", "closed"]


class BatchCounts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many units of a batch were tested, are good and failed; None where nobody says.

    Good and failed ones are together not more than were tested.
    """

    total: int | None = None
    good: int | None = None
    failed: int | None = None


class BatchReported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="batch_reported"):
    """A line said how a batch of its stands; delivered in the line's order.

    Attributes:
        line: the id in the topic.
        batch: number of the batch: 1 to 100 characters, none of those WATS refuses.
        action: what happened to it.
        at_us: when, in microseconds since 1970 UTC: the line's time where it can be true, else that of reception.
        started_us: when the batch began, or 0.
        ended_us: when it ended, or 0.
        part_number: of its units, as sent, or empty.
        revision: of its units, as sent, or empty.
        size: how many units are planned, or None.
        counts: how many were tested, or None.
        failures: (name of a step, how often it failed), in the order sent, or None.
        result: the line's own verdict, a letter of WATS; or empty.
        misc: (description, text) pairs for the report, what we noticed among them.
        attachments: (name, text) pairs: what did not fit a WATS field, kept whole.
    """

    line: str
    batch: str
    action: BatchAction
    at_us: int
    started_us: int = 0
    ended_us: int = 0
    part_number: str = ""
    revision: str = ""
    size: int | None = None
    counts: BatchCounts | None = None
    failures: tuple[tuple[str, int], ...] | None = None
    result: str = ""
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The line in which what is said of batches keeps its order."""
        return self.line
