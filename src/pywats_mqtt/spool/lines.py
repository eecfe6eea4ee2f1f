"""Which ordered delivery may be sent next: the oldest of each key, one of a key at a time.

A key's deliveries form a line. Only the head of the table is in memory: rows are read forward up to a horizon, and a
line keeps at most some of them. Where it cannot keep one, it remembers the id of the first row it left out (its gap)
and reads on from there when it has used up what it holds. So one line with a million rows, or many that wait for
their time, neither fill the memory nor hide the lines behind them, and nothing needs an index by key.

Pure: the store reads the rows that `next_scan` asks for and hands them to `fill`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush
from typing import Final

import msgspec

from pywats_mqtt.retry import PUT_BACK_US, due_as_read_us, must_wait
from pywats_mqtt.spool.states import Move, State, advance

WINDOW: Final = 2_000
"""Deliveries held in memory before lines are cut to their heads: 2 to 4 MB, some seconds of work for a fast server."""
LINE: Final = 64
"""Deliveries one line holds; a refill reads as many at once."""
SCAN_IDS: Final = 4_000
"""Ids one refill looks through: some milliseconds, for which the writer thread serves nobody else."""
SCAN_ROWS: Final = 500
"""Rows read forward at once."""
SCAN_KEYS: Final = 64
"""Lines refilled at once."""


class Item(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A row of the delivery table in memory: its event still packed, without the message it was made of."""

    id: int
    key: str
    kind: str
    attempts: int
    due_us: int
    messages: int
    packed: bytes


class Scan(msgspec.Struct, frozen=True):
    """Rows to read: ids from `first` to `last` (both included), oldest first, at most `limit`.

    `keys` empty: of all keys.
    """

    first: int
    last: int
    limit: int
    keys: tuple[str, ...] = ()


class _Line:
    """One key's deliveries: those in memory, and the id of the first that is not (0: all up to the horizon are)."""

    __slots__ = ("gap", "items")

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.gap = 0


