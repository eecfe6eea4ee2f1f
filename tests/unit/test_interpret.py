"""interpret() is total and pure, and the way through it is what the configuration says."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.adapters.measurements import due_message
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import StreamDue, TestResult, counts_twice, decode, encode, identify, payload_digest
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, from_us
from pywats_mqtt.ports import Outcome, Rejection
from pywats_mqtt.topics import matches

NOW_US = 1_769_428_800_000_000
ROUTES = RouteTable(TopicConfig())
STRICT = RouteTable(TopicConfig(strict_ids=True))

TOPICS = st.sampled_from(
    [
        *("assets/A/status", "testers/T/results", "testers/T/measurements", "devices/D/selftest", "devices/D/software"),
        *("lines/L/batch", "x"),
    ]
)
KEYS = st.sampled_from(
    [
        *(
            "asset_id",
            "device_id",
            "timestamp",
            "start_time",
            "message_id",
            "sequence",
            "request_id",
            "status",
            "count",
        ),
        *("running_count", "total_count", "increment", "counters", "environment", "value", "unit", "test_type"),
        *("operation_code", "duration_ms", "duration_s", "serial_number", "part_number", "revision", "result"),
        *(
            "operator",
            "fixture",
            "batch",
            "batch_id",
            "failures",
            "total",
            "failed",
            "started",
            "ended",
            "event",
            "socket",
            "steps",
            "misc",
            "name",
            "low",
            "high",
            "error_code",
        ),
        *("error_message", "report_text", "type", "?"),
        *("measurements", "samples", "path", "interval_ms", "t", "end"),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.integers(0, 2**31),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.text(min_size=95, max_size=210),
    st.sampled_from(["P", "Failed", "2026-01-26T10:30:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00+14", "NaN"]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
STEPS = st.lists(st.dictionaries(KEYS, SCALARS, max_size=8) | VALUES, max_size=3)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
LIKELY = st.fixed_dictionaries(
    {"serial_number": st.text(min_size=1, max_size=8)},
    optional={
        "steps": st.lists(
            st.fixed_dictionaries(
                {"name": st.text(min_size=1)},
                optional={
                    "value": st.floats(-9, 9) | st.text() | st.booleans(),
                    "low": st.integers(-9, 0),
                    "high": st.integers(0, 9),
                    "status": st.sampled_from(["P", "F", "S", "E", "T", "D"]),
                    "unit": st.text(),
                    "type": st.just("string"),
                    "error_message": st.text(),
                    "error_code": st.integers(-5, 5) | st.text(),
                },
            ),
            max_size=5,
        ),
        "result": st.sampled_from(["P", "F", "E", "T", "D"]),
        "timestamp": st.floats(-1e12, 1e14) | st.integers(-(10**13), 10**13),
        "duration_s": st.floats(0, 31_536_000),
        "misc": st.dictionaries(st.text(), SCALARS, max_size=4),
        "operator": st.text(),
        "count": st.integers(0, 10),
        "environment": st.dictionaries(st.text(), st.floats(-9, 9), max_size=3),
    },
)


def go(topic: str, payload: object, routes: RouteTable = ROUTES, received_us: int = NOW_US) -> Outcome:
    """Interpret a payload that is given as a value or as bytes."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return interpret(RawMessage(topic, data, received_us), routes)


def result_of(outcome: Outcome) -> TestResult:
    """Give the one result of an outcome."""
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert isinstance(identified.event, TestResult)
    return identified.event


def check(outcome: Outcome) -> None:
    """Check what holds for every outcome: the spool can keep it, and WATS does not refuse it for its form."""
    if isinstance(outcome, Rejection):
        assert outcome.reason
        assert len(outcome.reason) < 1_000
        msgspec.msgpack.encode(outcome)
        return
    for identified in outcome:
        assert decode(encode(identified.event)) == identified.event
        if isinstance(identified.event, TestResult):
            check_result(identified.event)


