from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.interpret import RouteTable, interpret, unknown_fields
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Rejection
from pywats_mqtt.simulator.fleet import Fleet
from pywats_mqtt.simulator.outgoing import Outgoing

KINDS = {
    "result",
    "selftest",
    "repair",
    "counters",
    "status",
    "environment",
    "alerts",
    "utilization",
    "measurements",
    "calibration",
} | {
    *("scan", "batch", "unit", "operator", "software", "config", "updates"),
}
UNCOMPARED = {"environment", "operator", "utilization", "calibration", "measurements"}
"""Kinds whose effects in WATS are sums, or parts of others."""
NOW = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)


def messages(count: int, *, size: int = 9, seed: int = 7, now: datetime = NOW) -> list[Outgoing]:
    """The first messages of a fleet, 20 ms apart."""
    fleet = Fleet(size=size, seed=seed, now=now)
    return [fleet.next(now + timedelta(milliseconds=20 * tick)) for tick in range(count)]


def read(message: Outgoing) -> dict[str, object]:
    """Decode a payload."""
    return msgspec.json.decode(message.payload, type=dict[str, object])


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A run can be repeated: topics, payloads and journal entries follow from size, seed and time."""
    assert messages(300) == messages(300)


def test_another_seed_gives_other_devices_and_values() -> None:
    """Two fleets on one broker do not mix."""
    first, second = messages(50, seed=1), messages(50, seed=2)
    assert not {m.topic for m in first} & {m.topic for m in second}


def test_a_second_run_with_the_same_seed_gets_other_message_ids() -> None:
    """What a later run sends is new to the bridge, not a duplicate nor an identity conflict."""
    first, second = messages(200), messages(200, now=NOW + timedelta(seconds=5))
    assert not {m.entry.message_id for m in first} & {m.entry.message_id for m in second}


@given(size=st.integers(1, 60), seed=st.integers(0, 2**31))
def test_numbers_of_each_device_have_no_gap(size: int, seed: int) -> None:
    """Each device numbers its messages 1, 2, 3 …, and every device of the fleet speaks first of all."""
    sent = messages(3 * size, size=size, seed=seed)
    numbers: dict[str, list[int]] = defaultdict(list)
    for message in sent:
        numbers[message.entry.device].append(message.entry.number)
    assert len(numbers) == size
    assert len({message.entry.device for message in sent[:size]}) == size
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert len({message.entry.message_id for message in sent}) == len(sent)


@pytest.mark.parametrize(("size", "kinds"), [(1, {"T"}), (2, {"T", "F"}), (3, {"T", "F", "J"}), (20, {"T", "F", "J"})])
def test_a_small_fleet_has_every_kind_it_has_room_for(size: int, kinds: set[str]) -> None:
    """One device is a tester; from three on there are testers, fixtures and a jig."""
    fleet = Fleet(size=size, seed=7, now=NOW)
    assert len(fleet.devices) == size
    assert {device.device.split("-")[2][0] for device in fleet.devices} == kinds


def test_a_fleet_of_none_is_refused() -> None:
    """A fleet without a device would never speak."""
    with pytest.raises(ValueError, match="at least 1"):
        Fleet(size=0, seed=7, now=NOW)


def test_the_payload_says_what_the_journal_says() -> None:
    """The two ends are compared by the journal, so each entry matches its bytes."""
    for message in messages(600):
        payload, entry = read(message), message.entry
        assert message.topic.split("/")[1] == ("SIM-7-L1" if entry.kind in {"scan", "batch"} else entry.device)
        assert payload.get("sequence", entry.number) == entry.number
        assert payload.get("message_id", entry.message_id) == entry.message_id
        assert payload.keys() & {"sequence", "message_id"}
        assert payload.get("serial_number", payload.get("batch_id", "")) == entry.serial_number
        if entry.is_result:
            assert payload.get("timestamp", payload.get("started")) == entry.start
            assert payload.get("result", "Passed") == ("Passed" if entry.passed else "Failed")
        elif entry.total is not None:
            assert payload["counters"] == {"running_count": entry.running, "total_count": entry.total}
        elif entry.place:
            assert payload["station_id"] == entry.place == entry.device
        else:
            assert entry.tags or entry.logged or entry.kind in UNCOMPARED


def test_nothing_it_says_is_unknown_to_the_bridge() -> None:
    """It plays every topic of the defaults, in the words of their schemas; none of it would be refused."""
    routes = RouteTable(TopicConfig())
    played: set[str] = set()
    for message in messages(3_000):
        received = RawMessage(message.topic, message.payload, to_us(NOW + timedelta(hours=1)), qos=1)
        found = interpret(received, routes)
        assert not isinstance(found, Rejection), (message, found)
        topic_filter, unknown = unknown_fields(received, found, routes)
        assert unknown == set(), message
        played.add(topic_filter)
    assert played == set(TopicConfig().filters())


def test_the_mix_is_that_of_a_shop_floor() -> None:
    """All kinds of message, some failing units, and those are tested again under the same serial number."""
    sent = messages(4_000)
    kinds = Counter(message.entry.kind for message in sent)
    assert kinds.keys() == KINDS
    results = [message.entry for message in sent if message.entry.kind == "result"]
    failed = sum(not entry.passed for entry in results)
    assert 0.02 < failed / len(results) < 0.2
    per_unit = Counter(entry.serial_number for entry in results)
    assert max(per_unit.values()) in {2, 3}
    assert len({(entry.serial_number, entry.start) for entry in results}) == len(results)
