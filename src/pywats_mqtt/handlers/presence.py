"""Who is there: heard of late, idle, or gone by its own word, its Will or its silence.

Hearing is kept in memory alone, so that it costs nothing; what is due is looked for again and again, and told to the
bridge itself as a message, which is then delivered within the quota as all are. A note holds what stands in WATS.
Memory knows more than a delivery, which was leased a while ago: it decides wherever it heard of the asset in this run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.events import OFFLINE, AssetState
from pywats_mqtt.folding.updates import Updates
from pywats_mqtt.handlers.surroundings import Surroundings
from pywats_mqtt.interpret import RouteTable
from pywats_mqtt.messages import RawMessage, from_us, to_us
from pywats_mqtt.ports import Gathered, Notes, Rejection, Wats
from pywats_mqtt.schemas.presence import TOPIC, PresenceMessage

PREFIX = "presence/"
ONLINE, IDLE = "online", "idle"
WORD_TAG, SEEN_TAG = "online", "last_seen"

MAKE_ASSETS = frozenset({"asset", "software"})
"""Domains whose devices are assets in WATS; one that is heard there is watched, on whatever topic it is heard then."""

UNKNOWN = "?"
"""In place of the word in WATS: a write was begun, and its answer has not come."""

OFFLINE_ALARM = "offline"


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The note of an asset: the word in WATS' tag, and the one that is to stand there."""

    written: str
    wanted: str


class Seen(msgspec.Struct):
    """One asset.

    Attributes:
        written: the word in WATS' tag; empty: none that we know of.
        wanted: the one that is to stand there.
        is_watched: its silence is noticed.
        heard_us: when it was heard last in this run, or 0.
        heard_s: the same, monotonic; None: not in this run.
        gone_us: since when it is gone, or 0.
        is_told: whether it is gone was heard in this run.
        is_silent: it is gone because nothing was heard.
        is_offered: the bridge was told of it, and has not written its tags yet.
        tagged_s: when tags were written last, monotonic; or None.
    """

    written: str = ""
    wanted: str = ""
    is_watched: bool = False
    heard_us: int = 0
    heard_s: float | None = None
    gone_us: int = 0
    is_told: bool = False
    is_silent: bool = False
    is_offered: bool = False
    tagged_s: float | None = None


