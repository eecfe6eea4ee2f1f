"""Rows that leave the quarantine: to be tried again, or for good, within a transaction of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Release
from pywats_mqtt.spool import quarantine
from pywats_mqtt.spool.handover import Transaction
from pywats_mqtt.spool.latest import LatestEntries
from pywats_mqtt.spool.ledger import Ledger
from pywats_mqtt.spool.routing import latest_pair


class Releasing:
    """Takes rows out of the quarantine, beside a store's other calls; used in the writer thread alone.

    Args:
        db: the store's.
        latest, ledger: the store's.
        transaction: gives what the present transaction has.
        store: stores messages as a batch.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        latest: LatestEntries,
        ledger: Ledger,
        transaction: Callable[[], Transaction],
        store: Callable[[tuple[RawMessage, ...]], Batch],
    ) -> None:
        self._db = db
        self._latest = latest
        self._ledger = ledger
        self._transaction = transaction
        self._store = store

    def release(self, releases: Sequence[Release], now_us: int) -> Batch | None:
        """See `ports.Spool.release`."""
        tally = self._transaction().tally
        forget = {release.id: release.forget for release in releases}
        rows = quarantine.read_kept(self._db, list(forget))
        quarantine.remove(self._db, [row.id for row in rows])
        quarantine.forget(self._db, [key for row in rows for key in forget[row.id]])
        messages: list[RawMessage] = []
        for row in rows:
            pair = latest_pair(row)
            if pair is None:
                messages.append(row.message)
            else:
                self._latest.owe_again(pair, now_us=now_us)
        tally.count_released(len(rows), len(messages))
        batch = self._store(tuple(messages)) if messages else None
        self._ledger.note_left(rows, "released", tally, batch.number if batch else 0)
        return batch

    def remove(self, numbers: Sequence[int]) -> int:
        """Remove rows for good, which `trace` remembers as discarded; tells how many there were."""
        tally = self._transaction().tally
        rows = quarantine.read_kept(self._db, numbers)
        removed = quarantine.remove(self._db, numbers)
        self._ledger.note_left(rows, "discarded", tally)
        tally.quarantined -= removed
        return removed
