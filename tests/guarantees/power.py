"""Power cuts: a preloaded recorder (power.c) and the files as a disk would show them afterwards.

What was synced is there. Of what was written since, any part may be there, in any order, down to a sector: a seed
chooses, so that a store must cope with all of it.
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.guarantees.preload import built

SOURCE = Path(__file__).with_name("power.c")
SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
HEAD = struct.Struct("=5Q")
WRITE, TRUNCATE, SYNC, UNLINK, RENAME = range(1, 6)


@dataclass(frozen=True)
class Asked:
    """One thing asked of the disk."""

    kind: int
    offset: int
    name: str
    to: str
    data: bytes


class Power:
    """Records a program's use of one file and its companions, and cuts the power.

    Args:
        file: the file; `-wal` and `-journal` beside it are recorded too.
        folder: for the recorder and its record.
    """

    def __init__(self, file: Path, folder: Path) -> None:
        library = built(SOURCE, folder)
        self._file = file.resolve()
        self._log = folder / "power.log"
        self._lie = folder / "lie"
        self._hold = folder / "hold"
        self._held = folder / "held"
        self.environment = {
            "LD_PRELOAD": str(library),
            "POWER_FILE": str(self._file),
            "POWER_LOG": str(self._log),
            "POWER_LIE": str(self._lie),
            "POWER_HOLD": str(self._hold),
            "POWER_HELD": str(self._held),
        }
        self._before: dict[str, bytes] = {}

    def lie(self) -> None:
        """From now on a sync does nothing, as with `synchronous=OFF`."""
        self._lie.touch()

    def hold(self) -> None:
        """From now on no sync returns, as by a disk that is slow, until `go_on` or a cut."""
        self._held.unlink(missing_ok=True)
        self._hold.touch()

    @property
    def is_holding(self) -> bool:
        """Whether a sync waits, or waited, since `hold`."""
        return self._held.exists()

    def go_on(self) -> None:
        """Let syncs return again."""
        self._hold.unlink(missing_ok=True)

    def cut(self, seed: int) -> None:
        """Leave the files of a killed program as a power cut would; it may then start again.

        Args:
            seed: chooses what of the unsynced is there.
        """
        chance = Random(seed)  # noqa: S311 - it has to be repeatable
        said = self._log.read_bytes() if self._log.exists() else b""  # a program that was killed soon wrote nothing
        after = rebuild(self._before, asked(said), chance)
        for name in self._names():
            Path(name).unlink(missing_ok=True)
        Path(f"{self._file}-shm").unlink(missing_ok=True)  # shared memory; it does not outlive a machine
        for name, content in after.items():
            Path(name).write_bytes(content)
            Path(name).chmod(0o600)
        self._lie.unlink(missing_ok=True)
        self.go_on()
        self._log.unlink(missing_ok=True)
        self._before = after

    def _names(self) -> tuple[str, ...]:
        return tuple(f"{self._file}{end}" for end in ("", "-wal", "-journal"))


def asked(log: bytes) -> Iterator[Asked]:
    """Read a record; what the end of the program cut off is left out."""
    place = 0
    while place + HEAD.size <= len(log):
        kind, offset, *lengths = HEAD.unpack_from(log, place)
        place += HEAD.size
        if place + sum(lengths) > len(log):
            return
        parts = []
        for length in lengths:
            parts.append(log[place : place + length])
            place += length
        yield Asked(kind, offset, os.fsdecode(parts[0]), os.fsdecode(parts[1]), parts[2])


def rebuild(before: dict[str, bytes], record: Iterator[Asked], chance: Random) -> dict[str, bytes]:
    """Give the files after the power went: all that was synced, and by chance some of the rest.

    Args:
        before: files by name, as they were when the record began.
        record: what was asked since, in order.
        chance: chooses.
    """
    files = {name: bytearray(content) for name, content in before.items()}
    unsynced: dict[str, list[Asked]] = defaultdict(list)
    for one in record:
        if one.kind != SYNC:
            unsynced[one.name].append(one)
            continue
        for earlier in unsynced.pop(one.name, ()):
            _apply(files, earlier)
    share = chance.choice((0.0, 0.5, 1.0))
    for rest in unsynced.values():
        for one in rest:
            for part in _sectors(one):
                if chance.random() < share:
                    _apply(files, part)
    return {name: bytes(content) for name, content in files.items()}


def _sectors(one: Asked) -> Iterator[Asked]:
    """Take a write apart at the bounds of sectors."""
    if one.kind != WRITE:
        yield one
        return
    place = 0
    while place < len(one.data):
        end = place + SECTOR - (one.offset + place) % SECTOR
        yield Asked(WRITE, one.offset + place, one.name, "", one.data[place:end])
        place = end


def _apply(files: dict[str, bytearray], one: Asked) -> None:
    if one.kind == UNLINK:
        files.pop(one.name, None)
    elif one.kind == RENAME:
        if one.name in files:
            files[one.to] = files.pop(one.name)
    else:
        content = files.setdefault(one.name, bytearray())
        size = one.offset if one.kind == TRUNCATE else max(len(content), one.offset + len(one.data))
        content.extend(bytes(max(0, size - len(content))))
        if one.kind == TRUNCATE:
            del content[size:]
        else:
            content[one.offset : one.offset + len(one.data)] = one.data