def check_result(result: TestResult) -> None:
    """Check a result against the limits of WATS."""
    texts = [
        result.device,
        result.serial_number,
        result.part_number,
        result.revision,
        result.operator,
        result.test_type,
    ]
    texts += [result.fixture, result.batch, *(text for pair in result.misc for text in pair)]
    for step in result.steps:
        assert step.name
        assert step.status in "PFSDET"
        assert step.measurement.status in "PFS"
        texts += [step.name, step.error_message, step.report_text, step.measurement.unit]
        texts += [step.measurement.value] if isinstance(step.measurement.value, str) else []
    assert max(map(len, texts)) <= 100
    assert result.serial_number
    assert result.result in {"P", "F", "E", "T"}
    assert result.start <= from_us(NOW_US)


@given(TOPICS | st.text(), st.binary())
def test_no_bytes_make_it_raise(topic: str, payload: bytes) -> None:
    """Whatever arrives on whatever topic has an outcome."""
    for routes in (ROUTES, STRICT):
        check(go(topic, payload, routes))


@given(TOPICS, OBJECTS | VALUES)
def test_no_json_makes_it_raise(topic: str, payload: object) -> None:
    """Known keys with any values have an outcome."""
    for routes in (ROUTES, STRICT):
        check(go(topic, payload, routes))


@given(TOPICS, LIKELY | st.fixed_dictionaries({"serial_number": SCALARS, "steps": STEPS}))
def test_what_is_accepted_keeps_the_limits_of_wats(topic: str, payload: object) -> None:
    """A result that is accepted has no text, status or time that WATS would refuse."""
    check(go(topic, payload))


PROPOSAL = (Path(__file__).parents[1] / "cases/report/proposal_results/message.json").read_bytes()


@given(st.data())
def test_no_damaged_message_makes_it_raise(data: st.DataObject) -> None:
    """A real message with bytes cut out, doubled or replaced has an outcome."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(PROPOSAL))] * 2)))
    damaged = PROPOSAL[:start] + data.draw(st.binary(max_size=4)) + PROPOSAL[end:]
    for topic in ("assets/A/status", "testers/T/results"):
        check(go(topic, damaged))


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"steps":' + b"[" * 100_000,
        b'{"misc":' + b'{"a":' * 100_000,
        b'{"serial_number":' + b"9" * 100_000 + b"}",
        b'{"count":' + b"9" * 100_000 + b"}",
        b'{"serial_number":"1","timestamp":1e308}',
        b'{"serial_number":"1","timestamp":"\xff"}',
        b'{"serial_number":"\xff","result":"P"}',
        b'{"serial_number":"\\ud800","result":"P"}',
        b'{"asset_id":"\xff","count":1}',
        b'{"\xff":1}',
        '{"serial_number":"1"}'.encode("utf-16"),
    ],
)
def test_hostile_payloads_are_refused(payload: bytes) -> None:
    """Depth, size and broken text end in quarantine, not in a crash."""
    for topic in ("assets/A/status", "testers/T/results"):
        outcome = go(topic, payload, STRICT)
        check(outcome)
        assert isinstance(outcome, Rejection)


def test_the_bridge_alone_tells_itself_what_is_due() -> None:
    """What it says is read back; others who say such a thing are refused, and no filter of ours brings them."""
    due = StreamDue(device="T/1", stream=UUID(int=7), why="timeout", heard_us=5)
    message = due_message(due, "U", since_us=1, now_us=NOW_US)
    outcome = interpret(message, ROUTES)
    assert isinstance(outcome, tuple)
    (identified,) = outcome
    assert identified.event == due
    assert not [each for each in TopicConfig().filters() if matches(each, message.topic)]
    for payload in (b"{}", message.payload.replace(b"timeout", b"lunch"), message.payload.replace(b"00000", b"x")):
        assert isinstance(go(message.topic, payload), Rejection)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,20})?", fullmatch=True))
def test_serial_and_part_numbers_keep_their_digits(number: str) -> None:
    """Sent as JSON numbers they are the texts they were written as, all the way into the event."""
    payload = f'{{"serial_number": {number}, "part_number":{number}, "result": "P"}}'.encode()
    result = result_of(go("testers/T/results", payload))
    assert (result.serial_number, result.part_number) == (number, number)


@given(st.integers(-(10**15), 10**15))
def test_a_repeat_has_the_same_identity_whenever_it_arrives(later_us: int) -> None:
    """Neither our clock nor a correction of the device's enters into an identity."""
    for start in ("2026-01-26T06:00:00", "2050-01-26T06:00:00Z"):
        payload = {"serial_number": "S", "timestamp": start, "result": "P"}
        first = go("testers/T/results", payload)
        again = go("testers/T/results", payload, received_us=NOW_US + max(later_us, -NOW_US))
        assert identities(first) == identities(again) != [None]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("testers/T/results", {"serial_number": "S", "result": "P"}), ("devices/D/selftest", {"result": "P"})],
)
def test_a_result_without_id_and_time_is_new_each_time_it_arrives(topic: str, payload: dict[str, object]) -> None:
    """Two equal ones are two reports, and the route is told as not exactly-once; read again, one keeps its report."""
    first, later = (go(topic, payload, received_us=NOW_US + us) for us in (0, 1))
    assert result_of(first).report_id != result_of(later).report_id
    for outcome in (first, later):
        assert not isinstance(outcome, Rejection)
        assert identities(outcome) == [None]
        assert counts_twice(outcome)
    assert result_of(go(topic, payload)).report_id == result_of(first).report_id


