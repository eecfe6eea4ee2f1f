"""What the spool in memory keeps that leaves it with an export, and exports and imports themselves."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pywats_mqtt import events
from pywats_mqtt.events import Identity
from pywats_mqtt.folding import fold
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import (
    Clock,
    Delivery,
    Export,
    ExportState,
    Kept,
    LatestRow,
    OwedRow,
    Quarantined,
    RefusedRow,
    Rejection,
    Row,
    Taken,
)
from pywats_mqtt.ports.handover import ROWS, ended_note, import_note, origin_of, pack_row, refuse_own, refuse_two
from pywats_mqtt.spool.imports import event_of, fresh_rows, handed_back, moving, put_back_of, sort_rows
from pywats_mqtt.spool.latest import LatestEntries
from pywats_mqtt.spool.remembered import Remembered
from pywats_mqtt.spool.routing import Folded
from pywats_mqtt.spool.states import State
from pywats_mqtt.spool.tally import Tally


class Owed(msgspec.Struct):
    """An ordered delivery, where it stands, and with which identity it was imported or put back."""

    delivery: Delivery
    message: RawMessage
    due_us: int = 0
    identity: Identity | None = None
    state: State = State.WAITING


class _Open(msgspec.Struct):
    """The open export: the deliveries it takes, and the latest ones it gave."""

    id: str
    wanted: list[int]
    waiting: bool
    given: dict[int, tuple[Delivery, LatestRow]] = msgspec.field(default_factory=dict)
    after_latest: int = 0


class MemoryHandover:
    """Keeps what can be handed over in dicts; see `ports.Handover` for what each call does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tally = Tally()
        self._owed: dict[int, Owed] = {}
        self._latest = LatestEntries(())
        self._identities: dict[bytes, bytes] = {}
        self._handed_over: set[bytes] = set()
        self._quarantine: dict[int, tuple[Quarantined, RawMessage]] = {}
        self._held = 0
        self._notes: dict[str, bytes] = {}
        self._exports: dict[str, tuple[Export, dict[int, bytes]]] = {}
        self._exported = 0
        self._open: _Open | None = None
        self._remembered = Remembered(self._new_id)

    def _new_id(self) -> int:
        self._tally.last_id += 1
        return self._tally.last_id

    async def kept(self, numbers: Sequence[int]) -> Sequence[Kept]:
        """See `ports.Spool.kept`."""
        found = [self._quarantine[number] for number in sorted(set(numbers)) if number in self._quarantine]
        return [Kept(row.id, row.device, row.kind, row.reason, _anew(message), row.path) for row, message in found]

    def holds(self, delivery: Delivery) -> bool:
        """Tell whether the open export takes a delivery, so that nobody may lease it."""
        return self._open is not None and delivery.id in self._open.wanted

    async def open_export(self, export: str, *, waiting: bool) -> Export:
        """See `ports.Handover.open_export`."""
        refuse_two(await self.exports(), ExportState.OPEN, export)
        busy = {owed.delivery.key for owed in self._owed.values() if owed.state is State.LEASED}
        wanted = [number for number, owed in self._owed.items() if waiting and owed.delivery.key not in busy]
        self._open = _Open(export, wanted, waiting)
        self._tally.last_export += 1
        now_us = to_us(self._clock.now())
        made = Export(
            id=export,
            number=self._tally.last_export,
            at_us=now_us,
            state=ExportState.OPEN,
            first_row=self._exported,
        )
        self._exports[export] = made, {}
        return made

    async def exportable(self, export: str, limit: int) -> Sequence[OwedRow | LatestRow]:
        """See `ports.Handover.exportable`."""
        begun = self._open
        if begun is None or begun.id != export or not begun.waiting:
            return []
        if begun.wanted:
            return [_owed_row(self._owed[number]) for number in begun.wanted[:limit]]
        if not begun.given:
            for delivery, entry in self._latest.lease_idle(limit, begun.after_latest, to_us(self._clock.now())):
                packed = events.encode(entry.event)
                facts = (entry.id, entry.key, entry.kind, entry.version, entry.messages, packed)
                begun.given[entry.id] = delivery, LatestRow(*facts, entry.topic, entry.received_at_us)
                begun.after_latest = entry.id
        return [row for _, row in begun.given.values()]

    async def take_out(self, export: str, rows: Sequence[Row]) -> None:
        """See `ports.Handover.take_out`."""
        known, kept = self._find(export)
        begun = self._open
        if known.state is not ExportState.OPEN or begun is None:
            raise ValueError(f"export {export} is {known.state.value}: no more rows can be taken into it")
        owed = [row for row in rows if isinstance(row, OwedRow)]
        latest = [row for row in rows if isinstance(row, LatestRow)]
        refused = {row.id: row for row in rows if isinstance(row, RefusedRow) and row.id in self._quarantine}
        if any(row.id not in begun.wanted for row in owed) or any(row.id not in begun.given for row in latest):
            raise ValueError("deliveries were not given by the open export")
        for row in owed:
            begun.wanted.remove(row.id)
            del self._owed[row.id]
        for known_row in latest:
            delivery, _ = begun.given.pop(known_row.id)
            if known_row.event:
                self._latest.hand_over(delivery, event_of(known_row), settles=known_row.settles)
            self._latest.end_lease(delivery.id)
        latest = [row for row in latest if row.event]
        self._latest.commit()
        now_us = to_us(self._clock.now())
        self._remembered.note_left(await self.kept(list(refused)), "exported", now_us, known.number)
        self._remembered.note_handed_over(owed, latest, now_us, known.number)
        for number in refused:
            del self._quarantine[number]
        taken: list[Row] = [*owed, *latest, *refused.values()]
        self._handed_over |= moving(taken, self._identities).keys()
        for each in taken:
            self._exported += 1
            kept[self._exported] = pack_row(each)
        messages = sum(row.messages for row in owed) + sum(row.messages for row in latest)
        self._tally.count_exported(messages, len(refused))
        grown = msgspec.structs.replace(
            known,
            owed=known.owed + len(owed),
            latest=known.latest + len(latest),
            refused=known.refused + len(refused),
            messages=known.messages + messages,
        )
        self._exports[export] = grown, kept

    async def mark_export(self, export: str, state: ExportState) -> Export:
        """See `ports.Handover.mark_export`."""
        known, kept = self._find(export)
        refuse_two(await self.exports(), state, export)
        moved = known.moved(state)
        self._exports[export] = moved, kept
        if self._open is not None and self._open.id == export:
            for delivery, _ in self._open.given.values():
                self._latest.give_back(delivery.id)
            self._open = None
        return moved

    async def unwind(self, export: str, limit: int) -> bool:
        """See `ports.Handover.unwind`."""
        known, kept = self._find(export)
        if known.state not in {ExportState.REVOKING, ExportState.FORGETTING}:
            raise ValueError(f"export {export} is {known.state.value}: it can be unwound when it is revoked")
        taken = [ROWS.decode(kept.pop(number)) for number in list(kept)[:limit]]
        if known.state is ExportState.REVOKING:
            self._put_back(taken)
        self._owed = dict(sorted(self._owed.items()))
        self._latest.commit()
        if not kept:
            del self._exports[export]
            if known.rows:
                self._notes[ended_note(export)] = known.state.value.encode()
            if known.state is ExportState.REVOKING:
                self._remembered.note_revoked(known.number)
                if not known.rows and known.number == self._tally.last_export:
                    self._tally.last_export -= 1
        return bool(kept)

    def _put_back(self, taken: Sequence[Row]) -> None:
        known = moving(taken, self._identities)
        rows = put_back_of(taken, {key: known[key] for key in known.keys() - self._handed_over})
        self._handed_over -= known.keys()
        self._tally.count_put_back(taken, rows)
        for row in rows:
            if isinstance(row, RefusedRow):
                self._quarantine[row.id] = _quarantined(row.id, row), row.message
            elif isinstance(row, OwedRow):
                self._owe_row(row.id, row)
            else:
                self._fold(row)
        self._quarantine = dict(sorted(self._quarantine.items()))

    def _owe_row(self, number: int, row: OwedRow) -> None:
        event = events.decode(row.event)
        delivery = Delivery(id=number, key=row.key, kind=row.kind, event=event, messages=row.messages)
        self._owed[number] = Owed(delivery, row.message, identity=row.identity)

    def _fold(self, row: LatestRow) -> None:
        pair = row.key, row.kind
        message = RawMessage(row.topic, b"", row.received_at_us)
        folded = Folded(fold(self._latest.event(pair), event_of(row)), message, row.messages)
        if self._latest.fold(pair, folded, now_us=to_us(self._clock.now()), new_id=self._tally.last_id + 1):
            self._tally.last_id += 1

    def _hold(self, message: RawMessage, rejection: Rejection, kind: str) -> None:
        self._held += 1
        row = RefusedRow(self._held, rejection.device, rejection.reason, rejection.path, kind, message)
        self._quarantine[self._held] = _quarantined(self._held, row), message

    async def exports(self) -> Sequence[Export]:
        """See `ports.Handover.exports`."""
        return [known for known, _ in self._exports.values()]

    async def exported(self, export: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """See `ports.Handover.exported`."""
        return [(number, packed) for number, packed in self._find(export)[1].items() if number > after][:limit]

    async def take_in(self, export: str, first: int, rows: Sequence[Row], *, bridge: str = "") -> Taken:
        """See `ports.Handover.take_in`."""
        refuse_own(await self.exports(), export, self._notes.get(ended_note(export)))
        done = int(self._notes.get(import_note(export), b"0"))
        fresh = fresh_rows(export, first, rows, done)
        back = handed_back(fresh, self._identities, self._handed_over)
        self._handed_over -= back
        found = sort_rows(fresh, self._identities, back)
        first_id = self._tally.last_id + 1
        for row in found.owed:
            self._tally.last_id += 1
            self._owe_row(self._tally.last_id, row)
        for latest in found.latest:
            self._fold(latest)
        self._latest.commit()
        for refused in found.refused:
            self._hold(refused.message, Rejection(refused.reason, refused.path, refused.device), refused.kind)
        origin = origin_of(bridge, export)
        self._remembered.note_imported(found, first_id, origin, to_us(self._clock.now()))
        self._identities |= found.identities
        found.count(self._tally)
        self._notes[import_note(export)] = str(max(done, first + len(rows))).encode()
        return msgspec.structs.replace(found.taken, repeated=len(rows) - len(fresh))

    def _find(self, export: str) -> tuple[Export, dict[int, bytes]]:
        found = self._exports.get(export)
        if found is None:
            raise ValueError(f"there is no export {export}; `spool exports` shows them")
        return found


def _anew(message: RawMessage) -> RawMessage:
    """Give a message as it is stored anew: its packet id named it to the broker, and is another's by now."""
    return msgspec.structs.replace(message, packet_id=0, dup=False)


def _owed_row(owed: Owed) -> OwedRow:
    delivery = owed.delivery
    packed = events.encode(delivery.event)
    return OwedRow(delivery.id, delivery.key, delivery.kind, delivery.messages, packed, owed.message, owed.identity)


def _quarantined(number: int, row: RefusedRow) -> Quarantined:
    message = row.message
    return Quarantined(
        id=number,
        topic=message.topic,
        device=row.device,
        reason=row.reason,
        path=row.path,
        received_at_us=message.received_at_us,
        payload=message.payload,
        kind=row.kind,
    )
