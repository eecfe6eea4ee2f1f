"""The ledger of increments: nothing lost, nothing doubled, whatever answer is lost."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import AssetCounts
from pywats_mqtt.folding.counting import fold_counts
from pywats_mqtt.handlers.ledger import Ledger, Write, decode, done, encode, hand_over, next_write, resolved, tag_with


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
    assert resolved(Ledger(3, Write(before=100, target=107, counts=10)), total) == Ledger(counted)


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


def test_increments_that_are_marked_are_counted_by_whom_marked_them() -> None:
    """The others are written, and their exports are marked then."""
    handed = {"a": 3, "b": 4}
    ledger, write = next_write(Ledger(), 10, 100, handed, marks=("a",))
    assert ledger.counted == 3
    assert write == Write(before=100, target=107, counts=10, exports=("b",))
    assert not ledger.settles(10, handed)
    assert done(ledger, write).settles(10, handed)
    assert next_write(done(ledger, write), 10, 107, handed, marks=()) == (Ledger(10, exports=("a", "b")), None)


def test_marks_keep_the_newest() -> None:
    """One that is there is not written again."""
    many = tuple(f"e{number}" for number in range(30))
    assert tag_with(("a",), ("a",)) == {}
    assert tag_with(("a",), many)["pywats_mqtt_exports"].split() == list(many[-20:])


@pytest.mark.parametrize(
    ("ledger", "handed", "given"),
    [
        pytest.param(Ledger(), {}, (10, {"e": 10}), id="nothing is counted"),
        pytest.param(Ledger(10), {}, (0, {}), id="all is counted"),
        pytest.param(Ledger(4), {"a": 2}, (6, {"a": 2, "e": 4}), id="some came from another bridge"),
        pytest.param(Ledger(4, exports=("a",)), {"a": 2}, (6, {"e": 6}), id="those are counted"),
        pytest.param(Ledger(4, Write(0, 3, 7, ("a",))), {"a": 2}, (3, {"e": 3}), id="a write is on its way"),
    ],
)
def test_what_may_be_counted_is_not_handed_over(
    ledger: Ledger, handed: dict[str, int], given: tuple[int, dict[str, int]]
) -> None:
    """The rest is."""
    assert hand_over(ledger, 10, handed, "e") == given


class _Counter:
    """A bridge with its own ledger, at an asset that all share."""

    def __init__(self) -> None:
        self.added = 0
        self.handed: dict[str, int] = {}
        self.ledger = Ledger()

    def take(self, given: tuple[int, dict[str, int]]) -> None:
        """Fold what comes in or comes back, as `fold_counts` does."""
        old = AssetCounts(asset="F", added=self.added, handed=self.handed)
        folded = fold_counts(old, AssetCounts(asset="F", added=given[0], handed=given[1]))
        self.added, self.handed = folded.added, folded.handed

    def count(self, wats: dict[str, int | tuple[str, ...]], fate: str) -> None:
        """Deliver, with the answer lost where the fate says so; both calls of one delivery share it."""
        total, marks = wats["total"], wats["marks"]
        assert isinstance(total, int)
        assert isinstance(marks, tuple)
        self.ledger, write = next_write(self.ledger, self.added, total, self.handed, marks)
        if fate == "lost before":
            return
        following = self.ledger
        if write is not None:
            wats["total"] = write.target
            following = done(self.ledger, write)
        wats["marks"] = marks + tuple(export for export in following.exports if export not in marks)
        if fate == "done":
            self.ledger = following


_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["add", "export", "revoke", "import", "count", "count there"]),
        st.integers(1, 9),
        st.sampled_from(["done", "lost before", "lost after"]),
    ),
    min_size=15,
    max_size=25,
)


@given(moves=_MOVES)
def test_increments_count_once_whoever_delivers_them(moves: list[tuple[str, int, str]]) -> None:
    """An export that is revoked may be imported before or after, and both bridges deliver: WATS ends exact.

    As with others that count, none counts while an answer to the other is outstanding.
    """
    here, there = _Counter(), _Counter()
    wats: dict[str, int | tuple[str, ...]] = {"total": 100, "marks": ()}
    files: dict[str, tuple[int, dict[str, int]]] = {}
    revoked: set[str] = set()
    imported: set[str] = set()
    everything = 0
    for what, number, fate in moves:
        export = f"e{number % 2}"
        if what == "add":
            here.added += number
            everything += number
        elif what == "export" and export not in files:
            given_, parts = hand_over(here.ledger, here.added, here.handed, export)
            here.added -= given_
            here.handed = {known: count for known, count in here.handed.items() if known not in parts}
            files[export] = given_, parts
        elif what == "revoke" and export in files and export not in revoked:
            revoked.add(export)
            here.take(files[export])
        elif what == "import" and export in files and export not in imported:
            imported.add(export)
            there.take(files[export])
        elif what == "count" and there.ledger.write is None:
            here.count(wats, fate)
        elif what == "count there" and here.ledger.write is None:
            there.count(wats, fate)
    for export in files.keys() - revoked - imported:
        here.take(files[export])
    for counter in (here, there, here) if there.ledger.write is None else (there, here):
        counter.count(wats, "done")
    assert wats["total"] == 100 + everything
