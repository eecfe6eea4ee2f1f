"""Asset telemetry: which field counts, which identity an increment has, and what retained means."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pywats_mqtt.adapters.asset import NAMES, adapt
from pywats_mqtt.adapters.context import STATES, Context, Interpretation
from pywats_mqtt.config.environment import Threshold
from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetCounts, AssetState, AssetUpdate, Identified, Identity
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Outcome, Rejection
from pywats_mqtt.schemas.asset import decoder

NOW_US = 1_769_428_800_000_000
ROUTES = RouteTable(TopicConfig())


WATCHED = AssetConfig(history_window_s=900, thresholds={"temperature_c": Threshold(high=20), "a": Threshold(low=1)})

Fields = dict[str, object]


def outcome_of(fields: Fields, topic: str = "assets/A/status", *, retain: bool = False) -> Outcome:
    """Interpret an asset message, also one that is refused."""
    return interpret(RawMessage(topic, json.dumps(fields).encode(), NOW_US, retain=retain), ROUTES)


def read(fields: Fields, topic: str = "assets/A/status", *, retain: bool = False) -> tuple[Identified, ...]:
    """Interpret an asset message."""
    outcome = outcome_of(fields, topic, retain=retain)
    assert not isinstance(outcome, Rejection), outcome
    return tuple(outcome)


def counts(fields: Fields) -> AssetCounts:
    """Interpret an asset message with counts alone."""
    (identified,) = read(fields)
    assert isinstance(identified.event, AssetCounts)
    return identified.event


@pytest.mark.parametrize(
    ("sent", "running", "total", "added"),
    [
        ({"count": 1}, 1, None, 0),
        ({"count": 1, "running_count": 2}, 2, None, 0),
        ({"count": 1, "running_count": 2, "counters": {"running_count": 3}}, 3, None, 0),
        ({"count": 1, "counters": {"total_count": 9}}, 1, 9, 0),
        ({"total_count": 8, "counters": {"total_count": 9}}, None, 9, 0),
        ({"total_count": 8, "counters": {}}, None, 8, 0),
        ({"increment": 2, "total_count": 8}, None, 8, 2),
        ({"increment": 2, "counters": {"increment": 3, "running_count": 0}}, 0, None, 3),
        ({"count": 2147483647.0}, 2_147_483_647, None, 0),
    ],
)
def test_which_count_counts(sent: dict[str, object], running: int | None, total: int | None, added: int) -> None:
    """The `counters` block goes before the top level, and a full name before `count`."""
    found = counts(sent)
    assert (found.running, found.total, found.added) == (running, total, added)
    assert all(type(count) is int for count in (found.running, found.total, found.added) if count is not None)


@pytest.mark.parametrize("sent", [{"increment": 0}, {"counters": {}}, {"status": " "}, {"environment": {}}, {}])
def test_what_says_nothing_has_no_events(sent: dict[str, object]) -> None:
    """Known fields without content are a heartbeat."""
    assert read(sent) == ()


def test_every_block_is_used_on_any_asset_topic() -> None:
    """Counters, environment and status mean the same on `/status`, `/counters` and `/environment`."""
    sent: Fields = {"status": "running", "count": 1, "environment": {"t": 1.5}}
    first, *others = (read(sent, f"assets/A/{level}") for level in ("status", "counters", "environment"))
    assert len(first) == 3
    assert others == [first, first]


def test_a_retained_message_never_adds() -> None:
    """The broker sends a retained message again at each subscription; its absolute values are taken, no increment."""
    assert read({"increment": 5, "sequence": 1}, retain=True) == ()
    (identified,) = read({"increment": 5, "total_count": 7}, retain=True)
    assert identified.event == AssetCounts(asset="A", total=7, as_of_us=NOW_US, untimed=True)


def increment_identity(**fields: object) -> Identity | None:
    """Give the identity of an increment."""
    return read({"increment": 1, **fields})[0].identity


def test_an_increment_is_told_apart_by_message_id_or_by_sequence_and_time() -> None:
    """Both halves count, since a device may start its numbers again; without either nothing tells a repeat."""
    assert increment_identity() is None
    assert increment_identity(timestamp="2026-01-26T10:30:00Z") is None
    first = increment_identity(sequence=1, timestamp="2026-01-26T10:30:00Z")
    assert first is not None
    assert first == increment_identity(sequence=1, timestamp="2026-01-26T10:30:00Z")
    others = [
        increment_identity(sequence=2, timestamp="2026-01-26T10:30:00Z"),
        increment_identity(sequence=1, timestamp="2026-01-26T10:30:01Z"),
        increment_identity(sequence=1),
        increment_identity(message_id="1", sequence=1, timestamp="2026-01-26T10:30:00Z"),
        read({"increment": 1, "sequence": 1, "timestamp": "2026-01-26T10:30:00Z"}, "assets/B/status")[0].identity,
    ]
    assert all(other is not None and other.id != first.id for other in others)
    assert len({other.id for other in others if other is not None}) == len(others)


def test_a_message_id_identifies_each_event_of_its_message() -> None:
    """Each of the three has an id of its own, so that one of them does not pass for a repeat of another."""
    sent: Fields = {"message_id": 1, "increment": 1, "status": "idle", "environment": {"t": 1}}
    identities = [item.identity for item in read(sent)]
    assert len({identity.id for identity in identities if identity is not None}) == 3


def test_absolute_values_need_no_identity() -> None:
    """Arriving twice they say the same; keeping an id for each would cost the spool a row a message."""
    assert [item.identity for item in read({"total_count": 1, "sequence": 1, "status": "idle"})] == [None, None]


@pytest.mark.parametrize(("word", "state"), [*STATES.items(), ("online", None), ("idle", None), ("?", None)])
def test_status_words(word: str, state: int | None) -> None:
    """Known words set the WATS state in any case; others are kept and set none."""
    (identified,) = read({"status": f" {word.upper()} "})
    assert identified.event == AssetState(asset="A", status=word, state=state, as_of_us=NOW_US)


def test_an_endless_status_is_cut() -> None:
    """A status is a word; WATS keeps no novel."""
    (identified,) = read({"status": "x" * 500})
    assert isinstance(identified.event, AssetState)
    assert len(identified.event.status) == 100


@pytest.mark.parametrize("value", [1, {"value": 1, "unit": "V"}])
def test_too_many_channels_are_refused(value: object) -> None:
    """Each becomes a tag of the asset in WATS, for ever."""
    assert read({"environment": {f"c{number}": value for number in range(NAMES)}})
    refused = outcome_of({"environment": {f"c{number}": value for number in range(NAMES + 1)}})
    assert refused == Rejection("has 501 entries; at most 500", "$.environment", "A")


def test_too_many_counters_of_its_own_are_refused() -> None:
    """As channels are."""
    assert read({"counters": {f"c{number}": number for number in range(NAMES)} | {"total_count": 1}})
    refused = outcome_of({"counters": {f"c{number}": number for number in range(NAMES + 1)}})
    assert refused == Rejection("has 501 entries of its own; at most 500", "$.counters", "A")


COUNT = st.integers(0, 3) | st.sampled_from([None, -1, 2.0, 2.5, "2", 2**31])
TEXT = st.sampled_from([None, "", "7", 7, [1]])
RESET = st.sampled_from([None, "running", "total", 1])
BLOCK = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(("running_count", "total_count", "increment", "more"), COUNT), "reset": RESET}
)
CHANNELS = st.dictionaries(
    st.sampled_from(["temperature_c", "humidity_pct", ""]),
    st.none() | st.integers(0, 3) | st.floats(allow_nan=False) | st.just({"value": 1, "unit": "V"}) | st.just("warm"),
)
TIME = st.none() | st.sampled_from(
    [
        "2026-01-26T10:30:00Z",
        "2026-01-26T10:30:00.123456+01:00",
        "2026-01-26T10:30:00",
        "2036-01-26T10:30:00Z",
        "1980-01-26T10:30:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-01-26T10:30+01",
        "2026-01-26",
        1_769_423_400,
        1_769_423_400_123,
    ]
)
ANY_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "asset_id": TEXT,
        "device_id": TEXT,
        "message_id": TEXT,
        "sequence": TEXT,
        "timestamp": TIME,
        "status": st.none() | st.sampled_from(["", " ", "Running", "idle", "Offline", "x" * 101, 5]),
        "count": COUNT,
        "running_count": COUNT,
        "total_count": COUNT,
        "increment": COUNT,
        "reset": RESET,
        "counters": st.none() | BLOCK,
        "environment": st.none() | CHANNELS,
        "more": st.none() | st.integers(),
    },
)
TIMED_BLOCK = st.fixed_dictionaries({"timestamp": TIME, "counters": BLOCK})
MESSAGES = ANY_FIELDS | TIMED_BLOCK


@example(
    sent={"counters": {"running_count": 1, "increment": 2}}, strict=False, watched=False, retain=False, properties=()
)
@example(sent={"count": 1, "environment": {"": 1.0}}, strict=False, watched=False, retain=False, properties=())
@settings(max_examples=500)  # a message has many fields, and a fault may need two of them
@given(
    sent=MESSAGES,
    strict=st.booleans(),
    watched=st.booleans(),
    retain=st.booleans(),
    properties=st.sampled_from([(), (("message_id", "1"),), (("unit", "s"),)]),
)
def test_a_plain_message_means_what_the_full_schema_says(
    *, sent: Fields, strict: bool, watched: bool, retain: bool, properties: tuple[tuple[str, str], ...]
) -> None:
    """The short way that nearly all messages take leads to the same events as the long one, or to the same refusal."""
    config = TopicConfig(asset_topics=("assets/+/status", "plant/status"), strict_ids=strict)
    assets = WATCHED if watched else AssetConfig()
    for topic, device in (("assets/A/status", "A"), ("plant/status", "")):
        payload = json.dumps(sent).encode()
        message = RawMessage(topic, payload, NOW_US, retain=retain, user_properties=properties)
        found = interpret(message, RouteTable(config, assets=assets))
        set_up = Interpretation(strict_ids=strict, watching=assets.watching())
        context = Context(device, "status", message, set_up)
        try:
            wanted = adapt(decoder.decode(payload), context)
        except (Reject, msgspec.DecodeError):
            assert isinstance(found, Rejection)
        else:
            assert not isinstance(found, Rejection)
            assert tuple(found) == wanted


def test_what_nearly_every_device_sends_is_plain() -> None:
    """The proposal's example is one update; so the way that was made for it is taken."""
    sent = {
        "asset_id": "A",
        "timestamp": "2026-01-26T10:30:00Z",
        "counters": {"running_count": 1523, "total_count": 45000},
        "environment": {"temperature_c": 23.5, "humidity_pct": 45},
        "status": "running",
    }
    message = RawMessage("assets/A/counters", json.dumps(sent).encode(), NOW_US)
    assert isinstance(interpret(message, ROUTES), AssetUpdate)
