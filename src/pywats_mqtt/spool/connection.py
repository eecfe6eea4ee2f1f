"""How the spool's database is opened: durable, and in a form that later versions can read."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from pywats_mqtt.spool.migrate import migrate, migrations, version_of

CHECKPOINT_PAGES: Final = 4_000
"""Pages (16 MB) the write-ahead log holds before SQLite moves them into the database: rows that came and went
meanwhile, as most do, are never written there."""


def connect(path: Path, *, max_bytes: int) -> sqlite3.Connection:
    """Open a database for its one owner, at the newest schema.

    A commit returns when it is on the disk: `synchronous=FULL` syncs the write-ahead log each time (with NORMAL, rows
    that were committed can go with the power). Free pages can be given back without rewriting the file
    (`auto_vacuum`), which has to be set before the first table.

    Raises:
        Fatal: it is newer than this program, or no spool.
        sqlite3.Error: it is damaged, or cannot be opened.
    """
    db = sqlite3.connect(path, timeout=2.0, isolation_level=None, cached_statements=256)
    try:
        version_of(db, str(path))  # first of all: another program's file stays as it is
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute("PRAGMA synchronous = FULL")
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        pages = max(32, min(CHECKPOINT_PAGES, max_bytes // (8 * page_bytes)))
        db.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchone()
        db.execute(f"PRAGMA journal_size_limit = {pages * page_bytes}").fetchone()
        migrate(db, str(path), migrations())
    except BaseException:
        db.close()
        raise
    return db
