"""A look into a spool from a second process, while its bridge runs and after it died.

It never writes and never takes the owner's lock: SQLite's write-ahead log lets it read what is committed beside the
writer, and after a crash also what only the log holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pywats_mqtt.errors import Fatal
from pywats_mqtt.ports import Batch, Export, Figures, Kept, Quarantined, Staleness, Trace
from pywats_mqtt.spool import tables, views
from pywats_mqtt.spool.checking import damage_of
from pywats_mqtt.spool.exported import read_exported, read_exports
from pywats_mqtt.spool.ledger import read_traces
from pywats_mqtt.spool.migrate import migrations, version_of
from pywats_mqtt.spool.owner import left
from pywats_mqtt.spool.quarantine import UserProperties, read_kept, read_properties
from pywats_mqtt.spool.sqlerrors import UNREADABLE, SQLiteError, damaged, is_damage
from pywats_mqtt.spool.staleness import staleness_of
from pywats_mqtt.spool.wal import require_whole_log


class SpoolReader:
    """Reads figures, quarantine and notes of a spool file; use it as a context manager, in one thread.

    Every method raises `Fatal` where the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            Fatal: it is missing, damaged, no spool, not readable, or of a version this program does not know.
        """
        self._path = path
        if not path.is_file():
            raise Fatal(f"there is no spool at {path}: no bridge with this configuration ran yet")
        owner = left(path)
        # Of a living one in this process, to close the -shm file would drop SQLite's locks.
        if owner.by_the_dead and owner.same_boot:
            require_whole_log(path)
        with self._reading():
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            self._check()
        except BaseException:
            self._db.close()
            raise

    def _check(self) -> None:
        newest = len(migrations())
        with self._reading():
            version = version_of(self._db, str(self._path))
        if version == 0:
            raise Fatal(f"there is no spool at {self._path} yet: the file is empty")
        if version != newest:
            raise Fatal(
                f"spool {self._path} has version {version}, and this program reads version {newest}: "
                f"{'use the program that runs the bridge' if version > newest else 'start the bridge once'}"
            )

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def require_whole(self) -> None:
        """Check the whole file, which takes some 3 s for a million deliveries; raises what is wrong with it."""
        with self._reading():
            problem = damage_of(self._db, str(self._path))
        if problem is not None:
            raise problem

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state of the spool while the block runs, whatever its bridge does meanwhile."""
        with self._reading():
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    def figures(self) -> Figures:
        """Count what is there, as of the last transaction."""
        with self._reading():
            return views.read_tally(self._db).figures(views.size_on_disk(self._path))

    def staleness(self, now_us: int) -> dict[str, Staleness]:
        """Tell how long what is owed of each kind of telemetry has been, as of the last transaction."""
        with self._reading():
            return staleness_of(views.read_owed(self._db), now_us)

    def quarantined(self, limit: int, after: int = 0) -> list[Quarantined]:
        """Read the quarantine from id `after` on (exclusive), oldest first."""
        with self._reading():
            return views.read_quarantine(self._db, limit, after)

    def quarantined_one(self, number: int) -> Quarantined | None:
        """Read one row of the quarantine, None where there is none of that id."""
        rows = self.quarantined(1, number - 1)
        return rows[0] if rows and rows[0].id == number else None

    def pieces(self, numbers: Sequence[int], most: int) -> Iterator[list[int]]:
        """Part rows of the quarantine, so that the payloads of a piece fit in memory wherever they are read.

        Args:
            numbers: of the rows.
            most: rows of a piece.
        """
        with self._reading():
            sizes = views.read_sizes(self._db, numbers)
        piece: list[int] = []
        size = 0
        for number in numbers:
            piece.append(number)
            size += sizes.get(number, 0)
            if len(piece) == most or size >= views.PAGE_BYTES:
                yield piece
                piece, size = [], 0
        if piece:
            yield piece

    def count_kept(self, numbers: Iterable[int]) -> int:
        """Tell how many of these rows are in the quarantine."""
        with self._reading():
            return len(views.read_sizes(self._db, list(numbers)))

    def properties(self, rows: Sequence[Quarantined]) -> dict[int, UserProperties]:
        """Read the user properties of rows that `quarantined` gave, where they have any, by their numbers."""
        with self._reading():
            return read_properties(self._db, rows[0].id, rows[-1].id) if rows else {}

    def kept(self, numbers: Sequence[int]) -> list[Kept]:
        """Read rows of the quarantine with all that a new try needs; those that are not there are left out."""
        with self._reading():
            return read_kept(self._db, numbers)

    def traces(self, word: str, limit: int) -> list[Trace]:
        """Give what is remembered of the messages a word names; see `ports.Spool.traces`."""
        with self._reading():
            return read_traces(self._db, word, limit)

    def unread(self, limit: int) -> list[Batch]:
        """Read the oldest batches that are stored and not interpreted yet."""
        with self._reading():
            return tables.read_batches(self._db, 0, limit)

    def exports(self) -> list[Export]:
        """Read all exports, oldest first."""
        with self._reading():
            return read_exports(self._db)

    def exported(self, export: Export, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Read packed rows of an export above a number, with their numbers."""
        with self._reading():
            return read_exported(self._db, export, after, limit)

    def newest_owed(self) -> int:
        """Give the number of the newest ordered delivery that is owed, or 0."""
        with self._reading():
            (newest,) = self._db.execute("SELECT max(id) FROM delivery").fetchone()
        return newest or 0

    def owed_lines(self, up_to: int) -> dict[str, int]:
        """Count the ordered deliveries up to a number that are owed, by their lines."""
        query = "SELECT key, count(*) FROM delivery WHERE id <= ? GROUP BY key ORDER BY key"
        with self._reading():
            return dict(self._db.execute(query, (up_to,)).fetchall())

    def note(self, name: str) -> bytes | None:
        """Read a note, None where there is none."""
        with self._reading():
            return views.read_note(self._db, name)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Name what is wrong with the file, or who may not read it, where the block cannot."""
        try:
            yield
        except UNREADABLE as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: SQLiteError | msgspec.DecodeError) -> Fatal:
        if is_damage(error):
            return damaged(error, str(self._path))
        return Fatal(
            f"spool {self._path} cannot be read ({error}): it must be a spool this user may read, in a folder this "
            "user may write to, for SQLite's -shm file"
        )


def note_of(path: Path, name: str) -> bytes | None:
    """Give a note of a spool of whatever version; None where it has none, or is no spool that can be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            version_of(db, str(path))
            row = db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
    except (Fatal, *UNREADABLE):
        return None
    return None if row is None else bytes(row[0])
