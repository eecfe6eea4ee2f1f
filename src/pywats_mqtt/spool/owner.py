"""One owner per spool file: a lock of the operating system, gone when the process is, however it ends."""

from __future__ import annotations

import fcntl
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from pywats_mqtt.errors import Fatal, Retry, Scope
from pywats_mqtt.spool.connection import MODE

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""Linux makes a new one at each start of the machine; other systems have no such file, and each start counts as new."""


class Owner:
    """Holds the lock of a spool file until closed.

    Attributes:
        same_boot: the machine runs since the owner before this one took the file, and it is the same file still.
    """

    def __init__(self, path: Path, *, since: datetime) -> None:
        """Take the lock.

        Args:
            path: of the spool file; the lock is the file beside it with `.lock` appended, which stays: removing it
                could hand the lock to two.
            since: the present time, for the message another process would print.

        Raises:
            Fatal: another process (or another spool in this one) has it, or the lock file cannot be made.
            Retry: it cannot be written, as on a full disk.
        """
        lock = Path(f"{path}.lock")
        try:
            self._file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        except OSError as error:
            raise Fatal(
                f"spool {path}: cannot make its lock file {lock} ({error.strerror}): "
                "its folder must exist and be writable"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._said().partition("\n")[0].strip()
            os.close(self._file)
            raise Fatal(
                f"spool {path} is in use by {holder or 'another process'}: "
                "stop that one, or give this one another file as [spool] path"
            ) from error
        except OSError as error:
            os.close(self._file)
            raise Fatal(
                f"spool {path} cannot be locked ({error.strerror}): put it on a file system that has locks"
            ) from error
        self._path = path
        said = self._said()
        self.same_boot = _same_boot(said, path)
        self._process = f"process {os.getpid()}, since {since.isoformat(timespec='seconds')}"
        try:
            self._say(said.partition("\n")[2])
        except BaseException:
            self.close()
            raise

    def took(self) -> None:
        """Note which file was opened; not before, or what a former one left would be taken for this one's."""
        self._say(f"{_boot()}\n{_file(self._path)}\n")

    def _say(self, of_file: str) -> None:
        said = f"{self._process}\n{of_file}".encode("ascii", "replace")
        try:  # in place, which needs no room where there was as much before
            os.pwrite(self._file, said, 0)
            os.ftruncate(self._file, len(said))
        except OSError as error:
            raise Retry(
                f"spool {self._path}: its lock file cannot be written ({error.strerror}): make room on its disk",
                scope=Scope.SERVER,
                cause="disk error",
            ) from error

    def _said(self) -> str:
        return os.pread(self._file, 200, 0).decode("ascii", "replace")

    def close(self) -> None:
        """Let the lock go."""
        os.close(self._file)


def _same_boot(said: str, path: Path) -> bool:
    """Tell whether what a lock file says was said of this file, and since the machine runs.

    Another one in its place, as after `spool salvage`, has nothing to do with what the former one left beside it. Where
    the lock does not name the file, as of older programs, it is taken for the same.
    """
    boot, file = _boot(), _file(path)
    named = re.search(r"^file .+$", said, re.MULTILINE)
    return bool(boot) and boot in said and bool(file) and (named is None or named[0] == file)


def _file(path: Path) -> str:
    """Name a file by what tells it from another one at its place; empty where there is none."""
    try:
        return f"file {path.stat().st_ino}"
    except OSError:
        return ""


def _boot() -> str:
    try:
        return BOOT.read_text("ascii").strip()
    except OSError:
        return ""


class Left(NamedTuple):
    """What the lock file says of an owner, for who does not take the file.

    Attributes:
        by_the_dead: its process is gone, as far as can be seen from here.
        same_boot: the machine runs since it took the file, and it is the same file still.
    """

    by_the_dead: bool
    same_boot: bool


def left(path: Path) -> Left:
    """Tell how a spool file was left."""
    try:
        said = Path(f"{path}.lock").read_text("ascii", "replace")
    except OSError:
        return Left(by_the_dead=True, same_boot=False)
    process = re.match(r"process (\d+)", said)
    return Left(
        by_the_dead=process is None or not _lives(int(process[1])),
        same_boot=_same_boot(said, path),
    )


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
