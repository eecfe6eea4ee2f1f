"""The schema and its versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.errors import Fatal
from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.migrate import APPLICATION_ID, migrate, migrations, version_of

TWO = ["CREATE TABLE one (id);", "ALTER TABLE one ADD COLUMN name;\nCREATE TABLE two (id);"]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Open an empty database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def schema(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Read what the database consists of."""
    return db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_a_fresh_schema_equals_a_migrated_one(db: sqlite3.Connection) -> None:
    """One version after the other gives the same as all at once."""
    for count in range(1, len(migrations()) + 1):
        migrate(db, "spool.db", migrations()[:count])
        assert version_of(db, "spool.db") == count
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, "spool.db", migrations())
        assert schema(fresh) == schema(db)


def test_an_old_database_is_brought_up_to_date(db: sqlite3.Connection) -> None:
    """Only what is missing is applied, and what was in it stays."""
    migrate(db, "spool.db", TWO[:1])
    db.execute("INSERT INTO one VALUES (7)")
    migrate(db, "spool.db", TWO)
    migrate(db, "spool.db", TWO)
    assert db.execute("SELECT id, name FROM one").fetchall() == [(7, None)]
    assert version_of(db, "spool.db") == 2


def test_a_step_that_fails_leaves_the_version_before_it(db: sqlite3.Connection) -> None:
    """Nothing of it is there, and the same step can be tried again."""
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, "spool.db", [TWO[0], "CREATE TABLE two (id); CREATE TABLE one (id);"])
    assert version_of(db, "spool.db") == 1
    assert [name for name, _ in schema(db)] == ["one"]
    migrate(db, "spool.db", TWO)
    assert version_of(db, "spool.db") == 2


def test_a_newer_database_is_refused(db: sqlite3.Connection) -> None:
    """The line names both versions."""
    migrate(db, "spool.db", TWO)
    with pytest.raises(Fatal, match=r"spool\.db has version 2, and this program knows versions up to 1"):
        migrate(db, "spool.db", TWO[:1])


def test_a_foreign_database_is_refused(db: sqlite3.Connection) -> None:
    """One with tables or a version of its own, but without our mark."""
    db.execute("PRAGMA user_version = 1")
    with pytest.raises(Fatal, match="another program's database"):
        migrate(db, "spool.db", TWO)


def test_a_database_of_the_first_version_opens(tmp_path: Path) -> None:
    """What the first release wrote is opened by this one."""
    path = tmp_path / "spool.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        migrate(old, str(path), migrations()[:1])
        old.execute("INSERT INTO note VALUES ('client_id', x'41')")
    with closing(connect(path, max_bytes=1 << 30)) as db:
        assert version_of(db, str(path)) == len(migrations())
        assert db.execute("SELECT value FROM note").fetchone() == (b"A",)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("synchronous", 2), ("journal_mode", "wal"), ("auto_vacuum", 2), ("application_id", APPLICATION_ID)],
)
def test_a_spool_is_opened_durable(tmp_path: Path, pragma: str, value: int | str) -> None:
    """Each commit is synced (FULL is 2), the log is a write-ahead log, free pages can be given back (INCREMENTAL 2)."""
    for _ in range(2):
        with closing(connect(tmp_path / "spool.db", max_bytes=1 << 30)) as db:
            assert db.execute(f"PRAGMA {pragma}").fetchone() == (value,)
