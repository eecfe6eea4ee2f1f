"""Three bridges at random that hand over to each other, back and on, with all that a person may do to it between.

Once all is delivered, each event is in WATS as often as it should be: once where it was heard once, whatever was done.
The same walk goes over spools in memory and on disk at the same time, and neither ever tells them apart.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pywats_mqtt.app import handover, quarantine
from pywats_mqtt.app.quarantine import Question, retry
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.events import AssetCounts, Identified, TestResult
from pywats_mqtt.handlers import ledger
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import (
    Batch,
    Done,
    ExportState,
    Figures,
    LatestRow,
    Receipt,
    Refused,
    RefusedRow,
    Rejection,
    Settlement,
    Spool,
)
from pywats_mqtt.ports.handover import ROWS, import_note
from pywats_mqtt.spool import handover as store_handover
from pywats_mqtt.spool.imports import moved
from tests.contract.spool_parts import ALWAYS_US, SetClock, counts, identified, open_spool, result, says

T = TypeVar("T")

CONFIG = msgspec.convert({"wats": {"default_part_number": "P"}}, BridgeConfig)
AT_ONCE = 2
"""Rows of a step, so that each takes several."""
BRIDGES = range(3)
UNNAMED = 1000
"""From here on serial numbers of results without an identity."""


class Said(msgspec.Struct, frozen=True):
    """What a message says; `number` is that of a result or of increments, from UNNAMED on without identity.

    `strict`: only a bridge whose mapping was mended can read it.
    """

    kind: str
    key: str
    number: int
    strict: bool = False

    @property
    def is_named(self) -> bool:
        """Whether it has an identity."""
        return self.number < UNNAMED

    def packed(self) -> RawMessage:
        """Make the message."""
        return RawMessage("t", msgspec.json.encode(self), 1_769_500_000_000_000, 1)


SAID = st.builds(
    Said,
    kind=st.sampled_from(["result", "result", "result", "counts"]),
    key=st.sampled_from("ABC"),
    number=st.sampled_from([1, 1, 1, 2, 3, UNNAMED]),
    strict=st.sampled_from([False, False, False, True]),
)


SOME = st.sampled_from([127, 127, 127, 0b1101101, 0b0110110])
"""Which of the things there are, as bits: mostly all."""
REFUSED = st.sampled_from([0, 127, 127, 0b0010101])


class File(msgspec.Struct):
    """A file of an export: who made it, its rows, who imports it, and whether its maker still has it."""

    export: str
    maker: int
    rows: list[bytes]
    taker: int | None = None
    is_kept: bool = True

    def __repr__(self) -> str:
        """Say which it is."""
        return f"<{self.export} of {self.maker}, {len(self.rows)} rows>"

    def numbers(self) -> list[int] | None:
        """Give the numbers of its results; None where one has no identity, and is told by its place alone."""
        rows = [ROWS.decode(packed) for packed in self.rows]
        results = [row for row in rows if not isinstance(row, LatestRow)]
        if any(moved(row) is None for row in results):
            return None
        return [msgspec.json.decode(row.message.payload, type=Said).number for row in results]


class World:
    """Three bridges on spools of one kind, the WATS they deliver to, and the files they made."""

    def __init__(self, kind: str, folder: Path, exits: ExitStack) -> None:
        self.kind = kind
        self.runner = exits.enter_context(asyncio.Runner())
        self.clock = SetClock()
        self.folders = [folder / f"{kind}{number}" for number in BRIDGES]
        self.opened: list[AbstractAsyncContextManager[Spool]] = []
        self.spools: list[Spool] = []
        for each in self.folders:
            each.mkdir()
            self.opened.append(open_spool(kind, each, self.clock))
            self.spools.append(self.run(self.opened[-1].__aenter__()))
        self.mended = [False for _ in BRIDGES]
        self.results: Counter[tuple[int, int]] = Counter()
        self.total: Counter[str] = Counter()
        self.marks: dict[str, tuple[str, ...]] = {}

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Run a call to its end."""
        return self.runner.run(coroutine)

    def close(self) -> None:
        """Close all."""
        for opened in self.opened:
            self.run(opened.__aexit__(None, None, None))

    def reopen(self, bridge: int) -> None:
        """Kill a bridge and start it: what it had begun to take out, or to put back, is put back."""
        if self.kind == "memory":
            for known in self.run(self.spools[bridge].exports()):
                if known.state in {ExportState.OPEN, ExportState.REVOKING}:
                    self.step(bridge, do="revoke", export=known.id)
            return
        self.run(self.opened[bridge].__aexit__(None, None, None))
        self.opened[bridge] = open_spool(self.kind, self.folders[bridge], self.clock)
        self.spools[bridge] = self.run(self.opened[bridge].__aenter__())

    def read(self, bridge: int, message: RawMessage) -> tuple[Identified, ...] | Rejection:
        """Interpret a message as a bridge does now."""
        said = msgspec.json.decode(message.payload, type=Said)
        if said.strict and not self.mended[bridge]:
            return Rejection("strict", device=said.key)
        if said.kind == "result":
            event: TestResult | AssetCounts = result(said.key, said.number)
        else:
            event = counts(said.key, 0, added=1)
            event = msgspec.structs.replace(event, total=None)
        digest = f"{said.kind}{said.key}".encode()
        number = said.number + (100 if said.kind == "counts" else 0)
        return (identified(event, number, digest),) if said.is_named else says(event)

    def step(self, bridge: int, *, once: bool = False, **asked: object) -> handover.Stepped:
        """Do a step, and the same again while there is more, but for `once`."""
        wanted = msgspec.convert(asked, handover.Step)
        while True:
            stepped = self.run(
                handover.do_step(self.spools[bridge], lambda message: self.read(bridge, message), wanted)
            )
            assert not stepped.error, stepped.error
            if once or not stepped.more:
                return stepped

    def route(self, bridge: int, batch: Batch) -> None:
        """Route a batch."""
        self.run(self.spools[bridge].route(batch, [self.read(bridge, message) for message in batch.messages]))

    def hear(self, bridge: int, said: Sequence[Said]) -> None:
        """Store messages and route them."""
        batch = self.run(self.spools[bridge].put(Receipt(tuple(each.packed() for each in said))))
        assert batch is not None
        self.route(bridge, batch)

    def deliver(self, bridge: int, chosen: int, refused: int) -> list[int]:
        """Deliver, and refuse, some results as the bits of two numbers tell, and all counts; gives the results."""
        spool = self.spools[bridge]
        leased = list(self.run(spool.lease(100, self.clock.now_us)))
        settlements: list[Settlement] = []
        untouched = []
        done = []
        for each in leased:
            assert isinstance(each.event, TestResult)
            number = int(each.event.serial_number[2:])
            if not chosen >> number % 7 & 1:
                untouched.append(each)
            elif refused >> number % 7 & 1:
                settlements.append(Refused(each, Rejection("WATS said no")))
            else:
                settlements.append(Done(each))
                self.results[bridge, number] += 1
                done.append(number)
        self.run(spool.give_back(untouched))
        self.run(spool.settle(settlements))
        for each in self.run(spool.lease_latest(100, self.clock.now_us, settled_before_us=ALWAYS_US)):
            assert isinstance(each.event, AssetCounts)
            self._count(bridge, each.event)
            self.run(spool.settle([Done(each)]))
        return sorted(done)

    def _count(self, bridge: int, event: AssetCounts) -> None:
        name, marks = ledger.note_name(event.asset), self.marks.get(event.asset, ())
        book = ledger.decode(self.run(self.spools[bridge].note(name)))
        book, write = ledger.next_write(book, event.added, self.total[event.asset], event.handed, marks)
        if write is not None:
            self.total[event.asset] = write.target
            book = ledger.done(book, write)
            self.marks[event.asset] = (*marks, *write.exports)
        self.run(self.spools[bridge].set_note(name, ledger.encode(book)))

    def refused(self, bridge: int, chosen: int) -> list[int]:
        """Give numbers of rows in quarantine, as the bits of a number tell."""
        rows = self.run(self.spools[bridge].quarantined(1000))
        return [row.id for index, row in enumerate(rows) if chosen >> index % 7 & 1]

    def retry(self, bridge: int, chosen: int) -> int:
        """Retry rows of the quarantine; tells how many went."""
        offered: list[Batch] = []
        question = Question(ask="retry", numbers=self.refused(bridge, chosen))
        read = self.read
        told = self.run(
            retry(self.spools[bridge], lambda message: read(bridge, message), question, offered.append, CONFIG)
        )
        for batch in offered:
            self.route(bridge, batch)
        return sum(each.accepted for each in told)

    def discard(self, bridge: int, chosen: int) -> list[int]:
        """Throw rows away; gives the numbers of what they said."""
        spool, rows = self.spools[bridge], self.refused(bridge, chosen)
        kept = self.run(spool.kept(rows))
        assert self.run(spool.discard(rows)) == len(rows)
        return [msgspec.json.decode(row.message.payload, type=Said).number for row in kept]

    def export(self, bridge: int, export: str, chosen: int, steps: int, *, waiting: bool) -> list[bytes] | None:
        """Make an export; None where it ends after some steps, or is one of nothing."""
        self.step(bridge, do="open", export=export, waiting=waiting)
        if not steps:
            return None
        self.step(bridge, do="refused", export=export, numbers=self.refused(bridge, chosen))
        while (steps := steps - 1) and self.step(bridge, once=True, do="owed", export=export).more:
            pass
        if not steps:
            return None
        made = self.step(bridge, do="seal", export=export).export
        assert made is not None
        if not made.rows:
            self.step(bridge, do="revoke", export=export)
            return None
        self.step(bridge, do="written", export=export)
        return [packed for _, packed in self.run(self.spools[bridge].exported(export, 0, 1000))]

    def take_in(self, bridge: int, file: File, pieces: int) -> list[object]:
        """Import the first pieces of a file."""
        taken: list[object] = []
        for first in range(0, len(file.rows), AT_ONCE)[:pieces]:
            rows = file.rows[first : first + AT_ONCE]
            taken.append(self.step(bridge, do="take_in", export=file.export, first=first, rows=rows).taken)
        return taken

    def figures(self, bridge: int) -> Figures:
        """Give the figures, without the size."""
        return msgspec.structs.replace(self.run(self.spools[bridge].figures()), size_bytes=0, retried=0)


