"""The catalog of topics: it is complete, and its examples are what the bridge takes."""

from __future__ import annotations

import json

import pytest

from pywats_mqtt.adapters.catalog import CATALOG
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Rejection
from pywats_mqtt.schemas.export import MESSAGES, json_schema
from tests.unit.schemas.validation import is_valid

RECEIVED_US = 1_769_428_800_000_000
ROUTES = RouteTable(TopicConfig())


def test_each_topic_of_the_defaults_is_in_it() -> None:
    """Who adds a topic says here what it carries and what becomes of it; README and AsyncAPI document follow."""
    assert set(CATALOG) == set(TopicConfig().filters())


def test_each_message_has_a_topic() -> None:
    """No schema is exported that nothing can be sent as."""
    assert {topic.message for topic in CATALOG.values()} == set(MESSAGES)


@pytest.mark.parametrize("topic_filter", CATALOG)
def test_its_message_is_what_the_topic_is_read_as(topic_filter: str) -> None:
    """The schema a device is told is the one its messages are decoded by."""
    assert ROUTES.route(topic_filter.replace("+", "X")).message is MESSAGES[CATALOG[topic_filter].message]


@pytest.mark.parametrize("topic_filter", CATALOG)
def test_its_example_is_taken_and_fits_the_schema(topic_filter: str) -> None:
    """A device that sends the example gets what the table says."""
    topic, payload = CATALOG[topic_filter], json.dumps(CATALOG[topic_filter].example).encode()
    found = interpret(RawMessage(topic_filter.replace("+", "X"), payload, RECEIVED_US, qos=1), ROUTES)
    document = json_schema(topic.message)
    definitions = document["$defs"]

    assert not isinstance(found, Rejection), found
    assert list(found)
    assert isinstance(definitions, dict)
    assert is_valid(json.loads(payload), {"$ref": document["$ref"]}, definitions)
