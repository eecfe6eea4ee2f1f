"""Small steps between transactions: forget old identities, give free pages back to the file system."""

from __future__ import annotations

import sqlite3
from typing import Final

from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock
from pywats_mqtt.spool.disk import Disk

PRUNE_ROWS: Final = 2_000
"""Identities one step looks at: some milliseconds."""
PRUNE_EVERY_S: Final = 5.0
"""So 35 million identities, what 2 GiB hold, are gone through once a day."""
SWEEP_EVERY_S: Final = 3_600.0
"""Rest between two passes through all."""
VACUUM_EVERY_S: Final = 0.05
"""Steps of the vacuum, only while nobody asks for anything."""

_DAY_US: Final = 86_400_000_000


class Upkeep:
    """Does what is due, one bounded step at a time, in the writer thread."""

    def __init__(self, db: sqlite3.Connection, clock: Clock, disk: Disk, identity_days: int) -> None:
        """Begin a pass through the identities at once."""
        self._db = db
        self._clock = clock
        self._disk = disk
        self._identity_us = identity_days * _DAY_US
        self._last_key = b""
        self._prune_at = clock.monotonic()
        self._vacuuming = True

    def due_s(self) -> float:
        """Tell in how many seconds the next step is due."""
        if self._vacuuming:
            return VACUUM_EVERY_S
        return max(0.0, min(self._prune_at - self._clock.monotonic(), SWEEP_EVERY_S))

    def step(self, *, idle: bool) -> bool:
        """Do what is due; tell whether that was anything. The vacuum only runs while nobody asks for anything (`idle`).

        Raises:
            sqlite3.Error: it could not be written; the next step tries again.
        """
        now = self._clock.monotonic()
        pruning = now >= self._prune_at
        vacuuming = idle and self._vacuuming
        if pruning:
            self._prune_at = now + PRUNE_EVERY_S  # also when it fails
            if self.prune():
                self._prune_at = now + SWEEP_EVERY_S
            self._vacuuming = True
        if vacuuming:
            self._vacuuming = self._disk.vacuum()
        return pruning or vacuuming

    def prune(self) -> bool:
        """Forget identities that are too old among the next ones; tell whether that was the last of them."""
        row = self._db.execute(
            "SELECT max(key), count(*), min(at_us)"
            " FROM (SELECT key, at_us FROM identity WHERE key > ? ORDER BY key LIMIT ?)",
            (self._last_key, PRUNE_ROWS),
        ).fetchone()
        last_key, count, oldest_us = row
        before_us = to_us(self._clock.now()) - self._identity_us
        if count and oldest_us < before_us:
            self._db.execute(
                "DELETE FROM identity WHERE key > ? AND key <= ? AND at_us < ?", (self._last_key, last_key, before_us)
            )
        self._last_key = last_key if count == PRUNE_ROWS else b""
        return not self._last_key
