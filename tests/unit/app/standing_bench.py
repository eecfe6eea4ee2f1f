"""A broker that is told of the bridge's alarms, and the runs of a bridge over the same notes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pywats_mqtt.app.postbox import Action
from pywats_mqtt.app.standing import BridgeAlarms
from pywats_mqtt.ports import Publication
from tests.contract.wats_memory import MemoryNotes


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Give noon."""
        return datetime(2026, 1, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        """Give no time."""
        return 0.0


class Broker:
    """Collects what is said; takes it when told to."""

    def __init__(self) -> None:
        self.said: list[Publication] = []
        self.notes = MemoryNotes()
        self._then: list[Action] = []

    def say(self, publication: Publication, then: Action | None = None) -> bool:
        """Collect."""
        self.said.append(publication)
        if then is not None:
            self._then.append(then)
        return True

    async def take(self) -> None:
        """Take all that was said, as a broker that acknowledges it."""
        waiting, self._then = self._then, []
        for then in waiting:
            await then()

    def lose(self) -> None:
        """Take nothing of it: the line went down."""
        self._then.clear()

    async def start(self, *names: str, bridge: str = "B1") -> BridgeAlarms:
        """Give the alarms of a bridge that was started, and is not connected yet."""
        self._then.clear()
        alarms = BridgeAlarms("alarms/{alarm_type}", Noon(), self.say, names)
        await alarms.begin(bridge, self.notes)
        return alarms

    def heard(self) -> list[tuple[str, str]]:
        """Give topic and level of what was said since the last look; a cleared topic has none."""
        found = [(one.topic, json.loads(one.payload)["level"] if one.payload else "") for one in self.said]
        assert all(one.retain is (one.topic.count("/") > 1) for one in self.said)
        self.said.clear()
        return found
