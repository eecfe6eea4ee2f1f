"""The counts of one asset while a delivery is handled: what WATS holds, what the ledger says, and how both change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from pywats_mqtt.handlers.known import Held, Known
from pywats_mqtt.handlers.ledger import (
    Ledger,
    decode,
    done,
    encode,
    is_reset,
    marks_of,
    next_write,
    note_name,
    tag_with,
)
from pywats_mqtt.ports import Notes, Wats

_NONE: Mapping[str, int] = MappingProxyType({})


class Book:
    """Counts of one asset.

    Attributes:
        ledger: as it stands in its note.
        is_new: there is no note yet.
    """

    def __init__(self, asset: str, known: Known, wats: Wats, notes: Notes, note: bytes | None) -> None:
        self._asset = asset
        self._known = known
        self._wats = wats
        self._notes = notes
        self.ledger = decode(note)
        self.is_new = note is None

    @classmethod
    async def open(cls, asset: str, known: Known, wats: Wats, notes: Notes) -> Book:
        """Read the ledger."""
        return cls(asset, known, wats, notes, await notes.note(note_name(asset)))

    async def save(self, ledger: Ledger) -> None:
        """Write the ledger down where it changed; durable on return."""
        if self.is_new or ledger != self.ledger:
            await self._notes.set_note(note_name(self._asset), encode(ledger))
            self.ledger, self.is_new = ledger, False

    async def held(self) -> Held:
        """Give what WATS is known to hold."""
        return await self._known.read(self._wats, self._asset)

    async def fresh(self) -> Held:
        """Read what WATS holds now, and not as we left it."""
        self._known.held = Held.of(await self._wats.asset(self._asset))
        return self._known.held

    async def raise_to(self, total: int) -> None:
        """Make WATS' total this one, if it is lower."""
        held = await self.held()
        if total > held.total:
            await self._wats.set_total_count(self._asset, total)
            held.raise_total(total)

    async def grow(self, counted: int, handed: Mapping[str, int] = _NONE) -> bool:
        """Add to WATS' total what is not in it yet, so that all that the device counted is; tells whether it grew.

        Args:
            counted: by the device, in all.
            handed: those of it that were handed over, by the id of the export.
        """
        if self._known.held is not None and self.ledger.settles(counted, handed):
            return False
        asset = await self._wats.asset(self._asset)
        held = self._known.held = Held.of(asset)
        marks = marks_of(asset.tags)
        following, write = next_write(self.ledger, counted, held.total, handed, marks)
        if following != self.ledger:
            await self.save(following)
        if write is not None:
            await self._wats.set_total_count(self._asset, write.target)
            held.raise_total(write.target)
            following = done(self.ledger, write)
        tag = tag_with(marks, tuple(export for export in following.exports if export in handed))
        if tag:
            await self._wats.set_tags(self._asset, tag)
        if write is not None:
            await self.save(following)
        return write is not None

    async def reset_running(self, resets: int, comment: str) -> None:
        """Begin the running count anew, once; what WATS holds was read `fresh`, and tells whether it was done.

        Args:
            resets: how often it was reset with this time.
            comment: for the log of the asset.
        """
        held = await self.held()
        if not is_reset(self.ledger, resets, held.running):
            await self.save(replace(self.ledger, resetting=(resets, held.running)))
            await self._wats.reset_running_count(self._asset, comment)
            held.running = 0
        await self.save(replace(self.ledger, resets=resets, resetting=None))
        self._known.followed = None
