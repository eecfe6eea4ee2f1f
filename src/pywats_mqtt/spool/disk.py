"""The room a spool takes on disk: how much, whether that is too much, and how to give some back."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import Final

from pywats_mqtt.ports.room import Level

_log = logging.getLogger(__name__)

BUSY_MS: Final = 2_000
"""How long another program's lock on the file is waited for."""
LOW_MARK: Final = 0.9
"""Share of the bound below which a full spool takes messages again: far enough that it does not flap."""
FILLING: Final = 0.8
"""Share of the bound from which on it is filling."""
NO_LONGER_FILLING: Final = 0.7
FREE_AGAIN: Final = 1.1
"""Times `min_free_bytes` that must be free before a disk that was low is not: the low mark of the other bound."""
FREE_SCARCE: Final = 1.25
"""Times `min_free_bytes` below which the disk is filling: 80 % of what is left to us is then used."""
FREE_PLENTY: Final = 1.5
VACUUM_PAGES: Final = 256
"""Pages one step gives back to the file system: 1 MB, a few milliseconds."""
VACUUM_ABOVE: Final = 4_096
"""Free pages (16 MB) the file keeps, for the next burst takes them at once; on a disk that is low it keeps none."""


class Disk:
    """Measures one database, kept after each commit; used in the writer thread alone.

    Attributes:
        over: the bound in bytes was reached, and the low mark not yet reached again.
        low: the disk had less left than it shall have, and has not yet clearly more again.
        filling: 80 % of one of these bounds was reached, and 70 % not yet again.
        refused: why the disk takes no writes; empty while it does.
        used_bytes: pages in use, and the write-ahead log.
        free_bytes: what the disk has left; -1 where it does not tell.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, max_bytes: int, min_free_bytes: int = 0) -> None:
        """Measure for the first time.

        Args:
            db: the spool's only connection that writes.
            path: of the file, for messages.
            max_bytes: the bound on what pages in use and the write-ahead log take together.
            min_free_bytes: what the disk shall have left; 0 for no such bound.
        """
        self._db = db
        self._path = path
        self._wal = Path(f"{path}-wal")
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        (self._page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        self.over = self.low = self.filling = False
        self.refused = ""
        self.used_bytes = 0
        self.free_bytes = -1
        self.measure()

    @property
    def full(self) -> bool:
        """Whether nothing may be stored that comes anew."""
        return self.over or self.low

    @property
    def level(self) -> Level:
        """How much room there is."""
        if self.full or self.refused:
            return "full"
        return "filling" if self.filling else ""

    def measure(self) -> None:
        """Find out whether the spool is full; says so once when it becomes so, and once when it is over.

        It runs behind a commit, which no error here may put in doubt: where it cannot measure, nothing changes.
        """
        try:
            self._judge_bytes()
            self._judge_disk()
        except (OSError, sqlite3.Error):
            _log.debug("spool cannot be measured now", extra={"path": str(self._path)}, exc_info=True)
            return
        share = NO_LONGER_FILLING if self.filling else FILLING
        times = FREE_PLENTY if self.filling else FREE_SCARCE
        self.filling = self.used_bytes >= share * self._max_bytes or self._is_below(times)

    def _judge_bytes(self) -> None:
        low = int(self._max_bytes * LOW_MARK)
        used, wal = self._used()
        if used >= (low if self.over else self._max_bytes) and wal:
            self.checkpoint()  # what the log holds twice need not count
            used, wal = self._used()
        self.used_bytes = used
        if not self.over and used >= self._max_bytes:
            self.over = True
            _log.warning(
                "spool full: receiving waits until there is room",
                extra={"path": str(self._path), "used_bytes": used, "max_bytes": self._max_bytes},
            )
        elif self.over and used < low:
            self.over = False
            _log.warning("spool has room again: receiving goes on", extra={"path": str(self._path), "used_bytes": used})

    def _judge_disk(self) -> None:
        self.free_bytes = self._free()
        facts = {"path": str(self._path), "free_bytes": self.free_bytes, "min_free_bytes": self._min_free_bytes}
        if not self.low and self._is_below(1):
            self.low = True
            _log.warning("disk nearly full: receiving waits until there is room", extra=facts)
        elif self.low and not self._is_below(FREE_AGAIN):
            self.low = False
            _log.warning("disk has room again: receiving goes on", extra=facts)

    def _is_below(self, times: float) -> bool:
        return 0 <= self.free_bytes < times * self._min_free_bytes

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database and empty it, where no reader or full disk prevents that.

        A reader, such as the check of the whole file, is not waited for.
        """
        try:
            self._db.execute("PRAGMA busy_timeout = 0").fetchone()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            _log.debug("checkpoint not possible now", extra={"path": str(self._path)}, exc_info=True)
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}").fetchone()

    def vacuum(self) -> bool:
        """Give some free pages back to the file system; tell whether there are more to give."""
        above = 0 if self.low else VACUUM_ABOVE
        if self._pragma("freelist_count") <= above:
            return False
        # It frees a page each time it is stepped; of the ways to run it only this one steps it to its end.
        self._db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
        if self._pragma("freelist_count") > above:
            return True
        self.checkpoint()  # until then the file is as long as it was
        return False

    def _used(self) -> tuple[int, int]:
        try:
            wal = self._wal.stat().st_size
        except FileNotFoundError:
            wal = 0
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._page_bytes + wal, wal

    def _free(self) -> int:
        try:
            told = os.statvfs(self._path.parent)
        except OSError:
            return -1
        return told.f_bavail * told.f_frsize

    def _pragma(self, name: str) -> int:
        (value,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(value)
