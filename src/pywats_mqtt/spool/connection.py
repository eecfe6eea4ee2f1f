"""How the spool's database is opened: durable, and in a form that later versions can read."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from pywats_mqtt.errors import Fatal
from pywats_mqtt.spool.disk import BUSY_MS
from pywats_mqtt.spool.migrate import migrate, migrations, version_of

CHECKPOINT_PAGES: Final = 4_000
"""Pages (16 MB) the write-ahead log holds before SQLite moves them into the database: rows that came and went
meanwhile, as most do, are never written there."""

MODE: Final = 0o600
"""Permissions of a new spool and its lock: it holds payloads, which are nobody's business but its user's."""


def connect(path: Path, *, max_bytes: int) -> sqlite3.Connection:
    """Open a database for its one owner, at the newest schema.

    A commit returns when it is on the disk: `synchronous=FULL` syncs the write-ahead log each time (with NORMAL, rows
    that were committed can go with the power, which the store allows where they can be made again). Free pages can be
    given back without rewriting the file (`auto_vacuum`), which has to be set before the first table. What is deleted
    is not overwritten, as the SQLite of Debian does: each batch would be written twice.

    A missing file is made for its user alone, and SQLite gives its companions (-wal, -shm) the mode of the file; an
    existing one keeps the mode it has.

    Raises:
        Fatal: it is newer than this program, no spool, or cannot be made.
        sqlite3.Error: it is damaged, or cannot be opened.
    """
    _make(path)
    db = sqlite3.connect(path, timeout=BUSY_MS / 1_000, isolation_level=None, cached_statements=256)
    try:
        version_of(db, str(path))  # first of all: another program's file stays as it is
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = OFF").fetchone()
        _begin_log(db)
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        pages = max(32, min(CHECKPOINT_PAGES, max_bytes // (8 * page_bytes)))
        db.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchone()
        db.execute(f"PRAGMA journal_size_limit = {pages * page_bytes}").fetchone()
        migrate(db, str(path), migrations())
    except BaseException:
        db.close()
        raise
    return db


def _begin_log(db: sqlite3.Connection) -> None:
    """Let the file have a write-ahead log; a new one gets its first page.

    Until it has one SQLite writes journals, and deletes them without a sync of their folder: one that came back with
    the power would undo all that is in the file by then. So the first page has one that is emptied, and that with a
    sync, and the change to a log none: it changes the header of the first page alone, which a disk writes whole or not.
    """
    if db.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return
    db.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if db.execute("PRAGMA page_count").fetchone() == (0,):
        db.execute("PRAGMA user_version = 0")
    db.execute("PRAGMA journal_mode = MEMORY").fetchone()
    db.execute("PRAGMA journal_mode = WAL").fetchone()


def _make(path: Path) -> None:
    """Make the file, or the one a link leads to, where there is none.

    An existing one is not even opened: to close it would drop the locks that SQLite holds on it elsewhere in this
    process (sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        os.close(os.open(path.resolve(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
    except FileExistsError:
        return
    except OSError as error:
        raise Fatal(
            f"spool {path} cannot be made ({error.strerror}): its folder must exist and be writable by this user"
        ) from error
