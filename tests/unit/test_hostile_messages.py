"""Whatever a device sends, on whatever topic and with whatever properties, is taken or refused with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pywats_mqtt.adapters.registry import ANY, OWN, READINGS, Reading
from pywats_mqtt.bus.wats_handlers import ROUTES as BUS_ROUTES
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import decode, encode
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.interpret import RouteTable, interpret, unknown_fields
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Outcome, Rejection
from pywats_mqtt.spool.routing import decide
from pywats_mqtt.spool.tables import pack_messages, unpack_messages
from pywats_mqtt.topics import matches, name_problem
from tests.cases.runner import CASES
from tests.shapes import broken, shaped, written

NOW_US = 1_769_428_800_000_000
TOPICS = TopicConfig()
ROUTES = RouteTable(TOPICS, first=BUS_ROUTES)
WIDE = RouteTable(TopicConfig(asset_topics=("#",), report_topics=("+/+",), software_topics=("/+",)))
LONGEST = 1_000
"""Characters of a reason or a path that a person reads."""

STAND_FOR_ANY = {"asset": "status", "report": "results", "software": "software", "production": "unit"}


def topic_of(domain: str, level: str) -> str:
    """Give a topic whose messages are read in this way."""
    for topic_filter, of in BUS_ROUTES:
        if of == domain:
            return topic_filter.replace("+", "D", 1).replace("+", "TEST_RESULT").replace("#", "x")
    level = level or STAND_FOR_ANY[domain]
    topics = [f.replace("+", "D") for f, of in TOPICS.domains().items() if of == domain]
    return next(topic for topic in topics if topic.endswith(f"/{level}"))


def tree_of(file: Path) -> object:
    """Read the message of a case; None where it is refused, or is no JSON, or very long."""
    try:
        is_taken = "events" in json.loads(file.with_name("expected.json").read_bytes())
        return json.loads(file.read_bytes()) if is_taken and file.stat().st_size < 5_000 else None
    except ValueError:
        return None


ALL = [
    pytest.param(domain, level, reading, id=f"{domain}-{level or 'any'}")
    for domain, readings in READINGS.items()
    if domain != OWN
    for level, reading in readings.items()
]


def check(message: RawMessage, routes: RouteTable = ROUTES) -> Outcome:
    """Check that a message has an outcome, and that the spool can keep and route it, also where it comes again."""
    outcome = interpret(message, routes)
    if isinstance(outcome, Rejection):
        assert outcome.reason
        assert len(outcome.reason) <= LONGEST
        assert len(outcome.path) <= LONGEST
        msgspec.json.encode(outcome)
    else:
        for identified in outcome:
            assert decode(encode(identified.event)) == identified.event
            msgspec.json.encode(identified.event)  # as a refused one stands in quarantine, or is told
        ", ".join(unknown_fields(message, outcome, routes)[1]).encode()
    twice = [message, msgspec.structs.replace(message)]
    plan = decide(twice, gathered(twice, [outcome, outcome]), {}, lambda _pair: None)
    assert len(plan.held) == (2 if isinstance(outcome, Rejection) else 0)
    assert unpack_messages(pack_messages([message])) == (message,)
    return outcome


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.parametrize(("domain", "level", "reading"), ALL)
@settings(max_examples=60, suppress_health_check=QUIET)
@given(data=st.data())
def test_every_shape_of_a_message_has_an_outcome(
    domain: str, level: str, reading: Reading, data: st.DataObject
) -> None:
    """All fields that its declaration knows, with values of their types, usual and odd ones."""
    assert reading.message is not None
    check(RawMessage(topic_of(domain, level), written(data.draw(shaped(reading.message))), NOW_US, 1))


@pytest.mark.parametrize(("domain", "level", "reading"), ALL)
@settings(max_examples=120, suppress_health_check=QUIET)
@given(data=st.data())
def test_a_message_that_is_broken_in_one_place_has_an_outcome(
    domain: str, level: str, reading: Reading, data: st.DataObject
) -> None:
    """A value that is missing, of another type, no JSON, no UTF-8, too deep, too long, or there twice."""
    assert reading.message is not None
    check(RawMessage(topic_of(domain, level), data.draw(broken(shaped(reading.message))), NOW_US, 1))


TAKEN = [
    (folder.with_name("topic.txt").read_text().strip(), tree)
    for folder in sorted(CASES.glob("*/*/message.json"))
    if (tree := tree_of(folder)) is not None
]
"""Topic and message of each case that is no refusal, and no longer than a person writes it."""


@settings(max_examples=600, suppress_health_check=QUIET)
@given(st.sampled_from(TAKEN).flatmap(lambda case: st.tuples(st.just(case[0]), broken(st.just(case[1])))))
def test_a_real_message_that_is_broken_in_one_place_has_an_outcome(case: tuple[str, bytes]) -> None:
    """So near to what is taken that it gets far: what is broken is looked at by whoever reads it, not before."""
    topic, payload = case
    check(RawMessage(topic, payload, NOW_US, 1))


LEVELS = st.one_of(
    st.sampled_from(
        ["", " ", "\t", "$", "$SYS", "+", "#", "\0", "\x7f", "\u202e", "..", "%", "{", "}", "{device}", "é"]
    ),
    st.sampled_from(["assets", "testers", "status", "results", "measurements", "unit", "scan", "batch", "A" * 101]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
NAMES = st.lists(LEVELS, max_size=6).map("/".join) | st.sampled_from(
    ["x" * 65_535, "/" * 65_535, "assets/" + "é" * 32_000 + "/status", "testers/" + "x/" * 30_000 + "results"]
)


@given(NAMES, st.sampled_from([b"", b"{}", b'{"serial_number":"S","result":"P"}', b'{"status":"running"}', b"\xff"]))
@example("assets//status", b"{}")
@example("assets/ /status", b'{"status":"running"}')
@example("assets/A/status/", b'{"status":"running"}')
@example("testers/T\0/results", b'{"serial_number":"S","result":"P"}')
@example("x" * 65_536, b"{}")
def test_every_topic_has_an_outcome(topic: str, payload: bytes) -> None:
    """A topic that is none, or names nobody, is refused for it; the others are whatever their payload is."""
    for routes in (ROUTES, WIDE):
        outcome = check(RawMessage(topic, payload, NOW_US, 1), routes)
        if name_problem(topic) is not None:
            assert isinstance(outcome, Rejection)
            assert outcome.reason.startswith("no valid topic name")
        assert bool(routes.filter_of(topic)) <= any(matches(f, topic) for f, _ in routes._filters)  # noqa: SLF001 - what it was made of


PROPERTIES = st.lists(
    st.tuples(
        st.sampled_from(["message_id", "", "MESSAGE_ID", "traceparent"]),
        st.sampled_from(["", "1", "x" * 101, "x" * 17_000, "\u202e", "\x1b[2J"])
        | st.text(st.characters(exclude_categories=["Cs"])),
    ),
    max_size=4,
).map(tuple)


@pytest.mark.parametrize(("domain", "level", "reading"), ALL)
@settings(max_examples=25, suppress_health_check=QUIET)
@given(data=st.data())
def test_every_property_of_mqtt_5_has_an_outcome(
    domain: str, level: str, reading: Reading, data: st.DataObject
) -> None:
    """User properties, also several of one name, and the content type, beside a message of the right shape."""
    assert reading.message is not None
    message = RawMessage(
        topic_of(domain, level),
        written(data.draw(shaped(reading.message))),
        NOW_US,
        data.draw(st.sampled_from([0, 1, 2])),
        retain=data.draw(st.booleans()),
        packet_id=data.draw(st.sampled_from([0, 1, 65_535])),
        content_type=data.draw(st.sampled_from(["", "application/json", "text/plain; charset=utf-16", "x" * 20_000])),
        user_properties=data.draw(PROPERTIES),
    )
    outcome = check(message)
    size = len(message.content_type) + sum(len(text) for pair in message.user_properties for text in pair)
    if size > 16_384:
        assert isinstance(outcome, Rejection)
        assert "limits.property_bytes" in outcome.reason


def test_every_reading_is_tried() -> None:
    """Each has a declaration to draw from, and a topic that leads to it."""
    for domain, readings in READINGS.items():
        for level, reading in readings.items():
            if domain != OWN:
                route = ROUTES.route(topic_of(domain, level))
                assert route.decode == reading.decode, (domain, level)
                assert level in {ANY, route.level}
