"""The alarms of assets: told once when raised and once when cleared, and kept at the broker while they last.

A raised alarm is published on `alarm_topic` for who listens now, and under it by the id of its asset, retained, for who
comes later; when it ends a message says so, and the retained one is emptied. A note holds what is active, so that a
restart neither tells an alarm twice nor leaves one standing that ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from pywats_mqtt.messages import from_us, to_us
from pywats_mqtt.ports import Clock, Notes, Publication
from pywats_mqtt.topics import render

PREFIX = "alarms/"

PATIENCE_S = 60.0
"""What was handed over to be published is not handed over again for so long: twice what one publication may take."""

Fact: TypeAlias = str | int | float | bool | None
Facts: TypeAlias = Mapping[str, Fact]
NO_FACTS: Facts = MappingProxyType({})


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that is raised, or was cleared and the broker does not know it yet.

    Attributes:
        level: how grave, such as `warning` or `alarm`; empty: cleared.
        since_us: when it was raised, in microseconds since 1970 UTC.
        changed_us: when its level became what it is.
        facts: what else is said of it.
        announced: the broker was told of this level, for those who listen now.
        kept: the broker keeps it, or has removed it.
    """

    level: str
    since_us: int
    changed_us: int
    facts: dict[str, Fact] = {}
    announced: bool = False
    kept: bool = False


