"""Steps and results: the device's verdict, the computed one, and both where they contradict."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import Step, TestResult
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, from_us
from pywats_mqtt.ports import Rejection

NOW_US = 1_769_428_800_000_000
ROUTES = RouteTable(TopicConfig())
NUMBERS = st.integers(-50, 50).map(lambda number: number / 4)
VERDICTS = st.sampled_from(["P", "F", "E", "T", "S", "D"])


def read(**fields: object) -> TestResult:
    """Interpret a result of unit S that started at a known time."""
    payload = {"serial_number": "S", "timestamp": "2026-01-26T06:00:00Z", **fields}
    outcome = interpret(RawMessage("testers/T/results", json.dumps(payload).encode(), NOW_US), ROUTES)
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert isinstance(identified.event, TestResult)
    return identified.event


def step(**fields: object) -> Step:
    """Interpret a result with one step."""
    return read(steps=[{"name": "V", **fields}]).steps[0]


@given(NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS)
def test_a_step_without_status_is_judged_by_its_limits(value: float, low: float | None, high: float | None) -> None:
    """Status of step, measurement and report follow from value and limits."""
    assume(low is None or high is None or low <= high)
    result = read(steps=[{"name": "V", "value": value, "low": low, "high": high}])
    good = (low is None or value >= low) and (high is None or value <= high)
    assert result.result == result.steps[0].status == result.steps[0].measurement.status == ("P" if good else "F")
    assert (result.steps[0].measurement.low, result.steps[0].measurement.high) == (low, high)
    assert result.misc == ()


@given(VERDICTS, NUMBERS, VERDICTS)
def test_the_verdict_of_the_device_is_kept_and_a_contradiction_recorded(sent: str, value: float, result: str) -> None:
    """Whatever the limits say, the device's statuses stand; what contradicts them is on the report."""
    assume(result != "S")
    read_result = read(result=result, steps=[{"name": "V", "status": sent, "value": value, "low": 0}])
    assert read_result.steps[0].status == sent
    assert read_result.result == (result if result != "D" else sent if sent in "FET" else "P")
    by_limits = "P" if value >= 0 else "F"
    step_conflict = sent in "PF" and sent != by_limits
    result_conflict = result in "PF" and (result == "P") != (sent in "PSD")
    assert ("verdict_conflict" in dict(read_result.misc)) == (step_conflict or result_conflict)


@pytest.mark.parametrize(
    ("sent", "status", "measured"),
    [
        ({"value": 1, "unit": "BOOL"}, "P", "P"),
        ({"value": 0, "unit": "bool"}, "F", "F"),
        ({"value": 0, "unit": "V"}, "P", "P"),
        ({"value": "text", "type": "string"}, "P", "P"),
        ({}, "D", "P"),
        ({"error_code": 3}, "E", "S"),
        ({"error_code": 0}, "D", "P"),
        ({"status": "E", "value": 1, "low": 0}, "E", "P"),
        ({"status": "T", "value": 1}, "T", "S"),
        ({"status": "D", "value": 1}, "D", "P"),
        ({"status": "S", "low": 0}, "S", "S"),
        ({"status": "P", "low": 0, "high": 1}, "P", "P"),
    ],
)
def test_status_of_step_and_measurement(sent: dict[str, object], status: str, measured: str) -> None:
    """A measurement knows P, F and S alone; a step keeps the rest."""
    made = step(**sent)
    assert (made.status, made.measurement.status) == (status, measured)


@pytest.mark.parametrize("value", ["5.02", "abc", ""])
@pytest.mark.parametrize(
    "beside",
    [{}, {"unit": "V"}, {"low": 4.9, "high": 5.1}, {"status": "P"}, {"type": "number"}, {"type": "string", "low": 4.9}],
)
def test_a_text_that_nobody_asked_for_is_no_value(value: str, beside: dict[str, object]) -> None:
    """A number in quotation marks goes to quarantine with its place; it would be a text that nobody can trend."""
    payload = {"serial_number": "S", "result": "P", "steps": [{"name": "a"}, {"name": "V", "value": value, **beside}]}
    outcome = interpret(RawMessage("testers/T/results", json.dumps(payload).encode(), NOW_US), ROUTES)
    assert outcome == Rejection("expected float, got str", "$.steps[1].value", "T")


