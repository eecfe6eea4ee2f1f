"""The schema: numbered SQL files, applied from `PRAGMA user_version` on, each in its own transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from pywats_mqtt.errors import Fatal

APPLICATION_ID: Final = 0x70774D51
"""`pwMQ` in the file's header (PRAGMA application_id): tells our files from any other SQLite database."""


def migrations() -> list[str]:
    """Give the SQL of all migrations, the one for version 1 first.

    The files are named `NNN_what.sql`, from 001 without gaps.
    """
    found = sorted(entry.name for entry in files("pywats_mqtt.spool").joinpath("sql").iterdir())
    names = [name for name in found if name.endswith(".sql")]
    for version, name in enumerate(names, start=1):
        if int(name[:3]) != version:
            raise Fatal(f"spool/sql/{name} should be number {version:03}: the installation is incomplete, repeat it")
    return [files("pywats_mqtt.spool").joinpath("sql", name).read_text("utf-8") for name in names]


def version_of(db: sqlite3.Connection, path: str) -> int:
    """Read the schema version; 0 for an empty file.

    Raises:
        Fatal: the file is another program's database.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID:
        return int(version)
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] or version:
        raise Fatal(f"{path} is another program's database, not a spool: choose another file as [spool] path")
    return 0


def migrate(db: sqlite3.Connection, path: str, scripts: Sequence[str]) -> None:
    """Bring a database to the newest version; what fails leaves the version before it.

    Args:
        db: a connection with `isolation_level=None`, outside a transaction.
        path: of the file, for messages.
        scripts: the SQL of version 1, 2, …

    Raises:
        Fatal: the file is newer than this program, or another program's.
        sqlite3.Error: a script failed.
    """
    version = version_of(db, path)
    if version > len(scripts):
        raise Fatal(
            f"spool {path} has version {version}, and this program knows versions up to {len(scripts)}: "
            "a newer one wrote it; run that one"
        )
    for number, script in enumerate(scripts[version:], start=version + 1):
        try:
            db.executescript(
                f"BEGIN IMMEDIATE;\n{script}\n"
                f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
