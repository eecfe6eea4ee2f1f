"""The figures of a shift, and that none is invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import NO_PARTS, Parts
from pywats_mqtt.utilization.accounts import Account
from pywats_mqtt.utilization.calendar import Period
from pywats_mqtt.utilization.oee import Figures, figures

HOUR = 3_600_000_000
SHIFT = Period("early", 0, 8 * HOUR, ((0, 4 * HOUR), (4 * HOUR + HOUR // 2, 8 * HOUR)))
"""Eight hours, half an hour of them a break: 27,000 s planned."""


def account(
    *,
    producing_s: float = 0.0,
    in_plan_s: float | None = None,
    planned_s: float | None = None,
    parts: Parts = NO_PARTS,
    ideal_s: float = 0.0,
    unideal: int = 0,
) -> Account:
    """An account of the shift in which what is not production was idle."""
    return Account(
        period=SHIFT,
        states={"running": producing_s, "idle": 28_800 - producing_s},
        producing_s=producing_s,
        in_plan_s=producing_s if in_plan_s is None else in_plan_s,
        planned_s=planned_s,
        parts=parts,
        ideal_s=ideal_s,
        unideal=unideal,
    )


def of(told: Account, ideal_cycle_s: float | None = None) -> Figures:
    """Its figures at the end of the shift."""
    return figures(told, SHIFT.end_us, ideal_cycle_s)


def test_the_figures_of_a_shift() -> None:
    """Of 27,000 planned seconds 21,600 in production, 1,000 parts of 18 s at best, 970 good."""
    found = of(account(producing_s=21_600, parts=Parts(1_000, 970), ideal_s=18_000))
    assert (found.availability, found.performance, found.quality) == pytest.approx((0.8, 18_000 / 21_600, 0.97))
    assert found.oee == pytest.approx(970 * 18 / 27_000)  # by definition: good parts at best, by planned time
    assert (found.planned_s, found.unknown_s, found.remarks) == (27_000, 0, ())


def test_the_ideal_cycle_of_the_configuration_counts_for_parts_that_name_none() -> None:
    """And only for those."""
    found = of(account(producing_s=3_600, parts=Parts(100, 100), ideal_s=900, unideal=50), 20.0)
    assert found.performance == pytest.approx((900 + 50 * 20) / 3_600)


def test_without_an_ideal_cycle_performance_and_oee_are_unknown() -> None:
    """They are not invented; the others are said."""
    found = of(account(producing_s=13_500, parts=Parts(100, 90), unideal=100))
    assert (found.availability, found.performance, found.quality, found.oee) == (0.5, None, 0.9, None)
    assert found.remarks == ("performance is unknown: no ideal cycle time, see utilization.ideal_cycle_s",)


def test_without_counts_only_availability_is_known() -> None:
    """A device that says states alone."""
    found = of(account(producing_s=13_500), 5.0)
    assert (found.availability, found.performance, found.quality, found.oee) == (0.5, None, None, None)
    assert len(found.remarks) == 2


def test_a_shift_without_a_part_has_an_oee_of_nothing() -> None:
    """No good part was made in planned time, whatever one takes; how good they were is unknown."""
    found = of(account(producing_s=0, parts=Parts(0, 0)))
    assert (found.availability, found.performance, found.quality, found.oee) == (0.0, None, None, 0.0)


def test_a_wrong_ideal_cycle_is_shown_and_told() -> None:
    """Performance above 1 stands as it is, and counts as 1 in the OEE."""
    found = of(account(producing_s=13_500, parts=Parts(1_000, 1_000), ideal_s=27_000))
    assert (found.performance, found.oee) == (2.0, 0.5)
    assert found.remarks == ("performance is above 1: the ideal cycle time is too long",)


def test_the_planned_time_of_the_device_goes_before_the_calendars() -> None:
    """Production in it is all production, in breaks as well."""
    found = of(account(producing_s=10_000, in_plan_s=9_000, planned_s=20_000))
    assert (found.availability, found.planned_s) == (0.5, 20_000)
    more = of(account(producing_s=22_000, planned_s=20_000))
    assert more.availability == 1.0
    assert more.remarks[0].startswith("production took longer")


def test_production_in_a_break_makes_nothing_more_available() -> None:
    """Only what lies in planned time counts."""
    assert of(account(producing_s=15_300, in_plan_s=13_500)).availability == 0.5


def test_the_planned_time_of_a_running_shift_goes_to_the_present() -> None:
    """After two hours it is two hours, and after the break it is without it."""
    told = account(producing_s=3_600)
    assert figures(told, 2 * HOUR, None).planned_s == 7_200
    assert figures(told, 5 * HOUR, None).planned_s == 4.5 * 3_600


def test_outside_of_shifts_nothing_is_available() -> None:
    """There is no planned time to be available in."""
    found = figures(Account(period=Period("outside shifts", 0, HOUR), producing_s=60.0), HOUR, None)
    assert (found.availability, found.oee) == (None, None)
    assert found.remarks[0] == "availability is unknown: no time was planned"


def test_more_good_parts_than_parts_is_no_quality() -> None:
    """Counters that do not belong together."""
    found = of(account(producing_s=60, parts=Parts(5, 6), ideal_s=5))
    assert (found.quality, found.oee) == (None, None)
    assert found.remarks == ("quality is unknown: more good parts than parts",)


@given(
    st.floats(0, 40_000),
    st.none() | st.floats(0, 40_000),
    st.none() | st.integers(0, 10_000),
    st.none() | st.integers(0, 10_000),
    st.none() | st.floats(0.01, 100),
)
def test_the_figures_are_within_their_bounds(
    producing_s: float, planned_s: float | None, total: int | None, good: int | None, ideal_cycle_s: float | None
) -> None:
    """Whatever devices say: 0 to 1 where known, performance alone above it, and then that is told."""
    told = account(
        producing_s=producing_s,
        in_plan_s=min(producing_s, 27_000),
        planned_s=planned_s,
        parts=Parts(total, good),
        unideal=total or 0,
    )
    found = of(told, ideal_cycle_s)
    for value in (found.availability, found.quality, found.oee):
        assert value is None or 0 <= value <= 1
    assert found.performance is None or found.performance >= 0
    assert (found.performance or 0) <= 1.005 or any("above 1" in remark for remark in found.remarks)
    unknown = {"availability": found.availability, "performance": found.performance, "quality": found.quality}
    assert (found.oee is None) == (found.availability is None or (total != 0 and None in unknown.values()))
