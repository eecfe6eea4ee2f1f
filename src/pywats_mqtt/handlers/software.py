"""What runs on stations: known, written into the tags and the log of their assets, judged, and told.

What a station says is kept in a note before WATS hears of it, so a verdict needs no call but the list of packages,
which is read once in a while for all stations. A change costs one call for the log and, folded, two for the tags.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import AssetSoftware, SoftwareReported, TestResult, UpdateReported
from pywats_mqtt.handlers.logbook import Logbook
from pywats_mqtt.handlers.packages import Packages
from pywats_mqtt.handlers.surroundings import Publish
from pywats_mqtt.handlers.verdicts import CHECK, misc_infos, remembered, tags_of, told, update_tag
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, Notes, Publication, Wats
from pywats_mqtt.software.stations import PREFIX, Station, decode, encode, note_name, overdue, progress, report
from pywats_mqtt.software.updates import ACTIVE
from pywats_mqtt.software.verdicts import Convention, Verdict, Word, judge
from pywats_mqtt.topics import render


class Stations:
    """The handlers of software, and what they know of the stations; one instance for one server."""

    def __init__(
        self,
        config: BridgeConfig,
        clock: Clock,
        publish: Publish,
        on_refused: Callable[[str, str], None],
    ) -> None:
        """Know nothing yet.

        Args:
            config: what to check, and where to tell.
            clock: the time.
            publish: says something to the devices; tells whether it is taken, or there is too much to say already.
            on_refused: as in `Surroundings`.
        """
        self._settings = config.software
        self._topics = config.topics
        self._default_part_number = config.wats.default_part_number or ""
        self._clock = clock
        self._publish = publish
        self._convention = Convention(
            version_tag=config.software.version_tag,
            hash_tag=config.software.hash_tag,
            station_tag=config.software.station_tag,
            part_number_tag=config.software.part_number_tag,
            unchecked=frozenset(config.software.unchecked),
        )
        self._timeout_us = int(config.software.update_timeout_s * 1e6)
        self._packages = Packages(clock, config.software.refresh_s, on_refused)
        self._logbook = Logbook(clock, on_refused)
        self._stations: dict[str, Station] = {}
        self._told: dict[str, bytes] = {}
        self._seen: dict[str, tuple[Station, int]] = {}
        self._all_known = False
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle_report(self, event: SoftwareReported, wats: Wats, notes: Notes) -> None:
        """Keep what the station says, tell the verdict, and write what changed into the log."""
        async with self._turn(event.device):
            before = await self._station(event.device, notes)
            station = report(overdue(before, event.heard_us, self._timeout_us), event)
            await self._save(event.device, station, before, notes)
            verdict = await self._verdict(event.device, station, wats)
            self._tell(event.device, station, verdict)
            if event.request_id:
                if event.part_number:
                    verdict = await self._verdict(event.device, station, wats, event.part_number)
                self._answer(event, station, verdict)
            await self._log(event.device, station, wats, notes)

    async def handle_update(self, event: UpdateReported, wats: Wats, notes: Notes) -> None:
        """Keep how far an update is, and write each change of its state into the log.

        Raises:
            Reject: the state cannot follow the present one.
        """
        async with self._turn(event.device):
            before = await self._station(event.device, notes)
            station = progress(overdue(before, event.heard_us, self._timeout_us), event)
            await self._save(event.device, station, before, notes)
            await self._log(event.device, station, wats, notes)

    async def handle_tags(self, event: AssetSoftware, wats: Wats, notes: Notes) -> None:
        """Write inventory, configuration, updates and verdict as tags; no call where our last one said the same."""
        async with self._turn(event.asset):
            before = await self._station(event.asset, notes)
            # The event may be ahead of what was reported in the line of the device.
            inventory = before if event.software is None else msgspec.structs.replace(before, software=event.software)
            tags = tags_of(event, before, self._settings)
            tags[CHECK] = cut((await self._verdict(event.asset, inventory, wats)).text)
            await self._write_tags(event.asset, before, tags, wats, notes)

    async def checked(self, result: TestResult, wats: Wats, notes: Notes) -> TestResult:
        """Give a result with what runs on its station, if the station may test.

        Raises:
            Reject: its software does not match and `require_software` is `block`.
            Retry: the packages could never be read, or are refused, and WATS is away or `require_software` is `block`.
        """
        settings = self._settings
        if settings.require_software == "off" and not settings.on_reports:
            return result
        station = await self._station(result.device, notes)
        infos = misc_infos(station, settings)
        if settings.require_software != "off":
            part_number = result.part_number or self._default_part_number
            if settings.require_software == "tag":
                verdict = await self._verdict(result.device, station, wats, part_number)
                infos.append((CHECK, cut(verdict.text)))
            elif (verdict := await self._judge(result.device, station, wats, part_number)).word is not Word.MATCH:
                if self._packages.problem:  # nothing about this result: it waits as others do, and is not put aside
                    waits = f"{self._packages.problem}; results wait, for software.require_software is block"
                    raise Retry(waits, scope=Scope.CALL, cause="packages")
                raise Reject(f"{CHECK}: {verdict.text} (software.require_software is block)")
        return msgspec.structs.replace(result, misc=(*result.misc, *infos)) if infos else result

    async def look(self, wats: Wats, notes: Notes) -> None:
        """End updates that were silent for too long, judge all stations anew, and write what is still owed.

        Returns early where WATS is away or refuses the call: the next look does the rest.
        """
        if not self._all_known:
            for name in await notes.notes(PREFIX):
                await self._station(name.removeprefix(PREFIX), notes)
            self._all_known = True
        devices = [device for device, station in self._stations.items() if station != Station()]
        if devices:
            try:
                await self._packages.current(wats)
            except Retry as error:
                if error.scope is Scope.SERVER:
                    return
        for device in devices:
            try:
                async with self._turn(device):
                    await self._look_at(device, wats, notes)
            except Retry as error:
                if error.scope is not Scope.DELIVERY:
                    return
            except Reject:
                # There is no such asset: what the station sends next goes to quarantine with that reason.
                self._seen[device] = self._stations[device], self._packages.revision

    def tell_again(self) -> None:
        """Let the next look tell all verdicts: the broker was away, and what was said meanwhile may be lost."""
        self._told.clear()

    async def _look_at(self, device: str, wats: Wats, notes: Notes) -> None:
        before = await self._station(device, notes)
        station = overdue(before, to_us(self._clock.now()), self._timeout_us)
        await self._save(device, station, before, notes)
        if self._seen.get(device) == (station, self._packages.revision) and not station.owed and device in self._told:
            return
        verdict = await self._verdict(device, station, wats)
        if told(device, station, verdict, self._settings) != self._told.get(device):
            self._tell(device, station, verdict)
        station = await self._log(device, station, wats, notes)
        if station.tags:  # else they are owed still, and go with what is
            ended = {
                update_tag(package): cut(update.words)
                for package, update in station.updates.items()
                if update.state not in ACTIVE
            }
            await self._write_tags(device, station, {**ended, CHECK: cut(verdict.text)}, wats, notes)
        self._seen[device] = self._stations[device], self._packages.revision

    async def _write_tags(self, device: str, station: Station, tags: dict[str, str], wats: Wats, notes: Notes) -> None:
        if station.tags | tags == station.tags:
            return
        await wats.set_tags(device, tags)
        await self._save(device, msgspec.structs.replace(station, tags=remembered(station.tags, tags)), station, notes)

    async def _verdict(self, device: str, station: Station, wats: Wats, part_number: str = "") -> Verdict:
        """Judge a station; where WATS fails on the list of packages alone, that is what there is to say."""
        try:
            return await self._judge(device, station, wats, part_number)
        except Retry as error:
            if error.scope is Scope.SERVER:
                raise
            return Verdict(Word.UNKNOWN, f"WATS gives no list of packages ({error.cause})")

    async def _judge(self, device: str, station: Station, wats: Wats, part_number: str) -> Verdict:
        packages = await self._packages.current(wats)
        if self._packages.problem:
            return Verdict(Word.UNKNOWN, self._packages.problem)
        return judge(station.software, packages, self._convention, station=device, part_number=part_number)

    def _tell(self, device: str, station: Station, verdict: Verdict) -> None:
        payload = told(device, station, verdict, self._settings)
        topic = render(self._topics.verdict_topic, {"device": device})
        self._told.pop(device, None)
        if self._publish(Publication(topic=topic, payload=payload, retain=True)):
            self._told[device] = payload

    def _answer(self, event: SoftwareReported, station: Station, verdict: Verdict) -> None:
        topic = render(self._topics.response_topic, {"request_id": event.request_id})
        payload = told(event.device, station, verdict, self._settings, event)
        self._publish(Publication(topic=topic, payload=payload))

    async def _log(self, device: str, station: Station, wats: Wats, notes: Notes) -> Station:
        async def save(changed: Station) -> None:
            await self._save(device, changed, None, notes)

        return await self._logbook.write(device, station, wats, save)

    async def _station(self, device: str, notes: Notes) -> Station:
        known = self._stations.get(device)
        if known is None:
            known = self._stations.setdefault(device, decode(await notes.note(note_name(device))))
        return known

    async def _save(self, device: str, station: Station, before: Station | None, notes: Notes) -> None:
        if station != before:
            await notes.set_note(note_name(device), encode(station))
            self._stations[device] = station

    def _turn(self, device: str) -> asyncio.Lock:
        """One after the other: the line of a device, its tags and a look go on at once."""
        turn = self._turns.get(device)
        if turn is None:
            turn = self._turns[device] = asyncio.Lock()
        return turn
