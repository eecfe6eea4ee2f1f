"""Alarms are told once when raised and once when cleared, and kept at the broker while they last."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from pywats_mqtt.handlers.alarms import PATIENCE_S, Alarms
from pywats_mqtt.ports import Publication
from tests.contract.wats_memory import HandClock, MemoryNotes

DUE = "calibration_due"
TOPIC = "wats/alarms/calibration_due"


class Bench:
    """Alarms with a broker in memory that can be away; what is in the notes outlives `restart`."""

    def __init__(self) -> None:
        self.notes, self.clock = MemoryNotes(), HandClock()
        self.is_there = True
        self.said: list[tuple[str, dict[str, Any] | None, bool]] = []
        self.retained: dict[str, bytes] = {}
        self.restart()

    def restart(self) -> None:
        """Forget what only memory holds."""
        self.waiting: list[Callable[[], Awaitable[None]]] = []
        self.alarms = Alarms("wats/alarms/{alarm_type}", "B1", self.clock, self._publish)

    def _publish(self, publication: Publication, then: Callable[[], Awaitable[None]] | None) -> bool:
        if not self.is_there:
            return False
        payload = json.loads(publication.payload) if publication.payload else None
        self.said.append((publication.topic, payload, publication.retain))
        if publication.retain:
            self.retained[publication.topic] = publication.payload
        if then is not None:
            self.waiting.append(then)
        return True

    async def raise_(self, level: str = "warning", asset: str = "F1", **facts: float) -> None:
        """Raise the alarm, and let the broker acknowledge."""
        await self.alarms.raise_(asset, DUE, level, self.notes, facts)
        await self.settle()

    async def clear(self, asset: str = "F1") -> None:
        """Clear the alarm, and let the broker acknowledge."""
        await self.alarms.clear(asset, DUE, self.notes)
        await self.settle()

    async def look(self) -> None:
        """Let time pass."""
        await self.alarms.look(self.notes)
        await self.settle()

    async def settle(self) -> None:
        """Let the broker acknowledge what was said."""
        waiting, self.waiting = self.waiting, []
        for then in waiting:
            await then()

    def topics(self) -> list[str]:
        """Give where was published since this was asked last."""
        said, self.said = self.said, []
        return [topic for topic, _, _ in said]


async def test_a_raised_alarm_is_told_and_kept_with_its_facts() -> None:
    """Who listens now hears it on the topic of its type; who comes later finds it under the id of its asset."""
    bench = Bench()
    await bench.raise_("warning", days=3.5)
    (told, payload, retain), (kept, kept_payload, kept_retain) = bench.said
    assert (told, retain, kept, kept_retain) == (TOPIC, False, f"{TOPIC}/F1", True)
    assert payload == kept_payload
    assert payload is not None
    assert payload["days"] == 3.5
    assert (payload["alarm"], payload["asset"], payload["active"], payload["level"]) == (DUE, "F1", True, "warning")


async def test_the_same_level_is_told_once_and_another_one_again() -> None:
    """Also after a restart; `since` stays when the level changes."""
    bench = Bench()
    await bench.raise_("warning")
    await bench.raise_("warning")
    bench.restart()
    await bench.raise_("warning")
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    since = json.loads(bench.retained[f"{TOPIC}/F1"])["since"]
    bench.clock.seconds += 60.0
    await bench.raise_("alarm")
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    now = json.loads(bench.retained[f"{TOPIC}/F1"])
    assert (now["level"], now["since"]) == ("alarm", since)
    assert now["at"] > since


async def test_a_cleared_alarm_is_told_and_no_longer_kept() -> None:
    """The message says that it ended; nothing of it stays, neither at the broker nor in the notes."""
    bench = Bench()
    await bench.raise_()
    bench.said.clear()
    await bench.clear()
    (told, payload, retain), (kept, nothing, kept_retain) = bench.said
    assert (told, retain, kept, nothing, kept_retain) == (TOPIC, False, f"{TOPIC}/F1", None, True)
    assert payload is not None
    assert (payload["active"], payload["level"]) == (False, "cleared")
    assert await bench.notes.notes("alarms/") == {}
    await bench.clear()
    assert len(bench.said) == 2


async def test_what_could_not_be_said_is_said_later() -> None:
    """A full postbox, a crash before it was emptied: the next look says it, once."""
    bench = Bench()
    bench.is_there = False
    await bench.raise_()
    bench.restart()
    bench.is_there = True
    await bench.look()
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    await bench.look()
    assert bench.topics() == []
    bench.is_there = False
    await bench.clear()
    bench.restart()
    bench.is_there = True
    await bench.look()
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    assert bench.retained[f"{TOPIC}/F1"] == b""
    assert await bench.notes.notes("alarms/") == {}


async def test_what_is_on_its_way_is_not_said_twice() -> None:
    """The broker has not answered yet; what it never answers is said again after a minute."""
    bench = Bench()
    await bench.alarms.raise_("F1", DUE, "warning", bench.notes)
    await bench.alarms.look(bench.notes)
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    bench.clock.seconds += PATIENCE_S
    await bench.look()
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    bench.clock.seconds += PATIENCE_S
    await bench.look()
    assert bench.topics() == []


async def test_a_broker_that_forgot_is_told_again_what_to_keep() -> None:
    """After each connection, and at start, what is active is retained anew; who listened heard it already."""
    bench = Bench()
    await bench.raise_()
    bench.topics()
    bench.alarms.tell_again()
    await bench.look()
    assert bench.topics() == [f"{TOPIC}/F1"]
    bench.restart()
    await bench.look()
    assert bench.topics() == [f"{TOPIC}/F1"]


async def test_an_acknowledgement_of_a_former_level_settles_nothing() -> None:
    """The alarm grew graver before the broker acknowledged the warning."""
    bench = Bench()
    await bench.alarms.raise_("F1", DUE, "warning", bench.notes)
    late, bench.waiting = bench.waiting, []
    bench.is_there = False
    bench.clock.seconds += 1.0
    await bench.alarms.raise_("F1", DUE, "alarm", bench.notes)
    for then in late:
        await then()
    bench.is_there = True
    bench.topics()
    await bench.look()
    assert bench.topics() == [TOPIC, f"{TOPIC}/F1"]
    assert await bench.alarms.active("F1", bench.notes) == {DUE: "alarm"}


async def test_assets_do_not_share_alarms_nor_topics() -> None:
    """A `/` in an id stays one level, so that no subscription sees another topic than it meant."""
    bench = Bench()
    await bench.raise_(asset="A/1")
    await bench.raise_(asset="B")
    await bench.clear("B")
    assert await bench.alarms.active("A/1", bench.notes) == {DUE: "warning"}
    assert await bench.alarms.active("B", bench.notes) == {}
    assert bench.retained == {f"{TOPIC}/A_1": bench.retained[f"{TOPIC}/A_1"], f"{TOPIC}/B": b""}
