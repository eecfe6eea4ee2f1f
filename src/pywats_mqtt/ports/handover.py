"""What one bridge hands over to another: rows of its spool that leave it, and come back only if that is revoked."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol, TypeAlias

import msgspec

from pywats_mqtt.events import Identity
from pywats_mqtt.messages import RawMessage

MESSAGE = "message"
"""Kind of a row of the quarantine that was refused as a message, and not as one of its deliveries."""


class OwedRow(msgspec.Struct, frozen=True, array_like=True, tag="owed"):
    """An ordered delivery with the message it was made of.

    Attributes:
        id: its number here; the other bridge gives it one of its own.
        key, kind: as in `Delivery`.
        messages: 1 where it carries its message's count, else 0.
        event: as `events.encode` packs it.
        message: as received.
        identity: what makes it the same event elsewhere; None where it names nothing.
    """

    id: int
    key: str
    kind: str
    messages: int
    event: bytes
    message: RawMessage
    identity: Identity | None = None


class LatestRow(msgspec.Struct, frozen=True, array_like=True, tag="latest"):
    """What is known of an asset and not in WATS, and what of it leaves.

    Attributes:
        id: its number here.
        key, kind, version, messages: as in `Delivery`.
        event: as `events.encode` packs it; of counts only the increments that leave. Empty where nothing leaves.
        topic: of the newest message in it.
        received_at_us: of the same.
        settles: whether nothing of it is owed here any longer.
    """

    id: int
    key: str
    kind: str
    version: int
    messages: int
    event: bytes
    topic: str
    received_at_us: int
    settles: bool = True


class RefusedRow(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """A row of the quarantine.

    Attributes:
        id: its number here.
        device, reason, path, kind, message: as in `Kept`.
        identities: of its events, as the bridge that takes it reads the message; none where it refuses it too.
    """

    id: int
    device: str
    reason: str
    path: str
    kind: str
    message: RawMessage
    identities: tuple[Identity, ...] = ()


Row: TypeAlias = OwedRow | LatestRow | RefusedRow
"""A row of an export."""


class ExportState(Enum):
    """How far an export is."""

    OPEN = "open"
    """Rows are being taken; there is no file. A start of the bridge takes it back."""
    SEALED = "sealed"
    """All rows are taken; the file may be written or not."""
    WRITTEN = "written"
    """The file is complete."""
    REVOKING = "revoking"
    """Rows are being put back; a start of the bridge goes on with it."""
    FORGETTING = "forgetting"
    """The other bridge has them; rows are being deleted."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One export.

    Attributes:
        id: names it everywhere.
        number: grows by one with each export of this spool, from 1; one without rows gives its number back when it is
            revoked.
        at_us: when it was begun.
        state: how far it is.
        first_row: below the numbers of its rows.
        owed, latest, refused: rows of each sort.
        messages: that the owed and the latest ones carry.
    """

    id: str
    number: int
    at_us: int
    state: ExportState
    first_row: int
    owed: int = 0
    latest: int = 0
    refused: int = 0
    messages: int = 0

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.owed + self.latest + self.refused

    def moved(self, state: ExportState) -> Export:
        """Give it in another state.

        Raises:
            ValueError: none leads there.
        """
        if self.state not in _FROM[state]:
            left_off = _LEFT_OFF.get(self.state, "is complete").format(self.id)
            raise ValueError(f"export {self.id} {left_off}; it is {self.state.value}, and cannot become {state.value}")
        return msgspec.structs.replace(self, state=state)


def refuse_two(known: Sequence[Export], state: ExportState, export: str) -> None:
    """Let one export be open at a time, and none be revoked meanwhile.

    Raises:
        ValueError: another one stands in the way.
    """
    against = {ExportState.OPEN: {ExportState.OPEN, ExportState.REVOKING}, ExportState.REVOKING: {ExportState.OPEN}}
    for other in known:
        if other.id != export and other.state in against.get(state, ()):
            raise ValueError(
                f"export {other.id} is {other.state.value}: wait until that is done; where no command is at it any "
                f"more, `spool revoke {other.id}` first"
            )


def unfinished(known: Sequence[Export]) -> dict[str, str]:
    """Tell of each export that a command is at, or was when it was killed, what is to be done in the second case."""
    return {each.id: _LEFT_OFF[each.state].format(each.id) for each in known if each.state in _LEFT_OFF}


def refuse_own(known: Sequence[Export], export: str, ended: bytes | None) -> None:
    """Let no spool import what it made: its rows are here, were here, or are another bridge's.

    Args:
        known: the exports this spool has.
        export: the one that is to be imported.
        ended: the note (`ended_note`) that tells how it ended here; None where there is none.

    Raises:
        ValueError: this spool made it.
    """
    if export in {each.id for each in known}:
        raise ValueError(f"this spool made export {export}, and has its rows yet: `spool revoke {export}`")
    if ended == ExportState.REVOKING.value.encode():
        raise ValueError(
            f"this spool made export {export} and took it back: all of it is here already, or was delivered from here; "
            "destroy the file"
        )
    if ended is not None:
        raise ValueError(
            f"this spool made export {export}, and was told that another bridge has it (`spool confirm`): import the "
            "file there; to have the rows here again, `spool export` them there and import that"
        )


GIVES_BACK = "`spool revoke {}` gives its rows back, which are owed or refused here again"
"""What is to be done about one that has no file."""

_LEFT_OFF = {
    ExportState.OPEN: f"is not finished: where no command writes it any more, {GIVES_BACK}",
    ExportState.SEALED: (
        "is not finished: its rows are no longer owed here, and its file may not be there; where no command writes it "
        "any more, `spool export --again {0}` does, or `spool revoke {0}` gives its rows back"
    ),
    ExportState.REVOKING: "is being taken back: where no command does so any more, `spool revoke {}` goes on with it",
    ExportState.FORGETTING: "is being deleted: where no command does so any more, `spool confirm {}` goes on with it",
}
"""Words about the states that one stays in only if a command was killed."""

_ANY = frozenset(ExportState) - {ExportState.FORGETTING}
_FROM = {
    ExportState.OPEN: frozenset[ExportState](),
    ExportState.SEALED: frozenset({ExportState.OPEN}),
    ExportState.WRITTEN: frozenset({ExportState.SEALED, ExportState.WRITTEN}),
    ExportState.REVOKING: _ANY,
    ExportState.FORGETTING: frozenset({ExportState.WRITTEN, ExportState.FORGETTING}),
}
"""All ways from one state to another."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of imported rows.

    Attributes:
        owed, latest, refused: rows that are new here, of each sort.
        duplicates: rows whose events were known here.
        conflicts: events whose id is known here with another content; in quarantine.
        repeated: rows of this export that were imported before.
    """

    owed: int = 0
    latest: int = 0
    refused: int = 0
    duplicates: int = 0
    conflicts: int = 0
    repeated: int = 0

    def __add__(self, other: Taken) -> Taken:
        mine, others = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        names = self.__struct_fields__
        return Taken(**{name: a + b for name, a, b in zip(names, mine, others, strict=True)})


def origin_of(bridge: str, export: str) -> str:
    """Say where imported rows come from."""
    return f"{bridge or 'another bridge'}, export {export}"


def import_note(export: str) -> str:
    """Name the note that tells how many rows of an export were imported."""
    return f"import/{export}"


def ended_note(export: str) -> str:
    """Name the note that tells how an export with rows ended that was made here: the value of its last state."""
    return f"export/{export}"


class Handover(Protocol):
    """The part of a spool that hands over. Each call is one transaction, as large as its caller makes it.

    At most one export is open. While it is, and it takes what waits, nothing it takes can be leased.
    """

    async def open_export(self, export: str, *, waiting: bool) -> Export:
        """Begin an export.

        Args:
            export: its id, new.
            waiting: whether it takes what is owed, too: all that is owed at this moment, but for lines of which a
                delivery is leased, whose order would be lost.

        Raises:
            ValueError: another one is open, or is being revoked.
        """
        ...

    async def exportable(self, export: str, limit: int) -> Sequence[OwedRow | LatestRow]:
        """Give the next rows it takes of what is owed, none when that was all; the same again until they are taken.

        The oldest ordered ones first; those have an identity which were imported, or put back, with one.
        """
        ...

    async def take_out(self, export: str, rows: Sequence[Row]) -> None:
        """Move rows into the export; of those of the quarantine, the ones that are still there.

        Raises:
            ValueError: it is not open, or one that is owed is not as `exportable` gave it.
        """
        ...

    async def mark_export(self, export: str, state: ExportState) -> Export:
        """Say how far it is: open to SEALED, sealed to WRITTEN, sealed or written to FORGETTING, any to REVOKING.

        Raises:
            ValueError: it is not there, or not in a state that leads to this one, or it would be revoked while another
                one is open.
        """
        ...

    async def unwind(self, export: str, limit: int) -> bool:
        """Put rows of a REVOKING export back, or delete those of a FORGETTING one, the oldest `limit` of them.

        Returns:
            Whether more are left; when none is, the export is gone, and remembered as one that was made here. An empty
            one is not, and uses up no number where it is revoked.
        """
        ...

    async def exports(self) -> Sequence[Export]:
        """Give all exports, oldest first."""
        ...

    async def exported(self, export: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Give packed rows of an export with numbers above `after`, and their numbers, in their order."""
        ...

    async def take_in(self, export: str, first: int, rows: Sequence[Row], *, bridge: str = "") -> Taken:
        """Import rows of another spool's export; each row once, however often it comes.

        Args:
            export: its id.
            first: position of the first row in the export, from 0. No row before it may be missing.
            rows: some of its rows that follow each other.
            bridge: client id of the bridge it came from, for `trace`.

        Raises:
            ValueError: rows before `first` were not imported yet; or this spool made the export, whatever became of it.
        """
        ...


ROWS: msgspec.msgpack.Decoder[Row] = msgspec.msgpack.Decoder(Row)
"""Reads a row of an export."""


def pack_row(row: Row) -> bytes:
    """Pack a row as it is kept, and as it stands in a file."""
    return _encoder.encode(row)


_encoder = msgspec.msgpack.Encoder()
