"""The latest deliveries of all assets in memory: one entry for each asset and kind, folded, leased and settled here.

Everything that changes an entry changes a copy first; `commit` makes the copies true when the transaction that stored
them is, and `rollback` forgets them. So several batches that share a transaction cost one row each, not one a batch.

Pure: the store loads the entries at start and writes what `changed` gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from heapq import nsmallest
from operator import attrgetter

import msgspec

from pywats_mqtt.events import Latest
from pywats_mqtt.folding import without
from pywats_mqtt.ports import Delivery
from pywats_mqtt.retry import PUT_BACK_US, due_as_read_us, must_wait
from pywats_mqtt.spool.routing import Folded, Pair
from pywats_mqtt.spool.states import Move, State, advance


class Entry(msgspec.Struct, kw_only=True):
    """A row of the latest table; the columns have the same names and meaning.

    `version` grows with each fold; it is owed while above `settled_version`.
    """

    key: str
    kind: str
    id: int
    version: int
    settled_version: int
    messages: int
    attempts: int
    due_us: int
    settled_at_us: int
    owed_since_us: int
    received_at_us: int
    topic: str
    cause: str
    event: Latest

    @property
    def owed(self) -> bool:
        """Whether something changed since it was last settled."""
        return self.version > self.settled_version


class LatestEntries:
    """All entries, which of them are owed, and which version of them is leased."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take the stored entries; nothing is leased."""
        self._entries = {(entry.key, entry.kind): entry for entry in entries}
        owed = sorted((entry for entry in self._entries.values() if entry.owed), key=_owed_since)
        self._owed: dict[Pair, None] = {(entry.key, entry.kind): None for entry in owed}
        self._changed: dict[Pair, Entry] = {}
        self._settled: set[Pair] = set()
        self._leased: dict[int, Delivery] = {}
        self._leased_us: dict[int, int] = {}
        self._asked_us = 0

    def event(self, pair: Pair) -> Latest | None:
        """Give what the next event of this asset and kind is folded into."""
        entry = self._changed.get(pair) or self._entries.get(pair)
        return None if entry is None else entry.event

    def version(self, pair: Pair) -> int:
        """Give the version that the last fold made; 0 where nothing is known."""
        entry = self._changed.get(pair) or self._entries.get(pair)
        return 0 if entry is None else entry.version

    def fold(self, pair: Pair, folded: Folded, *, now_us: int, new_id: int) -> bool:
        """Take the fold of a batch; `new_id` names the entry if it is new, which is what this tells."""
        entry = self._to_change(pair)
        new = entry is None
        if entry is None:
            entry = Entry(
                key=pair[0],
                kind=pair[1],
                id=new_id,
                version=0,
                settled_version=0,
                messages=0,
                attempts=0,
                due_us=0,
                settled_at_us=0,
                owed_since_us=0,
                received_at_us=0,
                topic="",
                cause="",
                event=folded.event,
            )
            self._changed[pair] = entry
        if not entry.owed:
            entry.owed_since_us = now_us
        entry.version += 1
        entry.event = folded.event
        entry.messages += folded.messages
        entry.topic = folded.message.topic
        entry.received_at_us = folded.message.received_at_us
        return new

    def owe_again(self, pair: Pair, *, now_us: int) -> None:
        """Owe what is known once more, as from now and without waiting for its interval; nothing where nothing is."""
        entry = self._to_change(pair)
        if entry is not None:
            if not entry.owed:
                entry.owed_since_us = now_us
            entry.version += 1
            entry.settled_at_us = 0

    def lease(self, limit: int, now_us: int, *, settled_before_us: int, skip_kinds: AbstractSet[str]) -> list[Delivery]:
        """Lease entries that are owed and due, the longest owed first.

        A settled time is recent from `settled_before_us` to as long after now: one that is further ahead was taken
        before the clock was put back.
        """
        recent_until_us = 2 * now_us - settled_before_us
        if not self._asked_us:  # a former run put them off
            for entry in self._entries.values():
                entry.due_us = due_as_read_us(entry.due_us, now_us)
        elif now_us < self._asked_us - PUT_BACK_US:
            self._forget_times()
        self._asked_us = now_us
        taken: list[Delivery] = []
        for pair in self._owed:
            if len(taken) >= limit:
                break
            entry = self._entries[pair]
            if (
                entry.id in self._leased
                or entry.kind in skip_kinds
                or must_wait(entry.due_us, now_us)
                or (entry.settled_at_us and settled_before_us <= entry.settled_at_us <= recent_until_us)
            ):
                continue
            taken.append(self._lease(entry, now_us))
        return taken

    def _forget_times(self) -> None:
        """Let all that wait for their time go: it was told by a clock that was put back since."""
        for entry in (*self._entries.values(), *self._changed.values()):
            if entry.due_us > self._asked_us:
                entry.due_us = 0

    def _lease(self, entry: Entry, now_us: int) -> Delivery:
        advance(State.WAITING, Move.LEASE)
        self._leased_us[entry.id] = now_us
        delivery = self._leased[entry.id] = Delivery(
            id=entry.id,
            key=entry.key,
            kind=entry.kind,
            event=entry.event,
            attempts=entry.attempts,
            messages=entry.messages,
            version=entry.version,
        )
        return delivery

    def leased(self, delivery_id: int) -> Delivery | None:
        """Give a leased delivery, or None where nobody has it."""
        return self._leased.get(delivery_id)

    def give_back(self, delivery_id: int) -> None:
        """End a lease that nobody used."""
        advance(State.LEASED, Move.GIVE_BACK)
        del self._leased[delivery_id], self._leased_us[delivery_id]

    def end_lease(self, delivery_id: int) -> None:
        """End a lease whose settlement is committed."""
        del self._leased[delivery_id], self._leased_us[delivery_id]

    def settle(self, delivery: Delivery, *, now_us: int) -> Entry:
        """Count the leased version as settled; a newer one, folded since the lease, is owed as from there."""
        entry = self._entry(delivery)
        entry.settled_version = delivery.version
        entry.settled_at_us = now_us
        entry.owed_since_us = self._leased_us[delivery.id]
        entry.messages -= delivery.messages
        entry.attempts = entry.due_us = 0
        entry.cause = ""
        self._settled.add((entry.key, entry.kind))
        return entry

    def put_off(self, delivery: Delivery, *, attempts: int, due_us: int, cause: str) -> None:
        """Keep it owed, not before `due_us`."""
        entry = self._entry(delivery)
        entry.attempts, entry.due_us, entry.cause = attempts, due_us, cause

    def lease_idle(self, limit: int, after: int, now_us: int) -> list[tuple[Delivery, Entry]]:
        """Lease entries that are owed, whether due or not, with ids above `after`, the smallest first."""
        owed = (self._entries[pair] for pair in self._owed)
        wanted = (entry for entry in owed if entry.id > after and entry.id not in self._leased)
        idle = nsmallest(limit, wanted, key=attrgetter("id"))
        return [(self._lease(entry, now_us), entry) for entry in idle]

    def hand_over(self, delivery: Delivery, given: Latest, *, settles: bool) -> None:
        """Take what leaves out of what is known; it is owed no more, unless it changed since or does not settle."""
        entry = self._entry(delivery)
        entry.event = without(entry.event, given)
        entry.messages -= delivery.messages
        if settles:
            entry.settled_version = delivery.version
            entry.owed_since_us = self._leased_us[delivery.id]
            entry.attempts = entry.due_us = 0
            entry.cause = ""
            self._settled.add((entry.key, entry.kind))

    def changed(self) -> Iterable[Entry]:
        """Give the entries this transaction has to write."""
        return self._changed.values()

    def commit(self) -> None:
        """Make what changed true."""
        for pair in self._settled:
            self._owed.pop(pair, None)
        self._settled.clear()
        for pair, entry in self._changed.items():
            if entry.owed:
                self._owed[pair] = None
        self._entries.update(self._changed)
        self._changed.clear()

    def rollback(self) -> None:
        """Forget what changed."""
        self._changed.clear()
        self._settled.clear()

    def owed(self) -> Iterable[tuple[str, str, int]]:
        """Give what is owed: asset, kind, and since when."""
        return ((*pair, self._entries[pair].owed_since_us) for pair in self._owed)

    def next_due_us(self) -> int | None:
        """Tell when the earliest of those is due that were put off and not due when leases were last asked for."""
        entries = (self._entries[pair] for pair in self._owed)
        return min(
            (
                entry.due_us
                for entry in entries
                if must_wait(entry.due_us, self._asked_us) and entry.id not in self._leased
            ),
            default=None,
        )

    def _to_change(self, pair: Pair) -> Entry | None:
        entry = self._changed.get(pair)
        if entry is None and (stored := self._entries.get(pair)) is not None:
            entry = self._changed[pair] = msgspec.structs.replace(stored)
        return entry

    def _entry(self, delivery: Delivery) -> Entry:
        entry = self._to_change((delivery.key, delivery.kind))
        if entry is None:
            raise ValueError(f"there is no latest delivery {delivery.id} of {delivery.key} ({delivery.kind})")
        return entry


def _owed_since(entry: Entry) -> tuple[int, int]:
    return entry.owed_since_us, entry.id
