"""The reconciliation itself: it lists what is missing, doubled, out of order, foreign and inexact, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.guarantees.reconcile import EXACT, Difference, Held, Sent, compare

SENT = Sent(
    results={"T0": ["T0-1", "T0-2", "T0-3"], "T1": ["T1-1"]},
    refused=["B0-1", "B0-2"],
    totals={"A0": [("A0-1", 5), ("A0-2", 9)]},
    increments={"I0": [("I0-1", 2), ("I0-2", 3)]},
    readings={"E0": [("E0-1", 20), ("E0-2", 21)]},
)
HELD = Held(
    results={"T0": ["T0-1", "T0-2", "T0-3"], "T1": ["T1-1"]},
    refused=["B0-2", "B0-1"],
    counts={"A0": 9, "I0": 5},
    newest={"E0": 21},
)


def test_what_arrived_as_it_was_sent_is_exact() -> None:
    """Nothing is listed; the order within the quarantine says nothing."""
    assert compare(SENT, HELD) == EXACT


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (replace(HELD, results={**HELD.results, "T0": ["T0-1", "T0-3"]}), Difference(missing=("T0-2",))),
        (replace(HELD, results={"T0": HELD.results["T0"]}), Difference(missing=("T1-1",))),
        (replace(HELD, refused=["B0-1"]), Difference(missing=("B0-2",))),
        (replace(HELD, refused=["B0-1", "B0-1", "B0-2"]), Difference(refused_again=("B0-1",))),
        (replace(HELD, results={**HELD.results, "T1": ["T1-1", "T1-1"]}), Difference(doubled=("T1-1",))),
        (replace(HELD, results={**HELD.results, "T0": ["T0-2", "T0-1", "T0-3"]}), Difference(disordered=("T0-1",))),
        (replace(HELD, results={**HELD.results, "T1": ["T1-1", "T1-2"]}), Difference(foreign=("T1-2",))),
        (replace(HELD, results={**HELD.results, "T1": [], "T2": ["T1-1"]}), Difference(foreign=("T1-1",))),
        (
            replace(HELD, refused=["B0-1", "B0-2", "T1-1"]),
            Difference(doubled=("T1-1",), foreign=("T1-1",)),
        ),
        (replace(HELD, counts={"A0": 9, "I0": 8}), Difference(inexact=("I0: 8, sent 5",))),
        (replace(HELD, counts={"A0": 5, "I0": 5}), Difference(inexact=("A0: 5, sent 9",))),
        (replace(HELD, newest={}), Difference(inexact=("E0: None, sent 21",))),
    ],
)
def test_each_fault_is_listed_by_its_number(held: Held, found: Difference) -> None:
    """One thing wrong, one thing listed."""
    assert compare(SENT, held) == found


def test_a_part_of_what_was_sent_has_the_counts_of_that_part() -> None:
    """Of what the broker passed on only those numbers are expected."""
    part = SENT.only({"T0-1", "B0-1", "A0-1", "I0-2"})
    assert part.numbers() == {"T0-1", "B0-1", "A0-1", "I0-2"}
    assert (part.counts(), part.newest()) == ({"A0": 5, "I0": 3}, {})
    assert len(SENT.numbers()) == 12