class Presence:
    """What is known of who is there; one instance for one server."""

    def __init__(self, config: BridgeConfig, around: Surroundings) -> None:
        """Know nobody yet.

        Args:
            config: after how long a silence is noticed, and how often tags may be written.
            around: the clock, the alarms, and the bridge's own inbox.
        """
        self._offline_after_s = config.assets.offline_after_s
        self._tags_interval_s = config.wats.tags_interval_s
        self._clock = around.clock
        self._alarms = around.alarms
        self._accept = around.accept
        self._is_listening = around.is_listening
        self._has_room = around.has_room
        self._seen: dict[str, Seen] = {}
        self._since_s = around.clock.monotonic()
        self._changed: set[str] = set()
        self._loaded = False
        self._loading = asyncio.Lock()

    def hear(self, messages: Sequence[RawMessage], outcomes: Sequence[Gathered], routes: RouteTable) -> None:
        """Note who was heard in a batch; by the newest message of each topic, so that it costs little."""
        newest = {message.topic: place for place, message in enumerate(messages)}
        now_s = self._clock.monotonic()
        for place in sorted(newest.values()):
            route = routes.route(messages[place].topic)
            if route.device:
                self._hear(route.device, messages[place], outcomes[place], now_s, watch=route.domain in MAKE_ASSETS)
            elif route.domain in MAKE_ASSETS:  # the payload names who speaks, in each message another
                for message, outcome in zip(messages, outcomes, strict=True):
                    if message.topic == messages[place].topic and not isinstance(outcome, Rejection):
                        for asset in _speakers(outcome):
                            self._hear(asset, message, outcome, now_s, watch=True)

    def connected(self) -> None:
        """Begin to listen anew: who was not heard while the broker was away may have spoken."""
        self._since_s = self._clock.monotonic()

    async def note(self, event: AssetState, notes: Notes) -> bool:
        """Take what an event says; tells whether its asset is gone."""
        await self._load(notes)
        seen = self._of(event.asset)
        if not seen.is_told:
            seen.gone_us = event.gone_us
        if seen.gone_us:
            seen.wanted = OFFLINE
        elif event.status not in {"", OFFLINE}:
            seen.wanted = IDLE if event.status == IDLE else ONLINE
        elif seen.wanted in {"", OFFLINE}:
            seen.wanted = ONLINE
        return seen.gone_us > 0

    async def write(self, asset: str, wats: Wats, notes: Notes) -> None:
        """Write the tags where the word changed, and raise or clear the alarm.

        Whether it is idle can wait for other tags of the asset, if some were written a while ago.
        """
        seen = self._of(asset)
        await self._tell(asset, seen, notes)
        if seen.wanted != seen.written:
            if seen.wanted == OFFLINE or seen.written in {OFFLINE, UNKNOWN} or self._is_due(seen):
                tags = await self.tags(asset, notes)
                await wats.set_tags(asset, tags)
                await self.wrote(asset, tags, notes)
            else:
                await self._keep(asset, seen, notes)
        seen.is_offered = False

    async def tags(self, asset: str, notes: Notes) -> Mapping[str, str]:
        """Give the tags of an asset that go along with any others, to be written now.

        Until `wrote` is told, nobody knows which word stands in WATS; a note says so.
        """
        seen = self._of(asset)
        if seen.wanted != seen.written:
            seen.written = UNKNOWN
            await self._keep(asset, seen, notes)
        tags = {WORD_TAG: seen.wanted} if seen.wanted else {}
        if seen.heard_us:
            tags[SEEN_TAG] = from_us(seen.heard_us).isoformat(timespec="seconds")
        return tags

    async def wrote(self, asset: str, tags: Mapping[str, str], notes: Notes) -> None:
        """Note that these tags stand in WATS."""
        seen = self._of(asset)
        seen.tagged_s = self._clock.monotonic()
        word = tags.get(WORD_TAG, seen.written)
        if word != seen.written:
            seen.written = word
            await self._keep(asset, seen, notes)

    async def look(self, _wats: Wats, notes: Notes) -> None:
        """Notice who went silent, who is back, and whose tags are due; the bridge then tells it to itself."""
        await self._load(notes)
        changed, self._changed = self._changed, set()
        for asset in changed:
            await self._tell(asset, self._seen[asset], notes)
        silent = await self._silent()
        there = [asset for asset, seen in self._seen.items() if self._is_owed(seen)]
        if not silent and not there:
            return
        now_us = to_us(self._clock.now())
        heard = {asset: self._seen[asset].heard_s for asset in silent}
        said = PresenceMessage(gone=tuple(silent), there=tuple(there))
        await self._accept(RawMessage(TOPIC, msgspec.json.encode(said), now_us, qos=1))
        for asset in there:
            self._seen[asset].is_offered = True
        for asset, heard_s in heard.items():
            seen = self._seen[asset]
            if seen.heard_s == heard_s:
                seen.gone_us, seen.is_told, seen.is_silent = now_us, True, True
                await self._tell(asset, seen, notes)

    def _hear(self, asset: str, message: RawMessage, outcome: Gathered, now_s: float, *, watch: bool) -> None:
        seen = self._of(asset)
        seen.is_watched = seen.is_watched or watch
        if message.retain:
            return  # from before, which says nothing about now
        was_gone = seen.gone_us > 0
        if _is_offline(outcome):
            seen.gone_us, seen.is_silent = message.received_at_us, False
        else:
            seen.heard_us, seen.heard_s, seen.gone_us = message.received_at_us, now_s, 0
        seen.is_told = True
        if was_gone != (seen.gone_us > 0):
            self._changed.add(asset)

    def _of(self, asset: str) -> Seen:
        seen = self._seen.get(asset)
        if seen is None:
            seen = self._seen[asset] = Seen()
        return seen

    async def _silent(self) -> Iterable[str]:
        """Give the assets whose silence is due; none while we cannot hear."""
        after_s, now_s = self._offline_after_s, self._clock.monotonic()
        if not after_s:
            return ()
        if not self._is_listening() or not await self._has_room():
            self._since_s = now_s
            return ()
        return [
            asset
            for asset, seen in self._seen.items()
            if seen.is_watched
            and not seen.gone_us
            and now_s - max(self._since_s, self._since_s if seen.heard_s is None else seen.heard_s) >= after_s
        ]

    def _is_due(self, seen: Seen) -> bool:
        return seen.tagged_s is None or self._clock.monotonic() >= seen.tagged_s + self._tags_interval_s

    def _is_owed(self, seen: Seen) -> bool:
        """Tell whether the tag has to change, and no message of the asset may come to do so."""
        if seen.gone_us or seen.is_offered:
            return False
        if seen.written == OFFLINE:
            return seen.is_told
        if not seen.wanted:
            return self._offline_after_s > 0 and seen.is_watched
        return seen.wanted != seen.written and self._is_due(seen)

    async def _tell(self, asset: str, seen: Seen, notes: Notes) -> None:
        if not seen.gone_us:
            await self._alarms.clear(asset, OFFLINE_ALARM, notes)
            return
        last_seen = from_us(seen.heard_us).isoformat(timespec="seconds") if seen.heard_us else None
        facts = {"reason": "silence" if seen.is_silent else "its own word, or its Will", "last_seen": last_seen}
        await self._alarms.raise_(asset, OFFLINE_ALARM, "warning", notes, facts)

    async def _keep(self, asset: str, seen: Seen, notes: Notes) -> None:
        await notes.set_note(PREFIX + asset, msgspec.json.encode(Kept(seen.written, seen.wanted)))

    async def _load(self, notes: Notes) -> None:
        async with self._loading:
            if self._loaded:
                return
            for name, note in (await notes.notes(PREFIX)).items():
                kept, seen = msgspec.json.decode(note, type=Kept), self._of(name.removeprefix(PREFIX))
                seen.written, seen.wanted, seen.is_watched = kept.written, seen.wanted or kept.wanted, True
                if kept.wanted == OFFLINE and not seen.is_told:
                    seen.gone_us = 1
            self._loaded = True


def _is_offline(outcome: Gathered) -> bool:
    if isinstance(outcome, Updates | Rejection):
        return False
    return any(isinstance(item.event, AssetState) and item.event.gone_us for item in outcome)


def _speakers(outcome: Gathered) -> Iterable[str]:
    if isinstance(outcome, Updates):
        return (outcome.newest.asset,)
    return () if isinstance(outcome, Rejection) else {item.event.key for item in outcome}


Hear = Callable[[Sequence[RawMessage], Sequence[Gathered], RouteTable], None]
"""See `Presence.hear`."""
