"""The server's clock lies between bounds that its answers give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.clocks.server import Instant, ServerClock

S = 1_000_000
NOW_US = 1_769_428_800 * S


def answer(clock: ServerClock, at_us: int, ahead_us: int, there_us: int, back_us: int) -> int:
    """Hear an answer that took a while there and back; gives when it was there. Wall and steady clock show the same."""
    date_us = (at_us + there_us + ahead_us) // S * S
    clock.heard(date_us, at_us, at_us + there_us + back_us)
    return at_us + there_us + back_us


def at(now_us: int, set_us: int = 0) -> Instant:
    """Give a moment at which the wall clock was set by so much."""
    return Instant(now_us + set_us, now_us)


@given(
    st.integers(-(10**13), 10**13),
    st.integers(-(10**10), 10**10),
    st.lists(st.tuples(st.integers(0, 10 * S), st.integers(0, 5 * S), st.integers(0, 5 * S)), min_size=1, max_size=30),
)
def test_the_latest_time_is_never_in_the_servers_future(
    ahead_us: int, set_us: int, answers: list[tuple[int, int, int]]
) -> None:
    """Whatever is done to our clock; and a clock that may be right is not called wrong."""
    clock, now_us = ServerClock(2 * S), NOW_US
    for pause_us, there_us, back_us in answers:
        now_us = answer(clock, now_us + pause_us, ahead_us, there_us, back_us)
        assert clock.bounds is not None
        assert clock.bounds.low_us <= ahead_us <= clock.bounds.high_us
        assert clock.latest_us(at(now_us, set_us)) <= now_us + ahead_us
        assert clock.skew_us(at(now_us, set_us)) == 0 or abs(ahead_us - set_us) > 2 * S


def test_many_answers_tell_more_than_one() -> None:
    """Each says it to a second; those from just before and just after the server's second say it to a tenth."""
    clock, now_us = ServerClock(S), NOW_US
    for _ in range(40):
        now_us = answer(clock, now_us + 1_130_000, 3_600 * S, 10_000, 10_000)
    assert clock.bounds is not None
    assert clock.bounds.high_us - clock.bounds.low_us < 200_000
    assert abs(clock.skew_us(at(now_us)) - 3_600 * S) < 100_000


def test_a_clock_that_is_set_is_believed_at_once() -> None:
    """Ours without an answer; of the server's, the newest answer tells."""
    clock, now_us = ServerClock(S), NOW_US
    for _ in range(10):
        now_us = answer(clock, now_us + S, 3_600 * S, 1_000, 1_000)
    assert abs(clock.skew_us(at(now_us)) - 3_600 * S) <= S
    assert clock.skew_us(at(now_us, 3_600 * S)) == 0
    now_us = answer(clock, now_us + S, -60 * S, 1_000, 1_000)
    assert abs(clock.skew_us(at(now_us)) + 60 * S) <= S


def test_nothing_is_known_before_the_first_answer() -> None:
    """Then our own time is the latest."""
    clock = ServerClock(S)
    assert (clock.skew_us(at(NOW_US)), clock.latest_us(at(NOW_US))) == (0, NOW_US)
