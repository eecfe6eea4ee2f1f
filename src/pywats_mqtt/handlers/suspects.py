"""The units that a device tested since its last good self-test, in notes: a few hundred bytes are written for each."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.handlers.selftests import Suspect
from pywats_mqtt.ports import Notes

CHUNK = 64
"""Units of a note: each new one rewrites its note, some 4 kB at most."""

CHUNKS = 64
"""Notes of a device: with the last 4,096 units, more than a fixture tests between two self-tests of a day."""


class Suspects:
    """The lists of all devices."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def add(self, device: str, suspect: Suspect, notes: Notes) -> None:
        """Write a unit down; one that stands among the newest already is not written twice."""
        async with self._turn(device):
            number = await self._number(device, notes)
            chunk = _decode(await notes.note(_name(device, number)))
            if suspect in chunk:
                return
            if len(chunk) >= CHUNK:
                number, chunk = number + 1, []
                await notes.set_note(_name(device, number - CHUNKS), None)
            await notes.set_note(_name(device, number), msgspec.msgpack.encode([*chunk, suspect]))
            self._newest[device] = number

    async def all(self, device: str, notes: Notes) -> list[Suspect]:
        """Give all units that are kept, in order of their tests, each report once."""
        kept = await notes.notes(_prefix(device))
        found = {suspect.report_id: suspect for note in kept.values() for suspect in _decode(note)}
        return sorted(found.values(), key=lambda suspect: suspect.at_us)

    async def forget(self, device: str, before_us: int, notes: Notes) -> None:
        """Forget the units tested before a time: the device was good then."""
        async with self._turn(device):
            kept = await notes.notes(_prefix(device))
            if not kept:
                return
            left = [suspect for suspect in await self.all(device, notes) if suspect.at_us >= before_us]
            number = await self._number(device, notes) + 1
            if left:
                await notes.set_note(_name(device, number), msgspec.msgpack.encode(left))
            self._newest[device] = number
            for name in kept:
                await notes.set_note(name, None)

    async def _number(self, device: str, notes: Notes) -> int:
        known = self._newest.get(device)
        if known is None:
            kept = await notes.notes(_prefix(device))
            known = self._newest[device] = max((int(name.rpartition("/")[2]) for name in kept), default=0)
        return known

    def _turn(self, device: str) -> asyncio.Lock:
        """One after the other: several testers may use a fixture at once."""
        turn = self._turns.get(device)
        if turn is None:
            turn = self._turns[device] = asyncio.Lock()
        return turn


def _prefix(device: str) -> str:
    """Begin the names of a device's notes; with its length, so that no other id begins the same."""
    return f"suspects/{len(device)}:{device}/"


def _name(device: str, number: int) -> str:
    return f"{_prefix(device)}{number}"


def _decode(note: bytes | None) -> list[Suspect]:
    return [] if note is None else msgspec.msgpack.decode(note, type=list[Suspect])
