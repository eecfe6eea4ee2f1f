"""The alarms of the room that a spool has."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pywats_mqtt.app.room import RoomAlarms
from pywats_mqtt.ports import Publication, Room

FILLING = Room(level="filling", problem="soon", used_bytes=8, max_bytes=10)
FULL = Room(level="full", problem="now", used_bytes=10, max_bytes=10)
DROPPING = Room(will_drop={"quarantine": "2026-02-01T00:00:00+00:00"})


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Give noon."""
        return datetime(2026, 1, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        """Give no time."""
        return 0.0


@pytest.fixture
def said() -> list[Publication]:
    """Collect what is said."""
    return []


@pytest.fixture
def alarms(said: list[Publication]) -> RoomAlarms:
    """Alarms of a bridge that has its name."""
    made = RoomAlarms("alarms/{alarm_type}", Noon(), said.append)
    made.begin("B1")
    return made


def heard(said: list[Publication]) -> list[tuple[str, str]]:
    """Give topic and level of what was said since the last look; a cleared topic has none."""
    found = [(one.topic, json.loads(one.payload)["level"] if one.payload else "") for one in said]
    assert all(one.retain is one.topic.endswith("/B1") for one in said)
    said.clear()
    return found


def test_each_alarm_is_said_once_when_raised_and_once_when_cleared(alarms: RoomAlarms, said: list[Publication]) -> None:
    """And under the bridge's name it is kept while it stands. A full spool is a filling one, too."""
    filling, full = "alarms/spool_filling", "alarms/spool_full"
    alarms.changed(FILLING)
    assert heard(said) == [(filling, "warning"), (f"{filling}/B1", "warning")]
    alarms.changed(FULL)
    assert heard(said) == [(full, "alarm"), (f"{full}/B1", "alarm")]
    alarms.changed(FULL)
    assert heard(said) == []
    alarms.changed(FILLING)
    assert heard(said) == [(full, "cleared"), (f"{full}/B1", "")]
    alarms.changed(Room())
    assert heard(said) == [(filling, "cleared"), (f"{filling}/B1", "")]


def test_what_is_kept_tells_the_reason_there_is_now(alarms: RoomAlarms, said: list[Publication]) -> None:
    """It is no other alarm, so nothing is said anew; who looks at what is kept has to know what makes room."""
    alarms.changed(FULL)
    said.clear()
    alarms.changed(Room(level="full", problem="the quarantine", used_bytes=10, max_bytes=10))
    assert {json.loads(one.payload)["problem"] for one in said} == {"the quarantine"}
    assert heard(said) == [("alarms/spool_filling/B1", "warning"), ("alarms/spool_full/B1", "alarm")]


def test_it_tells_what_is_scarce_and_what_will_be_dropped(alarms: RoomAlarms, said: list[Publication]) -> None:
    """Also where there is room enough, since what is dropped for its age is no question of room."""
    alarms.changed(DROPPING)
    message = json.loads(said[0].payload)
    assert message["will_drop"] == DROPPING.will_drop
    assert (message["alarm"], message["bridge"], message["active"]) == ("spool_filling", "B1", True)
    assert message["since"] == message["at"] == "2026-01-01T12:00:00+00:00"
    said.clear()
    alarms.changed(Room(level="filling", will_drop=DROPPING.will_drop))
    assert heard(said) == []
    alarms.changed(FILLING)
    assert [topic for topic, _ in heard(said)] == ["alarms/spool_filling", "alarms/spool_filling/B1"]


def test_what_is_known_before_the_bridge_has_its_name_is_said_then(said: list[Publication]) -> None:
    """The name stands in the spool, which may be full already."""
    made = RoomAlarms("alarms/{alarm_type}", Noon(), said.append)
    made.changed(FULL)
    assert said == []
    made.begin("B1")
    assert ("alarms/spool_full/B1", "alarm") in heard(said)


def test_a_broker_that_was_away_is_told_how_it_stands(alarms: RoomAlarms, said: list[Publication]) -> None:
    """What an earlier run left there is emptied."""
    alarms.changed(FILLING)
    said.clear()
    alarms.tell_again()
    assert heard(said) == [("alarms/spool_filling/B1", "warning"), ("alarms/spool_full/B1", "")]
