"""Small steps between transactions: forget identities, give free pages back to the file system.

Identities are forgotten when they are too old, and, where the spool is full, the oldest first whatever their age:
else they could fill it, and with nothing left to deliver nothing would ever make room.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Final

from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock
from pywats_mqtt.spool.disk import Disk
from pywats_mqtt.spool.tally import Tally

_log = logging.getLogger(__name__)

PRUNE_ROWS: Final = 2_000
"""Identities one step looks at: some milliseconds."""
PRUNE_EVERY_S: Final = 5.0
"""So 35 million identities, what 2 GiB hold, are gone through once a day."""
SWEEP_EVERY_S: Final = 3_600.0
"""Rest between two passes through all."""
VACUUM_EVERY_S: Final = 0.05
"""Steps of the vacuum, only while nobody asks for anything."""
FORGET_KEPT: Final = 4
"""One in so many of the identities a step looks at is kept in a full spool, the youngest. With half of them kept hardly
a page would come free: SQLite joins pages that are less than a third full."""
FORGET_EVERY_S: Final = 0.005
"""Time for others between two steps in a full spool."""
LOOK_AGAIN_S: Final = 1.0
"""Rest in a full spool with nothing to forget, or on a disk that failed."""

_DAY_US: Final = 86_400_000_000


class Upkeep:
    """Does what is due, one bounded step at a time, in the writer thread.

    Attributes:
        forgotten: identities that were forgotten before their time and are not counted yet.
    """

    def __init__(self, db: sqlite3.Connection, clock: Clock, disk: Disk, identity_days: int) -> None:
        """Begin a pass through the identities at once."""
        self._db = db
        self._clock = clock
        self._disk = disk
        self._identity_us = identity_days * _DAY_US
        self._identity_days = identity_days
        self._last_key = b""
        self._prune_at = clock.monotonic()
        self._vacuuming = True
        self._forgotten_key = b""
        self.forgotten = 0
        self._forget_every_s = FORGET_EVERY_S
        self._said_forgetting = False
        self._said_stuck = False

    def due_s(self) -> float:
        """Tell in how many seconds the next step is due."""
        if self._disk.over:
            return self._forget_every_s
        if self._vacuuming:
            return VACUUM_EVERY_S
        return max(0.0, min(self._prune_at - self._clock.monotonic(), SWEEP_EVERY_S))

    def step(self, *, idle: bool, tally: Tally) -> bool:
        """Do what is due; tell whether that was anything. The vacuum only runs while nobody asks for anything (`idle`).

        Args:
            idle: whether nobody asks for anything.
            tally: what is stored; tells what fills a full spool.

        Raises:
            sqlite3.Error: it could not be written; the next step tries again.
        """
        forgetting = self._disk.over and self._make_room(tally)
        if not self._disk.over:
            self._forget_every_s, self._said_stuck = FORGET_EVERY_S, False
        now = self._clock.monotonic()
        pruning = now >= self._prune_at
        vacuuming = idle and (self._vacuuming or self._disk.low)
        if pruning:
            self._prune_at = now + PRUNE_EVERY_S  # also when it fails
            if self.prune():
                self._prune_at = now + SWEEP_EVERY_S
            self._vacuuming = True
        if vacuuming:
            self._vacuuming = self._disk.vacuum()
        return forgetting or pruning or vacuuming

    def _make_room(self, tally: Tally) -> bool:
        """Forget some identities of a full spool; where there are none, and nothing waits, say what to do."""
        self._forget_every_s = LOOK_AGAIN_S  # also when it fails
        if self.forget():
            self._forget_every_s = FORGET_EVERY_S
            if not self._said_forgetting:
                self._said_forgetting = True
                _log.warning(
                    "ids of events are now remembered for less than spool.identity_days, because the spool is at "
                    "spool.max_bytes: raise that, or expect what arrives again later to be taken for new",
                    extra={"identity_days": self._identity_days},
                )
            return True
        if not tally.waiting and not self._said_stuck:
            self._said_stuck = True
            what = "its quarantine fills it" if tally.quarantined else "what it has to keep fills it"
            _log.warning(
                f"spool full and nothing left to deliver or forget, {what}: nothing is received until spool.max_bytes "
                "is raised, or `spool retry`, `discard` or `export` makes room",
                extra={"quarantined": tally.quarantined},
            )
        return False

    def forget(self) -> bool:
        """Forget the oldest of the next identities whatever their age; tell whether there were any.

        Keys are digests, so those that are next to each other are a fair sample of all ages.
        """
        last_key, count = self._db.execute(
            "SELECT max(key), count(*) FROM (SELECT key FROM identity WHERE key > ? ORDER BY key LIMIT ?)",
            (self._forgotten_key, PRUNE_ROWS),
        ).fetchone()
        if not count:
            began, self._forgotten_key = self._forgotten_key, b""
            return bool(began) and self.forget()
        self.forgotten += self._db.execute(
            "DELETE FROM identity WHERE key > ?1 AND key <= ?2 AND at_us <= (SELECT at_us FROM identity"
            " WHERE key > ?1 AND key <= ?2 ORDER BY at_us LIMIT 1 OFFSET ?3)",
            (self._forgotten_key, last_key, (count - 1) * (FORGET_KEPT - 1) // FORGET_KEPT),
        ).rowcount
        self._forgotten_key = last_key
        return True

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
