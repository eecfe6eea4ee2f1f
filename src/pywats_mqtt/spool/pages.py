"""Pages of a damaged SQLite file, with its write-ahead log, read without SQLite (sqlite.org/fileformat2.html).

SQLite refuses a file as a whole; most of its pages are good all the same. Which ones hold rows is told by the pointer
map that `auto_vacuum` keeps (section 1.8): it also tells free pages, whose rows were deleted, from used ones. What was
deleted is still there to read, so where the map is damaged the list of free pages is asked (section 1.5).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pywats_mqtt.spool.migrate import APPLICATION_ID

PAGE_BYTES: Final = 4_096
"""Of every spool of ours, unless its header says otherwise."""
_SMALLEST: Final = 512
_MAGIC: Final = b"SQLite format 3\x00"
_PENDING_BYTE: Final = 1 << 30
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_WAL_MAGIC: Final = 0x377F0682


class Use(IntEnum):
    """What the pointer map says of a page."""

    UNKNOWN = 0
    ROOT = 1
    FREE = 2
    OVERFLOW_FIRST = 3
    OVERFLOW = 4
    TREE = 5


class Pages:
    """The pages of a file, as of the last transaction its log holds in full; a context manager.

    Attributes:
        size: bytes of a page.
        count: pages.
        is_spool: it begins as our files do, or has a log beside it.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and the `-wal` beside it, where there is one.

        Raises:
            OSError: it cannot be read.
        """
        self._file = path.open("rb")
        header = self._file.read(100).ljust(100, b"\x00")
        sound = header.startswith(_MAGIC)
        named = int.from_bytes(header[16:18])
        self.size = named if sound and named >= _SMALLEST and not named & (named - 1) else PAGE_BYTES
        self.count = (path.stat().st_size + self.size - 1) // self.size
        in_header = int.from_bytes(header[28:32])
        if sound and header[24:28] == header[92:96] and 0 < in_header < self.count:
            self.count = in_header
        self._log: dict[int, bytes] = {}
        log = Path(f"{path}-wal")
        self.is_spool = (sound and int.from_bytes(header[68:72]) == APPLICATION_ID) or log.is_file()
        if log.is_file():
            self._read_log(log.read_bytes())

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self._file.close()

    def page(self, number: int) -> bytes:
        """Give a page, numbered from 1; what is missing of it is zero."""
        logged = self._log.get(number)
        if logged is not None:
            return logged
        self._file.seek((number - 1) * self.size)
        return self._file.read(self.size).ljust(self.size, b"\x00")

    def in_use(self) -> Iterator[int]:
        """Give the numbers of pages that may hold rows."""
        free: set[int] | None = None
        for number in range(1, self.count + 1):
            use = self.use(number)
            if use is Use.UNKNOWN and free is None:
                free = self._listed_free()
            if use in {Use.ROOT, Use.TREE} or (use is Use.UNKNOWN and number not in (free or ())):
                yield number

    def use(self, number: int) -> Use:
        """Tell what the pointer map says of a page; UNKNOWN where it says nothing that makes sense."""
        if number == 1:
            return Use.ROOT
        group = self.size // 5 + 1
        map_page = (number - 2) // group * group + 2
        if number == map_page or (number - 1) * self.size == _PENDING_BYTE:
            return Use.FREE  # no rows
        said = self.page(map_page)[5 * (number - map_page - 1)]
        return Use(said) if said in set(Use) else Use.UNKNOWN

    def _listed_free(self) -> set[int]:
        """Give the pages that the list of free ones names, as far as it can be read."""
        free: set[int] = set()
        trunk = int.from_bytes(self.page(1)[32:36])
        while 1 < trunk <= self.count and trunk not in free:
            page = self.page(trunk)
            following, leaves = struct.unpack_from(">2I", page)
            if leaves > self.size // 4 - 2:
                break  # it is no page of the list
            free.add(trunk)
            free.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = following
        return free

    def _read_log(self, log: bytes) -> None:
        """Take the frames of all transactions that are whole (section 4); what follows them never was committed."""
        if len(log) < _WAL_HEADER or int.from_bytes(log[:4]) & ~1 != _WAL_MAGIC:
            return
        order = ">" if int.from_bytes(log[:4]) & 1 else "<"
        size = int.from_bytes(log[8:12])
        if size != self.size or _checksum(log[:24], order, (0, 0)) != struct.unpack(">2I", log[24:32]):
            return
        running = struct.unpack(">2I", log[24:32])
        pending: dict[int, bytes] = {}
        for begin in range(_WAL_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
            head = log[begin : begin + _FRAME_HEADER]
            page = log[begin + _FRAME_HEADER : begin + _FRAME_HEADER + size]
            running = _checksum(page, order, _checksum(head[:8], order, running))
            if head[8:16] != log[16:24] or running != struct.unpack(">2I", head[16:24]):
                return
            pending[int.from_bytes(head[:4])] = page
            if pages := int.from_bytes(head[4:8]):
                self._log |= pending
                self.count = pages
                pending = {}


def _checksum(data: bytes, order: str, start: tuple[int, ...]) -> tuple[int, int]:
    """Go on with the checksum of the log (section 4.2)."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
