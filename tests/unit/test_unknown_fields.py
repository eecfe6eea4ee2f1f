"""A newer device's fields are taken and counted, whatever its topic."""

from __future__ import annotations

import json

import pytest

from pywats_mqtt.adapters.catalog import CATALOG
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.interpret import RouteTable, interpret, unknown_fields
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.observe import OTHERS, UNKNOWN_NAMES, Health
from pywats_mqtt.ports import Rejection

ROUTES = RouteTable(TopicConfig())


def unknown(topic_filter: str, payload: object) -> tuple[str, set[str]]:
    """Interpret a message, which must be taken, and ask what of it is unknown."""
    message = RawMessage(topic_filter.replace("+", "X"), json.dumps(payload).encode(), 1_769_428_800_000_000, qos=1)
    found = interpret(message, ROUTES)
    assert not isinstance(found, Rejection), found
    return unknown_fields(message, found, ROUTES)


@pytest.mark.parametrize("topic_filter", CATALOG)
def test_a_field_of_a_newer_device_is_named(topic_filter: str) -> None:
    """On each topic the message is taken as before, and the field is named under its filter."""
    example = CATALOG[topic_filter].example

    assert unknown(topic_filter, example) == (topic_filter, set())
    assert unknown(topic_filter, example | {"firmware_mood": {"deep": [1]}}) == (topic_filter, {"firmware_mood"})


@pytest.mark.parametrize(
    ("topic_filter", "payload", "names"),
    [
        ("assets/+/counters", {"counters": {"total_count": 1, "lost": 2}}, {"counters.lost"}),
        (
            "assets/+/environment",
            {"environment": {"a_c": 1.5, "b": {"value": 1, "unit": "V", "quality": 3}}},
            {"environment.*.quality"},
        ),
        ("devices/+/software", {"software": [{"name": "a", "by": "me"}], "x": 1}, {"software[].by", "x"}),
        (
            "testers/+/results",
            {"serial_number": "S", "result": "P", "steps": [{"name": "a", "steps": [{"name": "b", "hue": 1}]}]},
            {"steps[].hue"},
        ),
        (
            "testers/+/repairs",
            {"serial_number": "S", "failures": [{"category": "a", "code": "b", "z": 1}]},
            {"failures[].z"},
        ),
    ],
)
def test_fields_of_what_a_message_consists_of_are_named_with_their_place(
    topic_filter: str, payload: object, names: set[str]
) -> None:
    """Those of a list with brackets, those of a map with `*`, at any depth."""
    assert unknown(topic_filter, payload) == (topic_filter, names)


def test_an_emptied_retained_message_has_none() -> None:
    """It has no payload to look at."""
    message = RawMessage("assets/X/status", b"", 1_769_428_800_000_000, qos=1, retain=True)

    assert unknown_fields(message, (), ROUTES) == ("assets/+/status", set())


def test_names_that_never_end_fill_no_memory() -> None:
    """Those beyond the bound are counted together."""
    health = Health()
    for number in range(UNKNOWN_NAMES + 7):
        health.note_unknown("a/+", f"n{number}")
    health.note_unknown("a/+", "n0")

    assert len(health.unknown_fields["a/+"]) == UNKNOWN_NAMES + 1
    assert (health.unknown_fields["a/+"]["n0"], health.unknown_fields["a/+"][OTHERS]) == (2, 7)
