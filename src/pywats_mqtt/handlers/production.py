"""Units and operators of the shop floor, in as few calls as can be.

A unit that is seen for the first time is read once; from then on what WATS holds of it is known, and only what changes
is written. The locations of all units of a group go in one call. An event is written down once WATS has it, so one
that is delivered again after a lost answer finds the unit as it is and changes nothing; alarms and figures follow that.

What WATS has no public place for, how long a unit stayed and who was there, is not written to units: their tags are
read-only, and `xmlData` belongs to others. The stays are figures of `status`, the operator goes on reports.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import TypeAlias

import msgspec

from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import OperatorEvent, UnitEvent
from pywats_mqtt.handlers import units
from pywats_mqtt.handlers.operations import Operations
from pywats_mqtt.handlers.operators import Operators
from pywats_mqtt.handlers.surroundings import Alarm
from pywats_mqtt.handlers.units import InWats, KnownUnit, Stay, Verdict, Wish
from pywats_mqtt.messages import from_us
from pywats_mqtt.observe import Shopfloor, Station
from pywats_mqtt.ports import Notes, Unit, Wats

logger = logging.getLogger(__name__)

STATIONS_SHOWN = 1_000
"""Stations that have figures; more than a large plant has."""

AT_ONCE = 4
"""Units of a group that WATS is asked about at once: one after the other, a hundred new ones would keep all else from
being leased for a minute."""

ALONE_KEPT = 1_000
"""Units remembered to be saved alone; forgetting them costs a call that fails once more."""

OUTCOME_UNKNOWN = frozenset({"timeout", "dropped"})
"""Causes that may lie in what is sent."""

Problem: TypeAlias = Retry | Reject


class Defaults(msgspec.Struct, frozen=True):
    """What `[wats]` says for units that name none: part number and revision."""

    part_number: str | None = None
    revision: str = "-"


class _Plan(msgspec.Struct):
    """What to do about one event.

    Attributes:
        trusted: whether what WATS holds was taken from memory.
        save: what goes into the common call, or None.
        problem: why it cannot be done.
    """

    event: UnitEvent
    verdict: Verdict
    known: KnownUnit | None
    wish: Wish = msgspec.field(default_factory=Wish)
    held: InWats | None = None
    trusted: bool = False
    save: Unit | None = None
    problem: Problem | None = None


class ProductionHandlers:
    """The handlers of the shop floor; one instance for one server."""

    def __init__(
        self, config: ProductionConfig, defaults: Defaults, operators: Operators, figures: Shopfloor, alarm: Alarm
    ) -> None:
        """Know nothing yet.

        Args:
            config: the `[production]` table.
            defaults: what units get that name nothing.
            operators: keeps who is at a station.
            figures: counted into.
            alarm: told of missing exits and entries.
        """
        self._config = config
        self._part_number = config.default_part_number or defaults.part_number
        self._revision = defaults.revision
        self._operators = operators
        self._operations = Operations(figures.unknown_processes)
        self._figures = figures
        self._alarm = alarm
        self._keeping = asyncio.Lock()
        self._alone: set[str] = set()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def handle_operator(self, event: OperatorEvent, wats: Wats, notes: Notes) -> None:  # noqa: ARG002 - one signature
        """Write down who is at a station, for the reports to come."""
        self._note_oddities(event, "operator", event.station)
        await self._operators.handle(event, notes)

    async def handle_unit(self, event: UnitEvent, wats: Wats, notes: Notes) -> None:
        """Bring one event to WATS.

        Raises:
            Retry, Reject: as for any handler.
        """
        (problem,) = await self.handle_units([event], wats, notes)
        if problem is not None:
            raise problem

    async def handle_units(self, events: Sequence[UnitEvent], wats: Wats, notes: Notes) -> list[Problem | None]:
        """Bring events of different units to WATS together; tell for each what stands against it, or None."""
        plans = await self._round(events, wats, notes, trust=True)
        # What WATS refuses on the word of our memory may be a unit that somebody deleted or changed: once more.
        doubted = [plan.event for plan in plans if plan.trusted and isinstance(plan.problem, Reject)]
        if doubted:
            again = {plan.event.serial_number: plan for plan in await self._round(doubted, wats, notes, trust=False)}
            plans = [again.get(plan.event.serial_number, plan) for plan in plans]
        done = [plan for plan in plans if plan.problem is None]
        for plan in done:
            if plan.event.operator and plan.event.station:
                await self._operators.saw(plan.event.station, plan.event.operator, plan.event.at_us, notes)
        await self._keep(done, notes)
        for plan in done:
            self._tell(plan)
        return [plan.problem for plan in plans]

    async def _round(self, events: Sequence[UnitEvent], wats: Wats, notes: Notes, *, trust: bool) -> list[_Plan]:
        plans: list[_Plan] = []
        for event in events:
            known = units.decode(await notes.note(units.shelf_of(event.serial_number))).get(event.serial_number)
            plans.append(_Plan(event=event, verdict=units.judge(event, known), known=known))
        moving = [plan for plan in plans if plan.verdict.judgement == "moves"]
        away = await self._each(moving, lambda plan: self._prepare(plan, wats, trust=trust))
        if away is not None:
            for plan in plans:
                plan.problem = plan.problem or (away if plan.held is not None else None)
        away = await self._save([plan for plan in plans if plan.save is not None and plan.problem is None], wats)
        saved = [plan for plan in plans if plan.problem is None and plan.held is not None]
        if away is None:
            await self._each(saved, lambda plan: self._finish(plan, wats))
        else:
            for plan in saved:
                plan.problem = away
        return plans

    async def _each(self, plans: list[_Plan], do: Callable[[_Plan], Awaitable[None]]) -> Retry | None:
        """Do it for each plan, some at once; if WATS is away, tell, and leave it for those that were not begun."""
        if len(plans) == 1:
            return await _tried(plans[0], do(plans[0]))
        away: Retry | None = None

        async def do_one(plan: _Plan) -> None:
            nonlocal away
            async with self._at_once:
                if away is None:
                    away = await _tried(plan, do(plan)) or away
                else:
                    plan.problem = away

        async with asyncio.TaskGroup() as group:
            for plan in plans:
                group.create_task(do_one(plan), name=f"unit {plan.event.serial_number}")
        return away

    async def _prepare(self, plan: _Plan, wats: Wats, *, trust: bool) -> None:
        """Find out what WATS holds of the unit, and what is to be saved."""
        event, known = plan.event, plan.known
        plan.wish = units.wish_of(event, known, self._config)
        part_number = event.part_number or (known.wats.part_number if known else "") or self._part_number
        if not part_number:
            raise Reject(
                "no part number: the station sent none, the unit had none before, and neither"
                " production.default_part_number nor wats.default_part_number is set; set one of them",
                path="$.part_number",
            )
        if trust and known is not None and known.wats.part_number == part_number:
            plan.held, plan.trusted = known.wats, True
        else:
            plan.held = await self._read(plan, part_number, wats)
        location = plan.wish.location
        if plan.save is None and location is not None and location != plan.held.location:
            plan.save = Unit(serial_number=event.serial_number, part_number=part_number, location=location)

    async def _read(self, plan: _Plan, part_number: str, wats: Wats) -> InWats:
        """Read the unit; of one that is not there, plan that it is made."""
        event = plan.event
        there = await wats.unit(event.serial_number, part_number)
        if there is not None:
            return InWats(part_number, there.location, there.phase, there.process)
        if not self._config.create_units:
            raise Reject(
                f"there is no unit {event.serial_number!r} with part number {part_number!r} in WATS and"
                " production.create_units is off; make the unit, or turn it on"
            )
        revision = event.revision or self._revision
        if self._config.create_products:
            await wats.ensure_product(part_number, revision)
        plan.save = Unit(
            serial_number=event.serial_number,
            part_number=part_number,
            revision=revision,
            location=plan.wish.location or "",
        )
        return InWats(part_number)

    async def _save(self, plans: list[_Plan], wats: Wats) -> Retry | None:
        """Save what is planned, in one call but for units whose company failed before; tell if WATS is away."""
        together = [plan for plan in plans if plan.event.serial_number not in self._alone]
        groups = [together] if together else []
        groups += [[plan] for plan in plans if plan.event.serial_number in self._alone]
        for number, group in enumerate(groups):
            try:
                outcomes = await wats.save_units([plan.save for plan in group if plan.save is not None])
            except Retry as failed:
                if len(group) > 1 and (failed.scope is Scope.DELIVERY or failed.cause in OUTCOME_UNKNOWN):
                    # Perhaps one of them is the reason: each is tried alone, so that the others do not pay for it.
                    if len(self._alone) >= ALONE_KEPT:
                        self._alone.clear()
                    self._alone.update(plan.event.serial_number for plan in group)
                for plan in group:
                    plan.problem = failed
                if failed.scope is not Scope.DELIVERY:
                    for plan in (later for others in groups[number:] for later in others):
                        plan.problem = plan.problem or failed
                    return failed
                continue
            for plan, outcome in zip(group, outcomes, strict=True):
                plan.problem = outcome
                self._alone.discard(plan.event.serial_number)
        return None

    async def _finish(self, plan: _Plan, wats: Wats) -> None:
        """Set phase and operation where they differ from what WATS holds."""
        held, wish, serial_number = plan.held, plan.wish, plan.event.serial_number
        if held is None:
            return
        if plan.save is not None and plan.save.location:
            held = msgspec.structs.replace(held, location=plan.save.location)
        if wish.phase is not None and wish.phase != held.phase:
            await wats.set_unit_phase(serial_number, held.part_number, wish.phase)
            held = msgspec.structs.replace(held, phase=wish.phase)
        if wish.process is not None:
            operation = await self._operations.find(plan.event.place, wish.process, wats)
            if operation is not None and operation.code != held.process:
                await wats.set_unit_process(serial_number, held.part_number, operation.name)
                held = msgspec.structs.replace(held, process=operation.code)
        plan.held = held

    async def _keep(self, plans: list[_Plan], notes: Notes) -> None:
        """Write down what is known now, each shelf once; no other group may write the same shelf meanwhile."""
        kept = [(units.shelf_of(p.event.serial_number), p.event.serial_number, k) for p in plans if (k := _known(p))]
        kept.sort(key=lambda entry: entry[0])
        async with self._keeping:
            for name, entries in groupby(kept, key=lambda entry: entry[0]):
                shelf = units.decode(await notes.note(name))
                for _, serial_number, known in entries:
                    units.put(shelf, serial_number, known)
                await notes.set_note(name, units.encode(shelf))

    def _tell(self, plan: _Plan) -> None:
        """Count what happened, and raise the alarms."""
        event, verdict = plan.event, plan.verdict
        self._note_oddities(event, "unit", event.line or event.station)
        if verdict.judgement == "older":
            self._figures.older_events += 1
        elif verdict.judgement == "moves" and event.station:
            self._count(event, plan.known, verdict)
        if verdict.ended is not None:
            self._tell_end(verdict.ended, event, late=verdict.judgement == "older")
        if verdict.missing_entry:
            self._station(event.place).missing_entries += 1
            facts = {"serial_number": event.serial_number, "station": event.place, "seen_at": _time(event.at_us)}
            self._alarm("missing_entry", facts)

    def _count(self, event: UnitEvent, known: KnownUnit | None, verdict: Verdict) -> None:
        station = self._station(event.station)
        if event.action == "entered" and (known is None or known.station != verdict.station):
            station.entered += 1
            station.inside += 1
        elif event.action == "exited" and (verdict.ended is not None or verdict.missing_entry):
            station.exited += 1

    def _tell_end(self, ended: Stay, event: UnitEvent, *, late: bool) -> None:
        station = self._station(ended.station)
        if ended.left_us is not None:
            station.stayed((ended.left_us - ended.since_us) / 1e6)
            if not late:
                station.inside -= bool(station.inside)
            logger.debug("unit left its station", extra={"station": ended.station, "stayed_s": station.last_s})
            return
        station.missing_exits += 1
        station.inside -= bool(station.inside)
        facts = {
            "serial_number": event.serial_number,
            "station": ended.station,
            "entered_at": _time(ended.since_us),
            "seen_at_station": event.place,
            "seen_at": _time(event.at_us),
        }
        self._alarm("missing_exit", facts)

    def _station(self, name: str) -> Station:
        stations = self._figures.stations
        if name not in stations and len(stations) >= STATIONS_SHOWN:
            return Station()
        return stations.setdefault(name, Station())

    def _note_oddities(self, event: UnitEvent | OperatorEvent, kind: str, sender: str) -> None:
        """Name what was sent and is not used."""
        if event.unread:
            self._figures.unread_fields[kind] = event.unread
        reported = self._figures.reported_ids
        if event.reported and (sender in reported or len(reported) < STATIONS_SHOWN):
            reported[sender] = event.reported


async def _tried(plan: _Plan, doing: Awaitable[None]) -> Retry | None:
    """Do it, and note with the plan why it cannot be done; tell if that concerns all others, too."""
    try:
        await doing
    except Reject as refused:
        plan.problem = refused
    except Retry as failed:
        plan.problem = failed
        if failed.scope is not Scope.DELIVERY:
            return failed
    return None


def _known(plan: _Plan) -> KnownUnit | None:
    """Give what is known of the unit after the event; None where that is nothing new."""
    event, verdict, held = plan.event, plan.verdict, plan.held
    if verdict.judgement == "repeated":
        return None
    if verdict.judgement == "older":
        if plan.known is None or verdict.ended is None:
            return None
        return msgspec.structs.replace(plan.known, missed_station="", missed_since_us=0)
    if held is None:
        return None
    return KnownUnit(
        at_us=event.at_us,
        action=event.action,
        place=event.place,
        wats=held,
        station=verdict.station,
        since_us=verdict.since_us,
        missed_station=verdict.missed_station,
        missed_since_us=verdict.missed_since_us,
    )


def _time(moment_us: int) -> str:
    return from_us(moment_us).isoformat()
