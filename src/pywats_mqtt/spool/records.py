"""Rows of a page of a SQLite file (sqlite.org/fileformat2.html, 1.6 and 2.1), each read on its own."""

# ruff: noqa: PLR2004 - the numbers are those of the file's form, in the sections that are named

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from pywats_mqtt.spool.pages import Pages

Column: TypeAlias = str | bytes | int | float | None

TABLE_LEAF: Final = 0x0D
_INDEX_LEAF: Final = 0x0A
_INDEX_INTERIOR: Final = 0x02
_TABLE_INTERIOR: Final = 0x05
_LONGEST: Final = 1 << 30
"""Bytes of a record SQLite takes at most."""


class Record(msgspec.Struct, frozen=True):
    """A row.

    Attributes:
        table: whether it is of a table with row ids; else of one without.
        row_id: its row id; 0 without.
        columns: its values; a column that is the row id is None.
    """

    table: bool
    row_id: int
    columns: tuple[Column, ...]


class Damaged(Exception):
    """A page or a row makes no sense."""


def records(pages: Pages, number: int) -> Iterator[Record | Damaged]:
    """Give the rows of a page; in place of each that cannot be read, what is wrong.

    Raises:
        Damaged: the page is none that holds rows.
    """
    page = pages.page(number)
    begin = 100 if number == 1 else 0
    kind = page[begin]
    if kind == _TABLE_INTERIOR:
        return
    if kind not in {TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR}:
        raise Damaged("the page is none of a tree")
    cells = int.from_bytes(page[begin + 3 : begin + 5])
    array = begin + (12 if kind == _INDEX_INTERIOR else 8)
    if array + 2 * cells > pages.size:
        raise Damaged("the page names more rows than it can have")
    for index in range(cells):
        pointer = int.from_bytes(page[array + 2 * index : array + 2 * index + 2])
        try:
            yield _record(pages, page, kind, pointer)
        except (IndexError, ValueError, struct.error, Damaged) as error:
            yield Damaged(str(error))


def _record(pages: Pages, page: bytes, kind: int, at: int) -> Record:
    if kind == _INDEX_INTERIOR:
        at += 4
    length, at = _varint(page, at)
    row_id = 0
    if kind == TABLE_LEAF:
        row_id, at = _varint(page, at)
    if length > _LONGEST:
        raise Damaged("longer than a row can be")
    return Record(kind == TABLE_LEAF, row_id, _columns(_payload(pages, page, kind, at, length)))


def _payload(pages: Pages, page: bytes, kind: int, at: int, length: int) -> bytes:
    """Put a row's bytes together, also where it goes on in other pages (1.6)."""
    usable = pages.size
    most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    least = (usable - 12) * 32 // 255 - 23
    local = length
    if length > most:
        local = least + (length - least) % (usable - 4)
        if local > most:
            local = least
    if at + local > usable:
        raise Damaged("it ends outside of its page")
    parts = [page[at : at + local]]
    left = length - local
    follow = int.from_bytes(page[at + local : at + local + 4]) if left else 0
    while left > 0:
        if not 1 < follow <= pages.count:
            raise Damaged("it goes on in a page that is not there")
        more = pages.page(follow)
        parts.append(more[4 : 4 + left])
        left -= usable - 4
        follow = int.from_bytes(more[:4])
    return b"".join(parts)


def _columns(payload: bytes) -> tuple[Column, ...]:
    size, at = _varint(payload, 0)
    if not 0 < size <= len(payload):
        raise Damaged("its head is longer than itself")
    body = size
    found: list[Column] = []
    while at < size:
        serial, at = _varint(payload, at)
        value, body = _value(payload, body, serial)
        found.append(value)
    if body > len(payload):
        raise Damaged("its values are longer than itself")
    return tuple(found)


def _value(payload: bytes, at: int, serial: int) -> tuple[Column, int]:
    """Read a value by its serial type (2.1)."""
    if serial == 0:
        return None, at
    if serial in {8, 9}:
        return serial - 8, at
    if serial <= 6:
        width = (0, 1, 2, 3, 4, 6, 8)[serial]
        return int.from_bytes(payload[at : at + width], signed=True), at + width
    if serial == 7:
        return struct.unpack(">d", payload[at : at + 8])[0], at + 8
    if serial < 12:
        raise Damaged("a value of a sort that is reserved")
    end = at + (serial - 12) // 2
    return (payload[at:end].decode() if serial % 2 else payload[at:end]), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9
