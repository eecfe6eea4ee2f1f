"""What is larger than the limits allow is refused with the limit and the place, and nothing else is."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pywats_mqtt.adapters.sizes import FIRST_BYTES, Sizes, bytes_before_cut, first_excess
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Outcome, Rejection
from pywats_mqtt.spool.routing import decide

TOPIC = "testers/T/results"
NONE = LimitsConfig(**dict.fromkeys(LimitsConfig.__struct_fields__, 0))
SMALL = LimitsConfig(
    payload_bytes=400, nesting=4, string_bytes=20, name_bytes=10, list_items=5, values=16, number_digits=8
)


def read(payload: bytes, limits: LimitsConfig, topic: str = TOPIC, **properties: object) -> Outcome:
    """Interpret a payload under these limits."""
    message = msgspec.structs.replace(RawMessage(topic, payload, 1_769_428_800_000_000), **properties)
    return interpret(message, RouteTable(TopicConfig(), limits=limits))


def refused(payload: bytes, limits: LimitsConfig, topic: str = TOPIC, **properties: object) -> Rejection:
    """Interpret a payload that is refused."""
    outcome = read(payload, limits, topic, **properties)
    assert isinstance(outcome, Rejection)
    return outcome


RESULT = b'{"serial_number":"S","result":"P","steps":[%s]}'


@pytest.mark.parametrize(
    ("limit", "most", "fits", "exceeds", "path"),
    [
        ("payload_bytes", 55, RESULT % b"       ", RESULT % b"           ", ""),
        ("nesting", 3, RESULT % b'{"name":"a"}', RESULT % b'{"name":"a","x":[[]]}', "$.steps[0].x"),
        ("nesting", 3, RESULT % b'{"name":"a"}', RESULT % (b'{"name":"a"},' * 3 + b'{"x":{"y z":{}}}'), "$.steps[3].x"),
        (
            "string_bytes",
            13,
            RESULT % b'{"name":"1234567890123"}',
            RESULT % b'{"name":"12345678901234"}',
            "$.steps[0].name",
        ),
        ("string_bytes", 13, RESULT % b"", RESULT % b'{"name":"a","q":"\\"\\u1234567890"}', "$.steps[0].q"),
        ("name_bytes", 13, RESULT % b'{"name":"a"}', RESULT % b'{"name":"a","x":{"12345678901234":1}}', "$.steps[0].x"),
        (
            "list_items",
            3,
            RESULT % b'{"name":"a","unit":"b","status":"P"}',
            RESULT % b'{"name":"a","x":[1,2,3,4]}',
            "$.steps[0].x",
        ),
        ("list_items", 3, RESULT % b"", RESULT % b'{"name":"a","x":1,"y":2,"z":3}', "$.steps[0]"),
        ("values", 7, RESULT % b'{"name":"a","value":1}', RESULT % b'{"name":"a","x":[1,2]}', ""),
        (
            "number_digits",
            5,
            RESULT % b'{"name":"a","value":-1.25}',
            RESULT % b'{"name":"a","x":-1.250}',
            "$.steps[0].x",
        ),
        (
            "number_digits",
            5,
            RESULT % b'{"name":"1234567"}',
            RESULT % b'{"name":"a","x":[0,1e-500]}',
            "$.steps[0].x[1]",
        ),
    ],
)
def test_what_fits_is_read_and_what_exceeds_is_refused_at_its_place(
    limit: str, most: int, fits: bytes, exceeds: bytes, path: str
) -> None:
    """The limit itself fits; the reason names the setting, so that an operator can raise it."""
    limits = msgspec.structs.replace(NONE, **{limit: most})
    assert not isinstance(read(fits, limits), Rejection)
    found = refused(exceeds, limits)
    assert f"limits.{limit}" in found.reason
    assert (found.path, found.device) == (path, "T")
    assert read(exceeds, msgspec.structs.replace(NONE, **{limit: 0})) == read(exceeds, NONE)


def test_a_topic_that_is_too_long() -> None:
    """It is refused whatever it carries; one that fits is read."""
    limits = msgspec.structs.replace(NONE, topic_bytes=40)
    assert not isinstance(read(RESULT % b"", limits, "testers/" + "x" * 24 + "/results"), Rejection)
    assert "limits.topic_bytes" in refused(RESULT % b"", limits, "testers/" + "x" * 25 + "/results").reason


def test_properties_that_are_too_large() -> None:
    """User properties and content type count together, in bytes."""
    limits = msgspec.structs.replace(NONE, property_bytes=30)
    fits = read(RESULT % b"", limits, content_type="application/json", user_properties=(("message_id", "1234"),))
    assert not isinstance(fits, Rejection)
    for properties in (
        {"content_type": "application/json", "user_properties": (("message_id", "12345"),)},
        {"user_properties": (("a", "°" * 15),)},
        {"content_type": "x" * 31},
    ):
        assert "limits.property_bytes" in refused(RESULT % b"", limits, **properties).reason


@pytest.mark.parametrize("topic", [TOPIC, "assets/A/status", "nobody/reads/this"])
def test_of_a_huge_payload_the_first_bytes_and_the_digest_are_kept(topic: str) -> None:
    """Up to the bound of quarantine it is kept whole; what is kept of a larger one is never taken for a message."""
    payload = b'{"status":"running"}' + b" " * 99_980
    whole = refused(payload, LimitsConfig(payload_bytes=50_000, quarantine_bytes=100_000), topic)
    assert whole.kept is None
    limits = LimitsConfig(payload_bytes=50_000, quarantine_bytes=99_999)
    found = refused(payload, limits, topic)
    assert found.kept is not None
    digest = hashlib.sha256(payload).hexdigest()
    assert found.kept.startswith(payload[:FIRST_BYTES])
    assert found.kept.endswith(f"100000 bytes, SHA-256 {digest}".encode())
    assert digest in found.reason
    plan = decide([RawMessage(topic, payload, 0)] * 2, [whole, found], {}, lambda _pair: None)
    assert [held.message.payload for held in plan.held] == [payload, found.kept]
    assert isinstance(read(found.kept, NONE, topic), Rejection)
    assert bytes_before_cut(found.kept, found.reason) == 100_000


def test_a_payload_that_says_it_was_cut_is_whole() -> None:
    """Only the reason tells it, which the bridge writes; a device that sends what it was shown is not believed."""
    _, said = Sizes(LimitsConfig(quarantine_bytes=10)).kept(b"x" * 100_000)
    kept, _ = Sizes(LimitsConfig(quarantine_bytes=10)).kept(b"y" * 100_000)
    assert kept is not None
    assert bytes_before_cut(kept, "malformed JSON" + said) == 0
    assert bytes_before_cut(kept, "malformed JSON") == 0
    assert bytes_before_cut(b"y" * 100, said) == 0


@pytest.mark.parametrize(
    "payload",
    [
        *(
            b"[" * 3_000_000,
            b'{"a":' * 600_000,
            b"[[" + b"[]," * 1_000_000,
            b'"' * 3_000_000,
            b'"' + b'\\"' * 1_500_000,
        ),
        *(b"[" + b"0," * 1_500_000, b"9" * 3_000_000, b'["' + b"\\" * 3_000_000, b"{" * 1_500_000 + b"}" * 1_500_000),
        *(b'{"' + b"x" * 3_000_000, b"[" + b'"[",' * 700_000, b"-" * 3_000_000, b"\xff" * 3_000_000),
    ],
    ids=lambda payload: f"{payload[:5]!r} …",
)
def test_the_worst_payload_costs_little(payload: bytes) -> None:
    """No payload of the largest size keeps the others waiting for long: with a look at each rest, this takes hours."""
    assert refused(payload, LimitsConfig()).reason


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=24),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=12), inner, max_size=7),
    max_leaves=20,
)


def exceeds(value: object, limits: LimitsConfig) -> bool:
    """Tell whether a decoded value is larger than the limits allow, in the plain way."""

    def size(text: str) -> int:
        return len(json.dumps(text)) - 2

    def count(one: object) -> int:
        inner = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
        return 1 + sum(map(count, inner))

    def too_large(one: object, depth: int) -> bool:
        if isinstance(one, dict | list):
            inner = list(one.values()) if isinstance(one, dict) else one
            names = any(size(name) > limits.name_bytes for name in one) if isinstance(one, dict) else False
            return (
                depth >= limits.nesting
                or len(one) > limits.list_items
                or names
                or any(too_large(each, depth + 1) for each in inner)
            )
        if isinstance(one, str):
            return size(one) > limits.string_bytes
        return (
            isinstance(one, int | float) and not isinstance(one, bool) and len(json.dumps(one)) > limits.number_digits
        )

    return too_large(value, 0) or count(value) > limits.values


@given(TREES)
@example({"": [[[]]]})
@example([[], [], [], [[[[]]]]])
def test_it_finds_what_a_look_at_the_decoded_value_finds(value: object) -> None:
    """The quick searches miss nothing, and the walk through the tokens agrees with a walk through the value."""
    payload = json.dumps(value).encode()
    message = RawMessage(TOPIC, payload, 0)
    limits = msgspec.structs.replace(SMALL, payload_bytes=0)
    found = Sizes(limits).excess(message)
    assert (found is not None) is exceeds(value, limits)
    assert found == first_excess(payload, limits)


@given(st.binary() | st.text('[]{},:"\\0a ').map(str.encode))
@example(b"-+++++++a")
def test_no_bytes_make_it_raise(payload: bytes) -> None:
    """Bytes that are no JSON are none of its business, and do it no harm; who decodes them refuses them."""
    limits = msgspec.structs.replace(SMALL, payload_bytes=0)
    assert Sizes(limits).excess(RawMessage(TOPIC, payload, 0)) in (None, first_excess(payload, limits))


def test_the_bridge_s_messages_to_itself_have_no_limits() -> None:
    """What folding tells may be larger than what a device sent."""
    outcome = read(b'{"device":"D","heard_us":1}' + b" " * 500, SMALL, "$pywats/presence")
    assert not (isinstance(outcome, Rejection) and "limits." in outcome.reason)


def test_what_would_be_cut_of_nothing_is_kept_whole() -> None:
    """Below the bytes that are kept of each: it can be tried again."""
    sizes = Sizes(LimitsConfig(quarantine_bytes=10))
    assert sizes.kept(b"x" * FIRST_BYTES) == (None, "")
    kept, _ = sizes.kept(b"x" * (FIRST_BYTES + 1))
    assert kept is not None
    assert kept.startswith(b"x" * FIRST_BYTES + b"\n")
