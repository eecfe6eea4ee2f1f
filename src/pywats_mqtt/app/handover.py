"""Handing over in bounded steps: the same ones on a running bridge, over its local socket, and on its spool alone.

A step is one transaction of some milliseconds. An export's steps: open, take rows out, seal; then its file is written;
then it is marked as written. If all ends in between, nothing is lost and nothing doubled: an open export is taken back
by the next start, before anything is sent, for no file can be; a sealed one stays out, for there may be one, until a
person has its file written again, or revokes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from pywats_mqtt.events import (
    LATEST_KINDS,
    AssetCounters,
    AssetCounts,
    AssetEnvironment,
    AssetSoftware,
    AssetState,
    Identity,
    decode,
    encode,
    kind_of,
)
from pywats_mqtt.handlers import ledger
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Export, ExportState, Kept, LatestRow, Outcome, OwedRow, RefusedRow, Row, Spool, Taken
from pywats_mqtt.ports.handover import MESSAGE, ROWS

PLAIN = (AssetState, AssetEnvironment, AssetCounters, AssetSoftware)
"""What is known of an asset that says the same elsewhere. The other kinds are histories, which go on where they are."""

AT_ONCE = 500
"""Rows of one step."""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step.

    Attributes:
        do: what.
        export: the id of the export it is about.
        waiting: of `open`: whether it takes what is owed, too.
        numbers: of `refused`: rows of the quarantine to be taken out.
        first: of `take_in`: position of the first row.
        bridge: of the same: whose export it is.
        rows: of `take_in`: packed.
    """

    do: Literal["open", "refused", "owed", "seal", "written", "revoke", "forget", "take_in"]
    export: str
    waiting: bool = False
    numbers: list[int] = []
    first: int = 0
    bridge: str = ""
    rows: list[bytes] = []


class Stepped(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a step.

    Attributes:
        export: as it is now, of those that change it.
        more: whether the same step has more to do.
        taken: of `take_in`.
        error: why it was not done; empty where it was.
    """

    export: Export | None = None
    more: bool = False
    taken: Taken | None = None
    error: str = ""


async def do_step(spool: Spool, interpret: Callable[[RawMessage], Outcome], step: Step) -> Stepped:
    """Do one step; what stands against it is told in words.

    Raises:
        Retry: it cannot be stored now; nothing was done.
    """
    try:
        return await _do(spool, interpret, step)
    except ValueError as error:
        return Stepped(error=str(error))


async def _do(spool: Spool, interpret: Callable[[RawMessage], Outcome], step: Step) -> Stepped:
    export = step.export
    match step.do:
        case "open":
            done = Stepped(export=await spool.open_export(export, waiting=step.waiting))
        case "refused":
            await spool.take_out(export, await _refused(spool, interpret, step.numbers))
            done = Stepped()
        case "owed":
            given = await spool.exportable(export, AT_ONCE)
            await spool.take_out(export, [await _leaving(row, spool, interpret, export) for row in given])
            done = Stepped(more=bool(given))
        case "seal":
            done = Stepped(export=await spool.mark_export(export, ExportState.SEALED))
        case "written":
            done = Stepped(export=await spool.mark_export(export, ExportState.WRITTEN))
        case "revoke":
            done = await _unwind(spool, export, ExportState.REVOKING)
        case "forget":
            done = await _unwind(spool, export, ExportState.FORGETTING)
        case "take_in":
            come = [_coming(ROWS.decode(packed), interpret) for packed in step.rows]
            done = Stepped(taken=await spool.take_in(export, step.first, come, bridge=step.bridge))
    return done


async def _unwind(spool: Spool, export: str, state: ExportState) -> Stepped:
    marked = await spool.mark_export(export, state)
    return Stepped(export=marked, more=await spool.unwind(export, AT_ONCE))


async def _refused(spool: Spool, interpret: Callable[[RawMessage], Outcome], numbers: Sequence[int]) -> list[Row]:
    """Give rows of the quarantine; refused latest deliveries stay, for the ledger they build on does.

    A refused ordered delivery has its identity, so that it is known there, and when it comes back.
    """
    kept = await spool.kept(numbers)
    return [
        RefusedRow(row.id, row.device, row.reason, row.path, row.kind, row.message, _own(row, interpret(row.message)))
        for row in kept
        if row.kind not in LATEST_KINDS
    ]


def _own(row: Kept | RefusedRow, outcome: Outcome) -> tuple[Identity, ...]:
    """Find what makes a refused delivery the same elsewhere; nothing where its message has several of its kind."""
    if not isinstance(outcome, tuple):
        return ()
    own = tuple(each.identity for each in outcome if each.identity is not None and kind_of(each.event) == row.kind)
    return own if len(own) == 1 else ()


async def _leaving(
    row: OwedRow | LatestRow, spool: Spool, interpret: Callable[[RawMessage], Outcome], export: str
) -> Row:
    if isinstance(row, OwedRow):
        return msgspec.structs.replace(row, identity=row.identity or _identity(row, interpret(row.message)))
    known = decode(row.event)
    if isinstance(known, PLAIN):
        return row
    if isinstance(known, AssetCounts):
        book = ledger.decode(await spool.note(ledger.note_name(known.asset)))
        if known.past is None and not book.follows:
            given, handed = ledger.hand_over(book, known.added, known.handed, export)
            leaves = msgspec.structs.replace(known, added=given, handed=handed)
            return msgspec.structs.replace(row, event=encode(leaves), settles=book.write is None)
    return msgspec.structs.replace(row, event=b"")


def _identity(row: OwedRow, outcome: Outcome) -> Identity | None:
    """Find what makes an event the same elsewhere: that of its message's equal event, or of the one of its kind."""
    if not isinstance(outcome, tuple):
        return None
    same = [each for each in outcome if encode(each.event) == row.event]
    alike = same or [each for each in outcome if type(each.event) is type(decode(row.event))]
    return alike[0].identity if len(alike) == 1 else None


def _coming(row: Row, interpret: Callable[[RawMessage], Outcome]) -> Row:
    if not isinstance(row, RefusedRow):
        return row
    outcome = interpret(row.message)
    if row.kind != MESSAGE:
        own = _own(row, outcome) or (row.identities if len(row.identities) == 1 else ())
        return msgspec.structs.replace(row, identities=own)
    named = [each.identity for each in outcome if each.identity] if isinstance(outcome, tuple) else []
    return msgspec.structs.replace(row, identities=tuple(named))
