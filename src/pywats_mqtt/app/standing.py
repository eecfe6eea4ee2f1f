"""The alarms of the bridge itself: said when they are raised and cleared, and kept at the broker meanwhile.

A raised alarm is published on `alarm_topic` for who listens now, and below it by the id of the bridge, retained, for
who comes later; when it ends a message says so, and the retained one is emptied. What the broker was told is a note, so
that a restart neither tells an alarm twice nor leaves one standing that ended. An alarm does not wait for that note,
which a full disk would not take: without it the retained message is emptied, and nothing else said. The note names the
topic, too: under another client id or `alarm_topic` what is kept at the former one is emptied.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from pywats_mqtt.app.postbox import Action
from pywats_mqtt.ports import Clock, Notes, Publication
from pywats_mqtt.topics import render

logger = logging.getLogger(__name__)

NOTE: Final = "bridge-alarms"

Fact: TypeAlias = str | int | float | bool | dict[str, str] | None
Key: TypeAlias = tuple[str, str]
"""What the alarm is named, and what of the bridge it is about; empty for the whole."""
NO_FACTS: Final[Mapping[str, Fact]] = MappingProxyType({})


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """How an alarm stands.

    Attributes:
        level: how grave, and after a space what else makes it another; empty: cleared, and not everybody knows.
        since: when it was raised, ISO 8601.
        at: when it became this, or is about something else.
        facts: what else is said of it.
        topic: where the broker keeps it; empty in notes of before this was written down.
    """

    level: str
    since: str
    at: str
    facts: dict[str, Fact] = {}
    topic: str = ""


class BridgeAlarms:
    """All of them; nothing is said before `begin`, and while the broker is away.

    Args:
        template: `alarm_topic`; `{alarm_type}` is what an alarm is named.
        clock: the time.
        say: publishes something when its turn comes, and runs what follows once the broker took it.
        names: alarms that an earlier run may have left at the broker without a note of them.
    """

    def __init__(
        self, template: str, clock: Clock, say: Callable[[Publication, Action | None], object], names: tuple[str, ...]
    ) -> None:
        self._template = template
        self._clock = clock
        self._say = say
        self._over = {(name, ""): None for name in names}
        self._bridge = ""
        self._notes: Notes | None = None
        self._connected = False
        self._stands: dict[Key, Stand] = {}
        self._told: dict[Key, tuple[str, str]] = {}
        self._left: set[str] = set()
        self._written: bytes | None = None

    async def begin(self, bridge: str, notes: Notes) -> None:
        """Go on from what an earlier run told, in the name of this client id; that one may have had another."""
        self._written = await notes.note(NOTE)
        self._bridge, self._notes = bridge, notes
        try:
            noted = msgspec.json.decode(self._written or b"[]", type=list[tuple[str, str, Stand]])
        except (msgspec.DecodeError, UnicodeDecodeError):
            logger.warning("the note of alarms cannot be read; none is taken to stand")
            return
        for alarm, of, stand in noted:
            topic = self._kept_topic((alarm, of))
            if stand.topic not in {"", topic}:
                self._left.add(stand.topic)
            self._stands[alarm, of] = msgspec.structs.replace(stand, topic=topic)
            if stand.level:
                self._told[alarm, of] = _news(stand)

    def raise_(self, alarm: str, level: str, facts: Mapping[str, Fact] = NO_FACTS, *, of: str = "") -> None:
        """Raise an alarm; at the same level only what is kept is made to tell these facts.

        Args:
            alarm: its name, also in its topic.
            level: see `Stand.level`.
            facts: what else is said.
            of: what of the bridge it is about, where there may be several.
        """
        known = self._stands.get((alarm, of))
        if known is not None and (known.level, known.facts) == (level, facts):
            return
        at = self._clock.now().isoformat()
        since = known.since if known is not None and known.level else at
        is_new = known is None or known.level != level
        key = (alarm, of)
        stand = Stand(level=level, since=since, at=at, facts=dict(facts), topic=self._kept_topic(key))
        self._change(key, stand, is_new=is_new)

    def clear(self, alarm: str, facts: Mapping[str, Fact] = NO_FACTS, *, of: str = "") -> None:
        """End an alarm; nothing where it does not stand."""
        known = self._stands.get((alarm, of))
        if known is None or not known.level:
            return
        at = self._clock.now().isoformat()
        self._change((alarm, of), msgspec.structs.replace(known, level="", at=at, facts=dict(facts)), is_new=True)

    def linked(self, *, connected: bool) -> None:
        """Take note that the broker is there, or away; say again what it is to keep, and what it was not told."""
        self._connected = connected
        if not connected:
            return
        for topic in self._left:
            self._say(Publication(topic=topic, payload=b"", retain=True), partial(self._was_emptied, topic))
        for key, stand in list(self._stands.items()):
            if self._told.get(key) != _news(stand):
                self._announce(key, stand)
            self._keep(key, stand)
        for key in self._over:  # a broker that was killed may have gone back to what it kept before
            if key not in self._stands:
                self._keep(key, None)

    def _change(self, key: Key, stand: Stand, *, is_new: bool) -> None:
        self._stands[key] = stand
        if self._connected:
            if is_new:
                self._announce(key, stand)
            self._keep(key, stand)

    def _announce(self, key: Key, stand: Stand) -> None:
        publication = Publication(topic=self._topic(key[0]), payload=self._payload(key, stand))
        self._say(publication, partial(self._was_announced, key, stand))

    def _keep(self, key: Key, stand: Stand | None) -> None:
        payload = b"" if stand is None or not stand.level else self._payload(key, stand)
        then = None if stand is None else partial(self._was_kept, key, stand)
        self._say(Publication(topic=self._kept_topic(key), payload=payload, retain=True), then)

    def _kept_topic(self, key: Key) -> str:
        alarm, of = key
        levels = (self._bridge, of) if of else (self._bridge,)
        return "/".join((self._topic(alarm), *(render("{level}", {"level": level}) for level in levels)))

    def _topic(self, alarm: str) -> str:
        return render(self._template, {"alarm_type": alarm})

    def _payload(self, key: Key, stand: Stand) -> bytes:
        said = {
            "alarm": key[0],
            "bridge": self._bridge,
            "active": bool(stand.level),
            "level": stand.level.partition(" ")[0] or "cleared",
            "since": stand.since,
            "at": stand.at,
        }
        return msgspec.json.encode(said | stand.facts)

    async def _was_emptied(self, topic: str) -> None:
        self._left.discard(topic)

    async def _was_announced(self, key: Key, stand: Stand) -> None:
        if key in self._stands and _news(self._stands[key]) == _news(stand):
            self._told[key] = _news(stand)

    async def _was_kept(self, key: Key, stand: Stand) -> None:
        """Write down what the broker knows; a cleared alarm that was told is forgotten."""
        if self._stands.get(key) is stand and self._told.get(key) == _news(stand) and not stand.level:
            del self._stands[key], self._told[key]
            self._over[key] = None
        known = [(*key, stand) for key, stand in self._stands.items() if not stand.level or key in self._told]
        note = msgspec.json.encode(known) if known else None
        if self._notes is not None and note != self._written:
            await self._notes.set_note(NOTE, note)
            self._written = note


def _news(stand: Stand) -> tuple[str, str]:
    """Give what of it is said to who listens now."""
    return stand.level, stand.since