@pytest.mark.parametrize(("value", "kept"), [("5.02", "5.02"), ("OK-7", "OK-7"), (5, 5.0), (True, 1.0)])
def test_a_text_is_kept_where_the_step_says_so(value: object, kept: object) -> None:
    """It is a text step; what is no text stays what it is."""
    assert step(value=value, type="string").measurement.value == kept


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        ({"error_code": 17, "error_message": "over"}, 17, "over"),
        ({"error_code": "E42", "error_message": "over"}, None, "E42: over"),
        ({"error_code": "E42"}, None, "E42"),
        ({"error_code": "", "error_message": "over"}, None, "over"),
        ({}, None, ""),
    ],
)
def test_error_code(sent: dict[str, object], code: int | None, message: str) -> None:
    """WATS' error code is a number; any other code stands before the text."""
    made = step(status="E", **sent)
    assert (made.error_code, made.error_message) == (code, message)


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({}, None),
        ({"steps": None}, None),
        ({"stpes": [{"foo": 1}]}, "stpes"),
        ({"b": None, "a": {"c": 1}, "steps": []}, "a, b"),
        (
            {"steps": [{"name": "V", "hihg": 1}, {"name": "I", "hihg": 2, "foo": 3}], "z": 0},
            "steps[].foo, steps[].hihg, z",
        ),
        ({"": 1}, "''"),
        ({" ": 1, "a\nb": 2}, r"' ', 'a\nb'"),
        ({f"field_{number:03}": 1 for number in range(200)}, ", ".join(f"field_{n:03}" for n in range(200))[:99] + "…"),
        ({"misc": {"foo": 1}}, None),
    ],
)
def test_fields_that_nobody_reads_are_named_on_the_report(sent: dict[str, object], named: str | None) -> None:
    """A misspelt key does not vanish in silence, and a newer device's field is no reason to refuse its result."""
    assert dict(read(result="P", **sent).misc).get("unread_fields") == named


@pytest.mark.parametrize("place", [b'"\xff": 1', b'"steps": [{"name": "V", "\xff": 1}]'])
def test_a_field_whose_name_is_no_text_is_told_too(place: bytes) -> None:
    """It cannot be named, and is no reason to refuse the result either."""
    payload = b'{"serial_number": "S", "timestamp": 0, "result": "P", ' + place + b"}"
    outcome = interpret(RawMessage("testers/T/results", payload, NOW_US), ROUTES)
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert isinstance(identified.event, TestResult)
    assert ("unread_fields", "a name that is not UTF-8") in identified.event.misc


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("1234567890123456789012", "1234567890123456789012"), ("1.0", "1.0"), ('"A-7"', "A-7"), ("null", None)],
)
def test_the_sequence_is_on_the_report_with_its_digits(sent: str, kept: str | None) -> None:
    """A number is the text it was written as."""
    payload = f'{{"serial_number": "S", "result": "P", "sequence": {sent}}}'.encode()
    outcome = interpret(RawMessage("testers/T/results", payload, NOW_US), ROUTES)
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert isinstance(identified.event, TestResult)
    assert dict(identified.event.misc).get("sequence") == kept


def test_a_correction_of_the_clock_is_recorded() -> None:
    """A start ahead of us becomes reception less the duration; the misc infos tell both."""
    result = read(timestamp="2026-01-26T13:00:00Z", duration_ms=1_500, result="P")
    assert result.start == from_us(NOW_US - 1_500_000)
    assert dict(result.misc) == {"start_sent": "2026-01-26T13:00:00+00:00", "clock_correction_s": "-3601.500"}
    assert result.duration_s == 1.5


def test_misc_is_kept_as_it_was_written() -> None:
    """Texts, numbers, truth values and whole objects become texts; empty ones, which WATS refuses, are left out."""
    result = read(result="P", misc={"a": "x", "b": 1.5, "c": True, "d": {"e": [1]}, "f": None, "g": "", "": "h"})
    assert result.misc == (("a", "x"), ("b", "1.5"), ("c", "true"), ("d", '{"e": [1]}'))


def test_a_long_misc_name_is_kept_whole() -> None:
    """The name of a misc info is cut as any text, and stands whole in the attachment."""
    result = read(result="P", misc={"n" * 150: "x"})
    assert len(result.misc[0][0]) == 100
    assert "n" * 150 in result.attachments[0][1]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [({"start_time": 1769407200, "timestamp": "2026-01-26T09:00:00Z"}, 1_769_407_200_000_000), ({}, 0)],
)
def test_start_time_goes_before_timestamp(sent: dict[str, object], expected: int) -> None:
    """Where a device sends both, `timestamp` is when it published."""
    result = read(result="P", **sent)
    assert result.start == from_us(expected or 1_769_407_200_000_000)
