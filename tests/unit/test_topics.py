"""Topic names, filters and templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.topics import (
    captured,
    covers,
    filter_problem,
    matches,
    name_problem,
    render,
    template_fields,
    uncovered,
)

levels = st.sampled_from(["a", "b", "", "$x"])
names = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)
filters = st.builds(
    lambda path, end: "/".join([*path, *end]),
    st.lists(st.one_of(levels, st.just("+")), max_size=4),
    st.sampled_from([(), ("#",)]),
).filter(bool)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        # MQTT 5, 4.7.1.2 and 4.7.1.3, their examples
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "a/b", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        # 4.7.2
        ("#", "$SYS/x", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/x", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        # 4.7.3: names are case sensitive, and a slash at an end counts
        ("ACCOUNTS", "Accounts", False),
        ("a", "/a", False),
        ("a/", "a", False),
    ],
)
def test_matches(topic_filter: str, topic: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """The examples of the standard."""
    assert matches(topic_filter, topic) is expected


@given(filters, filters, names)
def test_a_covering_filter_matches_whatever_the_covered_one_does(wide: str, narrow: str, topic: str) -> None:
    """`covers` never promises too much."""
    if covers(wide, narrow) and matches(narrow, topic):
        assert matches(wide, topic)


@given(filters)
def test_a_filter_covers_itself(topic_filter: str) -> None:
    """And so does `#`, but for what begins with `$`."""
    assert covers(topic_filter, topic_filter)
    assert covers("#", topic_filter) or topic_filter.startswith("$")


@given(st.lists(filters, max_size=6), names)
def test_uncovered_filters_match_all_that_all_match(given_filters: list[str], topic: str) -> None:
    """Leaving covered filters out loses no topic, keeps the order, and leaves none that another covers."""
    kept = uncovered(given_filters)
    assert any(matches(f, topic) for f in kept) == any(matches(f, topic) for f in given_filters)
    assert [f for f in dict.fromkeys(given_filters) if f in kept] == list(kept)
    assert not [(a, b) for a in kept for b in kept if a != b and covers(a, b)]


@given(filters, names)
def test_captured_levels_fill_the_filter(topic_filter: str, topic: str) -> None:
    """What stands at the wildcards, put back in their place, gives the topic."""
    if not matches(topic_filter, topic):
        return
    found = iter(captured(topic_filter, topic))
    filled = [next(found) if level in {"+", "#"} else level for level in topic_filter.split("/")]
    if topic_filter.endswith("#") and len(topic.split("/")) < len(filled):
        filled.pop()  # `a/#` matches `a` too
    assert "/".join(filled) == topic


@given(names)
def test_a_name_is_a_valid_name_and_filter(topic: str) -> None:
    """What has no wildcard is both, and matches itself."""
    assert name_problem(topic) is None
    assert filter_problem(topic) is None
    assert matches(topic, topic)


@given(filters)
def test_a_filter_is_valid(topic_filter: str) -> None:
    """Wildcards that stand alone in their level are fine, and make a name invalid."""
    assert filter_problem(topic_filter) is None
    assert (name_problem(topic_filter) is None) == ("+" not in topic_filter and "#" not in topic_filter)


@pytest.mark.parametrize("bad", ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a\0b", "\ud800", "x" * 65_536, "ö" * 32_768])
def test_invalid_filters(bad: str) -> None:
    """Each has its problem said."""
    assert filter_problem(bad)
    assert name_problem(bad)


def test_a_template_fills_its_fields() -> None:
    """Values stay within their level."""
    assert template_fields("wats/alarms/{alarm_type}/{id}") == {"alarm_type", "id"}
    assert render("wats/{a}/{b}", {"a": "x/+#\0", "b": "y", "c": "unused"}) == "wats/x____/y"
    with pytest.raises(KeyError):
        render("wats/{a}", {})
    with pytest.raises(ValueError, match="expected '}'"):
        template_fields("wats/{a")
