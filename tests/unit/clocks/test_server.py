"""The server's clock lies between bounds that its answers give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.clocks.server import ServerClock

S = 1_000_000
NOW_US = 1_769_428_800 * S


def answer(clock: ServerClock, at_us: int, ahead_us: int, there_us: int, back_us: int) -> int:
    """Hear an answer that took a while there and back; gives when it was there."""
    date_us = (at_us + there_us + ahead_us) // S * S
    clock.heard(date_us, at_us, at_us + there_us + back_us)
    return at_us + there_us + back_us


@given(
    st.integers(-(10**13), 10**13),
    st.lists(st.tuples(st.integers(0, 10 * S), st.integers(0, 5 * S), st.integers(0, 5 * S)), min_size=1, max_size=30),
)
def test_the_truth_is_between_the_bounds(ahead_us: int, answers: list[tuple[int, int, int]]) -> None:
    """So the latest time is never in the server's future, and a clock that may be right is not called wrong."""
    clock, now_us = ServerClock(2 * S), NOW_US
    for pause_us, there_us, back_us in answers:
        now_us = answer(clock, now_us + pause_us, ahead_us, there_us, back_us)
        assert clock.bounds is not None
        assert clock.bounds.low_us <= ahead_us <= clock.bounds.high_us
        assert clock.latest_us(now_us) <= now_us + ahead_us
        assert abs(clock.ahead_us) <= abs(ahead_us)
        assert clock.skew_us == 0 or abs(ahead_us) > 2 * S


def test_many_answers_tell_more_than_one() -> None:
    """Each says it to a second; those from just before and just after the server's second say it to a tenth."""
    clock, now_us = ServerClock(S), NOW_US
    for _ in range(40):
        now_us = answer(clock, now_us + 1_130_000, 3_600 * S, 10_000, 10_000)
    assert clock.bounds is not None
    assert clock.bounds.high_us - clock.bounds.low_us < 200_000
    assert abs(clock.skew_us - 3_600 * S) < 100_000


def test_a_clock_that_is_set_is_believed_at_once() -> None:
    """An answer that contradicts all others is the newest."""
    clock, now_us = ServerClock(S), NOW_US
    for _ in range(10):
        now_us = answer(clock, now_us + S, 0, 1_000, 1_000)
    assert clock.skew_us == 0
    now_us = answer(clock, now_us + S, -60 * S, 1_000, 1_000)
    assert abs(clock.skew_us + 60 * S) <= S
    answer(clock, now_us - 3_600 * S, 3_600 * S, 1_000, 1_000)  # ours, now
    assert abs(clock.skew_us - 3_600 * S) <= S


def test_nothing_is_known_before_the_first_answer() -> None:
    """Then our own time is the latest; an answer during which our clock was set back tells nothing."""
    clock = ServerClock(S)
    clock.heard(NOW_US, NOW_US, NOW_US - 1)
    assert (clock.skew_us, clock.ahead_us, clock.latest_us(NOW_US)) == (0, 0, NOW_US)
