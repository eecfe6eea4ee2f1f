"""What becomes of leased deliveries: done, put off, or in quarantine, within a transaction of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from pywats_mqtt.ports import Delivery, Done, Refused, Rejection, RetryAt, Settlement
from pywats_mqtt.spool import quarantine, tables
from pywats_mqtt.spool.handover import Transaction
from pywats_mqtt.spool.latest import Entry, LatestEntries
from pywats_mqtt.spool.ledger import Ledger
from pywats_mqtt.spool.lines import Item, Lines
from pywats_mqtt.spool.routing import Pair
from pywats_mqtt.spool.staged import Staged
from pywats_mqtt.spool.states import Move, State, advance, settled
from pywats_mqtt.spool.tally import Tally

T = TypeVar("T")


def settle_latest(
    latest: LatestEntries, tally: Tally, delivery: Delivery, settlement: Settlement, now_us: int
) -> Entry | None:
    """Put a leased latest delivery off, or settle it; its lease is still to be ended, a refused one to be held.

    Returns:
        What it is an event of, where it is settled.
    """
    if isinstance(settlement, RetryAt):
        attempts = delivery.attempts + settlement.uses_attempt
        latest.put_off(delivery, attempts=attempts, due_us=settlement.at_us, cause=settlement.cause)
        tally.retried += 1
        return None
    entry = latest.settle(delivery, now_us=now_us)
    if isinstance(settlement, Done):
        tally.count_done(delivery.messages)
    else:
        tally.count_refused(delivery.messages)
    return entry


def reason_of(settlement: Settlement) -> str | None:
    """Give why a delivery is refused; None where it is not."""
    return settlement.rejection.reason if isinstance(settlement, Refused) else None


class Settling:
    """Ends leases, beside a store's other calls; used in the writer thread alone.

    Args:
        db: the store's.
        lines, latest, ledger: the store's.
        transaction: gives what the present transaction has.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        lines: Lines,
        latest: LatestEntries,
        ledger: Ledger,
        transaction: Callable[[], Transaction],
    ) -> None:
        self._db = db
        self._lines = lines
        self._latest = latest
        self._ledger = ledger
        self._transaction = transaction
        self._refused: dict[Pair, int] = {}

    @property
    def _tally(self) -> Tally:
        return self._transaction().tally

    @property
    def _staged(self) -> Staged:
        return self._transaction().staged

    def settle(self, settlements: Sequence[Settlement], now_us: int) -> None:
        """See `ports.Spool.settle`.

        Raises:
            ValueError: one of the deliveries is not leased; none is settled then.
        """
        for settlement in settlements:
            delivery = settlement.delivery
            if delivery.version:
                self._settle_latest(settlement, now_us)
            else:
                self._settle_ordered(settlement, now_us)
            self._staged.ended.add(delivery.id)

    def _settle_ordered(self, settlement: Settlement, now_us: int) -> None:
        item = self._ending(self._lines.leased(settlement.delivery.id), settlement)
        match settlement:
            case RetryAt():
                self._put_off(item, settlement)
                self._ledger.note_tried(settlement, now_us)
            case Done():
                self._tally.count_done(item.messages)
                self._ledger.note_delivered(item.id)
                self._remove(item)
            case Refused():
                self.refuse(item, settlement.rejection, now_us)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """End the leases of deliveries that nobody tried, all or none.

        Raises:
            ValueError: one of them is not leased.
        """
        ended: set[int] = set()
        for delivery in deliveries:
            leased = self._latest.leased(delivery.id) if delivery.version else self._lines.leased(delivery.id)
            advance(State.WAITING if leased is None or delivery.id in ended else State.LEASED, Move.GIVE_BACK)
            ended.add(delivery.id)
        for delivery in deliveries:
            if delivery.version:
                self._latest.give_back(delivery.id)
            else:
                self._lines.give_back(delivery.id)

    def _ending(self, leased: T | None, settlement: Settlement) -> T:
        """Check that a settlement ends a lease, which it may do once."""
        number = settlement.delivery.id
        state = State.WAITING if leased is None or number in self._staged.ended else State.LEASED
        settled(state, settlement)
        if leased is None:
            raise ValueError(f"delivery {number} is not leased")
        return leased

    def refuse(self, item: Item, rejection: Rejection, now_us: int) -> None:
        """Put an ordered delivery in quarantine."""
        self._tally.count_refused(item.messages)
        self._staged.quarantine.append(tables.refused_row(self._db, item, rejection))
        self._ledger.note_refused(item.id, rejection, now_us)
        self._remove(item)

    def _remove(self, item: Item) -> None:
        self._staged.done_ids.append(item.id)
        self._staged.when_committed.append(lambda: self._lines.remove(item.id))

    def _put_off(self, item: Item, retry: RetryAt) -> None:
        attempts = item.attempts + retry.uses_attempt
        self._db.execute(
            "UPDATE delivery SET attempts = ?, due_us = ?, cause = ? WHERE id = ?",
            (attempts, retry.at_us, retry.cause, item.id),
        )
        self._tally.retried += 1
        self._staged.when_committed.append(lambda: self._lines.put_back(item.id, attempts=attempts, due_us=retry.at_us))

    def _settle_latest(self, settlement: Settlement, now_us: int) -> None:
        delivery = self._ending(self._latest.leased(settlement.delivery.id), settlement)
        entry = settle_latest(self._latest, self._tally, delivery, settlement, now_us)
        if entry is not None:
            pair = (entry.key, entry.kind)
            if isinstance(settlement, Refused):
                self._hold_latest(pair, tables.refused_latest_row(entry, delivery.event, settlement.rejection))
            self._ledger.note_folded(pair, delivery.version, now_us, reason_of(settlement))
        self._staged.when_committed.append(lambda: self._latest.end_lease(delivery.id))

    def _hold_latest(self, pair: Pair, row: tables.Row) -> None:
        """Put a refused latest delivery in quarantine, in place of the row of the same one that was refused before.

        Else an asset that WATS refuses would fill the disk, a row an interval. Which row that is, is known of this run
        alone: looking for it among others would read the whole table.
        """
        former = self._refused.get(pair)
        if former is not None:
            self._tally.quarantined -= quarantine.remove(self._db, [former])
        number = quarantine.insert(self._db, row)
        self._staged.when_committed.append(lambda: self._refused.update({pair: number}))
