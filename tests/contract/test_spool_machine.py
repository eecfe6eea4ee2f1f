"""A spool driven at random beside a model of plain dicts: the two never differ, whatever comes in which order.

The window of the deliveries in memory is made tiny, so that lines with gaps, refills and parked lines are the rule.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from pywats_mqtt.events import AssetCounts, Identified, TestResult, decode
from pywats_mqtt.folding import fold
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import (
    Batch,
    Delivery,
    Done,
    ExportState,
    Gathered,
    LatestRow,
    OwedRow,
    Receipt,
    Refused,
    Rejection,
    RetryAt,
    Settlement,
    Spool,
)
from pywats_mqtt.spool import lines
from tests.contract.spool_parts import ALWAYS_US, SetClock, counts, identified, open_spool, result, says

T = TypeVar("T")

KEYS = st.sampled_from("ABCDE")
IDS = st.one_of(st.none(), st.integers(1, 12))
RESULTS = st.tuples(st.just("result"), KEYS, IDS, st.sampled_from([b"one", b"one", b"one", b"two"]))
INCREMENTS = st.tuples(st.just("counts"), st.sampled_from("XY"), IDS, st.just(b"one"))
SAID = st.one_of(st.none(), st.lists(st.one_of(RESULTS, INCREMENTS), max_size=3))
"""What a message says: None for a rejection, else its events as (kind, key, number of the identity, digest)."""


class ModelDelivery:
    """An ordered delivery in the model."""

    def __init__(self, serial: str, key: str, weight: int) -> None:
        self.serial, self.key, self.weight = serial, key, weight
        self.attempts = self.due_us = 0
        self.leased: Delivery | None = None


class ModelLatest:
    """A latest delivery in the model."""

    def __init__(self) -> None:
        self.event: AssetCounts | None = None
        self.weight = self.attempts = self.due_us = 0
        self.owed = False
        self.leased: Delivery | None = None
        self.changed_since_lease = False
        self.has_row = False


class SpoolMachine(RuleBasedStateMachine):
    """The rules; `kind` says which spool."""

    kind = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        for name, value in {"WINDOW": 6, "LINE": 2, "SCAN_IDS": 5, "SCAN_ROWS": 3, "SCAN_KEYS": 2}.items():
            self.exits.enter_context(patch.object(lines, name, value))
        self.runner = self.exits.enter_context(asyncio.Runner())
        self.folder = Path(self.exits.enter_context(tempfile.TemporaryDirectory()))
        self.clock = SetClock()
        self.serial = 0
        self.stored: list[Batch] = []
        self.packets: set[int] = set()
        self.identities: dict[int, bytes] = {}
        self.ordered: list[ModelDelivery] = []
        self.latest: dict[str, ModelLatest] = {}
        self.count = dict.fromkeys(
            ("received", "stored", "delivered", "retried", "refused", "rows", "duplicates", "conflicts", "ignored"), 0
        )
        self.open_export = ""
        self.wanted: list[ModelDelivery] = []
        self.exports: dict[str, list[ModelDelivery | LatestRow]] = {}
        self.begun = 0
        self.opened: AbstractAsyncContextManager[Spool]
        self.spool: Spool
        self.open()

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Run a call of the spool to its end."""
        return self.runner.run(coroutine)

    def open(self) -> None:
        """Open what is in the folder; nothing is leased then."""
        self.opened = open_spool(self.kind, self.folder, self.clock)
        self.spool = self.run(self.opened.__aenter__())
        for delivery in self.ordered:
            delivery.leased = None
        for entry in self.latest.values():
            entry.leased = None
            entry.has_row = False

    def close(self) -> None:
        """Close it: what an open export had taken comes back."""
        self.run(self.opened.__aexit__(None, None, None))
        if self.open_export:
            self.model_revoke(self.open_export)

    def teardown(self) -> None:
        """Deliver what is left, in order, then close."""
        self.clock.now_us += 10**15
        try:
            for export in sorted(self.exports, key=lambda each: each != self.open_export):
                self.revoke(export)
            self.drain()
        finally:
            self.close()
            self.exits.close()

    # --- rules --------------------------------------------------------------------------------------------------------

    @rule(
        packets=st.lists(st.integers(0, 3), max_size=4),
        released=st.lists(st.integers(1, 3), max_size=2, unique=True),
        fresh=st.sampled_from([False, False, False, True]),
    )
    def put(self, packets: list[int], released: list[int], fresh: bool) -> None:  # noqa: FBT001 - hypothesis' way
        """Store some messages, of QoS 2 where they have a packet id."""
        raws = tuple(
            RawMessage(f"t/{number}", b"x", self.clock.now_us, 2 if packet else 1, packet_id=packet)
            for number, packet in enumerate(packets)
        )
        self.packets = set() if fresh else self.packets - set(released)
        expected = []
        for raw in raws:
            if raw.packet_id and raw.packet_id in self.packets:
                continue
            self.packets.add(raw.packet_id)
            expected.append(raw)
        batch = self.run(self.spool.put(Receipt(raws, tuple(released), fresh)))
        assert (() if batch is None else batch.messages) == tuple(expected)
        if batch is not None:
            self.stored.append(batch)
        self.count["received"] += len(raws)
        self.count["stored"] += len(expected)

    @precondition(lambda self: self.stored)
    @rule(data=st.data())
    def route(self, data: st.DataObject) -> None:
        """Route the oldest batch, read back from the spool."""
        batch = self.stored.pop(0)
        assert list(self.run(self.spool.unrouted(0, 1))) == [batch]
        outcomes = [self.model_outcome(data.draw(SAID)) for _ in batch.messages]
        self.run(self.spool.route(batch, outcomes))

    @precondition(lambda self: not self.stored)
    @rule(keys=st.lists(st.sampled_from("AAAABC"), min_size=4, max_size=16))
    def burst(self, keys: list[str]) -> None:
        """Store and route many results at once: more than the window holds."""
        self.put([0] * len(keys), [], fresh=False)
        batch = self.stored.pop()
        self.run(self.spool.route(batch, [self.model_outcome([("result", key, None, b"")]) for key in keys]))

    def model_outcome(self, said: list[tuple[str, str, int | None, bytes]] | None) -> Gathered:
        """Make a message's outcome, and do to the model what it should do to the spool."""
        if said is None:
            self.count["refused"] += 1
            self.count["rows"] += 1
            return Rejection("no")
        outcome: list[Identified] = []
        for kind, key, number, digest in said:
            self.serial += 1
            event = result(key, self.serial) if kind == "result" else counts(key, self.serial, added=1)
            outcome.append(says(event)[0] if number is None else identified(event, number, digest))
        self.model_route(said, outcome)
        return tuple(outcome)

    def model_route(self, said: list[tuple[str, str, int | None, bytes]], outcome: list[Identified]) -> None:
        """Take a message's events into the model, by the rules of the port."""
        if not said:
            self.count["ignored"] += 1
            return
        named = [(number, digest) for _, _, number, digest in said if number is not None]
        if any(self.identities.get(number, digest) != digest for number, digest in named):
            self.count["conflicts"] += 1
            self.count["refused"] += 1
            self.count["rows"] += 1
            return
        if named and all(number in self.identities for number, _ in named):
            self.count["duplicates"] += 1
            return
        taken = []
        for (_, _, number, digest), one in zip(said, outcome, strict=True):
            if number is not None and number in self.identities:
                continue
            if number is not None:
                self.identities[number] = digest
            taken.append(one.event)
        for event in taken:
            weight = int(event is taken[-1])
            if isinstance(event, TestResult):
                self.ordered.append(ModelDelivery(event.serial_number, event.device, weight))
            elif isinstance(event, AssetCounts):
                entry = self.latest.setdefault(event.asset, ModelLatest())
                folded = fold(entry.event, event)
                assert isinstance(folded, AssetCounts)
                entry.event = folded
                entry.weight += weight
                entry.owed = entry.changed_since_lease = True

    @rule(limit=st.integers(0, 4))
    def lease(self, limit: int) -> None:
        """Lease some; each is the head of its line, due, and nobody has it."""
        leased = list(self.run(self.spool.lease(limit, self.clock.now_us)))
        assert len(leased) <= limit
        assert [delivery.id for delivery in leased] == sorted(delivery.id for delivery in leased)
        for delivery in leased:
            self.model_lease(delivery)

    def model_lease(self, delivery: Delivery) -> None:
        """Check one lease against the model."""
        line = [owed for owed in self.ordered if owed.key == delivery.key and owed not in self.wanted]
        head = line[0]
        assert isinstance(delivery.event, TestResult)
        assert not any(owed.leased for owed in line)
        assert head.due_us <= self.clock.now_us
        assert (delivery.event.serial_number, delivery.attempts, delivery.messages) == (
            head.serial,
            head.attempts,
            head.weight,
        )
        head.leased = delivery

    @rule()
    def lease_all(self) -> None:
        """Ask until there is no more: then every head that is due is leased."""
        while True:
            leased = self.run(self.spool.lease(100, self.clock.now_us))
            for delivery in leased:
                self.model_lease(delivery)
            if not leased and self.run(self.spool.next_due_us()) != 0:
                break
        busy = {owed.key for owed in self.ordered if owed.leased is not None}
        heads = {owed.key: owed for owed in reversed(self.ordered) if owed.key not in busy and owed not in self.wanted}
        assert [owed.serial for owed in heads.values() if owed.due_us <= self.clock.now_us] == []
        waiting = [owed.due_us for owed in heads.values()]
        latest = [entry.due_us for entry in self.latest.values() if entry.owed and entry.leased is None]
        # those of the latest that are due count no more once they were asked for, which this rule does not do
        due_us = self.run(self.spool.next_due_us())
        assert due_us == min(waiting, default=None) or due_us in latest

    @rule(limit=st.integers(1, 3))
    def lease_latest(self, limit: int) -> None:
        """Lease latest deliveries: all that are owed and due, up to the limit."""
        due = {
            asset
            for asset, entry in self.latest.items()
            if entry.owed and entry.leased is None and entry.due_us <= self.clock.now_us
        }
        leased = self.run(self.spool.lease_latest(limit, self.clock.now_us, settled_before_us=ALWAYS_US))
        assert len(leased) == min(limit, len(due))
        assert {delivery.key for delivery in leased} <= due
        for delivery in leased:
            entry = self.latest[delivery.key]
            assert (delivery.event, delivery.attempts, delivery.messages) == (entry.event, entry.attempts, entry.weight)
            entry.leased = delivery
            entry.changed_since_lease = False

    @precondition(lambda self: self.leased())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Settle some of what is leased, in some way."""
        chosen = data.draw(st.lists(st.sampled_from(self.leased()), unique_by=lambda delivery: delivery.id, min_size=1))
        settlements: list[Settlement] = []
        for delivery in chosen:
            way = data.draw(st.sampled_from(["done", "done", "now", "later", "refused"]))
            if way == "done":
                settlements.append(Done(delivery))
            elif way == "refused":
                settlements.append(Refused(delivery, Rejection("no")))
            else:
                at_us = 0 if way == "now" else self.clock.now_us + data.draw(st.integers(1, 3)) * 1_000_000
                settlements.append(RetryAt(delivery, at_us, "500", uses_attempt=data.draw(st.booleans())))
        self.run(self.spool.settle(settlements))
        for settlement in settlements:
            self.model_settle(settlement)

    @precondition(lambda self: self.leased())
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """Give some leases back unused: all stays as it was before them."""
        chosen = data.draw(st.lists(st.sampled_from(self.leased()), unique_by=lambda delivery: delivery.id, min_size=1))
        self.run(self.spool.give_back(chosen))
        for delivery in chosen:
            owed = self.latest[delivery.key] if delivery.version else self.model_ordered(delivery)
            owed.leased = None

    def model_settle(self, settlement: Settlement) -> None:
        """Settle in the model."""
        delivery = settlement.delivery
        owed = self.latest[delivery.key] if delivery.version else self.model_ordered(delivery)
        owed.leased = None
        if isinstance(settlement, RetryAt):
            owed.due_us = settlement.at_us
            owed.attempts += settlement.uses_attempt
            self.count["retried"] += 1
            return
        self.count["delivered" if isinstance(settlement, Done) else "refused"] += delivery.messages
        if isinstance(owed, ModelDelivery):
            self.count["rows"] += isinstance(settlement, Refused)
            self.ordered.remove(owed)
        else:
            if isinstance(settlement, Refused) and not owed.has_row:
                self.count["rows"] += 1
                owed.has_row = True
            owed.weight -= delivery.messages
            owed.attempts = owed.due_us = 0
            owed.owed = owed.changed_since_lease

    def model_ordered(self, delivery: Delivery) -> ModelDelivery:
        """Find a leased delivery in the model."""
        return next(owed for owed in self.ordered if owed.leased is not None and owed.leased.id == delivery.id)

    def leased(self) -> list[Delivery]:
        """Give all that is leased."""
        everything: list[ModelDelivery | ModelLatest] = [*self.ordered, *self.latest.values()]
        return [owed.leased for owed in everything if owed.leased is not None]

    @precondition(lambda self: not self.open_export)
    @rule()
    def begin_export(self) -> None:
        """Begin to hand over what waits; lines with a lease stay."""
        self.begun += 1
        self.open_export = f"e{self.begun}"
        self.run(self.spool.open_export(self.open_export, waiting=True))
        busy = {owed.key for owed in self.ordered if owed.leased is not None}
        self.wanted = [owed for owed in self.ordered if owed.key not in busy]
        self.exports[self.open_export] = []

    @precondition(lambda self: self.open_export)
    @rule(limit=st.integers(1, 4))
    def take_out(self, limit: int) -> None:
        """Take the next rows, the ordered ones first."""
        rows = self.run(self.spool.exportable(self.open_export, limit))
        assert bool(self.wanted) <= bool(rows)
        for row in rows:
            if isinstance(row, OwedRow):
                owed = self.wanted.pop(0)
                event = decode(row.event)
                assert isinstance(event, TestResult)
                assert (event.serial_number, row.messages) == (owed.serial, owed.weight)
                self.ordered.remove(owed)
                self.exports[self.open_export].append(owed)
            else:
                assert not self.wanted
                entry = self.latest[row.key]
                given = decode(row.event)
                assert (given, row.messages) == (entry.event, entry.weight)
                assert isinstance(given, AssetCounts)
                entry.event = replace(given, added=0, handed={})
                entry.weight = entry.attempts = entry.due_us = 0
                entry.owed = False
                self.exports[self.open_export].append(row)
        self.run(self.spool.take_out(self.open_export, rows))

    @precondition(lambda self: self.open_export)
    @rule()
    def seal_export(self) -> None:
        """Close it: what it did not take is owed as before."""
        self.run(self.spool.mark_export(self.open_export, ExportState.SEALED))
        self.open_export = ""
        self.wanted = []

    @precondition(lambda self: not self.open_export and self.ordered)
    @rule(chunks=st.integers(1, 4))
    def hand_over(self, chunks: int) -> None:
        """Do all of it at once."""
        self.begin_export()
        for _ in range(chunks):
            self.take_out(2)
        self.seal_export()

    @precondition(lambda self: self.exports)
    @rule(data=st.data(), limit=st.integers(1, 5))
    def revoke_some(self, data: st.DataObject, limit: int) -> None:
        """Take an export back, open or not."""
        known = [self.open_export] if self.open_export else sorted(self.exports)
        self.revoke(data.draw(st.sampled_from(known)), limit)

    def revoke(self, export: str, limit: int = 10) -> None:
        """Take an export back."""
        self.run(self.spool.mark_export(export, ExportState.REVOKING))
        while self.run(self.spool.unwind(export, limit)):
            pass
        self.model_revoke(export)

    def model_revoke(self, export: str) -> None:
        """Put back what it had taken, as new: without attempts, and at once."""
        if export == self.open_export:
            self.open_export = ""
            self.wanted = []
        for row in self.exports.pop(export):
            if isinstance(row, ModelDelivery):
                row.attempts = row.due_us = 0
                self.ordered.append(row)
            else:
                entry = self.latest[row.key]
                folded = fold(entry.event, decode(row.event))  # type: ignore[arg-type] # it is latest
                assert isinstance(folded, AssetCounts)
                entry.event = folded
                entry.weight += row.messages
                entry.owed = entry.changed_since_lease = True
        self.ordered.sort(key=lambda owed: int(owed.serial[2:]))

    @rule(seconds=st.integers(1, 4))
    def pass_time(self, seconds: int) -> None:
        """Move the clock."""
        self.clock.now_us += seconds * 1_000_000

    @precondition(lambda self: self.kind == "sqlite")
    @rule()
    def reopen(self) -> None:
        """Close and open again."""
        self.close()
        self.open()

    @precondition(lambda self: self.kind == "sqlite")
    @rule()
    def crash(self) -> None:
        """Go on with what is on the disk at this moment, as after kill -9."""
        copy = Path(self.exits.enter_context(tempfile.TemporaryDirectory()))
        for file in self.folder.glob("spool.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        self.close()
        self.folder = copy
        self.open()

    @invariant()
    def figures_are_true(self) -> None:
        """Every message is counted in one place."""
        figures = self.run(self.spool.figures())
        count = self.count
        waiting = sum(len(batch.messages) for batch in self.stored)
        waiting += sum(owed.weight for owed in self.ordered) + sum(entry.weight for entry in self.latest.values())
        exported = sum(
            row.weight if isinstance(row, ModelDelivery) else row.messages
            for rows in self.exports.values()
            for row in rows
        )
        assert (figures.waiting, figures.exported) == (waiting, exported)
        assert figures.stored == (
            count["delivered"] + waiting + count["refused"] + count["duplicates"] + count["ignored"] + exported
        )
        assert (figures.received, figures.stored, figures.delivered) == (
            count["received"],
            count["stored"],
            count["delivered"],
        )
        assert (figures.retried, figures.quarantined) == (count["retried"], count["rows"])
        assert (figures.duplicates, figures.conflicts, figures.ignored) == (
            count["duplicates"],
            count["conflicts"],
            count["ignored"],
        )

    def drain(self) -> None:
        """Settle everything; each line comes out in its order, and nothing stays."""
        while True:
            self.lease_all()
            self.lease_latest(3)
            leased = self.leased()
            if not leased:
                break
            self.run(self.spool.settle([Done(delivery) for delivery in leased]))
            for delivery in leased:
                self.model_settle(Done(delivery))
        assert self.ordered == []
        assert not any(entry.owed for entry in self.latest.values())
        self.figures_are_true()


class MemorySpoolMachine(SpoolMachine):
    """The same rules on the spool in memory."""

    kind = "memory"


TestSqliteSpool = SpoolMachine.TestCase
TestSqliteSpool.settings = settings(max_examples=30, stateful_step_count=40)
TestMemorySpool = MemorySpoolMachine.TestCase
TestMemorySpool.settings = settings(max_examples=40, stateful_step_count=40)
