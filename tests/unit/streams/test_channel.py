"""Samples of a channel stay in order of time, within the bound, with their extremes, and with exact figures."""

from __future__ import annotations

from math import fsum, isclose

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.streams.channel import Channel

SAMPLE = st.tuples(st.integers(0, 10_000), st.floats(-1e9, 1e9, allow_nan=False))
SAMPLES = st.lists(SAMPLE, min_size=1, max_size=20) | st.lists(SAMPLE, min_size=100, max_size=300)
"""Few, and more than the bounds below."""


def filled(samples: list[tuple[int, float]], most: int) -> Channel:
    """Give a channel that took these samples, in this order."""
    channel = Channel()
    for at_us, value in samples:
        channel.add(at_us, value, most)
    return channel


@given(SAMPLES, st.integers(16, 64))
def test_whatever_comes_in_whatever_order(samples: list[tuple[int, float]], most: int) -> None:
    """In order and bounded; the ends, the extremes and the number are there, and no point is made up."""
    channel = filled(samples, most)

    points = list(zip(channel.times_us, channel.values, strict=True))
    assert channel.times_us == sorted(channel.times_us)
    assert len(points) == len(channel.weights) <= most
    assert not set(points) - set(samples)
    assert sum(channel.weights) == channel.count == len(samples)
    values = [value for _, value in samples]
    assert (channel.least, channel.greatest) == (min(values), max(values))
    assert {channel.least, channel.greatest} <= set(channel.values)
    times = [at_us for at_us, _ in samples]
    assert (channel.times_us[0], channel.times_us[-1]) == (min(times), max(times))
    assert isclose(channel.mean, fsum(values) / len(values), rel_tol=1e-12, abs_tol=1e-6)


@given(SAMPLES)
def test_up_to_the_bound_every_sample_is_kept(samples: list[tuple[int, float]]) -> None:
    """Also where they came out of order."""
    channel = filled(samples, max(16, len(samples)))

    assert sorted(zip(channel.times_us, channel.values, strict=True)) == sorted(samples)
    assert set(channel.weights) == {1}


def test_what_came_early_is_not_thinned_more_than_what_came_late() -> None:
    """Of a hundred thousand samples each quarter has its share of the points."""
    most = 400
    channel = filled([(number, float(number % 97)) for number in range(100_000)], most)

    quarters = [0, 0, 0, 0]
    for at_us in channel.times_us:
        quarters[at_us * 4 // 100_000] += 1
    # What came since the last thinning is still whole, and in the last quarter.
    assert min(quarters[:3]) > most / 20
    assert max(quarters[:3]) < 2 * min(quarters[:3])


def test_a_peak_of_one_sample_survives() -> None:
    """Among fifty thousand, at its time."""
    samples = [(number, 0.0) for number in range(50_000)]
    samples[12_345] = (12_345, 7.5)
    channel = filled(samples, 100)

    assert dict(zip(channel.times_us, channel.values, strict=True))[12_345] == 7.5


def test_the_mean_of_equal_samples_is_that_value() -> None:
    """Rounding puts it on no other side of a limit; numbers too large to be added do not either."""
    assert filled([(number, 0.1) for number in range(3)], 16).mean == 0.1
    assert filled([(number, 1.7e308) for number in range(3)], 16).mean == 1.7e308


def test_small_values_beside_a_large_one_count_in_the_mean() -> None:
    """A plain sum would lose all of them."""
    channel = filled([(0, 1e16), *((number, 1.0) for number in range(1, 1_001)), (1_001, -1e16)], 16)

    assert channel.mean == 1_000 / 1_002
