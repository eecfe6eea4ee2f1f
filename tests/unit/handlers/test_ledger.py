"""The ledger of increments: nothing lost, nothing doubled, whatever answer is lost."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.handlers.ledger import Ledger, Write, counted_by_now, decode, encode, next_write


def test_the_first_increments_are_added_to_what_wats_holds() -> None:
    """The ledger starts at WATS' present total."""
    ledger, write = next_write(Ledger(), added=7, total=100)

    assert write == Write(before=100, target=107, counts=7)
    assert ledger == Ledger(0, write)


@pytest.mark.parametrize(
    ("total", "counted"),
    [
        pytest.param(100, 3, id="not done"),
        pytest.param(104, 3, id="not done, and others counted less than we would have"),
        pytest.param(107, 10, id="done"),
        pytest.param(115, 10, id="done, and others counted since"),
        pytest.param(0, 10, id="a person set the total to less"),
    ],
)
def test_after_a_lost_answer_wats_total_tells_whether_the_write_was_done(total: int, counted: int) -> None:
    """A total from `before` up to the target shows that it was not."""
    assert counted_by_now(Ledger(3, Write(before=100, target=107, counts=10)), total) == counted


def test_nothing_is_written_when_all_is_counted() -> None:
    """The same sum again asks for nothing."""
    assert next_write(Ledger(7), added=7, total=107) == (Ledger(7), None)


def test_a_ledger_survives_its_note() -> None:
    """What is written down is read back; no note is a new ledger."""
    ledger = Ledger(3, Write(before=100, target=107, counts=10))

    assert decode(encode(ledger)) == ledger
    assert decode(None) == Ledger()
    with pytest.raises(msgspec.DecodeError):
        decode(b"what")


_STEPS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["done", "lost before", "lost after"])),
    max_size=30,
)


@given(start=st.integers(0, 1_000), steps=_STEPS)
def test_every_increment_counts_once_whatever_is_lost(start: int, steps: list[tuple[int, int, str]]) -> None:
    """With answers lost before or after the write took effect, WATS ends at its start plus all increments.

    Others count as well, while no answer is outstanding.
    """
    total, added, others_sum, ledger = start, 0, 0, Ledger()
    for increment, others, fate in steps:
        added += increment
        if ledger.write is None:
            total += others
            others_sum += others
        ledger, write = next_write(ledger, added, total)
        ledger = decode(encode(ledger))
        if write is None or fate == "lost before":
            continue
        total = max(total, write.target)
        if fate == "done":
            ledger = Ledger(write.counts)
    _, write = next_write(ledger, added, total)
    if write is not None:
        total = max(total, write.target)

    assert total == start + added + others_sum
