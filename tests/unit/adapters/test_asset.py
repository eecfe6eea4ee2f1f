"""Asset telemetry: which field counts, which identity an increment has, and what retained means."""

from __future__ import annotations

import json

import pytest

from pywats_mqtt.adapters.asset import STATES
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import AssetCounts, AssetState, Identified, Identity
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Rejection

NOW_US = 1_769_428_800_000_000
ROUTES = RouteTable(TopicConfig())


Fields = dict[str, object]


def read(fields: Fields, topic: str = "assets/A/status", *, retain: bool = False) -> tuple[Identified, ...]:
    """Interpret an asset message."""
    message = RawMessage(topic, json.dumps(fields).encode(), NOW_US, retain=retain)
    outcome = interpret(message, ROUTES)
    assert not isinstance(outcome, Rejection), outcome
    return outcome


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
    assert identified.event == AssetCounts(asset="A", total=7, as_of_us=NOW_US)


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


@pytest.mark.parametrize(
    ("word", "state"), [*STATES.items(), ("online", None), ("offline", None), ("idle", None), ("?", None)]
)
def test_status_words(word: str, state: int | None) -> None:
    """Known words set the WATS state in any case; others are kept and set none."""
    (identified,) = read({"status": f" {word.upper()} "})
    assert identified.event == AssetState(asset="A", status=word, state=state, as_of_us=NOW_US)


def test_an_endless_status_is_cut() -> None:
    """A status is a word; WATS keeps no novel."""
    (identified,) = read({"status": "x" * 500})
    assert isinstance(identified.event, AssetState)
    assert len(identified.event.status) == 100
