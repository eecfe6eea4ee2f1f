"""What of an event bus's result is read in another way than that of a message on MQTT."""

from __future__ import annotations

import json

import pytest

from pywats_mqtt.bus.wats_handlers import ROUTES
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import TestResult, counts_twice
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Outcome, Rejection

NOW_US = 1_769_428_800_000_000
BUS_ROUTES = RouteTable(TopicConfig(), first=ROUTES)


def read(received_us: int = NOW_US, /, **fields: object) -> Outcome:
    """Interpret the payload of a `TEST_RESULT`."""
    payload = json.dumps({"unit_id": "U", "station_id": "ICT-1", "result": "pass", **fields}).encode()
    return interpret(RawMessage("bus/ICT-1/test.result", payload, received_us, qos=1), BUS_ROUTES)


def result_of(outcome: Outcome) -> TestResult:
    """Give the one result of an outcome."""
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert isinstance(identified.event, TestResult)
    return identified.event


def test_a_text_that_another_transport_measured_stays_a_text() -> None:
    """The contract of a `TEST_RESULT` has texts for values; only a device on MQTT has to say that it means one."""
    steps = [{"name": "firmware", "measurements": [{"name": "version", "value": "2.3.1"}]}]
    assert result_of(read(steps=steps)).steps[0].measurement.value == "2.3.1"


@pytest.mark.parametrize(
    ("named", "once"),
    [({"start_time": "2026-01-26T06:00:00Z"}, True), ({"end_time": "2026-01-26T06:00:00Z"}, True), ({}, False)],
)
def test_a_result_with_a_time_of_either_end_is_the_same_when_it_is_published_again(
    named: dict[str, str], *, once: bool
) -> None:
    """Without one it is new each time."""
    first, later = read(**named), read(NOW_US + 1, **named)
    assert not isinstance(first, Rejection)
    assert counts_twice(first) is not once
    assert (result_of(first).report_id == result_of(later).report_id) is once
