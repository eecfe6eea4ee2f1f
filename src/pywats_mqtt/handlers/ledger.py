"""The ledger of an asset whose device sends increments: how many of them stand in WATS. Pure.

WATS can add (`incrementBy`), but an answer that is lost leaves open whether it did; so increments go out as an absolute
total: what WATS holds now, and what is not in it yet. Before such a write the ledger says what it is about to ask for.
If the answer is lost, WATS' total tells afterwards whether it was done. Counts that others make in WATS are in the
total that is read, and so kept; only one made in the moment between our reading and our writing cannot be told from
ours.

Increments that one bridge handed over to another may be counted by either, the giving one where the export was revoked.
So who counts them leaves a mark at the asset: the export's id, in a tag. Who finds the mark does not count them.

Totals need none of this while WATS' total is the device's own. Once a counter went backwards and is rebased, they are
followed as increments are: by what the device counted in all (`AssetCounts.counted`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from pywats_mqtt.events import Past

MARKS: Final = "pywats_mqtt_exports"
"""Key of the tag with the ids of exports whose increments are counted, the newest last."""

MARKED: Final = 20
"""Ids kept in the tag: a few hundred characters, for exports that are on their way at a time."""


class Write(msgspec.Struct, frozen=True, array_like=True):
    """A write about to be made.

    Attributes:
        before: WATS' total when it was read.
        target: the total asked for.
        counts: sum of the device's increments that stand in WATS once it is done.
        exports: whose increments are among them.
    """

    before: int
    target: int
    counts: int
    exports: tuple[str, ...] = ()


class Ledger(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one asset.

    Attributes:
        counted: sum of the device's increments that stand in WATS for certain; where `follows`, of all it counted.
        write: the write whose answer has not come, or None.
        follows: totals are followed by what they grow, since a counter went backwards and was rebased.
        drops: how often the total went backwards before the counter that is taken at its word, or followed.
        resets: resets of the running count that stand in WATS.
        resetting: the reset whose answer has not come, and WATS' running count before it; or None.
        exports: whose increments are counted, by whomever; the newest last.
    """

    counted: int = 0
    write: Write | None = None
    follows: bool = False
    drops: int = 0
    resets: int = 0
    resetting: tuple[int, int] | None = None
    exports: tuple[str, ...] = ()

    def settles(self, counted: int, handed: Mapping[str, int]) -> bool:
        """Tell whether all that was counted stands in WATS for certain."""
        return self.write is None and self.counted == counted and handed.keys() <= set(self.exports)


def resolved(ledger: Ledger, total: int) -> Ledger:
    """Tell what stands in WATS, from the total it holds now.

    A total from `before` up to, but not including, `target` shows that the last write was not done. One below `before`
    was set by a person, who knew of all that was counted; one at or above `target` shows that it was done.
    """
    write = ledger.write
    if write is None or write.before <= total < write.target:
        return replace(ledger, write=None)
    return done(ledger, write)


def next_write(
    ledger: Ledger, added: int, total: int, handed: Mapping[str, int] | None = None, marks: tuple[str, ...] = ()
) -> tuple[Ledger, Write | None]:
    """Decide what to write.

    Args:
        ledger: what was written down last.
        added: sum of all increments the device ever sent.
        total: what WATS holds now.
        handed: those of them that were handed over, by the id of the export.
        marks: ids of exports whose increments are counted, as the asset's tag says.

    Returns:
        The ledger to write down first, and the write; None where everything is counted.
    """
    known = resolved(ledger, total)
    left = {export: count for export, count in (handed or {}).items() if export not in known.exports}
    elsewhere = {export: count for export, count in left.items() if export in marks}
    counted = known.counted + sum(elsewhere.values())
    following = replace(known, counted=counted, exports=known.exports + tuple(elsewhere))
    missing = added - counted
    if missing <= 0:
        return following, None
    own = tuple(export for export in left if export not in elsewhere)
    write = Write(before=total, target=total + missing, counts=added, exports=own)
    return replace(following, write=write), write


def done(ledger: Ledger, write: Write) -> Ledger:
    """Take a write as done."""
    return replace(ledger, counted=write.counts, write=None, exports=ledger.exports + write.exports)


def marks_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Read the marks of an asset."""
    return tuple(tags.get(MARKS, "").split())


def tag_with(marks: tuple[str, ...], exports: tuple[str, ...]) -> dict[str, str]:
    """Make the tag with more marks; empty where none is new."""
    new = tuple(export for export in exports if export not in marks)
    return {MARKS: " ".join((marks + new)[-MARKED:])} if new else {}


def hand_over(ledger: Ledger, added: int, handed: Mapping[str, int], export: str) -> tuple[int, dict[str, int]]:
    """Tell which increments can be handed over: those that no write of ours may have counted.

    Returns:
        How many, and what of them belongs to which export; what was not handed over before, to this one.
    """
    counted = ledger.counted if ledger.write is None else ledger.write.counts
    settled = {*ledger.exports, *(ledger.write.exports if ledger.write is not None else ())}
    given = max(0, added - counted)
    passed = {known: count for known, count in handed.items() if known not in settled}
    rest = given - sum(passed.values())
    return given, passed | ({export: rest} if rest > 0 else {})


def rebased(ledger: Ledger, past: Past, counted: int, total: int) -> Ledger:
    """Follow the device's totals from now on: what it counts goes on top of what WATS holds.

    Args:
        ledger: of an asset whose totals were taken at their word until now.
        past: what became of its counters.
        counted: what the device counted in all.
        total: what WATS holds now. Of the counter that ended it holds as much as that, at most all.
    """
    ended = past.ends[-(past.drops - ledger.drops) :] if past.drops > ledger.drops else ()
    if ended:
        counted = past.carried - sum(ended) + min(total, ended[0])
    return replace(ledger, counted=counted, write=None, follows=True, drops=past.drops)


def is_reset(ledger: Ledger, resets: int, running: int) -> bool:
    """Tell whether a reset stands in WATS already, from the running count it holds now: it only grows otherwise.

    Args:
        ledger: what was written down last.
        resets: how often the running count was reset with this time. What became of an earlier one does not matter.
        running: what WATS holds now.
    """
    tried, before = ledger.resetting or (0, 0)
    return running == 0 or (tried == resets and running < before)


def note_name(asset: str) -> str:
    """Name the note in which an asset's ledger is kept."""
    return f"ledger/{asset}"


def encode(ledger: Ledger) -> bytes:
    """Pack a ledger for its note."""
    return msgspec.json.encode(ledger)


def decode(note: bytes | None) -> Ledger:
    """Read a ledger; a new one where there is no note.

    Raises:
        msgspec.DecodeError: the note is none of ours.
    """
    return Ledger() if note is None else msgspec.json.decode(note, type=Ledger)
