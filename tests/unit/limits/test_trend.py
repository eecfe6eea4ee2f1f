"""Where a drifting value goes, and how sure that is."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import Point
from pywats_mqtt.limits.trend import trend_of
from pywats_mqtt.limits.values import DAY_US


def daily(*values: float) -> list[Point]:
    """Give one value a day."""
    return [(day * DAY_US, value) for day, value in enumerate(values)]


@pytest.mark.parametrize("count", [5, 6, 7])
def test_the_interval_holds_what_it_promises(count: int) -> None:
    """Of all orders that values without any drift can come in, at least 95 % give an interval with 0 in it."""
    trends = [trend_of(daily(*map(float, order))) for order in permutations(range(count))]
    held = sum(trend is not None and trend.low <= 0 <= trend.high for trend in trends)
    assert held / len(trends) >= 0.95
    assert held < len(trends)


def test_a_third_of_wild_points_moves_the_slope_little() -> None:
    """Three of eleven are off by a thousand; a least-squares line would point the other way."""
    values = [0.1 * day for day in range(11)]
    values[2], values[5], values[6] = 1_000.0, -1_000.0, 1_000.0
    trend = trend_of(daily(*values))
    assert trend is not None
    assert trend.slope == pytest.approx(0.1)
    assert trend.value == pytest.approx(1.0)


def test_days_to_the_limit_in_either_direction() -> None:
    """From where the line is, not from the newest value; what has passed since the newest point counts."""
    up, down = trend_of(daily(*[0.1 * day for day in range(11)])), trend_of(daily(*[-0.1 * day for day in range(11)]))
    assert up is not None
    assert down is not None
    for trend in (up, down):
        assert trend.days_to(3.0, 10 * DAY_US).expected == pytest.approx(20.0)
        assert trend.days_to(3.0, 10 * DAY_US).shown == "20.0"
        assert trend.days_to(3.0, 10 * DAY_US).finite == {"days": 20.0, "days_soonest": 20.0, "days_latest": 20.0}
        assert trend.days_to(3.0, 15 * DAY_US).expected == pytest.approx(15.0)
        assert trend.days_to(3.0, 99 * DAY_US).expected == 0.0
        assert trend.days_to(0.5, 10 * DAY_US).soonest == 0.0


def test_noise_alone_is_no_trend() -> None:
    """Its slope may be anything, so the limit is not expected soon, however near noise could take it."""
    trend = trend_of(daily(0.1, -0.2, 0.2, -0.1, 0.0, 0.15, -0.15))
    assert trend is not None
    assert trend.low < 0 < trend.high
    assert trend.days_to(0.3, 6 * DAY_US).soonest == math.inf


@pytest.mark.parametrize(
    "points",
    [
        daily(0.0, 0.1, 0.2, 0.3),
        [(minute * 60_000_000, 0.1 * minute) for minute in range(60)],
        daily(0.0, 1e308, -1e308, 1e308, -1e308, 1e308),
    ],
    ids=["too few", "too short", "beyond measure"],
)
def test_points_that_say_nothing(points: list[Point]) -> None:
    """Four points; an hour of warming up; values whose differences are no numbers."""
    assert trend_of(points) is None


def test_a_constant_deviation_never_reaches_its_limit() -> None:
    """All slopes are 0."""
    trend = trend_of(daily(*[0.5] * 8))
    assert trend is not None
    days = trend.days_to(1.0, 0)
    assert (trend.slope, days.expected, days.soonest, days.latest) == (0.0, math.inf, math.inf, math.inf)
    assert (days.shown, days.finite) == ("never", {})


@given(
    st.dictionaries(st.integers(0, 200), st.floats(-1e6, 1e6), min_size=5, max_size=25),
    st.floats(1e-3, 1e6),
    st.integers(200, 400),
)
def test_bounds_lie_around_what_is_expected(values: dict[int, float], limit: float, today: int) -> None:
    """Never negative; the slope is within its interval, and so are the days wherever the drift is sure."""
    trend = trend_of([(day * DAY_US, value) for day, value in sorted(values.items())])
    assert trend is not None
    assert trend.low <= trend.slope <= trend.high
    days = trend.days_to(limit, today * DAY_US)
    assert min(days.expected, days.soonest, days.latest) >= 0
    if days.soonest < math.inf:
        assert days.soonest <= days.expected <= days.latest
