"""A journal as a file that other processes may read at any time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pywats_mqtt.errors import Fatal
from pywats_mqtt.simulator.journal import Record, Sink, read_record


class _Descriptor:
    """A file that each line has reached when `write` returns: also a kill of this process loses none."""

    def __init__(self, number: int) -> None:
        self._number = number

    def write(self, line: bytes, /) -> None:
        while line:
            line = line[os.write(self._number, line) :]


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Sink]:
    """Open a journal to append to; it is made where it is missing.

    Raises:
        Fatal: the file cannot be written.
    """
    try:
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as exc:
        raise Fatal(f"cannot write the journal {path}: {exc.strerror}; name a file in a folder that exists") from exc
    try:
        yield _Descriptor(number)
    finally:
        os.close(number)


def load_record(path: Path) -> Record:
    """Read a journal file, of a fleet that runs or ended.

    Raises:
        OSError: it cannot be read.
        msgspec.DecodeError: it is no journal.
    """
    with path.open("rb") as lines:
        return read_record(lines)
