"""Counts end exact: whatever is counted, replaced, reset, lost or crashes in between, and whoever counts as well."""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pywats_mqtt.config.model import AssetConfig
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.events import AssetCounts, Past
from pywats_mqtt.folding import fold
from tests.unit.handlers.bench import FIXTURE, Bench

LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
CALLS = ("asset", "set_total_count", "reset_running_count")


class CrashError(Exception):
    """The bridge dies."""


class Counting(RuleBasedStateMachine):
    """A device and its bridge, beside a model of what WATS must hold.

    The model: the growth of what the device counted goes on top of WATS' total, but while a device's first counter
    lasts, WATS' total is the device's own or a higher one. What others counted meanwhile is in both.
    """

    sends_totals: bool

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.bench = Bench(AssetConfig(counter_backwards="rebase"))
        self.event: AssetCounts | None = None
        self.now_us = 1_000
        self.total = 0  # what the device's present counter shows
        self.counted = 0  # what it counted in all
        self.first_end: int | None = None  # where its first counter ended
        self.delivered = 0  # of `counted`
        self.follows = not self.sends_totals
        self.reset_at: int | None = None  # of `counted`, where a reset is not delivered
        self.wats = (0, 0)
        self.is_settled = True
        self.old: list[AssetCounts] = []

    def send(self, event: AssetCounts) -> None:
        """Let a message arrive."""
        folded = fold(self.event, event)
        assert isinstance(folded, AssetCounts)
        self.event = folded

    def say(self, uses: int) -> None:
        """Count, and say so."""
        self.now_us += 1
        if self.sends_totals:
            message = AssetCounts(asset=FIXTURE, total=self.total, as_of_us=self.now_us)
            self.old.append(message)
        else:
            message = AssetCounts(asset=FIXTURE, added=uses)
        self.send(message)

    @initialize(history=st.integers(0, 40), first=st.integers(1, 40))
    def begin(self, history: int, first: int) -> None:
        """WATS has a history, which the device does not know; its counter is above that or below."""
        self.runner.run(self.bench.wats.asset(FIXTURE))
        self.bench.wats.count(FIXTURE, history)
        self.total = self.counted = first
        self.say(first)
        assert self.event is not None
        self.runner.run(self.bench.handle(self.event))
        if not self.sends_totals:
            self.wats = (history + first, history + first)
        else:
            self.follows = first < history
            self.wats = (max(history, first), max(history, first))
        self.delivered = self.counted
        self.check()

    @rule(uses=st.integers(1, 30))
    def use(self, uses: int) -> None:
        """The device counts."""
        self.total += uses
        self.counted += uses
        self.say(uses)

    @precondition(lambda self: self.sends_totals)
    @rule(first=st.integers(0, 30))
    def replace(self, first: int) -> None:
        """The PLC is replaced: its counter begins at 0, and is seen once it shows less than the one before."""
        if first >= self.total:
            return
        if self.first_end is None:
            self.first_end = self.counted
        self.total = first
        self.counted += first
        self.say(first)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """An old message arrives once more."""
        self.send(data.draw(st.sampled_from(self.old)))

    @rule()
    def reset(self) -> None:
        """The running count begins anew."""
        self.now_us += 1
        past = Past(resets=1, reset_us=self.now_us)
        self.send(AssetCounts(asset=FIXTURE, as_of_us=self.now_us, past=past))
        self.reset_at = self.counted

    @precondition(lambda self: self.is_settled and FIXTURE in self.bench.wats.assets)
    @rule(uses=st.integers(1, 30))
    def others_count(self, uses: int) -> None:
        """Somebody counts in WATS."""
        self.bench.wats.count(FIXTURE, uses)
        self.wats = (self.wats[0] + uses, self.wats[1] + uses)

    @precondition(lambda self: self.is_settled and FIXTURE in self.bench.wats.assets)
    @rule(total=st.integers(0, 60))
    def lower(self, total: int) -> None:
        """A person sets WATS' total to less, and the running count with it; then the device passes what it was."""
        running, before = self.wats
        if total < before:
            self.bench.wats.recount(FIXTURE, running=min(running, total), total=total)
            self.wats = (min(running, total), total)
            self.use(before + 1)

    @precondition(lambda self: self.is_settled and FIXTURE in self.bench.wats.assets)
    @rule()
    def delete(self) -> None:
        """The asset is deleted in WATS; then the device passes what it was, and it is made anew."""
        before = self.wats[1]
        self.bench.wats.forget(FIXTURE)
        self.wats = (0, 0)
        self.use(before + 1)

    @rule()
    def restart(self) -> None:
        """What only memory holds is gone, as when the bridge is installed anew over its spool file."""
        self.bench.restart()

    @rule(call=st.sampled_from(CALLS), after=st.booleans())
    def lose(self, call: str, after: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        """An answer is lost, before or after the call took effect."""
        self.bench.wats.fail_next(call, LOST, after=after)
        self.deliver()
        self.bench.wats.forgive()  # a call that was not made is not owed to a later delivery

    @rule(write=st.integers(1, 4), after=st.booleans())
    def crash(self, write: int, after: bool) -> None:  # noqa: FBT001 - as above
        """The bridge dies at a write of a note, before or after it is durable."""
        self.bench.notes.fail_at(write, CrashError(), after=after)
        self.deliver()
        self.bench.notes.fail_at(0, CrashError())

    @rule()
    def deliver(self) -> None:
        """What is known is delivered; then WATS holds what the model says."""
        assert self.event is not None
        self.is_settled = False
        try:
            self.runner.run(self.bench.handle(self.event))
        except Retry:
            return
        except CrashError:
            self.bench.restart()
            return
        self.is_settled = True
        running, total = self.wats
        after = self.total_at(self.counted)
        since = total if self.reset_at is None else self.total_at(self.reset_at)
        self.wats = (after - since + (running if self.reset_at is None else 0), after)
        self.delivered, self.reset_at = self.counted, None
        self.follows = self.follows or self.first_end is not None
        self.check()

    def total_at(self, counted: int) -> int:
        """Tell what WATS' total must be when the device has counted so far."""
        total = self.wats[1]
        if self.follows:
            return total + counted - self.delivered
        if self.first_end is None or counted <= self.first_end:
            return max(total, counted)
        return max(total, self.first_end) + counted - self.first_end

    def check(self) -> None:
        """Compare."""
        assert self.bench.counts() == self.wats

    def teardown(self) -> None:
        """Deliver what is left, and end."""
        if self.event is not None:
            self.deliver()
        self.runner.close()


class CountingTotals(Counting):
    """The device sends its total."""

    sends_totals = True


class CountingIncrements(Counting):
    """The device sends what it adds."""

    sends_totals = False


CountingTotals.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
CountingIncrements.TestCase.settings = CountingTotals.TestCase.settings
TestTotals = CountingTotals.TestCase
TestIncrements = CountingIncrements.TestCase
