"""What SQLite raises, as one of the bridge's outcomes."""

from __future__ import annotations

import sqlite3
from typing import Final, TypeAlias

import msgspec

from pywats_mqtt.errors import BridgeError, Fatal, Retry, Scope

BUSY: Final = "busy"
"""Cause of a Retry where another program holds the file."""
_PRIMARY: Final = 0xFF
"""An extended result code's low byte is its primary code (sqlite.org/rescode.html)."""
_NO_TEXT: Final = "Could not decode to UTF-8"
"""How Python's error of a text in a row that is none begins; it has no code of SQLite's."""

SQLiteError: TypeAlias = sqlite3.Error | UnicodeDecodeError
"""Also what Python makes of an error whose words quote a damaged file, where they are no UTF-8."""
UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError, msgspec.DecodeError)
"""What reading raises: SQLite's errors, and what a row is that was changed on the disk into none."""


class Damaged(Fatal):
    """The file is damaged, or no spool."""


def outcome_of(error: SQLiteError | msgspec.DecodeError, path: str) -> BridgeError:
    """Name what has to be done about an error: wait for room, or stop.

    Returns:
        Retry, scope SERVER: `disk full`, also where a limit on file sizes or a quota stopped the write; `disk error`
            where the disk failed otherwise; `busy` where another program holds the file.
        Fatal: the file is damaged, no database, or may not be written.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    if code & _PRIMARY == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_WRITE:
        return _retry(f"spool {path}: the disk is full ({error}): make room; receiving goes on by itself", "disk full")
    if code & _PRIMARY == sqlite3.SQLITE_IOERR:
        return _retry(f"spool {path}: the disk failed ({error}): look at the system's log", "disk error")
    if code & _PRIMARY in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return _retry(f"spool {path}: another program holds it ({error}): end that one", BUSY)
    if is_damage(error):
        return damaged(error, path)
    if code & _PRIMARY in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return Fatal(f"spool {path} cannot be written ({error}): it and its folder must be writable by this user")
    return Fatal(f"spool {path}: SQLite refuses ({error})")


def is_damage(error: SQLiteError | msgspec.DecodeError) -> bool:
    """Tell whether an error says that the file is damaged, or no database."""
    if not isinstance(error, sqlite3.Error) or str(error).startswith(_NO_TEXT):
        return True
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def damaged(why: object, path: str) -> Damaged:
    """Name what has to be done about a damaged file; `why` is what is wrong with it."""
    return Damaged(
        f"spool {path} is damaged, or no spool ({why}): `pywats-mqtt spool salvage {path} --to NEW` brings back "
        "what is readable; then move it, its -wal and its -shm file away, and put NEW in its place"
    )


def _retry(message: str, cause: str) -> Retry:
    return Retry(message, scope=Scope.SERVER, cause=cause)