def test_the_report_of_a_reception_is_of_one_device_kind_and_content() -> None:
    """What two testers send in the same microsecond, or one over two topics, stays apart."""
    topics = ("testers/T/results", "testers/T2/results", "devices/T/selftest")
    payloads = ({"serial_number": "S", "result": "P"}, {"serial_number": "S", "result": "F"})
    assert len({result_of(go(topic, payload)).report_id for topic in topics for payload in payloads}) == 6


@pytest.mark.parametrize(
    "named",
    [
        {"message_id": 1},
        {"sequence": 1},
        {"timestamp": "2026-01-26T06:00:00"},
        {"start_time": 0},
        {"timestamp": "2050-01-26T06:00:00Z"},
    ],
)
def test_a_result_with_an_id_a_number_or_a_time_counts_once(named: dict[str, object]) -> None:
    """What a device names tells a repeat, also a time that is corrected."""
    payload = {"serial_number": "S", "result": "P", **named}
    outcome = go("testers/T/results", payload)
    assert not isinstance(outcome, Rejection)
    assert not counts_twice(outcome)
    assert identities(outcome) == identities(go("testers/T/results", payload, received_us=NOW_US + 1))


def test_a_sequence_tells_results_apart() -> None:
    """Two that differ in nothing else are two; with a message id, that alone decides."""
    first, second = (identity_of(message_id=None, timestamp=None, sequence=number)[0] for number in (1, 2))
    assert first != second
    assert identity_of(sequence=1)[0] == identity_of(sequence=2)[0] == identity_of()[0]


def test_the_id_of_a_result_without_a_sequence_never_changes() -> None:
    """Reports that stand in WATS keep their ids: the sequence enters only where there is one."""
    payload = json.dumps(RESULT | {"message_id": None}).encode()
    fields = ("results", "T", "S", RESULT["timestamp"], "t", payload_digest(payload).hex())
    assert identities(go("testers/T/results", payload)) == [identify(fields, payload)]


def identities(outcome: Outcome) -> list[object]:
    """Give the identities of an outcome's events."""
    assert not isinstance(outcome, Rejection), outcome
    return [identified.identity for identified in outcome]


RESULT = {"message_id": "1", "serial_number": "S", "timestamp": "2026-01-26T06:00:00Z", "test_type": "t", "result": "P"}


