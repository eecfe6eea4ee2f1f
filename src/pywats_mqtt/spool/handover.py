"""Exports and imports on SQLite: rows move between the tables of what is owed or refused and that of an export.

An export that is open exists in memory, too: what it takes must not be leased meanwhile. When the owner ends, the next
one takes it back, for no file can have been written of it yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

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
    LatestRow,
    OwedRow,
    RefusedRow,
    Row,
    Taken,
)
from pywats_mqtt.ports.handover import ROWS, ended_note, import_note, origin_of, pack_row, refuse_own, refuse_two
from pywats_mqtt.spool import quarantine, tables, views
from pywats_mqtt.spool.exported import read_exported, read_exports, read_owed, refused_row
from pywats_mqtt.spool.imports import (
    Sorted,
    Whereabouts,
    event_of,
    fresh_rows,
    handed_back,
    moving,
    named,
    put_back_of,
    sort_rows,
)
from pywats_mqtt.spool.latest import LatestEntries
from pywats_mqtt.spool.ledger import Ledger
from pywats_mqtt.spool.lines import Item, Lines
from pywats_mqtt.spool.routing import Folded
from pywats_mqtt.spool.rows import delete_rows, update_rows, write_rows
from pywats_mqtt.spool.staged import Staged
from pywats_mqtt.spool.tally import Tally

AT_ONCE: Final = 500
"""Rows that are put back in one transaction, when a spool is opened."""

_REPLACE_EXPORT: Final = f"REPLACE INTO export ({', '.join(Export.__struct_fields__)})"


class _Open(msgspec.Struct):
    """The open export.

    Attributes:
        id: its own.
        after, up_to: what is left to be taken are ordered deliveries above the first and up to the second.
        left: keys it does not take.
        given: latest deliveries that `exportable` gave, by id, with their rows.
        after_latest: each latest delivery is given once, in order of their ids.
    """

    id: str
    after: int
    up_to: int
    left: frozenset[str]
    given: dict[int, tuple[Delivery, LatestRow]] = msgspec.field(default_factory=dict)
    after_latest: int = 0


class Transaction(NamedTuple):
    """What the store's transaction has so far, and the newest delivery id committed before it."""

    tally: Tally
    staged: Staged
    last_id: int