class Lines:
    """All lines of the spool, and who has leased which head.

    A line is in exactly one place: among the ready (its head may be leased), the parked (its head waits for its time),
    the leased, or the hungry (it holds nothing, but has a gap).
    """

    def __init__(self, last_id: int) -> None:
        """Begin with nothing in memory; rows up to `last_id` may be in the table."""
        self._last_id = last_id
        self._horizon = 0
        self._lines: dict[str, _Line] = {}
        self._ready: dict[str, list[tuple[int, str]]] = {}
        self._parked: list[tuple[int, int, str]] = []
        self._leased: dict[int, Item] = {}
        self._hungry: set[str] = set()
        self._held = 0
        self._asked_us = 0

    def append(self, items: Sequence[Item], last_id: int) -> None:
        """Take rows that were just stored; `last_id` is the newest id given out."""
        caught_up = self._horizon == self._last_id
        self._last_id = last_id
        if caught_up and self._held < WINDOW:
            for item in items:
                self._offer(item)
            self._horizon = last_id

    def lease(
        self, limit: int, now_us: int, skip_kinds: AbstractSet[str], busy_kinds: AbstractSet[str] = frozenset()
    ) -> list[Item]:
        """Lease the heads of lines that are due, oldest first, of the rows in memory."""
        if now_us < self._asked_us - PUT_BACK_US:
            self._forget_times()
        self._asked_us = now_us
        while self._parked and self._parked[0][0] <= now_us:
            _, head, key = heappop(self._parked)
            self._make_ready(head, key)
        for kind in skip_kinds & self._ready.keys():
            for _, key in self._ready[kind]:  # they wait for long
                self._cut(self._lines[key])
        heaps = [heap for kind, heap in self._ready.items() if kind not in skip_kinds and kind not in busy_kinds]
        taken: list[Item] = []
        while len(taken) < limit and (heaps := [heap for heap in heaps if heap]):
            entry = heappop(min(heaps))
            line = self._lines[entry[1]]
            item = line.items[0]
            if must_wait(item.due_us, now_us):  # it was put among the ready before the clock was put back
                heappush(self._parked, (item.due_us, *entry))
                self._cut(line)
                continue
            advance(State.WAITING, Move.LEASE)
            self._leased[item.id] = item
            taken.append(item)
        return taken

    def _forget_times(self) -> None:
        """Let all that wait for their time go: it was told by a clock that was put back since."""
        for _, head, key in self._parked:
            items = self._lines[key].items
            items[0] = msgspec.structs.replace(items[0], due_us=0)
            self._make_ready(head, key)
        self._parked.clear()

    def leased(self, delivery_id: int) -> Item | None:
        """Give a leased row, or None where nobody has it."""
        return self._leased.get(delivery_id)

    def remove(self, delivery_id: int) -> None:
        """End a lease for good: done or refused; the next of its line may go."""
        item = self._leased.pop(delivery_id)
        self._lines[item.key].items.popleft()
        self._held -= 1
        self._place(item.key)

    def put_back(self, delivery_id: int, *, attempts: int, due_us: int) -> None:
        """End a lease; the row stays the head of its line and waits until it is due."""
        item = self._leased.pop(delivery_id)
        line = self._lines[item.key]
        line.items[0] = msgspec.structs.replace(item, attempts=attempts, due_us=due_us)
        if 0 < line.gap <= item.id:  # rows that came back stand before it: they are read with it, in order
            line.items.clear()
            self._held -= 1
        elif must_wait(due_us, self._asked_us):
            self._cut(line)
        self._place(item.key)

    def give_back(self, delivery_id: int) -> None:
        """End a lease that nobody used."""
        item = self._leased[delivery_id]
        advance(State.LEASED, Move.GIVE_BACK)
        self.put_back(delivery_id, attempts=item.attempts, due_us=item.due_us)

    def busy(self) -> set[str]:
        """Give the keys of lines whose head is leased."""
        return {item.key for item in self._leased.values()}

    def drop_idle(self) -> None:
        """Forget all that is stored, but for lines whose head is leased: the others are another's now."""
        idle = self._lines.keys() - self.busy()
        for key in idle:
            del self._lines[key]
        for line in self._lines.values():
            if not line.gap and self._horizon < self._last_id:
                line.gap = self._horizon + 1
        self._start_over(self._last_id)

    def read_again(self, first: int) -> None:
        """Forget all but what is leased, since rows came back; ids from `first` on are in the table."""
        for key in self._lines.keys() - self.busy():
            del self._lines[key]
        for line in self._lines.values():
            line.items = deque((line.items[0],))
            line.gap = first
        self._start_over(first - 1)

    def _start_over(self, horizon: int) -> None:
        self._horizon = horizon
        self._ready.clear()
        self._parked.clear()
        self._hungry.clear()
        self._held = sum(len(line.items) for line in self._lines.values())

    def next_due_us(self) -> int | None:
        """Tell when a parked head is due; 0 where rows are left to be read, so that leasing again may find some."""
        if self.next_scan() is not None:
            return 0
        return self._parked[0][0] if self._parked else None

    def next_scan(self) -> Scan | None:
        """Ask for the rows to read next: for lines that ran empty, else forward; None where all is in memory."""
        if self._hungry:
            keys = tuple(sorted(self._hungry, key=self._gap)[:SCAN_KEYS])
            first = self._gap(keys[0])
            return Scan(first, min(first + SCAN_IDS - 1, self._horizon), SCAN_ROWS, keys)
        if self._horizon < self._last_id:
            return Scan(self._horizon + 1, self._last_id, SCAN_ROWS)
        return None

    def fill(self, scan: Scan, items: Sequence[Item]) -> None:
        """Take the rows a scan found."""
        seen = items[-1].id if len(items) >= scan.limit else scan.last
        items = [self._as_read(item) if item.due_us else item for item in items]
        if not scan.keys:
            self._horizon = seen
            for item in items:
                self._offer(item)
            return
        for item in items:
            line = self._lines[item.key]
            if line.gap == 0 or item.id < line.gap or len(line.items) >= self._room():
                continue
            line.items.append(item)
            self._held += 1
            line.gap = item.id + 1
        for key in scan.keys:
            line = self._lines[key]
            if len(line.items) < self._room():
                line.gap = max(line.gap, seen + 1)
            if line.gap > self._horizon:
                line.gap = 0
            if line.items or not line.gap:
                self._hungry.discard(key)
                self._place(key)

    def _as_read(self, item: Item) -> Item:
        """Take a row from the table for one of a former run, which it probably is."""
        due_us = due_as_read_us(item.due_us, self._asked_us)
        return item if due_us == item.due_us else msgspec.structs.replace(item, due_us=due_us)

    def _gap(self, key: str) -> int:
        return self._lines[key].gap

    def _room(self) -> int:
        return LINE if self._held < WINDOW else 1

    def _offer(self, item: Item) -> None:
        """Take a row that was never looked at before, in order of id."""
        line = self._lines.get(item.key)
        if line is None:
            line = self._lines[item.key] = _Line()
            line.items.append(item)
            self._held += 1
            self._place(item.key)
        elif line.gap:
            pass  # it comes after rows that are not in memory
        elif len(line.items) >= self._room():
            line.gap = item.id
        else:
            line.items.append(item)
            self._held += 1

    def _cut(self, line: _Line) -> None:
        """Let go of all but the head of a line that cannot go on now."""
        if len(line.items) > 1:
            head, second = line.items[0], line.items[1]
            self._held -= len(line.items) - 1
            line.items = deque((head,))
            line.gap = second.id

    def _make_ready(self, head: int, key: str) -> None:
        """Put a line among the ready, by the kind of its head: what is left alone costs no look."""
        heappush(self._ready.setdefault(self._lines[key].items[0].kind, []), (head, key))

    def _place(self, key: str) -> None:
        """Put a line that is nowhere to where it belongs."""
        line = self._lines[key]
        if line.items:
            head = line.items[0]
            if must_wait(head.due_us, self._asked_us):
                heappush(self._parked, (head.due_us, head.id, key))
            else:
                self._make_ready(head.id, key)
        elif line.gap:
            self._hungry.add(key)
        else:
            del self._lines[key]
