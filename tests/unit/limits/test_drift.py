"""A deviation alarms over its limit, and warns before it."""

from __future__ import annotations

import pytest

from pywats_mqtt.events import Drift
from pywats_mqtt.limits.drift import Bounds, judge, judge_due
from pywats_mqtt.limits.trend import trend_of
from pywats_mqtt.limits.values import DAY_US, Level

BOUNDS = Bounds(warn_days=30.0, warn_percent=80.0)


def drift(*values: float, limit: float | None = 1.0) -> Drift:
    """Give one value a day."""
    points = tuple((day * DAY_US, value) for day, value in enumerate(values))
    return Drift(points, None if limit is None else (0, limit))


def level(drift: Drift, limit: float | None = None, day: int = 10) -> Level:
    """Judge it on a day."""
    return judge(drift, trend_of(drift.points), limit, BOUNDS, day * DAY_US).level


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, 0), (0.79, 0), (0.8, 1), (-0.8, 1), (1.0, 1), (-1.0, 1), (1.01, 2), (-1.01, 2)],
)
def test_a_single_value_against_its_limit(value: float, expected: int) -> None:
    """In either direction: over it is an alarm, at it and from 80 percent on a warning."""
    assert level(drift(value)) == expected


def test_a_trend_warns_while_the_value_is_still_small() -> None:
    """At 0.4 of 1.0 the limit is 15 days ahead; at a tenth of that pace it is far."""
    fast, slow = [0.04 * day for day in range(11)], [0.004 * day for day in range(11)]
    assert level(drift(*fast)) is Level.WARNING
    assert level(drift(*slow)) is Level.OK
    assert level(drift(*slow), day=221) is Level.WARNING


def test_an_unsure_trend_warns_of_nothing() -> None:
    """The same distance to the limit, by noise."""
    assert level(drift(0.0, 0.3, 0.1, 0.25, 0.05, 0.3, 0.1)) is Level.OK


def test_whose_limit_counts() -> None:
    """The device's, else the operator's; without one nothing is near anything."""
    assert level(drift(0.5, limit=1.0), limit=0.4) is Level.OK
    assert level(drift(0.5, limit=None), limit=0.4) is Level.ALARM
    assert level(drift(1e9, limit=None)) is Level.OK
    assert judge(Drift(limit=(0, 1.0)), None, None, BOUNDS, 0).deviation is None


@pytest.mark.parametrize(("left", "expected"), [(31.0, 0), (30.0, 0), (29.9, 1), (0.1, 1), (0.0, 2), (-9.0, 2)])
def test_a_due_date_comes_near(left: float, expected: int) -> None:
    """Over it is an alarm; a warning before."""
    assert judge_due(round(left * DAY_US), BOUNDS, 0) == expected
