"""Whether the write-ahead log still holds what was committed, told before SQLite opens a file that nobody closed.

SQLite takes a log up to the first frame whose checksum fails, and for it the rest never was: so a log that was cut off,
or damaged in the middle, would silently lose what was acknowledged. But SQLite notes in the shared memory beside it
(-shm), after each commit, how many frames there are, and a process that dies leaves that note. It is put against the
log here, as long as the machine runs: where the power went, the note may be older than the log, or tell of commits that
were not synced yet, and proves nothing (sqlite.org/walformat.html, 2.1).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from pywats_mqtt.errors import Fatal
from pywats_mqtt.spool.sqlerrors import damaged

_VERSION: Final = 3_007_000
_HEADER: Final = struct.Struct("=IIIBBHII8s8s8s")
"""Version, unused, change, is initialised, big-endian checksums, page size, frames, pages, and three pairs of words:
the checksum of the last frame, the salt of the log, the checksum of this header."""
_BACKFILLED: Final = struct.Struct("=I")
"""Behind two copies of the header: frames that were moved into the database."""
_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24


class Noted(msgspec.Struct, frozen=True):
    """What the shared memory says of the log.

    Attributes:
        frames: that were committed.
        page_bytes: of a page, and so of a frame without its header.
        salt: tells this log from those before it, which were overwritten.
    """

    frames: int
    page_bytes: int
    salt: bytes


def require_whole_log(path: Path) -> None:
    """Refuse a file whose log is shorter than it was; reads some bytes, and changes nothing.

    Right also while another process writes: the note changes before the log gets shorter. The machine must have run
    since the note was made.

    Raises:
        Fatal: it lost frames.
    """
    noted = read_note(path)
    if noted is None:
        return
    frames = _frames_by_size(path, noted) or 0
    if frames < noted.frames and read_note(path) == noted:
        raise _lost(path, noted.frames - frames)


def require_sound_log(path: Path) -> None:
    """Refuse a file whose log is damaged in the middle; SQLite looks through a log of 16 MB in some 20 ms.

    For the owner alone, before it opens the file, while the machine runs since the note was made. Where the look itself
    is not possible, as on a full disk, nothing is said.

    Raises:
        Fatal: frames that were committed cannot be read any more.
    """
    noted = read_note(path)
    if noted is None or _frames_by_size(path, noted) is None:
        return
    try:
        frames = _readable_frames(path)
    except (OSError, sqlite3.Error):
        return
    if frames < noted.frames:
        raise _lost(path, noted.frames - frames)


def read_note(path: Path) -> Noted | None:
    """Give what the shared memory says; None where it says nothing, or all of it is in the database too."""
    note = _read(Path(f"{path}-shm"), 2 * _HEADER.size + _BACKFILLED.size)
    one, other = note[: _HEADER.size], note[_HEADER.size : 2 * _HEADER.size]
    if one != other or len(note) < 2 * _HEADER.size + _BACKFILLED.size:
        return None
    version, _, _, is_made, _, page_bytes, frames, _, _, salt, _ = _HEADER.unpack(one)
    (backfilled,) = _BACKFILLED.unpack_from(note, 2 * _HEADER.size)
    if version != _VERSION or not is_made or frames <= backfilled:
        return None
    return Noted(frames, page_bytes, salt)


def _frames_by_size(path: Path, noted: Noted) -> int | None:
    """Tell how many frames the log has room for; None where it is none, or another one than was noted."""
    log = Path(f"{path}-wal")
    header = _read(log, _LOG_HEADER)
    if len(header) < _LOG_HEADER or header[16:24] != noted.salt:
        return None
    return (log.stat().st_size - _LOG_HEADER) // (_FRAME_HEADER + noted.page_bytes)


def _readable_frames(path: Path) -> int:
    """Let SQLite go through the log beside a copy of the first page: it is what a start after a crash does."""
    folder = path.with_name(f".{path.name}.check")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        copy = folder / "check"
        copy.write_bytes(_read(path, 65_536))
        try:
            os.link(f"{path}-wal", f"{copy}-wal")
        except OSError:  # a file system without links
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("PRAGMA page_count").fetchone()
            return int(_HEADER.unpack(_read(Path(f"{copy}-shm"), _HEADER.size))[6])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def _lost(path: Path, frames: int) -> Fatal:
    return damaged(f"{frames} pages that were stored are gone from its log {path}-wal", str(path))
