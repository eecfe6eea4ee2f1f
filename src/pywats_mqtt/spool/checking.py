"""The structure of a whole spool file, checked once after it was opened: by a thread, beside the writer.

SQLite reads each page of each table and of the free list (`PRAGMA quick_check`), which takes some 3 s for a million
deliveries. It cannot see what keeps its form: a changed byte within a payload.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from pywats_mqtt.errors import Fatal
from pywats_mqtt.spool.sqlerrors import UNREADABLE, Damaged, damaged, is_damage

_log = logging.getLogger(__name__)

AT_ONCE_BYTES: Final = 33_554_432
"""Files up to this size are checked before anything else happens: it takes some 0.2 s."""
NICE: Final = 10
"""How far the thread stands back behind others, where Linux lets threads have that of their own. It holds no lock of
the interpreter meanwhile, so nobody waits for it."""
END_S: Final = 0.05
"""Rest between two tries to interrupt it: one that has not begun yet is not interrupted."""


class Checking:
    """One check, for the event loop that made it.

    Attributes:
        found: gets the result: None where the file is whole, or could not be checked; else what is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._ending = False
        self._db: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._main, name="spool-check", daemon=True)
        self.found: asyncio.Future[Fatal | None] = self._loop.create_future()

    @property
    def is_short(self) -> bool:
        """Whether the file is small enough to wait for the check."""
        return self._path.stat().st_size <= AT_ONCE_BYTES

    def start(self) -> None:
        """Begin; the file has to be open already, at the newest schema."""
        self._thread.start()

    def end(self) -> None:
        """Give up what is not done yet."""
        self._ending = True
        while self._thread.is_alive():
            if self._db is not None:
                with suppress(sqlite3.Error):  # closed meanwhile
                    self._db.interrupt()
            self._thread.join(END_S)

    def _main(self) -> None:
        if sys.platform == "linux":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        problem = self._check()
        try:
            self._loop.call_soon_threadsafe(self._tell, problem)
        except RuntimeError:
            return  # the loop is closed: nobody is left to be told

    def _check(self) -> Fatal | None:
        try:
            name = f"{self._path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(name, uri=True, check_same_thread=False)) as db:
                self._db = db
                return damage_of(db, str(self._path))
        except UNREADABLE as error:
            if is_damage(error):
                return damaged(error, str(self._path))
            if not self._ending:
                _log.warning("spool could not be checked: %s", error, extra={"path": str(self._path)})
            return None

    def _tell(self, problem: Fatal | None) -> None:
        if not self.found.done():
            self.found.set_result(problem)


def damage_of(db: sqlite3.Connection, path: str) -> Damaged | None:
    """Check an open file; tells what is wrong with it.

    Raises:
        sqlite3.Error: it cannot be checked, also since it is damaged.
    """
    (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if said == "ok" else damaged(" ".join(said.split()), path)
