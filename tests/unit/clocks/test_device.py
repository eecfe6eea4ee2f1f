"""A device's clock is known within its tolerance, or not at all; whatever delays, backlogs and nonsense arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.clocks.device import LEAST_STAGES, STAGES, DeviceClock

S = 1_000_000
TOLERANCE_US = 10 * S
LEAST = 20
START_US = 1_769_428_800 * S
OFFSETS = st.integers(-40 * 365 * 86_400, 40 * 365 * 86_400)
"""Seconds: a clock that was never set is decades behind."""
DELAYS = st.floats(0, 8)
"""Seconds; less than the tolerance."""


class Device:
    """A device that sends, and what is known of its clock."""

    def __init__(self, ahead_s: float, drift: float = 0.0) -> None:
        self.clock = DeviceClock()
        self.ahead_s = ahead_s
        self.drift = drift
        self.now_s = 0.0

    def send(self, after_s: float, delay_s: float = 0.0, lie_s: float = 0.0) -> None:
        """Receive a message some time after the last one, which was under way for a while."""
        self.now_s += after_s
        difference_s = self.ahead_s + self.drift * (self.now_s - delay_s) - delay_s + lie_s
        received_us = START_US + round(self.now_s * S)
        self.clock.hear([round(difference_s * S)], received_us, tolerance_us=TOLERANCE_US, least=LEAST)

    def known_s(self) -> float | None:
        """Tell what is known."""
        known_us = self.clock.ahead_us(START_US + round(self.now_s * S), TOLERANCE_US)
        return None if known_us is None else known_us / S

    def live(self, count: int = 60, every_s: float = 10.0) -> None:
        """Receive messages as they are sent."""
        for number in range(count):
            self.send(every_s, 0.05 + number % 3 / 10)


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1), min_size=1))
def test_messages_that_come_together_tell_the_same_as_one_by_one(batches: list[list[int]]) -> None:
    """However they are cut, and in whatever order they say it: a stage keeps the two greatest and the count."""
    together, alone = DeviceClock(), DeviceClock()
    for differences_us in batches:
        together.hear(differences_us, START_US, tolerance_us=TOLERANCE_US, least=LEAST)
        for difference_us in differences_us:
            alone.hear([difference_us], START_US, tolerance_us=TOLERANCE_US, least=LEAST)
    assert together == alone
    assert together.count == sum(map(len, batches))


@given(OFFSETS, st.lists(DELAYS, min_size=60, max_size=80))
def test_a_constant_skew_is_found(ahead_s: int, delays: list[float]) -> None:
    """It is found from the messages of least delay: never more than they say, and within the tolerance."""
    device = Device(ahead_s)
    for delay_s in delays:
        device.send(10.0, delay_s)

    known_s = device.known_s()
    assert known_s is not None
    assert ahead_s - min(delays) - 8 <= known_s <= ahead_s + 1e-6


@given(st.integers(-3_600, 3_600), st.integers(-300, 300))
def test_a_drift_is_followed_and_told(ahead_s: int, ppm: int) -> None:
    """After some hours it is known within the chance of the delays, and used where a device is silent for a day."""
    device = Device(ahead_s, ppm / 1e6)
    device.live(count=6 * 60 * 4, every_s=15.0)
    assert device.clock.skew is not None
    assert device.clock.skew.drift * 1e6 == pytest.approx(ppm, abs=3)

    device.send(86_400.0)

    known_s = device.known_s()
    assert known_s == pytest.approx(ahead_s + device.drift * device.now_s, abs=1.0)


@given(st.integers(-3_600, 3_600), st.sets(st.integers(0, 59), max_size=9), st.sampled_from([-1e9, 1e5, 1e9]))
def test_outliers_move_nothing(ahead_s: int, wild: set[int], lie_s: float) -> None:
    """A message in a minute may say any time, and so may a whole minute of them."""
    device = Device(ahead_s)
    for minute in range(10):
        for number in range(6):
            lies = minute * 6 in wild and (number == 0 or minute == 4)
            device.send(10.0, 0.1, lie_s if lies else 0.0)

    assert device.known_s() == pytest.approx(ahead_s, abs=0.2)


@given(
    st.integers(-3_600, 3_600),
    st.sets(st.integers(0, STAGES - 1), max_size=STAGES - LEAST_STAGES),
    st.lists(st.one_of(st.floats(-40, 40), st.floats(-1e9, 1e9)), min_size=STAGES, max_size=STAGES),
)
def test_single_wild_stages_move_nothing(ahead_s: int, wild: set[int], lies_s: list[float]) -> None:
    """Minutes that say something else, by much or by less than the tolerance: the other five are right."""
    device = Device(ahead_s)
    for stage in range(STAGES):
        for number in range(6):
            device.send(10.0, 0.05 + number % 3 / 10, lies_s[stage] if stage in wild else 0.0)
    device.live(count=6)

    assert device.known_s() == pytest.approx(ahead_s, abs=0.2)


@given(
    st.integers(-600, 600),
    st.floats(60, 1e6),
    st.integers(20, 400),
    st.floats(0, 400),
)
def test_a_backlog_of_an_unknown_device_is_not_taken_for_a_skew(
    ahead_s: int, oldest_s: float, count: int, drained_s: float
) -> None:
    """While it drains nothing is known; once messages come as they are sent, the right thing is."""
    device = Device(ahead_s)
    for number in range(count):
        device.send(drained_s / count, oldest_s * (1 - (number + 1) / count))
        known_s = device.known_s()
        assert known_s is None or abs(known_s - ahead_s) <= 10

    device.live()

    assert device.known_s() == pytest.approx(ahead_s, abs=0.2)


@given(st.integers(-3_600, 3_600), st.floats(60, 1e6), st.integers(1, 400))
def test_a_backlog_moves_nothing_that_is_known(ahead_s: int, oldest_s: float, count: int) -> None:
    """While it drains the clock is not judged by it."""
    device = Device(ahead_s)
    device.live()
    for number in range(count):
        device.send(0.2, oldest_s * (1 - number / count))
        known_s = device.known_s()
        assert known_s is None or known_s == pytest.approx(ahead_s, abs=0.2)


@given(st.integers(-3_600, 3_600), st.one_of(st.integers(-86_400, -21), st.integers(21, 86_400)))
def test_a_clock_that_is_set_is_unknown_until_it_is_known_again(ahead_s: int, step_s: int) -> None:
    """At no time is the old skew told of a message by the new clock, but within the minute in which it was set."""
    device = Device(ahead_s)
    device.live()
    device.ahead_s += step_s
    device.send(61.0)
    for _ in range(9 * 6):
        known_s = device.known_s()
        assert known_s is None or known_s == pytest.approx(device.ahead_s, abs=0.2)
        device.send(10.0)

    assert device.known_s() == pytest.approx(device.ahead_s, abs=0.2)


def test_our_own_clock_set_back_forgets_all() -> None:
    """What was learned by another clock of ours is worth nothing."""
    device = Device(100)
    device.live()
    assert device.known_s() is not None

    device.now_s -= 400.0
    device.ahead_s += 400.0
    device.send(0.0)
    assert (device.known_s(), device.clock.count) == (None, 1)

    device.live()
    assert device.known_s() == pytest.approx(500, abs=0.2)


def test_few_messages_tell_nothing() -> None:
    """Fewer than asked for, or within fewer than five minutes."""
    few = Device(100)
    few.live(count=LEAST - 1, every_s=61.0)
    assert few.known_s() is None
    few.live(count=2, every_s=61.0)
    assert few.known_s() == pytest.approx(100, abs=0.2)

    short = Device(100)
    short.live(count=300, every_s=1.0)
    assert short.known_s() is None
    short.live(count=80, every_s=1.0)
    assert short.known_s() == pytest.approx(100, abs=0.2)


def test_it_stays_small() -> None:
    """A month of messages is eight stages."""
    device = Device(5)
    device.live(count=30 * 24 * 60, every_s=60.0)
    assert len(device.clock.stages) == STAGES
