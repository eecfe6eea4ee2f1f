"""Everything the emulator remembers, in one SQLite database.

Every request runs whole on the event loop's thread, in one transaction: the next one begins when this one is
committed, so nothing here needs a lock. A wait of some microseconds for SQLite costs an emulator nothing.
"""

import sqlite3
from pathlib import Path

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE requests (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
  body BLOB NOT NULL, status INTEGER, fault TEXT);

CREATE TABLE asset_types (
  typeId TEXT PRIMARY KEY, typeName TEXT NOT NULL UNIQUE COLLATE NOCASE, runningCountLimit INTEGER,
  totalCountLimit INTEGER, maintenanceInterval REAL, calibrationInterval REAL, warningThreshold REAL,
  alarmThreshold REAL, isReadonly INTEGER NOT NULL DEFAULT 0, icon TEXT);

CREATE TABLE assets (
  number INTEGER PRIMARY KEY AUTOINCREMENT, serialNumber TEXT NOT NULL UNIQUE,
  typeId TEXT NOT NULL REFERENCES asset_types, parent INTEGER REFERENCES assets,
  assetName TEXT, partNumber TEXT, revision TEXT, ClientId INTEGER, state INTEGER NOT NULL, description TEXT,
  location TEXT, firstSeenDate TEXT NOT NULL, lastSeenDate TEXT, lastMaintenanceDate TEXT, nextMaintenanceDate TEXT,
  lastCalibrationDate TEXT, nextCalibrationDate TEXT, totalCount INTEGER NOT NULL DEFAULT 0,
  runningCount INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '[]');

CREATE VIEW asset_list AS SELECT a.number, CAST(a.number AS TEXT) AS assetId, a.serialNumber, a.typeId,
  CAST(a.parent AS TEXT) AS parentAssetId, p.serialNumber AS parentSerialNumber, a.assetName, a.partNumber, a.revision,
  a.ClientId, a.state, a.description, a.location, a.firstSeenDate, a.lastSeenDate, a.lastMaintenanceDate,
  a.nextMaintenanceDate, a.lastCalibrationDate, a.nextCalibrationDate, a.totalCount, a.runningCount, a.tags
  FROM assets a LEFT JOIN assets p ON p.number = a.parent;

CREATE TABLE asset_log (
  logId INTEGER PRIMARY KEY AUTOINCREMENT, assetId TEXT NOT NULL, serialNumber TEXT NOT NULL, date TEXT NOT NULL,
  user TEXT NOT NULL, type INTEGER NOT NULL, property TEXT, value TEXT, comment TEXT);

CREATE TABLE reports (
  number INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, serialNumber TEXT NOT NULL,
  partNumber TEXT NOT NULL, reportType TEXT NOT NULL, start TEXT NOT NULL, revision TEXT NOT NULL,
  result TEXT NOT NULL, stationName TEXT NOT NULL, location TEXT NOT NULL, purpose TEXT NOT NULL,
  processCode INTEGER NOT NULL, processName TEXT NOT NULL, swFilename TEXT, swVersion TEXT, batchNumber TEXT,
  operator TEXT, comment TEXT, executionTime REAL, timeStamp TEXT NOT NULL, receiveCount INTEGER NOT NULL,
  quarantined INTEGER NOT NULL, firstSeq INTEGER NOT NULL, lastSeq INTEGER NOT NULL, assetStats TEXT);
CREATE INDEX reports_by_start ON reports (start);
CREATE INDEX reports_by_unit ON reports (serialNumber, partNumber, processCode, start);
CREATE TABLE report_bodies (number INTEGER PRIMARY KEY REFERENCES reports, body BLOB NOT NULL);
"""

_TABLES = ("requests", "asset_log", "report_bodies", "reports", "assets", "asset_types")


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
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("BEGIN IMMEDIATE")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"it has version {version}, this emulator reads version {SCHEMA_VERSION}")
        self._db.execute("COMMIT")

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

    def clear(self) -> None:
        """Forget everything, also the numbers given so far."""
        self._db.execute("UPDATE assets SET parent = NULL")
        for table in _TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own constant names
        self._db.execute("DELETE FROM sqlite_sequence")

    def close(self) -> None:
        """Close the database; what was committed stays in the file."""
        self._db.close()


def _unusable(place: str, reason: str) -> str:
    return f"cannot use state file {place}: {reason}; name another file with --state"