def identity_of(topic: str = "testers/T/results", /, **changes: object) -> tuple[object, object]:
    """Give id and digest of a result with some fields changed (None: not sent)."""
    outcome = go(topic, {**RESULT, **changes})
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert identified.identity is not None
    assert result_of(outcome).report_id == identified.identity.id
    return identified.identity.id, identified.identity.digest


def test_a_message_id_identifies_with_kind_and_device() -> None:
    """The same id with other content is the same event (and a conflict); of another device or kind it is another."""
    first = identity_of()
    assert identity_of(serial_number="S2")[0] == first[0]
    assert identity_of(serial_number="S2")[1] != first[1]
    assert identity_of("testers/T2/results")[0] != first[0]
    assert identity_of("devices/T/selftest")[0] != first[0]
    assert identity_of(message_id=1)[0] == first[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [("serial_number", "S2"), ("timestamp", "2026-01-26T06:00:01Z"), ("test_type", "u"), ("result", "F")],
)
def test_without_a_message_id_all_that_was_sent_identifies(field: str, value: str) -> None:
    """Two results that differ in anything are two results."""
    changed = go("testers/T/results", {**RESULT, "message_id": None, field: value})
    assert identities(changed) != identities(go("testers/T/results", {**RESULT, "message_id": None}))


def test_the_largest_report_passes_and_a_larger_one_is_refused() -> None:
    """Ten thousand steps are taken; one more is refused with the bound."""
    steps = [{"name": f"step {number}", "value": number, "low": 0} for number in range(10_000)]
    assert len(result_of(go("testers/T/results", {"serial_number": "S", "steps": steps})).steps) == 10_000
    assert go("testers/T/results", {"serial_number": "S", "steps": [*steps, steps[0]]}) == Rejection(
        "expected array of length <= 10000", "$.steps", "T"
    )


def test_the_first_filter_in_field_order_takes_a_message() -> None:
    """Where filters of two domains match, the field that comes first in the configuration decides."""
    routes = RouteTable(TopicConfig(asset_topics=("plant/+/x",), report_topics=("plant/#", "plant/+/x")))
    assert routes.filter_of("plant/A/x") == "plant/+/x"
    assert not isinstance(go("plant/A/x", {"count": 1}, routes), Rejection)
    assert routes.filter_of("plant/A/y") == "plant/#"
    assert routes.filter_of("elsewhere") == ""


def test_a_route_is_remembered_and_the_memory_is_bounded() -> None:
    """The same topic is looked up once; a flood of invented topics does not fill the memory."""
    routes = RouteTable(TopicConfig())
    assert routes.route("assets/A/status") is routes.route("assets/A/status")
    for number in range(20_001):
        routes.route(f"assets/{number}/status")
    assert len(routes.known) <= 20_000
    long = f"assets/A/{'x' * 300}"
    assert routes.route(long) is not routes.route(long)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("assets//status", "the topic's level for the id is empty"),
        (f"assets/{'x' * 101}/status", "the id in the topic has 101 characters; WATS takes 100"),
        ("somewhere/else", "no topic filter of the configuration matches this topic"),
        ("", "no valid topic name: a topic name has at least one character"),
        ("assets/\0/status", "no valid topic name: no NUL character is allowed"),
        ("assets/+/status", "no valid topic name: a topic name has no wildcard"),
    ],
)
def test_what_a_topic_is_refused_for(topic: str, reason: str) -> None:
    """Each refusal says what is wrong with the topic, not with the payload."""
    outcome = go(topic, b"{")
    assert isinstance(outcome, Rejection)
    assert (outcome.reason, outcome.path) == (reason, "")


def test_events_of_one_message_come_in_a_fixed_order() -> None:
    """Counts, state, environment: the last one carries the message's weight."""
    outcome = go("assets/A/environment", {"environment": {"a": 1}, "status": "idle", "count": 1})
    assert not isinstance(outcome, Rejection)
    assert [type(item.event).__name__ for item in outcome] == ["AssetCounts", "AssetState", "AssetEnvironment"]
    assert all(item.identity is None for item in outcome)
