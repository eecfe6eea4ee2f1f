"""Which ordered delivery may be sent next, beside the simplest way to tell."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.spool import lines
from pywats_mqtt.spool.lines import Item, Lines


@pytest.fixture(autouse=True, scope="module")
def small_window() -> Iterator[None]:
    """Make the window so small that lines overflow it."""
    with patch.multiple(lines, WINDOW=8, LINE=3, SCAN_IDS=7, SCAN_ROWS=4, SCAN_KEYS=2):
        yield


class Table:
    """The rows on disk, and the lines over them."""

    def __init__(self) -> None:
        self.rows: dict[int, Item] = {}
        self.last_id = 0
        self.lines = Lines(0)
        self.leased: dict[int, Item] = {}

    def append(self, keys: str) -> None:
        """Store a row for each key; one in small letters is of another kind."""
        new = []
        for key in keys:
            self.last_id += 1
            new.append(Item(self.last_id, key.upper(), "loud" if key.isupper() else "quiet", 0, 0, 1, b""))
        self.rows.update((item.id, item) for item in new)
        self.lines.append(new, self.last_id)

    def restart(self) -> None:
        """Forget all that is not on disk."""
        self.lines = Lines(self.last_id)
        self.leased = {}

    def lease(
        self, limit: int, now_us: int, skip: frozenset[str] = frozenset(), busy: frozenset[str] = frozenset()
    ) -> None:
        """Lease as the store does, until there is no more; check each."""
        while True:
            for item in self.lines.lease(limit, now_us, skip, busy):
                assert item == next(row for row in self.rows.values() if row.key == item.key)
                assert item.kind not in skip | busy
                assert item.id not in self.leased
                assert item.due_us <= now_us
                self.leased[item.id] = item
                limit -= 1
            scan = self.lines.next_scan()
            if limit == 0 or scan is None:
                break
            found = [
                row
                for row in self.rows.values()
                if scan.first <= row.id <= scan.last and (not scan.keys or row.key in scan.keys)
            ]
            self.lines.fill(scan, found[: scan.limit])

    def due(self, now_us: int, left: frozenset[str] = frozenset()) -> set[int]:
        """Give what may be leased, the simplest way."""
        heads = {row.key: row for row in reversed(self.rows.values())}
        waiting = [row for row in heads.values() if row.id not in self.leased and row.kind not in left]
        return {row.id for row in waiting if row.due_us <= now_us}

    def settle(self, choice: int, due_us: int | None) -> None:
        """End one of the leases: done, or put off until a time."""
        if not self.leased:
            return
        item = self.leased.pop(sorted(self.leased)[choice % len(self.leased)])
        if due_us is None:
            del self.rows[item.id]
            self.lines.remove(item.id)
        else:
            self.rows[item.id] = Item(item.id, item.key, item.kind, 1, due_us, 1, b"")
            self.lines.put_back(item.id, attempts=1, due_us=due_us)


STEPS = st.one_of(
    st.tuples(st.just("append"), st.text("AAAABCDEFGabcdefg", min_size=1, max_size=12), st.just(0)),
    st.tuples(st.just("lease"), st.sampled_from(("", "", "loud", "quiet")), st.integers(1, 9)),
    st.tuples(st.just("lease beside"), st.sampled_from(("loud", "quiet")), st.integers(1, 99)),
    st.tuples(st.just("done"), st.just(""), st.integers(0, 9)),
    st.tuples(st.just("later"), st.just(""), st.integers(0, 9)),
    st.tuples(st.just("restart"), st.just(""), st.just(0)),
)


@given(st.lists(STEPS, max_size=40))
def test_whatever_happens_all_that_is_due_is_found_in_order(steps: list[tuple[str, str, int]]) -> None:
    """Each lease is the oldest of its key; in the end every row comes out, whichever lines waited or overflowed."""
    table = Table()
    for now_us, (step, keys, number) in enumerate(steps):
        if step == "append":
            table.append(keys)
        elif step == "lease":
            table.lease(number, now_us, skip=frozenset({keys}))
        elif step == "lease beside":
            table.lease(number, now_us, busy=frozenset({keys}))
            assert len(table.leased) >= number or not table.due(now_us, frozenset({keys}))
        elif step == "restart":
            table.restart()
        else:
            table.settle(number, None if step == "done" else now_us + number)
    now_us = len(steps) + 10
    while table.rows:
        table.lease(99, now_us)
        assert not table.due(now_us)
        assert table.leased
        while table.leased:
            table.settle(0, None)
    table.lease(1, now_us)  # looks where rows were left out
    assert table.lines.next_due_us() is None


def test_memory_is_bounded_by_window_and_number_of_lines() -> None:
    """However long the backlog, no more than the window and one head a line is held."""
    table = Table()
    table.append("A" * 50 + "B" * 50 + "CDEFGH")
    table.restart()
    table.lease(99, 0)
    assert len(table.leased) == 8
    held = sum(len(line.items) for line in table.lines._lines.values())  # noqa: SLF001 - the bound is not to be seen from outside
    assert held <= 8 + 8


def test_lines_of_a_kind_that_is_left_alone_keep_what_is_in_memory() -> None:
    """They go on in a moment; of lines that are refused, which wait for long, only the heads are kept."""
    table = Table()
    table.append("AAABBBc")
    table.lease(9, 0, busy=frozenset({"loud"}))
    held = table.lines._lines  # noqa: SLF001 - the bound is not to be seen from outside
    assert [len(held[key].items) for key in "ABC"] == [3, 3, 1]
    table.lease(9, 0, skip=frozenset({"loud"}))
    assert [len(held[key].items) for key in "ABC"] == [1, 1, 1]
    assert [item.key for item in table.leased.values()] == ["C"]


def test_a_lease_that_is_given_back_is_leased_again() -> None:
    """It keeps its place, its attempts and its time."""
    table = Table()
    table.append("AB")
    first, second = table.lines.lease(2, 0, frozenset())
    table.lines.give_back(second.id)
    table.lines.give_back(first.id)
    assert table.lines.lease(2, 0, frozenset()) == [first, second]


def test_next_due_tells_that_there_is_more_to_read() -> None:
    """0 while rows are on disk that were never looked at; then the time of the first parked head."""
    table = Table()
    table.append("AB")
    table.restart()
    assert table.lines.next_due_us() == 0
    table.lease(2, 0)
    table.settle(0, 70)
    table.settle(0, 50)
    assert table.lines.next_due_us() == 50
