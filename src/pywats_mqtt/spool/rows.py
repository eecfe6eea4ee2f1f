"""Many rows in few SQL statements.

Each statement lets go of the interpreter lock and has to win it back from a busy event loop, which can take
milliseconds; a statement for each row would make the writer thread wait more than it works. So rows are written by
the hundred, and those read in numbers come as one value.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, TypeAlias

Value: TypeAlias = str | bytes | int
"""What a column holds."""

CHUNK: Final = 128
"""Rows a statement: times 15 columns far below SQLite's 32,766 parameters, and few enough shapes to stay prepared."""


def write_rows(db: sqlite3.Connection, head: str, rows: Sequence[tuple[Value, ...]]) -> None:
    """Run `head VALUES (…), (…)` for rows of equal width; `head` is such as `INSERT INTO packet`."""
    begin = 0
    for size in _sizes(len(rows)):
        values = [value for row in rows[begin : begin + size] for value in row]
        db.execute(_values(head, len(rows[0]), size), values)
        begin += size


def delete_rows(db: sqlite3.Connection, head: str, keys: Sequence[Value]) -> int:
    """Run `head IN (…)` and give how many rows that removed; `head` is such as `DELETE FROM packet WHERE id`."""
    removed = 0
    begin = 0
    for size in _sizes(len(keys)):
        removed += db.execute(_in(head, size), keys[begin : begin + size]).rowcount
        begin += size
    return removed


def update_rows(db: sqlite3.Connection, head: str, values: Sequence[Value], keys: Sequence[Value]) -> None:
    """Run `head IN (…)` for all keys; `head` is such as `UPDATE trace SET left = ? WHERE id`, with its `values`."""
    begin = 0
    for size in _sizes(len(keys)):
        db.execute(_in(head, size), [*values, *keys[begin : begin + size]])
        begin += size


def select_text(db: sqlite3.Connection, head: str, keys: Sequence[Value]) -> Iterator[str]:
    """Run `head IN (…)`, which gives one text or NULL, for all keys; give the texts."""
    begin = 0
    for size in _sizes(len(keys)):
        (text,) = db.execute(_in(head, size), keys[begin : begin + size]).fetchone()
        begin += size
        if text is not None:
            yield text


def _sizes(count: int) -> Iterator[int]:
    """Split a count into powers of two up to CHUNK: eight shapes of a statement serve every count."""
    size = CHUNK
    while count:
        while size > count:
            size //= 2
        yield size
        count -= size


@cache
def _values(head: str, width: int, count: int) -> str:
    row = f"({','.join('?' * width)})"
    return f"{head} VALUES {','.join([row] * count)}"


@cache
def _in(head: str, count: int) -> str:
    return f"{head} IN ({','.join('?' * count)})"
