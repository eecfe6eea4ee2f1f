"""Everything the emulator remembers, in one SQLite database.

Every request runs whole on the event loop's thread, in one transaction: the next one begins when this one is
committed, so nothing here needs a lock. A wait of some microseconds for SQLite costs an emulator nothing.
"""

import sqlite3
from importlib.resources import files
from pathlib import Path

SCHEMA_VERSION = 5
APPLICATION_ID = 0x7077_4D45
"""`pwME` in the file's header (PRAGMA application_id): `clear` empties every table, so the file must be ours."""

_AREAS = ("requests", "assets", "reports", "software", "products", "production")
"""The files in `sql/`, in the order in which their tables refer to each other."""


class StateFileError(Exception):
    """The state file cannot be used; its message says why and what to do."""


class Store:
    """A database with the emulator's tables; every statement runs inside `begin` and `commit` or `rollback`."""

    def __init__(self, state: Path | None) -> None:
        """Open `state`, or a database in memory, and make its tables if they are missing.

        Raises:
            StateFileError: The file is in use, of another version, no database, or cannot be made.
        """
        place = str(state) if state else ":memory:"
        try:
            self._db = sqlite3.connect(place, isolation_level=None, timeout=0)
        except sqlite3.Error as exc:
            raise StateFileError(_unusable(place, str(exc))) from exc
        try:
            self._db.row_factory = sqlite3.Row
            self._prepare()
        except sqlite3.Error as exc:
            self._db.close()
            reason = "another process uses it" if "locked" in str(exc) else str(exc)
            raise StateFileError(_unusable(place, reason)) from exc

    def _prepare(self) -> None:
        # Exclusive: a second emulator on the file is refused. No fsync: what a killed process wrote, the system
        # still writes; only a power cut could lose requests, which matters to no test.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        version = self._checked_version()
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("BEGIN IMMEDIATE")
        if version == 0:
            for area in _AREAS:
                for statement in (files(__package__) / "sql" / f"{area}.sql").read_text("utf-8").split(";"):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._db.execute("COMMIT")

    def _checked_version(self) -> int:
        """The version of the file, 0 for an empty one; nothing is written to it yet.

        Raises:
            sqlite3.DatabaseError: It is none that this emulator can use.
        """
        application, version = (self.count(f"PRAGMA {name}") for name in ("application_id", "user_version"))
        if application == APPLICATION_ID:
            if version != SCHEMA_VERSION:
                raise sqlite3.DatabaseError(f"it has version {version}, this emulator reads version {SCHEMA_VERSION}")
        elif application or version or self.count("SELECT count(*) FROM sqlite_schema"):
            raise sqlite3.DatabaseError("it is another program's database, or of an older emulator")
        return version

    def begin(self) -> None:
        """Start the one open transaction."""
        self._db.execute("BEGIN")

    def commit(self) -> None:
        """Keep what was done since `begin`."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Forget what was done since `begin`."""
        self._db.execute("ROLLBACK")

    def run(self, sql: str, *values: object) -> int:
        """Run one statement; the number of the row it inserted, if it did."""
        return self._db.execute(sql, values).lastrowid or 0

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, None without one."""
        found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return found

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def count(self, sql: str, *values: object) -> int:
        """The one number that a query gives, 0 for null."""
        return int(self._db.execute(sql, values).fetchone()[0] or 0)

    @property
    def changes(self) -> int:
        """How many rows were written since the database was opened: while it stays, nothing has changed."""
        return self._db.total_changes

    def clear(self) -> None:
        """Forget everything, also the numbers given so far."""
        # Deferred: rows may refer to each other in a circle, and all of them go.
        self._db.execute("PRAGMA defer_foreign_keys = ON")
        for (table,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            if table not in {"sqlite_stat1", "sqlite_sequence"}:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self._db.execute("DELETE FROM sqlite_sequence")

    def close(self) -> None:
        """Close the database; what was committed stays in the file."""
        self._db.close()


def _unusable(place: str, reason: str) -> str:
    return f"cannot use state file {place}: {reason}; name another file with --state"
