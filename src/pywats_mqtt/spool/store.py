"""The spool's sync core on one SQLite connection: what each call reads and writes, and what a transaction makes true.

It runs in the writer thread alone. Calls that write come between `begin` and `commit` and may share a transaction;
they stage what they change in memory, `commit` writes it in a few statements, and only when SQLite has it does memory
take it over. After `rollback` it is as if they had never come. Calls that read run outside a transaction.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from pywats_mqtt import events
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import (
    Batch,
    Clock,
    Delivery,
    Figures,
    Gathered,
    Kept,
    Quarantined,
    Receipt,
    Rejection,
    Release,
    Room,
    RoutedBatch,
    Settlement,
    Staleness,
    Trace,
)
from pywats_mqtt.spool import quarantine, tables, views
from pywats_mqtt.spool.bounds import Bounds
from pywats_mqtt.spool.handover import StoreHandover, Transaction
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.latest import LatestEntries
from pywats_mqtt.spool.ledger import Ledger, read_traces
from pywats_mqtt.spool.lines import Item, Lines
from pywats_mqtt.spool.packets import Packets
from pywats_mqtt.spool.releasing import Releasing
from pywats_mqtt.spool.routing import Plan
from pywats_mqtt.spool.rows import write_rows
from pywats_mqtt.spool.settling import Settling
from pywats_mqtt.spool.staged import Staged
from pywats_mqtt.spool.staleness import staleness_of
from pywats_mqtt.spool.tally import Tally

_log = logging.getLogger(__name__)

SYNCED: Final = "PRAGMA synchronous = FULL"
"""What holds but for transactions that are begun otherwise."""

SCANS: Final = 4
"""Reads one lease may cause: it keeps a lease, and whoever waits behind it, within some 10 ms on a long backlog."""


class Store:
    """The tables of one spool file, and their state in memory."""

    def __init__(self, db: sqlite3.Connection, path: Path, clock: Clock, *, keep: Keeping) -> None:
        """Load counters and latest deliveries; ordered ones are read when leases are asked for.

        Raises:
            Fatal: a row cannot be read.
            sqlite3.Error: the file is damaged.
        """
        self._db = db
        self._path = path
        self._clock = clock
        self._tally = views.read_tally(db)
        self._stored_tally = self._tally.copy()
        self._ledger = Ledger(db, clock, rows=keep.trace_rows, days=keep.trace_days)
        self._acknowledged = 0
        self._putting = False
        self._latest = LatestEntries(tables.read_latest(db, str(path)))
        self._lines = Lines(self._tally.last_id)
        self._bounds = Bounds(db, path, clock, keep, self._ledger, self._lines)
        self._staged = Staged()
        self._packets = Packets(db)
        self._settling = Settling(db, self._lines, self._latest, self._ledger, self._transaction)
        self._releasing = Releasing(db, self._latest, self._ledger, self._transaction, self._insert_batch)
        self.handover = StoreHandover(db, clock, self._lines, self._latest, self._transaction, ledger=self._ledger)
        self._end_unfinished()

    def _end_unfinished(self) -> None:
        """Put back what no file can be of, and what was not put back yet when the last owner ended."""
        unfinished = self.handover.unfinished()
        while unfinished:
            with self._transacting():
                unfinished = self.handover.put_some_back(unfinished)

    def _transaction(self) -> Transaction:
        return Transaction(self._tally, self._staged, self._stored_tally.last_id)

    # --- transactions -------------------------------------------------------------------------------------------------

    @contextmanager
    def _transacting(self) -> Iterator[Tally]:
        """Make a transaction of its own; gives the counters to change in it."""
        self.begin()
        try:
            yield self._tally
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def begin(self, *, synced: bool = True) -> None:
        """Begin a transaction; one that is not `synced` is on the disk with the next one that is."""
        self._putting = False
        if not synced:
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write what was staged, and return when it is synced, unless the transaction was begun without.

        Raises:
            sqlite3.Error: it is not stored; the caller rolls back.
        """
        self._write_staged()
        self._db.execute("COMMIT")
        self._db.execute(SYNCED)
        self._stored_tally = self._tally.copy()
        self._acknowledged = self._bounds.upkeep.forgotten = 0
        self._latest.commit()
        for take_over in self._staged.when_committed:
            take_over()
        if self._staged.items:
            self._lines.append(self._staged.items, self._tally.last_id)
        self._staged = Staged()
        self._bounds.note_written(self._stored_tally, storing=self._putting)

    def rollback(self) -> None:
        """Make it as if nothing was asked since `begin`."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._db.execute(SYNCED)
        self._tally = self._stored_tally.copy()
        self._latest.rollback()
        self._ledger.rollback()
        self._packets.rollback()
        self._staged = Staged()

    def sync(self) -> bool:
        """Have all that is committed on the disk; tell whether it is."""
        try:
            self.begin()
            self._db.execute("UPDATE counter SET value = value")  # without a page to write, SQLite would not sync
            self.commit()
        except sqlite3.Error:
            self.rollback()
            _log.debug("spool cannot be synced now", extra={"path": str(self._path)}, exc_info=True)
            return False
        return True

    def tally_acknowledged(self, count: int) -> None:
        """Count acknowledgements; stored with the next commit."""
        self._acknowledged += count

    @property
    def full(self) -> bool:
        """Whether a bound is reached: no `put` should come."""
        return self._bounds.disk.full

    @property
    def told(self) -> Room:
        """Room as it was when something about it changed last."""
        return self._bounds.told(self._stored_tally)

    def room(self) -> Room:
        """Give the room there is now."""
        return self._bounds.room(self._stored_tally)

    @property
    def is_synced(self) -> bool:
        """Whether each commit syncs the write-ahead log: `synchronous` is FULL (2) or EXTRA (3)."""
        return int(self._db.execute("PRAGMA synchronous").fetchone()[0]) >= 2  # noqa: PLR2004 - named above

    def make_room(self) -> None:
        """Free what can be freed, after a write failed."""
        self._bounds.disk.checkpoint()

    def note_refused(self, problem: str) -> None:
        """Note that the disk did not take the last transaction, for want of room or a defect."""
        self._bounds.note_refused(problem, storing=self._putting)

    def upkeep_due_s(self) -> float:
        """Tell in how many seconds `upkeep` is due."""
        return self._bounds.due_s(self._stored_tally)

    def upkeep(self, *, idle: bool) -> None:
        """Do a small step of upkeep if one is due; a disk that refuses it now is asked again later."""
        if self._bounds.rests:
            return
        try:
            self._bounds.step(self._stored_tally, self._transacting, idle=idle)
            is_open = self.handover.is_open  # it would miss rows
            self._bounds.lapse(self._transacting, self._releasing.remove, may_drop=not is_open)
        except sqlite3.OperationalError:
            self._bounds.rest()
            _log.debug("upkeep not possible now", extra={"path": str(self._path)}, exc_info=True)

    def close(self) -> None:
        """Store the last acknowledgements, and close."""
        try:
            if self._acknowledged:
                self.begin()
                self.commit()
        finally:
            self._db.close()

    def abandon(self) -> None:
        """Close without another write: SQLite undoes what is not committed."""
        self._db.close()

    def _write_staged(self) -> None:
        now_us = to_us(self._clock.now())
        self._staged.write(self._db, now_us)
        self.handover.forget(self._staged.done_ids)
        self._ledger.write(now_us)
        self._packets.write()
        write_rows(self._db, tables.REPLACE_LATEST, [tables.latest_row(entry) for entry in self._latest.changed()])
        self._tally.acknowledged = self._stored_tally.acknowledged + self._acknowledged
        self._tally.dropped_identities = self._stored_tally.dropped_identities + self._bounds.upkeep.forgotten
        write_rows(self._db, "REPLACE INTO counter (name, value)", self._tally.changed_since(self._stored_tally))

    # --- calls that write ---------------------------------------------------------------------------------------------

    def put(self, receipt: Receipt) -> Batch | None:
        """See `ports.Spool.put`."""
        self._putting = True
        tally = self._tally
        messages = tuple(self._packets.without_repeats(receipt, tally.last_batch + 1))
        tally.received += len(receipt.messages)
        if not messages:
            return None
        tally.count_stored(len(messages))
        return self._insert_batch(messages)

    def _insert_batch(self, messages: tuple[RawMessage, ...]) -> Batch:
        number = self._tally.last_batch = self._tally.last_batch + 1
        batch = Batch(number, messages, to_us(self._clock.now()))
        tables.write_batch(self._db, batch)
        return batch

    def route(self, batch: Batch, outcomes: Sequence[Gathered]) -> RoutedBatch:
        """See `ports.Spool.route`.

        Raises:
            ValueError: it is not this batch's turn, or there is not one outcome for each message.
        """
        tally = self._tally
        if batch.number != tally.last_routed + 1 or batch.number > tally.last_batch:
            raise ValueError(f"batch {batch.number} cannot be routed: the next is {tally.last_routed + 1}")
        now_us = to_us(self._clock.now())
        plan = self._packets.refused.decide(batch, outcomes, self._staged.known(self._db, outcomes), self._latest.event)
        self._db.execute("DELETE FROM batch WHERE number = ?", (batch.number,))
        tally.last_routed = batch.number
        self._stage(batch, plan, now_us)
        tally.count_routed(plan.routed, conflicts=plan.conflicts)
        return plan.routed

    def _stage(self, batch: Batch, plan: Plan, now_us: int) -> None:
        tally = self._tally
        last_id = tally.last_id
        for new in plan.ordered:
            tally.last_id += 1
            self._staged.add(tally.last_id, new)
        for pair, folded in plan.folded.items():
            if self._latest.fold(pair, folded, now_us=now_us, new_id=tally.last_id + 1):
                tally.last_id += 1
        self._ledger.note_routed(batch, plan, last_id + 1, self._latest, tally)
        self._staged.identities |= plan.identities
        self._staged.quarantine += [tables.held_row(held.message, held.rejection) for held in plan.held]

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `ports.Spool.settle`.

        Raises:
            ValueError: one of the deliveries is not leased; none is settled then.
        """
        self._settling.settle(settlements, to_us(self._clock.now()))

    def set_note(self, name: str, value: bytes | None) -> None:
        """See `ports.Notes.set_note`."""
        if value is None:
            self._db.execute("DELETE FROM note WHERE name = ?", (name,))
        else:
            self._db.execute("REPLACE INTO note (name, value) VALUES (?, ?)", (name, value))

    def release(self, releases: Sequence[Release]) -> Batch | None:
        """See `ports.Spool.release`."""
        return self._releasing.release(releases, to_us(self._clock.now()))

    def discard(self, numbers: Sequence[int]) -> int:
        """See `ports.Spool.discard`."""
        removed = self._releasing.remove(numbers)
        self._tally.discarded += removed
        return removed

    # --- calls that read ----------------------------------------------------------------------------------------------

    def unrouted(self, after: int, limit: int) -> list[Batch]:
        """See `ports.Spool.unrouted`."""
        return tables.read_batches(self._db, after, limit)

    def lease(
        self, limit: int, now_us: int, skip_kinds: AbstractSet[str], busy_kinds: AbstractSet[str]
    ) -> list[Delivery]:
        """See `ports.Spool.lease`; where rows cannot be read, nothing is leased."""
        items = self._lines.lease(limit, now_us, skip_kinds, busy_kinds)
        try:
            for _ in range(SCANS):
                if len(items) >= limit or (scan := self._lines.next_scan()) is None:
                    break
                self._lines.fill(scan, tables.read_deliveries(self._db, scan))
                items += self._lines.lease(limit - len(items), now_us, skip_kinds, busy_kinds)
            deliveries = [delivery for item in items if (delivery := self._delivery(item)) is not None]
        except sqlite3.Error:
            for item in items:
                if self._lines.leased(item.id) is not None:
                    self._lines.give_back(item.id)
            raise
        return sorted(deliveries, key=attrgetter("id"))

    def _delivery(self, item: Item) -> Delivery | None:
        """Unpack a leased row; one that cannot be unpacked goes to quarantine at once, or it would block its line."""
        try:
            event = events.decode(item.packed)
        except msgspec.MsgspecError as error:
            self.begin()
            try:
                reason = f"stored event cannot be read, a newer program may have written it: {error}"
                self._settling.refuse(item, Rejection(reason), to_us(self._clock.now()))
                self.commit()
            except sqlite3.Error:
                self.rollback()
                self._lines.give_back(item.id)
            return None
        return Delivery(
            id=item.id, key=item.key, kind=item.kind, event=event, attempts=item.attempts, messages=item.messages
        )

    def lease_latest(
        self, limit: int, now_us: int, settled_before_us: int, skip_kinds: AbstractSet[str]
    ) -> list[Delivery]:
        """See `ports.Spool.lease_latest`."""
        return self._latest.lease(limit, now_us, settled_before_us=settled_before_us, skip_kinds=skip_kinds)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Spool.give_back`.

        Raises:
            ValueError: one of the deliveries is not leased; none is given back then.
        """
        self._settling.give_back(deliveries)

    def next_due_us(self) -> int | None:
        """See `ports.Spool.next_due_us`."""
        dues = (self._lines.next_due_us(), self._latest.next_due_us())
        return min((due for due in dues if due is not None), default=None)  # 0 is a time: now

    def figures(self) -> Figures:
        """See `ports.Spool.figures`."""
        tally = self._stored_tally.copy()
        tally.acknowledged += self._acknowledged
        return tally.figures(views.size_on_disk(self._path))

    def staleness(self, now_us: int) -> dict[str, Staleness]:
        """See `ports.Spool.staleness`."""
        return staleness_of(self._latest.owed(), now_us)

    def quarantined(self, limit: int, after: int) -> list[Quarantined]:
        """See `ports.Spool.quarantined`."""
        return views.read_quarantine(self._db, limit, after)

    def traces(self, word: str, limit: int) -> list[Trace]:
        """See `ports.Spool.traces`."""
        return read_traces(self._db, word, limit)

    def kept(self, numbers: Sequence[int]) -> list[Kept]:
        """See `ports.Spool.kept`."""
        return quarantine.read_kept(self._db, numbers)

    def note(self, name: str) -> bytes | None:
        """See `ports.Notes.note`."""
        return views.read_note(self._db, name)

    def notes(self, prefix: str) -> dict[str, bytes]:
        """See `ports.Notes.notes`."""
        return views.read_notes(self._db, prefix)
