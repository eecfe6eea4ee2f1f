"""The alarms of the room that a spool has."""

from __future__ import annotations

import json

import pytest

from pywats_mqtt.app.room import BOTH, RoomAlarms
from pywats_mqtt.ports import Room
from tests.unit.app.standing_bench import Broker

FILLING = Room(level="filling", problem="soon", used_bytes=8, max_bytes=10)
FULL = Room(level="full", problem="now", used_bytes=10, max_bytes=10)
DROPPING = Room(will_drop={"quarantine": "2026-02-01T00:00:00+00:00"})


@pytest.fixture
def broker() -> Broker:
    """Give a broker."""
    return Broker()


@pytest.fixture
async def alarms(broker: Broker) -> RoomAlarms:
    """Alarms of a bridge that is connected."""
    return await started(broker)


async def started(broker: Broker, room: Room | None = None) -> RoomAlarms:
    """Start a bridge whose spool has this room, and connect it."""
    alarms = await broker.start(*BOTH)
    made = RoomAlarms(alarms)
    if room is not None:
        made.changed(room)
    made.begin()
    alarms.linked(connected=True)
    if room is None:
        broker.said.clear()
    return made


def test_each_alarm_is_said_once_when_raised_and_once_when_cleared(alarms: RoomAlarms, broker: Broker) -> None:
    """And under the bridge's name it is kept while it stands. A full spool is a filling one, too."""
    filling, full = "alarms/spool_filling", "alarms/spool_full"
    alarms.changed(FILLING)
    assert broker.heard() == [(filling, "warning"), (f"{filling}/B1", "warning")]
    alarms.changed(FULL)
    assert broker.heard() == [(full, "alarm"), (f"{full}/B1", "alarm")]
    alarms.changed(FULL)
    assert broker.heard() == []
    alarms.changed(FILLING)
    assert broker.heard() == [(full, "cleared"), (f"{full}/B1", "")]
    alarms.changed(Room())
    assert broker.heard() == [(filling, "cleared"), (f"{filling}/B1", "")]


def test_what_is_kept_tells_the_reason_there_is_now(alarms: RoomAlarms, broker: Broker) -> None:
    """It is no other alarm, so nothing is said anew; who looks at what is kept has to know what makes room."""
    alarms.changed(FULL)
    broker.said.clear()
    alarms.changed(Room(level="full", problem="the quarantine", used_bytes=10, max_bytes=10))
    assert {json.loads(one.payload)["problem"] for one in broker.said} == {"the quarantine"}
    assert broker.heard() == [("alarms/spool_filling/B1", "warning"), ("alarms/spool_full/B1", "alarm")]


def test_it_tells_what_is_scarce_and_what_will_be_dropped(alarms: RoomAlarms, broker: Broker) -> None:
    """Also where there is room enough, since what is dropped for its age is no question of room."""
    alarms.changed(DROPPING)
    message = json.loads(broker.said[0].payload)
    assert message["will_drop"] == DROPPING.will_drop
    assert (message["alarm"], message["bridge"], message["active"]) == ("spool_filling", "B1", True)
    assert message["since"] == message["at"] == "2026-01-01T12:00:00+00:00"
    broker.said.clear()
    alarms.changed(Room(level="filling", will_drop=DROPPING.will_drop))
    assert broker.heard() == []
    alarms.changed(FILLING)
    assert [topic for topic, _ in broker.heard()] == ["alarms/spool_filling", "alarms/spool_filling/B1"]


async def test_what_is_known_before_the_bridge_begins_is_said_then(broker: Broker) -> None:
    """Its name stands in the spool, which may be full already."""
    await started(broker, FULL)
    assert broker.heard() == [
        ("alarms/spool_filling", "warning"),
        ("alarms/spool_filling/B1", "warning"),
        ("alarms/spool_full", "alarm"),
        ("alarms/spool_full/B1", "alarm"),
    ]


async def test_room_that_there_is_again_after_a_kill_ends_the_alarms_for_everybody(broker: Broker) -> None:
    """Not only what is kept is emptied: who listens hears that it is over. One that stands on is not said again."""
    (await started(broker)).changed(FULL)
    await broker.take()
    broker.said.clear()
    await started(broker, FULL)
    assert broker.heard() == [("alarms/spool_filling/B1", "warning"), ("alarms/spool_full/B1", "alarm")]
    await started(broker, FILLING)
    assert broker.heard() == [
        ("alarms/spool_filling/B1", "warning"),
        ("alarms/spool_full", "cleared"),
        ("alarms/spool_full/B1", ""),
    ]
    await broker.take()
    await started(broker, Room())
    assert broker.heard() == [
        ("alarms/spool_filling", "cleared"),
        ("alarms/spool_filling/B1", ""),
        ("alarms/spool_full/B1", ""),
    ]