class Alarms:
    """All alarms of the assets of one server.

    Args:
        template: `alarm_topic`; `{alarm_type}` is what an alarm is named.
        bridge: the client id of the bridge, which each message names.
        clock: the time.
        publish: see `surroundings.Publish`.
    """

    def __init__(
        self,
        template: str,
        bridge: str,
        clock: Clock,
        publish: Callable[[Publication, Callable[[], Awaitable[None]] | None], bool],
    ) -> None:
        self._template = template
        self._bridge = bridge
        self._clock = clock
        self._publish = publish
        self._standing: dict[str, dict[str, Standing]] = {}
        self._told_at: dict[tuple[str, str, str], tuple[Standing, float]] = {}
        self._loaded = False
        self._loading = asyncio.Lock()

    async def raise_(self, asset: str, alarm_type: str, level: str, notes: Notes, facts: Facts = NO_FACTS) -> None:
        """Raise an alarm, or change its level; nothing where it stands at this level already.

        Args:
            asset: whose.
            alarm_type: names the alarm among those of its asset, such as `calibration_due`; also in its topic.
            level: how grave; another one is told anew.
            notes: keep it; durable on return.
            facts: what else the message says; kept as they were when the level was reached.
        """
        known = (await self._of(asset, notes)).get(alarm_type)
        if known is not None and known.level == level:
            return
        now_us = to_us(self._clock.now())
        since_us = known.since_us if known is not None and known.level else now_us
        await self._keep(
            asset,
            alarm_type,
            Standing(level=level, since_us=since_us, changed_us=now_us, facts=dict(facts)),
            notes,
        )
        self._tell(asset, alarm_type, notes)

    async def clear(self, asset: str, alarm_type: str, notes: Notes, facts: Facts = NO_FACTS) -> None:
        """End an alarm; nothing where it does not stand."""
        known = (await self._of(asset, notes)).get(alarm_type)
        if known is None or not known.level:
            return
        now_us = to_us(self._clock.now())
        cleared = Standing(level="", since_us=known.since_us, changed_us=now_us, facts=dict(facts))
        await self._keep(asset, alarm_type, cleared, notes)
        self._tell(asset, alarm_type, notes)

    async def active(self, asset: str, notes: Notes) -> Mapping[str, str]:
        """Give the active alarms of an asset: type to level."""
        return {kind: standing.level for kind, standing in (await self._of(asset, notes)).items() if standing.level}

    async def all_active(self, notes: Notes) -> Mapping[str, Mapping[str, str]]:
        """Give the active alarms of all assets that have any: asset to type to level."""
        await self._load(notes)
        active = {asset: await self.active(asset, notes) for asset in tuple(self._standing)}
        return {asset: alarms for asset, alarms in active.items() if alarms}

    async def look(self, notes: Notes) -> None:
        """Tell what the broker does not know yet: what could not be said, or was said to one that forgot."""
        await self._load(notes)
        for asset, alarms in list(self._standing.items()):
            for alarm_type, standing in list(alarms.items()):
                if not (standing.announced and standing.kept):
                    self._tell(asset, alarm_type, notes)

    def tell_again(self) -> None:
        """Let the next look say again what the broker is to keep: it was away, and may have forgotten."""
        self._told_at = {what: told for what, told in self._told_at.items() if what[2] != "kept"}
        for alarms in self._standing.values():
            for alarm_type, standing in alarms.items():
                alarms[alarm_type] = msgspec.structs.replace(standing, kept=False)

    def _tell(self, asset: str, alarm_type: str, notes: Notes) -> None:
        standing = self._standing[asset][alarm_type]
        topic = render(self._template, {"alarm_type": alarm_type})
        payload = msgspec.json.encode(self._message(asset, alarm_type, standing))
        if not standing.announced and not self._is_on_its_way(asset, alarm_type, "announced", standing):
            told = partial(self._mark, asset, alarm_type, standing, notes, announced=True)
            if self._publish(Publication(topic=topic, payload=payload), told):
                self._told_at[asset, alarm_type, "announced"] = standing, self._clock.monotonic()
        if not standing.kept and not self._is_on_its_way(asset, alarm_type, "kept", standing):
            keep = Publication(
                topic=f"{topic}/{render('{asset}', {'asset': asset})}",
                payload=payload if standing.level else b"",
                retain=True,
            )
            if self._publish(keep, partial(self._mark, asset, alarm_type, standing, notes, kept=True)):
                self._told_at[asset, alarm_type, "kept"] = standing, self._clock.monotonic()

    def _is_on_its_way(self, asset: str, alarm_type: str, what: str, standing: Standing) -> bool:
        """Tell whether this was handed over a moment ago, and the broker may only not have answered yet."""
        told, told_at = self._told_at.get((asset, alarm_type, what), (None, 0.0))
        return _is_same(told, standing) and self._clock.monotonic() < told_at + PATIENCE_S

    def _message(self, asset: str, alarm_type: str, standing: Standing) -> dict[str, Fact]:
        return {
            "alarm": alarm_type,
            "bridge": self._bridge,
            "asset": asset,
            "active": bool(standing.level),
            "level": standing.level or "cleared",
            "since": from_us(standing.since_us).isoformat(),
            "at": from_us(standing.changed_us).isoformat(),
            **standing.facts,
        }

    async def _mark(
        self,
        asset: str,
        alarm_type: str,
        told: Standing,
        notes: Notes,
        *,
        announced: bool = False,
        kept: bool = False,
    ) -> None:
        """Write down that the broker was told, unless the alarm changed meanwhile; a cleared one is then forgotten."""
        alarms = self._standing.get(asset, {})
        now = alarms.get(alarm_type)
        if now is None or not _is_same(now, told):
            return
        self._told_at.pop((asset, alarm_type, "announced" if announced else "kept"), None)
        now = msgspec.structs.replace(now, announced=now.announced or announced, kept=now.kept or kept)
        await self._keep(asset, alarm_type, None if now.announced and now.kept and not now.level else now, notes)

    async def _keep(self, asset: str, alarm_type: str, standing: Standing | None, notes: Notes) -> None:
        alarms = self._standing.setdefault(asset, {})
        if standing is None:
            alarms.pop(alarm_type, None)
        else:
            alarms[alarm_type] = standing
        if not alarms:
            del self._standing[asset]
        await notes.set_note(PREFIX + asset, msgspec.json.encode(alarms) if alarms else None)

    async def _of(self, asset: str, notes: Notes) -> Mapping[str, Standing]:
        await self._load(notes)
        return self._standing.get(asset, {})

    async def _load(self, notes: Notes) -> None:
        async with self._loading:
            if self._loaded:
                return
            found = await notes.notes(PREFIX)
            self._loaded = True
            for name, note in found.items():
                alarms = msgspec.json.decode(note, type=dict[str, Standing])
                kept = {kind: msgspec.structs.replace(standing, kept=False) for kind, standing in alarms.items()}
                self._standing[name.removeprefix(PREFIX)] = kept


def _is_same(one: Standing | None, other: Standing) -> bool:
    """Tell whether nothing was raised or cleared between the two."""
    return one is not None and (one.level, one.changed_us) == (other.level, other.changed_us)
