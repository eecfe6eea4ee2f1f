"""How many calls fit into the last minute, as the server sees them. Pure: times come in as arguments.

The server counts a call when it receives it, which is some time between its start and its end here. So a slot is taken
at the start and freed a full window after the END. Then the bound holds for every window of the server's: take the call
of the window that started last; none of the others can have been freed by then, since each ended at or after its
reception, which is less than a window ago.

Each call is on somebody's account, so that what each used up can be told; remembered ones are on nobody's.

A restart forgets the calls, so they are reserved in blocks that are written down before their first use. After a
restart a block whose last call is known to have ended at some time counts with all its calls at that time; any other
counts as just used.
"""

from __future__ import annotations

from collections import Counter, deque

import msgspec

WINDOW_S = 60.0

MARGIN_S = 0.25
"""Added to the window: two clocks differ by up to 0.5 ms a second while one is slewed (30 ms), times are rounded."""

WINDOW_US = int((WINDOW_S + MARGIN_S) * 1e6)


class Window:
    """Slots taken and not yet freed; times in seconds of one clock that never goes back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ended: deque[tuple[float, str]] = deque()
        self._remembered = 0
        self.by_account: Counter[str] = Counter()
        """Slots of each account that are not free, as of the last look at the time."""

    def remember(self, count: int, ended_s: float) -> None:
        """Take note of calls that ended before; to be called in the order of `ended_s`, before any other call ends."""
        self._ended.extend([(ended_s, "")] * count)
        self._remembered += count

    def taken(self, now_s: float) -> int:
        """Count the slots that are not free at `now_s`."""
        while self._ended and self._ended[0][0] + WINDOW_S + MARGIN_S < now_s:
            account = self._ended.popleft()[1]
            if self._remembered:  # they are the first that ended
                self._remembered -= 1
            else:
                self.by_account[account] -= 1
        return self._taken

    def free(self, now_s: float) -> int:
        """Count the calls that may start at `now_s`; below 0 where the limit was lowered and more are remembered."""
        return self._limit - self.taken(now_s)

    def wait_s(self, now_s: float, spare: int = 0) -> float | None:
        """Tell how long until more than `spare` calls may start: 0 for now, None until one that is under way ends."""
        # More may be remembered than the limit allows, when it was lowered since.
        place = self.taken(now_s) + spare - self._limit
        if place < 0:
            return 0.0
        if place >= len(self._ended):
            return None
        return max(self._ended[place][0] + WINDOW_S + MARGIN_S - now_s, 0.0) + 0.001  # over it, not at it

    def start(self, account: str = "") -> None:
        """Take a slot."""
        self.by_account[account] += 1

    def give_back(self, account: str = "") -> None:
        """Free a slot at once, since no call was made."""
        self.by_account[account] -= 1

    def end(self, now_s: float, account: str = "") -> None:
        """Say that a call ended: its slot is freed a window later."""
        self._ended.append((now_s, account))

    @property
    def _taken(self) -> int:
        return self._remembered + sum(self.by_account.values())


class Block(msgspec.Struct):
    """Calls reserved together.

    Attributes:
        size: how many.
        started: how many have started.
        under_way: how many of them have not ended.
        ended_us: when the last one ended, in microseconds since 1970 UTC; 0 while none has.
    """

    size: int
    started: int = 0
    under_way: int = 0
    ended_us: int = 0


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A block as it is written down: how many calls, and when the last of them ended (None: not known)."""

    count: int
    ended_us: int | None


class Blocks:
    """The reserved calls whose slots may still be taken."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._blocks: deque[Block] = deque()
        self._before: list[Kept] = []

    def restore(self, note: bytes, now_us: int) -> list[tuple[int, int]]:
        """Read what an earlier run wrote.

        Returns:
            (calls, microseconds since they ended) of what still counts, the longest ago first. A time in the future,
            from a clock that was put back, counts as now.

        Raises:
            msgspec.DecodeError: it is not what `dump` wrote.
        """
        kept = msgspec.json.decode(note, type=list[Kept])
        ages = [(k.count, 0 if k.ended_us is None else max(now_us - k.ended_us, 0)) for k in kept]
        counted = sorted(((count, age) for count, age in ages if age <= WINDOW_US), key=lambda pair: -pair[1])
        self._before = [Kept(count, now_us - age) for count, age in counted]
        return counted

    def full(self) -> bool:
        """Tell whether a block must be reserved before the next call."""
        return not self._blocks or self._blocks[-1].started == self._blocks[-1].size

    def reserve(self) -> None:
        """Open the next block; what `dump(reserving=True)` gave before must be durable by now."""
        self._blocks.append(Block(size=self._size))

    def start(self) -> Block:
        """Use a call of the open block."""
        block = self._blocks[-1]
        block.started += 1
        block.under_way += 1
        return block

    def end(self, block: Block, now_us: int) -> None:
        """Say that a call of this block ended."""
        block.under_way -= 1
        block.ended_us = max(block.ended_us, now_us)

    def dump(self, now_us: int, *, reserving: bool = False, closing: bool = False) -> bytes:
        """Give what is to be written: all that may still count, and no more.

        Args:
            now_us: the present.
            reserving: another block is about to be reserved: it is written, too.
            closing: no further call will start: what was reserved and not used is given back.
        """
        oldest = now_us - WINDOW_US
        self._before = [kept for kept in self._before if kept.ended_us is None or kept.ended_us >= oldest]
        finished = [block for block in self._blocks if self._over(block) and block.ended_us < oldest]
        for block in finished:
            self._blocks.remove(block)
        entries = list(self._before)
        for block in self._blocks:
            known = block.under_way == 0 and (closing or block.started == block.size)
            count = block.started if closing else block.size
            if count:
                entries.append(Kept(count, block.ended_us if known else None))
        if reserving:
            entries.append(Kept(self._size, None))
        return msgspec.json.encode(entries)

    @staticmethod
    def _over(block: Block) -> bool:
        return block.started == block.size and block.under_way == 0
