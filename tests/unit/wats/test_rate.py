"""The rate follows what the server accepts, between a floor and the limit."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.wats.rate import ABSENCE_S, AWAY, BACKLOG, MINUTE_S, RISE_S, SAVED_S, START, Rate

LIMITS = st.sampled_from((1, 2, 10, 60, 450, 500))
Answer: TypeAlias = Literal["accepted", "refused", "unanswered"]
ANSWERS: st.SearchStrategy[Answer] = st.sampled_from(("accepted", "refused", "unanswered"))
STEP = st.tuples(st.floats(0, 40), ANSWERS, st.floats(0, 30))


def answer(rate: Rate, what: Answer, began_s: float, now_s: float) -> None:
    """Let the server answer so."""
    match what:
        case "accepted":
            rate.accepted(began_s, now_s)
        case "refused":
            rate.refused(began_s, now_s, "429")
        case "unanswered":
            rate.unanswered(now_s)


def assert_spaced(rate: Rate, now_s: float, lookups: list[float]) -> None:
    """Call whenever it may be, looking after each of these pauses.

    In no time more are made than the rate gives, but for what two seconds save; a wait that is told is enough.
    """
    made = list[float]()
    for pause_s in lookups:
        now_s += pause_s
        while rate.may_call(now_s):
            rate.call()
            made.append(now_s)
        now_s += rate.opens_in_s(now_s)
        assert rate.may_call(now_s)
    per_s = rate.per_minute / MINUTE_S
    for place, first_s in enumerate(made):
        for count, last_s in enumerate(made[place:], 1):
            assert count <= max(1, SAVED_S * per_s) + (last_s - first_s) * per_s + 0.01


@given(limit=LIMITS, backlog=st.booleans(), steps=st.lists(STEP, max_size=60))
def test_it_stays_between_floor_and_limit_and_says_why_it_is_below(
    *, limit: int, backlog: bool, steps: list[tuple[float, Answer, float]]
) -> None:
    """Whatever the server answers, and however late."""
    rate, now_s = Rate(limit, backlog=backlog), 0.0
    for pause_s, what, took_s in steps:
        now_s += pause_s
        answer(rate, what, now_s - took_s, now_s)
        assert 1 <= rate.floor <= rate.per_minute <= limit
        assert bool(rate.why) is not rate.is_full


@given(limit=LIMITS, steps=st.lists(STEP, max_size=30), ready=st.booleans())
def test_it_returns_to_the_limit_when_all_is_accepted(
    *, limit: int, steps: list[tuple[float, Answer, float]], ready: bool
) -> None:
    """From wherever it is, within two minutes of calls, never falling on the way, and stays there."""
    rate, now_s = Rate(limit, backlog=ready), 0.0
    for pause_s, what, took_s in steps:
        now_s += pause_s
        answer(rate, what, now_s - took_s, now_s)
    rate.accepted(now_s, now_s)
    lowest = rate.per_minute
    for _ in range(24):
        now_s += RISE_S
        rate.accepted(now_s, now_s)
        assert rate.per_minute >= lowest
        lowest = rate.per_minute
    assert rate.is_full
    assert rate.why == ""


@given(began=st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_refusals_that_one_rate_caused_lower_it_once(began: list[float]) -> None:
    """Calls that began before the first refusal came say nothing of the rate after it."""
    rate = Rate(450)
    lowered = [rate.refused(began_s, 100.0, "429") for began_s in sorted(began)]
    assert lowered == [True] + [False] * (len(began) - 1)
    assert rate.per_minute == 225
    assert rate.refused(100.5, 101.0, "429")
    assert rate.per_minute == 112.5


def test_a_rise_that_was_asked_for_before_the_last_change_does_not_count() -> None:
    """An acceptance speaks for the rate at which its call was made."""
    rate = Rate(450)
    rate.refused(0.0, 10.0, "429")
    assert not rate.accepted(9.0, 10.0 + RISE_S)
    assert not rate.accepted(10.0, 10.0 + RISE_S / 2)
    assert rate.accepted(10.0, 10.0 + RISE_S)
    assert rate.per_minute == 247.5


@given(
    limit=LIMITS,
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 600)), max_size=20),
)
def test_a_rate_that_was_never_lowered_delays_nothing(limit: int, steps: list[tuple[float, int]]) -> None:
    """Whoever keeps to the limit in every window, as the quota does, may call whenever it has a call left."""
    rate, now_s, made = Rate(limit), 0.0, list[float]()
    for pause_s, wanted in steps:
        now_s += pause_s
        for _ in range(wanted):
            if sum(at_s > now_s - MINUTE_S for at_s in made) == limit:
                break
            assert rate.may_call(now_s)
            rate.call()
            made.append(now_s)


@given(limit=st.sampled_from((60, 450)), before=st.integers(0, 450), lookups=st.lists(st.floats(0.01, 5), min_size=5))
def test_below_the_limit_calls_are_spaced(limit: int, before: int, lookups: list[float]) -> None:
    """However many were made before."""
    rate = Rate(limit)
    for _ in range(min(before, limit)):
        assert rate.may_call(100.0)
        rate.call()
    rate.refused(100.0, 100.0, "429")
    assert_spaced(rate, 100.0, lookups)


def test_a_backlog_at_the_start_is_begun_slowly() -> None:
    """The rate doubles with what is accepted, and says why it is low."""
    rate = Rate(400, backlog=True)
    assert (rate.per_minute, rate.why) == (400 * START, BACKLOG)
    assert rate.may_call(0.0)
    rate.call()
    assert not rate.may_call(0.0)
    assert rate.opens_in_s(0.0) == pytest.approx(1.2, abs=0.01)
    rates = []
    for number in range(1, 5):
        rate.accepted(number * RISE_S - 1, number * RISE_S)
        rates.append(rate.per_minute)
    assert rates == [100, 200, 400, 400]


def test_a_refusal_ends_the_doubling() -> None:
    """From then on it rises by steps."""
    rate = Rate(400, backlog=True)
    rate.accepted(4.0, 5.0)
    rate.refused(6.0, 6.0, "429")
    assert (rate.per_minute, rate.why) == (50, "429")
    rate.accepted(6.5, 11.0)
    assert rate.per_minute == 70


def test_an_absence_is_followed_by_a_slow_start_and_a_lost_connection_is_not() -> None:
    """A server that is back after long begins with an eighth of the limit."""
    rate = Rate(400)
    rate.unanswered(0.0)
    rate.unanswered(5.0)
    rate.accepted(5.0, ABSENCE_S - 1)
    assert rate.is_full
    rate.unanswered(20.0)
    assert rate.accepted(20.0 + ABSENCE_S, 20.0 + ABSENCE_S)
    assert (rate.per_minute, rate.why) == (50, AWAY)


def test_a_server_that_wants_to_be_left_alone_is_so_until_the_last_wish_is_over() -> None:
    """Also where no limit is set; a shorter wish that comes later does not cut a longer one."""
    for limit in (0, 450):
        rate = Rate(limit)
        rate.refused(0.0, 10.0, "429", 30.0)
        rate.refused(0.0, 11.0, "429", 5.0)
        assert rate.held_s(12.0) == 28.0
        assert rate.held_s(40.0) == 0.0
