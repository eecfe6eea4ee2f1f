"""The spool in memory: the same promises but the one to survive the process, and no bound in bytes.

For tests and demonstrations. It takes every decision the simplest way, so that it also shows what the spool on disk
has to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pywats_mqtt.events import kind_of, order_key
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import (
    Batch,
    Clock,
    Delivery,
    Done,
    Figures,
    Gathered,
    Quarantined,
    Receipt,
    Refused,
    Rejection,
    Release,
    RetryAt,
    RoutedBatch,
    Settlement,
    Staleness,
    Trace,
)
from pywats_mqtt.retry import PUT_BACK_US, must_wait
from pywats_mqtt.spool.latest import Entry
from pywats_mqtt.spool.memory_handover import MemoryHandover, Owed
from pywats_mqtt.spool.packets import QOS_2
from pywats_mqtt.spool.redelivery import RefusedPackets
from pywats_mqtt.spool.routing import NewDelivery, Pair, latest_pair
from pywats_mqtt.spool.settling import reason_of, settle_latest
from pywats_mqtt.spool.staleness import staleness_of
from pywats_mqtt.spool.states import Move, State, advance, settled


class MemorySpool(MemoryHandover):
    """Keeps everything in dicts; see `ports.Spool` for what each call does."""

    def __init__(self, *, clock: Clock) -> None:
        """Begin empty; `clock` tells when deliveries were settled."""
        super().__init__(clock)
        self._batches: dict[int, Batch] = {}
        self._packets: set[int] = set()
        self._refused_packets = RefusedPackets({})
        self._refused: dict[Pair, int] = {}
        self._asked_us = 0

    async def put(self, receipt: Receipt) -> Batch | None:
        """See `ports.Spool.put`."""
        if receipt.fresh_session:
            self._packets.clear()
            self._refused_packets.begin_session(self._tally.last_batch + 1)
        self._packets.difference_update(receipt.released)
        self._tally.received += len(receipt.messages)
        messages: list[RawMessage] = []
        for message in receipt.messages:
            if message.qos == QOS_2 and message.packet_id:
                if message.packet_id in self._packets:
                    continue
                self._packets.add(message.packet_id)
            messages.append(message)
        if not messages:
            return None
        self._tally.count_stored(len(messages))
        return self._batch(messages)

    def _batch(self, messages: Sequence[RawMessage]) -> Batch:
        self._tally.last_batch += 1
        batch = self._batches[self._tally.last_batch] = Batch(
            self._tally.last_batch, tuple(messages), to_us(self._clock.now())
        )
        return batch

    async def unrouted(self, after: int, limit: int) -> Sequence[Batch]:
        """See `ports.Spool.unrouted`."""
        return [batch for number, batch in self._batches.items() if number > after][:limit]

    async def route(self, batch: Batch, outcomes: Sequence[Gathered]) -> RoutedBatch:
        """See `ports.Spool.route`.

        Raises:
            ValueError: it is not this batch's turn, or there is not one outcome for each message.
        """
        tally = self._tally
        if batch.number != tally.last_routed + 1 or batch.number not in self._batches:
            raise ValueError(f"batch {batch.number} cannot be routed: the next is {tally.last_routed + 1}")
        plan = self._refused_packets.decide(batch, outcomes, self._identities, self._latest.event)
        del self._batches[batch.number]
        tally.last_routed = batch.number
        first_id = tally.last_id + 1
        for new in plan.ordered:
            self._owe(new)
        now_us = to_us(self._clock.now())
        for pair, folded in plan.folded.items():
            if self._latest.fold(pair, folded, now_us=now_us, new_id=tally.last_id + 1):
                tally.last_id += 1
        self._remembered.note_routed(batch, plan, first_id, self._latest, now_us)
        self._latest.commit()
        self._identities |= plan.identities
        for held in plan.held:
            self._hold(held.message, held.rejection, "message")
        tally.count_routed(plan.routed, conflicts=plan.conflicts)
        return plan.routed

    def _owe(self, new: NewDelivery) -> None:
        self._tally.last_id += 1
        self._owed[self._tally.last_id] = Owed(
            Delivery(
                id=self._tally.last_id,
                key=order_key(new.event),
                kind=kind_of(new.event),
                event=new.event,
                messages=new.messages,
            ),
            new.message,
        )

    async def lease(
        self,
        limit: int,
        now_us: int,
        *,
        skip_kinds: frozenset[str] = frozenset(),
        busy_kinds: frozenset[str] = frozenset(),
    ) -> Sequence[Delivery]:
        """See `ports.Spool.lease`."""
        if now_us < self._asked_us - PUT_BACK_US:
            for owed in self._owed.values():
                owed.due_us = 0 if owed.due_us > self._asked_us else owed.due_us
        self._asked_us = now_us
        taken: list[Delivery] = []
        left = skip_kinds | busy_kinds
        for owed in self._heads():
            if len(taken) < limit and not must_wait(owed.due_us, now_us) and owed.delivery.kind not in left:
                owed.state = advance(owed.state, Move.LEASE)
                taken.append(owed.delivery)
        return taken

    def _heads(self) -> list[Owed]:
        """Give the oldest of each line of which nothing is leased, but for what the open export takes."""
        busy = {owed.delivery.key for owed in self._owed.values() if owed.state is State.LEASED}
        heads: dict[str, Owed] = {}
        for owed in self._owed.values():
            if owed.delivery.key not in busy and not self.holds(owed.delivery):
                heads.setdefault(owed.delivery.key, owed)
        return list(heads.values())

    async def lease_latest(
        self, limit: int, now_us: int, *, settled_before_us: int, skip_kinds: frozenset[str] = frozenset()
    ) -> Sequence[Delivery]:
        """See `ports.Spool.lease_latest`."""
        return self._latest.lease(limit, now_us, settled_before_us=settled_before_us, skip_kinds=skip_kinds)

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `ports.Spool.settle`.

        Raises:
            ValueError: one of the deliveries is not leased; none was settled.
        """
        self._check(settlements)
        now_us = to_us(self._clock.now())
        for settlement in settlements:
            if settlement.delivery.version:
                self._settle_latest(settlement, now_us)
            else:
                self._settle_ordered(settlement, now_us)
        self._latest.commit()

    def _check(self, settlements: Sequence[Settlement]) -> None:
        ended: set[int] = set()
        for settlement in settlements:
            settled(self._state(settlement.delivery.id, ended), settlement)
            ended.add(settlement.delivery.id)

    def _state(self, number: int, ended: set[int]) -> State:
        """Tell where a delivery stands once the leases in `ended` are over."""
        if number in ended:
            return State.WAITING
        if self._latest.leased(number) is not None:
            return State.LEASED
        owed = self._owed.get(number)
        return State.WAITING if owed is None else owed.state

    def _settle_ordered(self, settlement: Settlement, now_us: int) -> None:
        owed = self._owed[settlement.delivery.id]
        delivery = owed.delivery
        owed.state = settled(owed.state, settlement)
        match settlement:
            case RetryAt():
                attempts = delivery.attempts + settlement.uses_attempt
                owed.delivery = msgspec.structs.replace(delivery, attempts=attempts)
                owed.due_us = settlement.at_us
                self._tally.retried += 1
                self._remembered.note_tried(settlement, now_us)
            case Done():
                self._tally.count_done(delivery.messages)
                self._remembered.note_delivered(delivery.id, now_us)
                del self._owed[delivery.id]
            case Refused():
                self._tally.count_refused(delivery.messages)
                self._hold_delivery(delivery, owed.message, settlement.rejection)
                self._remembered.note_refused(delivery.id, settlement.rejection, now_us)
                del self._owed[delivery.id]

    def _settle_latest(self, settlement: Settlement, now_us: int) -> None:
        delivery = self._latest.leased(settlement.delivery.id)
        if delivery is None:
            raise ValueError(f"delivery {settlement.delivery.id} is not leased")
        entry = settle_latest(self._latest, self._tally, delivery, settlement, now_us)
        if entry is not None:
            if isinstance(settlement, Refused):
                self._hold_latest(entry, delivery, settlement.rejection)
            pair = (entry.key, entry.kind)
            self._remembered.note_folded(pair, delivery.version, now_us, reason_of(settlement))
        self._latest.end_lease(delivery.id)

    def _hold_latest(self, entry: Entry, delivery: Delivery, rejection: Rejection) -> None:
        """Put a refused latest delivery in quarantine, in place of the row of the same one that was refused before."""
        former = self._refused.get((entry.key, entry.kind))
        if former is not None and self._quarantine.pop(former, None) is not None:
            self._tally.quarantined -= 1
        message = RawMessage(entry.topic, msgspec.json.encode(delivery.event), entry.received_at_us)
        self._hold_delivery(delivery, message, rejection)
        self._refused[entry.key, entry.kind] = self._held

    def _hold_delivery(self, delivery: Delivery, message: RawMessage, rejection: Rejection) -> None:
        rejection = msgspec.structs.replace(rejection, device=rejection.device or delivery.key)
        self._hold(message, rejection, delivery.kind)

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Spool.give_back`.

        Raises:
            ValueError: one of the deliveries is not leased; none was given back.
        """
        ended: set[int] = set()
        for delivery in deliveries:
            advance(self._state(delivery.id, ended), Move.GIVE_BACK)
            ended.add(delivery.id)
        for delivery in deliveries:
            if delivery.version:
                self._latest.give_back(delivery.id)
            else:
                owed = self._owed[delivery.id]
                owed.state = advance(owed.state, Move.GIVE_BACK)

    async def next_due_us(self) -> int | None:
        """See `ports.Spool.next_due_us`."""
        dues = [owed.due_us for owed in self._heads() if must_wait(owed.due_us, self._asked_us)]
        latest = self._latest.next_due_us()
        return min([*dues, latest] if latest is not None else dues, default=None)

    def tally_acknowledged(self, count: int) -> None:
        """See `ports.Spool.tally_acknowledged`."""
        self._tally.acknowledged += count

    async def figures(self) -> Figures:
        """See `ports.Spool.figures`; the size is 0, for there is nothing on disk."""
        return self._tally.figures(0)

    async def staleness(self, now_us: int) -> dict[str, Staleness]:
        """See `ports.Spool.staleness`."""
        return staleness_of(self._latest.owed(), now_us)

    async def quarantined(self, limit: int, after: int = 0) -> Sequence[Quarantined]:
        """See `ports.Spool.quarantined`."""
        return [row for row, _ in self._quarantine.values() if row.id > after][:limit]

    async def release(self, releases: Sequence[Release]) -> Batch | None:
        """See `ports.Spool.release`."""
        now_us = to_us(self._clock.now())
        forget = {release.id: release.forget for release in releases}
        rows = await self.kept(list(forget))
        messages: list[RawMessage] = []
        for row in rows:
            del self._quarantine[row.id]
            for key in forget[row.id]:
                self._identities.pop(key, None)
                self._handed_over.discard(key)
            pair = latest_pair(row)
            if pair is None:
                messages.append(row.message)
            else:
                self._latest.owe_again(pair, now_us=now_us)
        self._latest.commit()
        self._tally.count_released(len(rows), len(messages))
        batch = self._batch(messages) if messages else None
        self._remembered.note_left(rows, "released", now_us, batch.number if batch else 0)
        return batch

    async def discard(self, numbers: Sequence[int]) -> int:
        """See `ports.Spool.discard`."""
        rows = await self.kept(numbers)
        for row in rows:
            del self._quarantine[row.id]
        self._remembered.note_left(rows, "discarded", to_us(self._clock.now()))
        self._tally.quarantined -= len(rows)
        self._tally.discarded += len(rows)
        return len(rows)

    async def traces(self, word: str, limit: int) -> Sequence[Trace]:
        """See `ports.Spool.traces`."""
        return [
            msgspec.structs.replace(trace, due_us=self._owed[trace.id].due_us) if trace.id in self._owed else trace
            for trace in self._remembered.about(word, limit)
        ]

    async def note(self, name: str) -> bytes | None:
        """See `ports.Notes.note`."""
        return self._notes.get(name)

    async def set_note(self, name: str, value: bytes | None) -> None:
        """See `ports.Notes.set_note`."""
        if value is None:
            self._notes.pop(name, None)
        else:
            self._notes[name] = value

    async def notes(self, prefix: str) -> dict[str, bytes]:
        """See `ports.Notes.notes`."""
        return {name: value for name, value in self._notes.items() if name.startswith(prefix)}
