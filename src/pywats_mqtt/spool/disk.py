"""The room a spool takes on disk: how much, whether that is too much, and how to give some back."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

BUSY_MS: Final = 2_000
"""How long another program's lock on the file is waited for."""
LOW_MARK: Final = 0.9
"""Share of the bound below which a full spool takes messages again: far enough that it does not flap."""
VACUUM_PAGES: Final = 256
"""Pages one step gives back to the file system: 1 MB, a few milliseconds."""
VACUUM_ABOVE: Final = 4_096
"""Free pages (16 MB) the file keeps, for the next burst takes them at once."""


class Disk:
    """Measures one database, kept after each commit; used in the writer thread alone.

    Attributes:
        full: the bound was reached, and the low mark not yet reached again.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, max_bytes: int) -> None:
        """Measure for the first time.

        Args:
            db: the spool's only connection that writes.
            path: of the file, for messages.
            max_bytes: the bound on what pages in use and the write-ahead log take together.
        """
        self._db = db
        self._path = path
        self._wal = Path(f"{path}-wal")
        self._max_bytes = max_bytes
        (self._page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        self.full = False
        self.measure()

    def measure(self) -> None:
        """Find out whether the spool is full; says so once when it becomes so, and once when it is over.

        It runs behind a commit, which no error here may put in doubt: where it cannot measure, nothing changes.
        """
        try:
            self._judge()
        except sqlite3.Error:
            _log.debug("spool cannot be measured now", extra={"path": str(self._path)}, exc_info=True)

    def _judge(self) -> None:
        low = int(self._max_bytes * LOW_MARK)
        used, wal = self._used()
        if used >= (low if self.full else self._max_bytes) and wal:
            self.checkpoint()  # what the log holds twice need not count
            used, wal = self._used()
        if not self.full and used >= self._max_bytes:
            self.full = True
            _log.warning(
                "spool full: receiving waits until there is room",
                extra={"path": str(self._path), "used_bytes": used, "max_bytes": self._max_bytes},
            )
        elif self.full and used < low:
            self.full = False
            _log.warning("spool has room again: receiving goes on", extra={"path": str(self._path), "used_bytes": used})

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
        if self._pragma("freelist_count") <= VACUUM_ABOVE:
            return False
        # It frees a page each time it is stepped; of the ways to run it only this one steps it to its end.
        self._db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
        return self._pragma("freelist_count") > VACUUM_ABOVE

    def _used(self) -> tuple[int, int]:
        try:
            wal = self._wal.stat().st_size
        except FileNotFoundError:
            wal = 0
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._page_bytes + wal, wal

    def _pragma(self, name: str) -> int:
        (value,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(value)
