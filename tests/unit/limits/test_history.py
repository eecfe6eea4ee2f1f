"""What is kept of a calibration is bounded, and still spans the whole time."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import AssetDrift, Drift
from pywats_mqtt.limits.history import MOST_PARAMETERS, MOST_POINTS, fold_drift
from pywats_mqtt.limits.trend import trend_of
from pywats_mqtt.limits.values import DAY_US


def measured(at_us: int, value: float, name: str = "gain", **fields: object) -> AssetDrift:
    """Give one measured value."""
    return AssetDrift(asset="A", parameters={name: Drift(((at_us, value),))}, as_of_us=at_us, **fields)  # type: ignore[arg-type] # its fields


def folded(*events: AssetDrift) -> AssetDrift:
    """Fold them in their order."""
    return reduce(fold_drift, events)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=200, unique=True))
def test_the_history_is_bounded_and_keeps_its_ends(times: list[int]) -> None:
    """In order of time, whatever the order of arrival; the first and the newest point that came are there."""
    known = folded(*(measured(at_us, float(at_us)) for at_us in times)).parameters["gain"]
    assert len(known.points) == min(len(times), MOST_POINTS)
    assert list(known.points) == sorted(known.points)
    assert {at_us for at_us, _ in known.points} <= set(times)
    assert known.points[-1][0] == max(times)
    assert known.points[0][0] == min(times)


def test_a_thinned_history_has_the_trend_of_the_whole() -> None:
    """A thousand hourly points, evenly thinned, of which the last hundred came fast."""
    hour = DAY_US // 24
    times = [*range(0, 900 * hour, hour), *range(900 * hour, 901 * hour, hour // 100)]
    events = [measured(at_us, 0.001 * at_us / DAY_US + 0.0001 * (number % 7)) for number, at_us in enumerate(times)]
    points = folded(*events).parameters["gain"].points
    trend = trend_of(points)
    assert trend is not None
    assert trend.low < 0.001 < trend.high
    assert abs(trend.slope - 0.001) < 0.00005
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    assert max(gaps) < 60 * hour


def test_a_calibration_begins_anew() -> None:
    """What was measured before tells nothing any more, also where it arrives late; what the message measured stays."""
    calibrated = measured(20, 0.0, calibrated_us=20)
    known = folded(measured(10, 0.4), calibrated, measured(15, 0.5), measured(30, 0.1))
    assert known.parameters["gain"].points == ((20, 0.0), (30, 0.1))


def test_limit_unit_and_due_date_are_the_newest_that_were_said() -> None:
    """A message that names none leaves them as they are; an older one that comes late does, too."""
    first = AssetDrift(
        asset="A",
        parameters={"gain": Drift(((10, 0.1),), (10, 1.0), (10, "V"))},
        due_us=500,
        due_as_of_us=10,
        as_of_us=10,
    )
    newer = AssetDrift(asset="A", parameters={"gain": Drift(limit=(20, 2.0))}, due_us=600, due_as_of_us=20, as_of_us=20)
    for known in (folded(first, newer, measured(30, 0.2)), folded(newer, first, measured(30, 0.2))):
        assert known.parameters["gain"] == Drift(((10, 0.1), (30, 0.2)), (20, 2.0), (10, "V"))
        assert (known.due_us, known.due_as_of_us) == (600, 20)


def test_parameters_are_bounded() -> None:
    """Those named longest ago are forgotten."""
    known = folded(*(measured(number, 0.0, f"p{number:03d}") for number in range(MOST_PARAMETERS + 30)))
    assert sorted(known.parameters) == [f"p{number:03d}" for number in range(30, MOST_PARAMETERS + 30)]
