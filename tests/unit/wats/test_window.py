"""The sliding window: the bound as the server sees it, and what survives a restart."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.wats.window import MARGIN_S, WINDOW_S, WINDOW_US, Blocks, Window

CALL = st.tuples(
    st.floats(0, 40),  # seconds since the call before wanted to start
    st.floats(0, 30),  # seconds from its start to its reception by the server
    st.floats(0, 30),  # and from there to its end
)


@given(limit=st.integers(1, 5), calls=st.lists(CALL, max_size=40))
def test_no_window_of_the_servers_holds_more_than_the_limit(
    limit: int, calls: list[tuple[float, float, float]]
) -> None:
    """Whatever a call's way takes, in any 60 s the server receives at most `limit`."""
    window, now_s, ends, received = Window(limit), 0.0, list[float](), list[float]()
    for gap, way, back in calls:
        now_s += gap
        while True:
            for end in sorted(end for end in ends if end <= now_s):
                window.end(end)
                ends.remove(end)
            wait_s = window.wait_s(now_s)
            if wait_s == 0:
                break
            now_s = min(ends) if wait_s is None else now_s + wait_s
        window.start()
        received.append(now_s + way)
        ends.append(now_s + way + back)

    received.sort()
    assert all(last - first > WINDOW_S for first, last in zip(received, received[limit:], strict=False))


def test_a_burst_up_to_the_limit_goes_at_once() -> None:
    """A first effect is quick."""
    window = Window(3)
    for _ in range(3):
        assert window.wait_s(0.0) == 0
        window.start()
    assert window.wait_s(0.0) is None


def test_a_slot_is_freed_a_window_after_the_end() -> None:
    """Not after the start: the server may have received the call last of all."""
    window = Window(1)
    window.start()
    window.end(20.0)

    assert window.wait_s(20.0) == pytest.approx(WINDOW_S + MARGIN_S, abs=0.01)
    assert window.taken(79.0) == 1
    assert window.wait_s(81.0) == 0


def test_slots_are_counted_by_account_until_they_are_free() -> None:
    """Those under way too; remembered ones are on nobody's account, and come free first."""
    window = Window(4)
    window.remember(1, 0.0)
    for account in ("counts", "counts", "reports"):
        window.start(account)
    assert (dict(window.by_account), window.free(0.0)) == ({"counts": 2, "reports": 1}, 0)
    window.end(1.0, "counts")
    window.end(2.0, "reports")
    window.give_back("counts")
    assert (dict(window.by_account), window.free(2.0)) == ({"counts": 1, "reports": 1}, 1)
    assert window.wait_s(2.0, spare=1) == pytest.approx(WINDOW_S + MARGIN_S - 2.0, abs=0.01)

    assert window.free(WINDOW_S + 0.5) == 2
    assert dict(window.by_account) == {"counts": 1, "reports": 1}
    assert window.free(WINDOW_S + 1.5) == 3
    assert dict(window.by_account) == {"counts": 0, "reports": 1}


def test_a_lowered_limit_waits_for_all_that_is_too_much() -> None:
    """Calls remembered from before may be more than are allowed now."""
    window = Window(2)
    window.remember(3, 0.0)
    window.remember(1, 10.0)

    assert window.wait_s(10.0) == pytest.approx(WINDOW_S + MARGIN_S - 10.0, abs=0.01)


def test_reserved_calls_count_as_just_used_after_a_crash() -> None:
    """Nobody knows when they ended."""
    blocks = Blocks(5)
    note = blocks.dump(0, reserving=True)
    blocks.reserve()
    blocks.start()

    assert Blocks(5).restore(note, 3_600_000_000) == [(5, 0)]


def test_a_block_known_to_be_over_counts_from_its_last_end() -> None:
    """Its end is written down with the next reservation; long over, it is forgotten."""
    blocks = Blocks(2)
    blocks.reserve()
    first, second = blocks.start(), blocks.start()
    blocks.end(second, 7_000_000)
    blocks.end(first, 5_000_000)
    note = blocks.dump(10_000_000, reserving=True)

    assert Blocks(2).restore(note, 20_000_000) == [(2, 13_000_000), (2, 0)]
    assert Blocks(2).restore(note, 7_000_001 + WINDOW_US) == [(2, 0)]


def test_a_clock_put_back_makes_nothing_older() -> None:
    """An end in the future counts as now."""
    blocks = Blocks(1)
    blocks.reserve()
    blocks.end(blocks.start(), 50_000_000)

    assert Blocks(1).restore(blocks.dump(50_000_000, closing=True), 1_000_000) == [(1, 0)]


def test_an_orderly_end_gives_back_what_was_not_used() -> None:
    """Only calls that were made count after the next start."""
    blocks = Blocks(100)
    blocks.reserve()
    blocks.end(blocks.start(), 1_000_000)
    under_way = Blocks(100)
    under_way.reserve()
    under_way.start()

    assert Blocks(100).restore(blocks.dump(2_000_000, closing=True), 3_000_000) == [(1, 2_000_000)]
    assert Blocks(100).restore(under_way.dump(2_000_000, closing=True), 3_000_000) == [(1, 0)]


def test_what_an_earlier_run_used_is_carried_on() -> None:
    """Two restarts within the minute forget nothing."""
    blocks = Blocks(2)
    first_note = blocks.dump(0, reserving=True)
    blocks.restore(first_note, 1_000_000)
    second_note = blocks.dump(5_000_000, reserving=True)

    assert Blocks(2).restore(second_note, 11_000_000) == [(2, 10_000_000), (2, 0)]


def test_the_note_stays_small() -> None:
    """What is over and a window old is left out."""
    blocks = Blocks(1)
    for second in range(1_000):
        blocks.reserve()
        blocks.end(blocks.start(), second * 1_000_000)

    assert len(msgspec.json.decode(blocks.dump(1_000_000_000))) <= 61


def test_a_foreign_note_is_told() -> None:
    """The caller decides what to make of it."""
    with pytest.raises(msgspec.DecodeError):
        Blocks(1).restore(b"{}", 0)
