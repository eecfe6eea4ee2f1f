"""Whether two filters have a topic in common."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.overlap import overlaps, template_filter
from pywats_mqtt.topics import matches, render

LEVELS = ("a", "b", "", "$s")
TOPICS = ["/".join(levels) for length in (1, 2, 3, 4) for levels in product(LEVELS, repeat=length)]
FILTERS = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(st.sampled_from([*LEVELS, "+"]), min_size=1, max_size=3),
    st.sampled_from([[], ["#"]]),
) | st.just("#")


@given(FILTERS, FILTERS)
def test_two_filters_overlap_when_a_topic_matches_both(one: str, other: str) -> None:
    """The answer is what trying every topic of a small alphabet gives, and does not depend on the order."""
    truth = any(matches(one, topic) and matches(other, topic) for topic in TOPICS)
    assert overlaps(one, other) is truth
    assert overlaps(other, one) is truth


@given(st.sampled_from(["x/{f}", "x-{f}/y", "{f}", "x/{f}-z/y", "{f}/{f}"]), st.sampled_from(["a", "x", "-"]), FILTERS)
def test_a_filter_that_matches_what_a_template_makes_overlaps_it(template: str, value: str, topic_filter: str) -> None:
    """No topic that a template can make is missed."""
    if matches(topic_filter, render(template, {"f": value})):
        assert overlaps(template_filter(template), topic_filter)


@pytest.mark.parametrize(
    ("template", "topic_filter", "expected"),
    [
        ("wats/alarms/{x}", "wats/+/lost", True),
        ("wats/alarms/{x}", "wats/alarms", False),
        ("wats/alarms/{x}", "wats/alarms/#", True),
        ("wats/alarm-{x}", "wats/alarm-lost", True),
        ("wats/alarm-{x}", "wats/report-lost", False),
        ("wats/alarm.{x}", "wats/alarmed", False),
        ("wats/alarms", "wats/alarms", True),
    ],
)
def test_a_template_is_compared_with_what_it_can_make(template: str, topic_filter: str, *, expected: bool) -> None:
    """A field stands for any text within its level, and for nothing across levels."""
    assert overlaps(template_filter(template), topic_filter) is expected
