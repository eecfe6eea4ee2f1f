"""The clocks of the program: the machine's, and one that goes faster."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from pywats_mqtt.app.clock import FastClock, SystemClock, clock_of
from pywats_mqtt.errors import Fatal


def test_a_fast_clock_shows_the_time_that_passed_since_its_moment_as_often_as_it_goes_faster() -> None:
    """Ten seconds ago, at a thousandfold rate: ten thousand seconds have passed on it, and it is a day ahead."""
    before = time.time()
    clock = FastClock(rate=1_000.0, ahead_s=86_400.0, since_s=before - 10.0)
    shown = clock.now().timestamp()

    assert before - 10 + 10_000 + 86_400 <= shown <= before - 10 + 1_000 * (time.time() - before + 10) + 86_401


def test_two_clocks_with_the_same_numbers_show_the_same_time() -> None:
    """Also where the second begins later, as after a restart."""
    since_s = time.time() - 100.0
    one, another = (FastClock(rate=60.0, ahead_s=5.0, since_s=since_s) for _ in range(2))
    first, second, third = one.now(), another.now(), one.now()

    assert first <= second <= third
    assert FastClock(rate=60.0, ahead_s=0.0, since_s=None).now() - SystemClock().now() < timedelta(hours=1)


def test_waits_are_as_much_shorter_as_the_clock_goes_faster() -> None:
    """And its seconds go on as the machine's do."""
    clock = FastClock(rate=60.0, ahead_s=0.0, since_s=None)

    assert clock.real_s(120.0) == 2.0
    assert SystemClock().real_s(120.0) == 120.0
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_clock_that_would_not_go_is_refused(rate: float) -> None:
    """With what to say instead."""
    with pytest.raises(Fatal, match="clock-rate"):
        clock_of(rate, 0.0, None)


def test_without_options_it_is_the_machines() -> None:
    """The hidden options change nothing where they are not used."""
    assert isinstance(clock_of(1.0, 0.0, None), SystemClock)
    assert isinstance(clock_of(1.0, 60.0, None), FastClock)
