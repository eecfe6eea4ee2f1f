"""Where no limit is set there is a rate while the server refuses calls, and none when it has not for a while."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.wats.rate import ABSENCE_S, AWAY, CALM_S, LEAST_TOP, RISE_S, Rate
from tests.unit.wats.test_rate import STEP, Answer, answer, assert_spaced


def test_without_a_refusal_there_is_no_rate() -> None:
    """Any number of calls may begin, also after an absence."""
    rate = Rate(0)
    for _ in range(10_000):
        assert rate.may_call(0.0)
        rate.call()
    rate.unanswered(0.0)
    assert not rate.accepted(2 * ABSENCE_S, 2 * ABSENCE_S)
    assert (rate.opens_in_s(0.0), rate.per_minute, rate.why, rate.is_full) == (0.0, 0.0, "", True)


def test_a_refusal_halves_what_was_called_and_calls_are_spaced() -> None:
    """From there it rises by steps to what was called, and then there is none again."""
    rate = Rate(0)
    for _ in range(1_000):
        rate.call()
    assert rate.refused(99.0, 100.0, "429", made=600)
    assert (rate.top, rate.per_minute, rate.why, rate.is_full) == (600, 300, "429", False)
    assert not rate.refused(99.5, 100.5, "429", made=700)
    assert not rate.may_call(100.1)
    assert rate.may_call(100.2)
    rate.call()
    assert 0.1 < rate.opens_in_s(100.2) < 0.3
    now_s, rates = 100.0, []
    while rate.per_minute < 600:
        now_s += RISE_S
        assert rate.accepted(now_s - 1, now_s)
        rates.append(rate.per_minute)
    assert rates == [330, 360, 390, 420, 450, 480, 510, 540, 570, 600]
    assert rate.why == "429"
    assert not rate.accepted(now_s + CALM_S - 1, now_s + CALM_S - 1)
    assert rate.accepted(now_s + CALM_S, now_s + CALM_S)
    assert (rate.per_minute, rate.why, rate.is_full) == (0, "", True)


def test_a_refusal_at_what_was_refused_before_halves_again() -> None:
    """It is no calm then; and fewer calls than the rate would allow are what is halved."""
    rate = Rate(0)
    rate.refused(0.0, 0.0, "429", made=600)
    for number in range(1, 12):
        rate.accepted(number * RISE_S, number * RISE_S)
    assert rate.per_minute == 600
    assert rate.refused(80.0, 80.0, "503", made=500)
    assert (rate.top, rate.per_minute, rate.why) == (500, 250, "503")
    assert not rate.accepted(80.0 + CALM_S, 80.0) or rate.per_minute
    assert rate.refused(100.0, 100.0, "503", made=1)
    assert (rate.top, rate.per_minute) == (LEAST_TOP, 125)


def test_after_an_absence_it_begins_low() -> None:
    """Where there is a rate at all."""
    rate = Rate(0)
    rate.refused(0.0, 0.0, "503", made=800)
    rate.unanswered(1.0)
    assert rate.accepted(20.0, 20.0)
    assert (rate.per_minute, rate.why) == (100, AWAY)


@given(steps=st.lists(st.tuples(STEP, st.integers(0, 5_000)), max_size=60))
def test_it_stays_below_what_was_called_and_says_why_there_is_one(
    steps: list[tuple[tuple[float, Answer, float], int]],
) -> None:
    """Whatever the server answers; and in the end all is accepted, and there is none."""
    rate, now_s = Rate(0), 0.0
    for (pause_s, what, took_s), made in steps:
        now_s += pause_s
        if what == "refused":
            rate.refused(now_s - took_s, now_s, "429", made=made)
        else:
            answer(rate, what, now_s - took_s, now_s)
        assert rate.is_none or 1 <= rate.floor <= rate.per_minute <= rate.top
        assert bool(rate.why) is not rate.is_full
        assert rate.is_full is rate.is_none
    for _ in range(60):
        now_s += RISE_S
        rate.accepted(now_s, now_s)
    assert rate.is_none


@given(made=st.integers(0, 1_000), lookups=st.lists(st.floats(0.01, 5), min_size=5))
def test_calls_are_spaced_while_there_is_one(made: int, lookups: list[float]) -> None:
    """At the top, too: nothing else keeps a minute from having twice as many."""
    rate = Rate(0)
    rate.refused(0.0, 0.0, "429", made=made)
    assert_spaced(rate, 0.0, lookups)
