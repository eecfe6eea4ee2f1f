"""What is known of a server's patience is known after a restart, for an hour."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.wats.rate import KEPT_S, RISE_S, Kept, Rate
from tests.unit.wats.test_rate import STEP, Answer, answer

NOW_US = 1_769_428_800_000_000
LIMITS = st.sampled_from((0, 1, 2, 10, 60, 450))


def at(seconds: float) -> int:
    """Give a time of the wall clock."""
    return NOW_US + round(seconds * 1e6)


@given(
    limits=st.tuples(LIMITS, LIMITS),
    backlog=st.booleans(),
    steps=st.lists(STEP, max_size=20),
    away_s=st.floats(-1e6, 2 * KEPT_S),
)
def test_a_restart_calls_no_faster_than_the_run_before(
    *, limits: tuple[int, int], backlog: bool, steps: list[tuple[float, Answer, float]], away_s: float
) -> None:
    """Whatever that had learned, and whichever limit is set now; a clock that was put back makes it no older."""
    before, now_s = Rate(limits[0]), 0.0
    for pause_s, what, took_s in steps:
        now_s += pause_s
        if what == "refused":
            before.refused(now_s - took_s, now_s, "429", took_s, made=300)
        else:
            answer(before, what, now_s - took_s, now_s)
    kept = before.keep(now_s, at(now_s))
    after, began_s = Rate(limits[1], backlog=backlog), 7.0
    fresh = after.per_minute
    if kept is not None:
        after.restore(msgspec.json.decode(msgspec.json.encode(kept), type=Kept), began_s, at(now_s + away_s))
    assert bool(after.why) is not after.is_full
    if kept is None or away_s > KEPT_S:
        assert (after.per_minute, after.held_s(began_s)) == (fresh, 0.0)
        return
    assert after.held_s(began_s) == pytest.approx(max(0.0, before.held_s(now_s) - max(0.0, away_s)), abs=1e-3)
    if not before.is_full:
        assert 0 < after.per_minute <= max(before.per_minute, after.floor)
        assert after.may_call(began_s)


def test_what_is_at_its_limit_is_not_kept() -> None:
    """A wish to be left alone is, also without a rate."""
    for limit in (0, 450):
        rate = Rate(limit)
        assert rate.keep(10.0, NOW_US) is None
        rate.refused(0.0, 0.0, "429", 400.0, made=10)
        while not rate.is_full:
            rate.accepted(rate.held_s(0.0), 400.0)
            break
        assert rate.keep(10.0, NOW_US) is not None


def test_it_rises_from_there() -> None:
    """By steps, also where much is owed: a doubling would be at the limit again within seconds."""
    before = Rate(450)
    before.refused(0.0, 10.0, "429")
    before.refused(11.0, 12.0, "503", 30.0)
    kept = before.keep(12.0, NOW_US)
    assert kept is not None
    after = Rate(450, backlog=True)
    after.restore(kept, 1_000.0, NOW_US + 20_000_000)
    assert (after.per_minute, after.held_s(1_000.0)) == (56.25, 10.0)
    after.accepted(1_000.0, 1_000.0 + RISE_S)
    assert after.per_minute == 56.25 + 22.5


def test_a_wish_is_kept_for_an_hour_only() -> None:
    """Where the clock was put back it may be over for long."""
    before = Rate(450)
    before.refused(0.0, 0.0, "429", 86_400.0)
    kept = before.keep(0.0, NOW_US)
    assert kept is not None
    after = Rate(450)
    after.restore(kept, 0.0, NOW_US - 10**12)
    assert after.held_s(0.0) == KEPT_S
