"""Who worked at a station at a time: a short history of logins, kept in a note for each station."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping

import msgspec

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.events import OperatorEvent, TestResult
from pywats_mqtt.events.production import OperatorAction
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Notes

ENTRIES_KEPT = 64
"""Logins and logouts of a station: some days of shifts and breaks, and about 3 kB."""

NAME_CHARACTERS = 1_000
"""Of an operator's name, so that a history of 64 stays small; what is longer is cut."""

_CHARACTERS = 100
_HOUR_US = 3_600_000_000


class Entry(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Somebody came or went; ordered by time, which is in microseconds since 1970 UTC."""

    at_us: int
    action: OperatorAction
    operator: str = ""
    shift: str = ""


class Presence(msgspec.Struct, frozen=True):
    """Who is at a station, and in which shift; both may be empty."""

    operator: str = ""
    shift: str = ""


def present(history: list[Entry], at_us: int, valid_us: int) -> Presence:
    """Tell who is at a station at a time.

    A logout that names somebody else than who is there changes nothing. A login, and the name of a shift, count for
    `valid_us` at most.

    Args:
        history: in order of time.
        at_us: the time.
        valid_us: how long a login counts.
    """
    operator, operator_us, shift, shift_us = "", 0, "", 0
    for entry in history:
        if entry.at_us > at_us:
            break
        if entry.shift or entry.action == "shift":
            shift, shift_us = entry.shift, entry.at_us
        if entry.action == "logout":
            if entry.operator in {"", operator}:
                operator = ""
        else:
            operator, operator_us = entry.operator, entry.at_us
    return Presence(
        operator if at_us - operator_us <= valid_us else "",
        shift if at_us - shift_us <= valid_us else "",
    )


class Operators:
    """The histories of all stations, read from their notes once and written on change; one instance for one bridge."""

    def __init__(self, testers: Mapping[str, str], login_hours: float) -> None:
        """Know nothing yet.

        Args:
            testers: tester to its station, where they differ.
            login_hours: how long a login counts.
        """
        self._testers = testers
        self._valid_us = int(login_hours * _HOUR_US)
        self._histories: dict[str, list[Entry]] = {}

    async def handle(self, event: OperatorEvent, notes: Notes) -> None:
        """Write down a login, a logout or a shift."""
        await self._add(event.station, _entry(event.at_us, event.action, event.operator, event.shift), notes)

    async def saw(self, station: str, operator: str, at_us: int, notes: Notes) -> None:
        """Write down that somebody worked at a station, unless that is known."""
        entry = _entry(at_us, "login", operator)
        if (await self.at(station, at_us, notes)).operator != entry.operator:
            await self._add(station, entry, notes)

    async def at(self, station: str, at_us: int, notes: Notes) -> Presence:
        """Tell who was at a station at a time."""
        return present(await self._history(station, notes), at_us, self._valid_us)

    async def sign(self, result: TestResult, notes: Notes) -> TestResult:
        """Give the result with the operator and the shift of its station at its start, where it names none itself."""
        station = self._testers.get(result.device, result.device)
        there = await self.at(station, to_us(result.start), notes)
        changes: dict[str, object] = {}
        misc = list(result.misc)
        if there.operator and not result.operator:
            changes["operator"] = there.operator
            misc.append(("operator_from", f"login at {station}"[:_CHARACTERS]))
            if len(there.operator) > _CHARACTERS:  # the report's own field is cut
                changes["attachments"] = (*result.attachments, ("operator.txt", there.operator))
        if there.shift and all(name != "shift" for name, _ in misc):
            misc.append(("shift", there.shift[:_CHARACTERS]))
        if len(misc) > len(result.misc):
            changes["misc"] = tuple(misc)
        return msgspec.structs.replace(result, **changes) if changes else result

    async def _add(self, station: str, entry: Entry, notes: Notes) -> None:
        history = await self._history(station, notes)
        if entry in history:
            return
        insort(history, entry)  # before it is written, so that two at once lose neither
        del history[:-ENTRIES_KEPT]
        try:
            await notes.set_note(_name(station), msgspec.msgpack.encode(history))
        except BaseException:
            self._histories.pop(station, None)  # what became of it is unknown: read again
            raise

    async def _history(self, station: str, notes: Notes) -> list[Entry]:
        known = self._histories.get(station)
        if known is None:
            note = await notes.note(_name(station))
            read = [] if note is None else msgspec.msgpack.decode(note, type=list[Entry])
            known = self._histories.setdefault(station, read)
        return known


def _entry(at_us: int, action: OperatorAction, operator: str, shift: str = "") -> Entry:
    return Entry(at_us, action, cut(operator, NAME_CHARACTERS), cut(shift))


def _name(station: str) -> str:
    return f"operators/{station}"