class StoreHandover:
    """The tables of exports, beside a store's others.

    Args:
        db: the store's.
        clock: the time.
        lines, latest: the store's.
        transaction: gives what the present transaction has.
        ledger: the store's.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        clock: Clock,
        lines: Lines,
        latest: LatestEntries,
        transaction: Callable[[], Transaction],
        *,
        ledger: Ledger,
    ) -> None:
        self._db = db
        self._clock = clock
        self._transaction = transaction
        self._lines = lines
        self._latest = latest
        self._ledger = ledger
        self._open: _Open | None = None
        (newest,) = db.execute("SELECT max(id) FROM delivery_identity").fetchone()
        self._newest_named: int = newest or 0

    @property
    def is_open(self) -> bool:
        """Whether an export takes rows out now."""
        return self._open is not None

    # --- an export begins and goes on ---------------------------------------------------------------------------------

    def open_export(self, export: str, *, waiting: bool) -> Export:
        """See `ports.Handover.open_export`."""
        tally, staged, last_id = self._transaction()
        refuse_two(self.exports(), ExportState.OPEN, export)
        tally.last_export += 1
        found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'exported'").fetchone()
        made = Export(
            id=export,
            number=tally.last_export,
            at_us=to_us(self._clock.now()),
            state=ExportState.OPEN,
            first_row=found[0] if found else 0,
        )
        self._write(made)
        begun = _Open(export, 0, last_id if waiting else 0, frozenset(self._lines.busy()))
        staged.when_committed.append(lambda: self._begin(begun, waiting=waiting))
        return made

    def _begin(self, begun: _Open, *, waiting: bool) -> None:
        self._open = begun
        if waiting:
            self._lines.drop_idle()

    def exportable(self, export: str, limit: int) -> list[OwedRow | LatestRow]:
        """See `ports.Handover.exportable`."""
        begun = self._open
        if begun is None or begun.id != export or not begun.up_to:
            return []
        while True:
            rows = read_owed(self._db, begun.after, begun.up_to, limit)
            owed = [row for row in rows if row.key not in begun.left]
            if owed:
                return [*owed]
            if not rows:
                break
            begun.after = rows[-1].id
        if not begun.given:
            for delivery, entry in self._latest.lease_idle(limit, begun.after_latest, to_us(self._clock.now())):
                begun.after_latest = entry.id
                packed = events.encode(entry.event)
                facts = (entry.id, entry.key, entry.kind, entry.version, entry.messages, packed)
                begun.given[entry.id] = delivery, LatestRow(*facts, entry.topic, entry.received_at_us)
        return [row for _, row in begun.given.values()]

    def take_out(self, export: str, rows: Sequence[Row]) -> None:
        """See `ports.Handover.take_out`."""
        tally, staged, _ = self._transaction()
        known = self.find(export)
        if known.state is not ExportState.OPEN:
            raise ValueError(f"export {export} is {known.state.value}: no more rows can be taken into it")
        owed = [row for row in rows if isinstance(row, OwedRow)]
        latest = [row for row in rows if isinstance(row, LatestRow)]
        refused = {row.id: row for row in rows if isinstance(row, RefusedRow)}
        kept = quarantine.read_kept(self._db, list(refused))
        refused = {row.id: refused[row.id] for row in kept}
        self._take_owed(owed, staged)
        for row in latest:
            self._take_latest(row, staged)
        latest = [row for row in latest if row.event]
        quarantine.remove(self._db, list(refused))
        self._ledger.note_left(kept, "exported", tally, known.number)
        self._ledger.note_handed_over(owed, latest, known.number)
        taken: list[Row] = [*owed, *latest, *refused.values()]
        self._mark(list(moving(taken, self._known(taken))), Whereabouts.HANDED_OVER)
        write_rows(self._db, "INSERT INTO exported (export, packed)", [(export, pack_row(row)) for row in taken])
        messages = sum(row.messages for row in owed) + sum(row.messages for row in latest)
        tally.count_exported(messages, len(refused))
        self._write(
            msgspec.structs.replace(
                known,
                owed=known.owed + len(owed),
                latest=known.latest + len(latest),
                refused=known.refused + len(refused),
                messages=known.messages + messages,
            )
        )

    def _take_owed(self, rows: Sequence[OwedRow], staged: Staged) -> None:
        begun = self._open
        if not rows:
            return
        first, last = rows[0].id, rows[-1].id
        if begun is None or first <= begun.after or last > begun.up_to or any(row.key in begun.left for row in rows):
            raise ValueError("deliveries were not given by the open export")
        if delete_rows(self._db, "DELETE FROM delivery WHERE id", [row.id for row in rows]) != len(rows):
            raise ValueError("deliveries are gone meanwhile")
        self.forget([row.id for row in rows])
        staged.when_committed.append(lambda: setattr(begun, "after", last))

    def _take_latest(self, row: LatestRow, staged: Staged) -> None:
        begun = self._open
        if begun is None or row.id not in begun.given:
            raise ValueError(f"{row.kind} of {row.key} was not given by the open export")
        delivery, _ = begun.given[row.id]
        if row.event:
            self._latest.hand_over(delivery, event_of(row), settles=row.settles)

        def end() -> None:
            self._latest.end_lease(row.id)
            del begun.given[row.id]

        staged.when_committed.append(end)

    def mark_export(self, export: str, state: ExportState) -> Export:
        """See `ports.Handover.mark_export`."""
        _, staged, last_id = self._transaction()
        refuse_two(self.exports(), state, export)
        known = self.find(export).moved(state)
        self._write(known)
        if self._open is not None and self._open.id == export:
            first = self._first_id(last_id)
            staged.when_committed.append(lambda: self._close(first))
        return known

    def _first_id(self, last_id: int) -> int:
        """Give the oldest delivery's id, or that of the next one."""
        (first,) = self._db.execute("SELECT min(id) FROM delivery").fetchone()
        return first or last_id + 1

    def _close(self, first: int) -> None:
        """Let go of what the open export did not take: it is owed as before."""
        if self._open is not None:
            for delivery, _ in self._open.given.values():
                self._latest.give_back(delivery.id)
            if self._open.up_to:
                self._lines.read_again(first)
            self._open = None

    # --- an export ends -----------------------------------------------------------------------------------------------

    def unwind(self, export: str, limit: int) -> bool:
        """See `ports.Handover.unwind`."""
        tally, staged, last_id = self._transaction()
        known = self.find(export)
        if known.state not in {ExportState.REVOKING, ExportState.FORGETTING}:
            raise ValueError(f"export {export} is {known.state.value}: it can be unwound when it is revoked")
        found = read_exported(self._db, known, 0, limit)
        if known.state is ExportState.REVOKING:
            self._put_back([ROWS.decode(packed) for _, packed in found], tally)
        delete_rows(self._db, "DELETE FROM exported WHERE row", [number for number, _ in found])
        if len(found) == limit:
            return True
        self._db.execute("DELETE FROM export WHERE id = ?", (export,))
        if known.rows:
            self._note(ended_note(export), known.state.value.encode())
        if known.state is ExportState.REVOKING:
            self._ledger.note_revoked(known.number, tally)
            if not known.rows and known.number == tally.last_export:
                tally.last_export -= 1  # nothing was handed over by this number
            first = self._first_id(last_id)
            staged.when_committed.append(lambda: self._lines.read_again(first))
        return False

    def unfinished(self) -> Sequence[Export]:
        """Give exports that have to be put back, or further, when a spool is opened."""
        return [known for known in self.exports() if known.state in {ExportState.OPEN, ExportState.REVOKING}]

    def put_some_back(self, unfinished: Sequence[Export]) -> Sequence[Export]:
        """Put rows of the first of these back; gives those that are left."""
        export = unfinished[0].id
        self.mark_export(export, ExportState.REVOKING)
        return unfinished if self.unwind(export, AT_ONCE) else unfinished[1:]

    def _put_back(self, taken: Sequence[Row], tally: Tally) -> None:
        known = moving(taken, self._known(taken))
        here = tables.read_marked(self._db, list(known), Whereabouts.HERE)
        rows = put_back_of(taken, {key: known[key] for key in here})
        self._mark(list(known), Whereabouts.HERE)
        tally.count_put_back(taken, rows)
        owed = [row for row in rows if isinstance(row, OwedRow)]
        items = [Item(row.id, row.key, row.kind, 0, 0, row.messages, row.event) for row in owed]
        deliveries = [tables.delivery_row(item, row.message) for item, row in zip(items, owed, strict=True)]
        write_rows(self._db, tables.INSERT_DELIVERY, deliveries)
        self._name({row.id: row.identity for row in owed})
        refused = [row for row in rows if isinstance(row, RefusedRow)]
        write_rows(self._db, tables.INSERT_QUARANTINE_ID, [(row.id, *refused_row(row)) for row in refused])
        for row in rows:
            if isinstance(row, LatestRow):
                self._fold(row, tally)

    def _fold(self, row: LatestRow, tally: Tally) -> None:
        pair = row.key, row.kind
        now_us = to_us(self._clock.now())
        message = RawMessage(row.topic, b"", row.received_at_us)
        folded = Folded(fold(self._latest.event(pair), event_of(row)), message, row.messages)
        if self._latest.fold(pair, folded, now_us=now_us, new_id=tally.last_id + 1):
            tally.last_id += 1

    # --- an import ----------------------------------------------------------------------------------------------------

    def take_in(self, export: str, first: int, rows: Sequence[Row], bridge: str) -> Taken:
        """See `ports.Handover.take_in`."""
        tally, staged, _ = self._transaction()
        refuse_own(self.exports(), export, views.read_note(self._db, ended_note(export)))
        done = int(views.read_note(self._db, import_note(export)) or b"0")
        fresh = fresh_rows(export, first, rows, done)
        known = self._known(fresh)
        back = handed_back(fresh, known, set(tables.read_marked(self._db, list(known), Whereabouts.HANDED_OVER)))
        self._mark(list(back), Whereabouts.HERE)
        known |= staged.identities
        found = sort_rows(fresh, known, back)
        first_id = tally.last_id + 1
        self._stage(found, tally, staged)
        self._ledger.note_imported(found, first_id, origin_of(bridge, export), tally)
        self._note(import_note(export), str(max(done, first + len(rows))).encode())
        return msgspec.structs.replace(found.taken, repeated=len(rows) - len(fresh))

    def _stage(self, found: Sorted, tally: Tally, staged: Staged) -> None:
        first_id = tally.last_id + 1
        self._name({number: row.identity for number, row in enumerate(found.owed, start=first_id)})
        for row in found.owed:
            tally.last_id += 1
            staged.items.append(Item(tally.last_id, row.key, row.kind, 0, 0, row.messages, row.event))
            staged.sources.append(row.message)
        for latest in found.latest:
            self._fold(latest, tally)
        staged.quarantine += [refused_row(row) for row in found.refused]
        staged.identities |= found.identities
        found.count(tally)

    def forget(self, ids: Sequence[int]) -> None:
        """Forget the identities of deliveries that are no longer owed here."""
        named = [number for number in ids if number <= self._newest_named]
        delete_rows(self._db, "DELETE FROM delivery_identity WHERE id", named)

    def _name(self, identities: Mapping[int, Identity | None]) -> None:
        rows = [(number, each.key, each.digest) for number, each in identities.items() if each is not None]
        write_rows(self._db, "INSERT INTO delivery_identity (id, key, digest)", rows)
        self._newest_named = max([self._newest_named, *identities])

    # --- reading ------------------------------------------------------------------------------------------------------

    def exports(self) -> list[Export]:
        """See `ports.Handover.exports`."""
        return read_exports(self._db)

    def exported(self, export: str, after: int, limit: int) -> list[tuple[int, bytes]]:
        """See `ports.Handover.exported`."""
        return read_exported(self._db, self.find(export), after, limit)

    def find(self, export: str) -> Export:
        """Give an export.

        Raises:
            ValueError: there is none of this id.
        """
        found = [known for known in self.exports() if known.id == export]
        if not found:
            raise ValueError(f"there is no export {export}; `spool exports` shows them")
        return found[0]

    def _known(self, rows: Sequence[Row]) -> dict[bytes, bytes]:
        """Give id and digest of those events of rows that are known."""
        keys = list({identity.key: None for identity in named(rows)})
        return dict(tables.read_known(self._db, keys))

    def _mark(self, keys: Sequence[bytes], where: Whereabouts) -> None:
        update_rows(self._db, tables.MARK_IDENTITY, (where.value,), keys)

    def _note(self, name: str, value: bytes) -> None:
        self._db.execute("REPLACE INTO note (name, value) VALUES (?, ?)", (name, value))

    def _write(self, export: Export) -> None:
        write_rows(self._db, _REPLACE_EXPORT, [tuple(msgspec.to_builtins(export).values())])
