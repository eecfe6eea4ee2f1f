"""One owner per spool file: a lock of the operating system, gone when the process is, however it ends."""

from __future__ import annotations

import fcntl
import os
from datetime import datetime
from pathlib import Path

from pywats_mqtt.errors import Fatal
from pywats_mqtt.spool.connection import MODE


class Owner:
    """Holds the lock of a spool file until closed."""

    def __init__(self, path: Path, *, since: datetime) -> None:
        """Take the lock.

        Args:
            path: of the spool file; the lock is the file beside it with `.lock` appended, which stays: removing it
                could hand the lock to two.
            since: the present time, for the message another process would print.

        Raises:
            Fatal: another process (or another spool in this one) has it, or the lock file cannot be made.
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
        except OSError as error:
            holder = os.read(self._file, 200).decode("ascii", "replace").strip()
            os.close(self._file)
            raise Fatal(
                f"spool {path} is in use by {holder or 'another process'}: "
                "stop that one, or give this one another file as [spool] path"
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"process {os.getpid()}, since {since.isoformat(timespec='seconds')}\n".encode("ascii"))

    def close(self) -> None:
        """Let the lock go."""
        os.close(self._file)