class RingMachine(RuleBasedStateMachine):
    """The rules; each is done to both worlds, which have to tell the same."""

    kinds: tuple[str, ...] = ("memory", "sqlite")

    def __init__(self) -> None:
        super().__init__()
        self.exits = ExitStack()
        for module in (handover, quarantine, store_handover):
            self.exits.enter_context(patch.object(module, "AT_ONCE", AT_ONCE))
        folder = Path(self.exits.enter_context(tempfile.TemporaryDirectory()))
        self.worlds = [World(kind, folder, self.exits) for kind in self.kinds]
        self.fresh = UNNAMED
        self.begun = 0
        self.ends_late = False
        self.files: list[File] = []
        self.heard: dict[int, set[int]] = {}
        self.refusals: Counter[int] = Counter()
        self.increments: dict[str, set[tuple[int, int]]] = {}
        self.discarded: Counter[int] = Counter()
        self.late: Counter[int] = Counter()
        self.released = [0 for _ in BRIDGES]
        self.withdrawn = [0 for _ in BRIDGES]

    def teardown(self) -> None:
        """See to it that all arrives, and count."""
        try:
            self.finish()
        finally:
            for world in self.worlds:
                world.close()
            self.exits.close()

    def same(self, told: list[T]) -> T:
        """Have all worlds tell the same."""
        assert all(each == told[0] for each in told), told
        self.compare()
        return told[0]

    def compare(self) -> None:
        """Have their figures be the same."""
        for bridge in BRIDGES:
            figures = [world.figures(bridge) for world in self.worlds]
            assert all(each == figures[0] for each in figures), figures

    # --- rules --------------------------------------------------------------------------------------------------------

    @rule(bridge=st.sampled_from(BRIDGES), said=st.lists(SAID, min_size=1, max_size=2))
    def hear(self, bridge: int, said: list[Said]) -> None:
        """Some messages arrive, of devices that may have sent them before, here or elsewhere."""
        told = []
        for each in said:
            number = each.number
            if not each.is_named:
                number = self.fresh = self.fresh + 1
            # what a number names is one and the same thing, whoever says it
            key = "ABC"[number % 3]
            strict = each.strict and each.kind == "result"
            told.append(Said(each.kind, key, number, strict))
            if each.kind == "counts":
                self.increments.setdefault(key, set()).add((bridge, number))
            elif strict and not self.worlds[0].mended[bridge]:
                self.refusals[number] += 1
            else:
                self.heard.setdefault(number, set()).add(bridge)
        for world in self.worlds:
            world.hear(bridge, told)
        self.compare()

    @rule(bridge=st.sampled_from(BRIDGES), chosen=SOME, refused=REFUSED)
    def deliver(self, bridge: int, chosen: int, refused: int) -> None:
        """Deliver some, of which WATS refuses some."""
        self.same([world.deliver(bridge, chosen, refused) for world in self.worlds])

    @rule(bridge=st.sampled_from(BRIDGES), chosen=SOME)
    def retry(self, bridge: int, chosen: int) -> None:
        """A person tries rows again."""
        self.released[bridge] += self.same([world.retry(bridge, chosen) for world in self.worlds])

    @rule(bridge=st.sampled_from(BRIDGES), chosen=st.sampled_from([1, 2, 4]))
    def discard(self, bridge: int, chosen: int) -> None:
        """A person throws rows away."""
        self.discarded.update(self.same([world.discard(bridge, chosen) for world in self.worlds]))

    @rule(bridge=st.sampled_from(BRIDGES))
    def mend(self, bridge: int) -> None:
        """A person mends a mapping."""
        for world in self.worlds:
            world.mended[bridge] = True

    @rule(bridge=st.sampled_from(BRIDGES))
    def reopen(self, bridge: int) -> None:
        """Kill a bridge and start it again."""
        for world in self.worlds:
            world.reopen(bridge)
        self.compare()

    @rule(
        bridge=st.sampled_from(BRIDGES),
        chosen=st.sampled_from([0, 127, 127, 0b0110110]),
        waiting=st.sampled_from([True, True, False]),
        steps=st.sampled_from([100, 100, 100, 100, 0, 1, 2, 3]),
    )
    def export(self, bridge: int, chosen: int, steps: int, *, waiting: bool) -> None:
        """Hand over; or die on the way."""
        if self.make(bridge, chosen, steps, waiting=waiting) is None:
            self.reopen(bridge)

    def make(self, bridge: int, chosen: int, steps: int, *, waiting: bool) -> File | None:
        """Make an export; gives its file where there is one."""
        self.begun += 1
        export = f"e{self.begun}"
        rows = self.same([world.export(bridge, export, chosen, steps, waiting=waiting) for world in self.worlds])
        if rows is None:
            return None
        self.files.append(File(export, bridge, rows))
        return self.files[-1]

    @rule(bridge=st.sampled_from(BRIDGES), on=st.integers(1, 2))
    def hand_over(self, bridge: int, on: int) -> None:
        """Hand over all there is, and import it at once."""
        file = self.make(bridge, 127, 100, waiting=True)
        if file is not None:
            file.taker = (bridge + on) % 3
            self.same([world.take_in(file.taker, file, 100) for world in self.worlds])

    @rule(bridge=st.sampled_from(BRIDGES), on=st.integers(1, 2))
    def there_and_back(self, bridge: int, on: int) -> None:
        """Hand over all there is, and have it handed back."""
        self.hand_over(bridge, on)
        self.hand_over((bridge + on) % 3, 3 - on)

    @precondition(lambda self: any(file.is_kept or file.taker is not None for file in self.files))
    @rule(data=st.data(), on=st.integers(1, 2), pieces=st.sampled_from([100, 100, 100, 1, 2]))
    def take_in(self, data: st.DataObject, on: int, pieces: int) -> None:
        """Import a file, or the first pieces of it; again where it was, and nowhere where its maker took it back."""
        file = data.draw(st.sampled_from([file for file in self.files if file.is_kept or file.taker is not None]))
        bridge = (file.maker + on) % 3 if file.taker is None else file.taker
        file.taker = bridge
        self.same([world.take_in(bridge, file, pieces) for world in self.worlds])
        if pieces < 100:
            self.reopen(bridge)

    @precondition(lambda self: any(file.is_kept and file.taker is None for file in self.files))
    @rule(data=st.data(), die=st.booleans())
    def revoke(self, data: st.DataObject, *, die: bool) -> None:
        """Take back an export that nobody imported, in one go or through a crash."""
        self.end(
            data.draw(st.sampled_from([file for file in self.files if file.is_kept and file.taker is None])), die=die
        )

    @initialize(late=st.booleans())
    def choose(self, *, late: bool) -> None:
        """Say whether all exports are taken back at the end, also those that were imported."""
        self.ends_late = late

    @precondition(lambda self: any(file.is_kept and file.taker is not None for file in self.files))
    @rule(data=st.data(), die=st.booleans())
    def revoke_late(self, data: st.DataObject, *, die: bool) -> None:
        """Take back an export that was imported."""
        self.end_late(
            data.draw(st.sampled_from([file for file in self.files if file.is_kept and file.taker is not None])),
            die=die,
        )

    def end_late(self, file: File, *, die: bool) -> None:
        """Take back an export that was imported: two bridges may deliver what is named then, each of them once."""
        numbers = file.numbers()
        if numbers is not None:
            self.late.update(numbers)
            self.end(file, die=die)

    def end(self, file: File, *, die: bool = False) -> None:
        """Take an export back."""
        file.is_kept = False
        refused = sum(isinstance(ROWS.decode(packed), RefusedRow) for packed in file.rows)
        before = self.worlds[0].figures(file.maker).quarantined
        for world in self.worlds:
            world.step(file.maker, once=die, do="revoke", export=file.export)
        if die:
            self.reopen(file.maker)
        after = self.same([world.figures(file.maker).quarantined for world in self.worlds])
        self.withdrawn[file.maker] += refused - (after - before)

    def is_imported(self, file: File) -> bool:
        """Tell whether all of a file was imported."""
        if file.taker is None:
            return False
        world = self.worlds[0]
        done = world.run(world.spools[file.taker].note(import_note(file.export)))
        return int(done or b"0") == len(file.rows)

    @precondition(lambda self: any(file.is_kept and self.is_imported(file) for file in self.files))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        """Forget an export that was imported."""
        file = data.draw(st.sampled_from([file for file in self.files if file.is_kept and self.is_imported(file)]))
        file.is_kept = False
        self.same([world.step(file.maker, do="forget", export=file.export).more for world in self.worlds])

    # --- the end ------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Import or take back what is on its way, deliver everything, and count."""
        for file in self.files:
            if file.taker is not None:
                self.same([world.take_in(file.taker, file, 100) for world in self.worlds])
            elif file.is_kept:
                self.end(file)
        for file in self.files:
            if self.ends_late and file.is_kept:
                self.end_late(file, die=False)
        for bridge in BRIDGES:
            self.mend(bridge)
            self.retry(bridge, 127)
            while self.same([world.deliver(bridge, 127, 0) for world in self.worlds]):
                pass
            figures = self.worlds[0].figures(bridge)
            assert (figures.waiting, figures.quarantined) == (0, 0)
            rows = figures.discarded + self.released[bridge] + self.withdrawn[bridge]
            assert figures.stored == (
                figures.delivered + figures.duplicates + figures.ignored + figures.exported + rows
            ), figures
        results = self.same([world.results for world in self.worlds])
        for number in self.heard.keys() | self.refusals.keys():
            times = sum(results[bridge, number] for bridge in BRIDGES)
            sources = len(self.heard.get(number, ())) + self.refusals[number]
            lost = self.discarded[number]
            assert times <= sources + self.late[number], f"result {number} was heard {sources} times: {results}"
            assert times or lost, f"result {number} was lost"
            assert all(results[bridge, number] <= 1 for bridge in BRIDGES), f"result {number}: {results}"
            if sources == 1 and not self.late[number]:
                assert times + lost == 1
        total = self.same([world.total for world in self.worlds])
        assert total == {asset: len(heard) for asset, heard in self.increments.items()}


class MemoryRingMachine(RingMachine):
    """The same on spools in memory alone, which is faster."""

    kinds = ("memory",)


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=30, stateful_step_count=25)
TestMemoryRing = MemoryRingMachine.TestCase
TestMemoryRing.settings = settings(max_examples=250, stateful_step_count=25)
