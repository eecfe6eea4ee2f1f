"""What a store does between its transactions to stay within its bounds, and what it tells of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from pywats_mqtt.ports import Clock
from pywats_mqtt.ports.room import Room
from pywats_mqtt.spool.disk import Disk
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.lapsing import Discard, Lapsing
from pywats_mqtt.spool.ledger import Ledger
from pywats_mqtt.spool.lines import Lines
from pywats_mqtt.spool.tally import Tally
from pywats_mqtt.spool.upkeep import Upkeep

MEASURE_EVERY_S: Final = 5.0
"""How often a disk is looked at that others fill or empty."""
MEASURE_TIGHT_S: Final = 1.0
"""The same while nothing is received because of it."""

REST_S: Final = 1.0
"""Rest after a step that the disk refused, or that has to wait: it would be due again at once."""


class Bounds:
    """The bounds of one store; used in the writer thread alone.

    Args:
        db: the spool's only connection that writes.
        path: of the file.
        clock: the time.
        keep: the bounds.
        ledger: the store's traces.
        lines: the store's lines.
    """

    def __init__(  # noqa: PLR0917 - what a store is made of
        self, db: sqlite3.Connection, path: Path, clock: Clock, keep: Keeping, ledger: Ledger, lines: Lines
    ) -> None:
        self._clock = clock
        self._keep = keep
        self._ledger = ledger
        self._lines = lines
        self.disk = Disk(db, path, keep.max_bytes, keep.min_free_bytes)
        self.upkeep = Upkeep(db, clock, self.disk, keep.identity_days)
        self._lapsing = Lapsing(db, clock, keep.max_age_days, lines)
        self._measured_s = clock.monotonic()
        self._rests_until_s = float("-inf")
        self._refused_put = False
        self._told = Room()
        self._filled_by = ""
        self._quarantined = self._discarded = 0

    # --- a disk that takes no writes ----------------------------------------------------------------------------------

    def note_refused(self, problem: str, *, storing: bool) -> None:
        """Note that the disk did not take a transaction; `storing`: one that would have stored messages."""
        self.disk.refused = problem
        self._refused_put |= storing
        self.disk.measure()

    def note_written(self, tally: Tally, *, storing: bool) -> None:
        """Note that it took one. That of a small one says nothing of messages that found no room.

        Where rows left the quarantine, what will be dropped of it is looked up anew.
        """
        if tally.quarantined < self._quarantined or tally.discarded > self._discarded:
            self._lapsing.wait(0)
        self._quarantined, self._discarded = tally.quarantined, tally.discarded
        if self.disk.refused and (storing or not self._refused_put):
            self.disk.refused, self._refused_put = "", False
        self.disk.measure()
        self._measured_s = self._clock.monotonic()

    # --- between transactions -----------------------------------------------------------------------------------------

    def due_s(self, tally: Tally) -> float:
        """Tell in how many seconds `step` is due."""
        every_s = MEASURE_TIGHT_S if self.disk.full else MEASURE_EVERY_S
        measure_s = max(0.0, self._measured_s + every_s - self._clock.monotonic())
        lapse_s = self._lapsing.due_s()
        # At the bound traces are forgotten whatever their age: with none left there is nothing to look at.
        traces_s = self._ledger.due_s(tally) if tally.traced or not self.disk.over else measure_s
        dues_s = (measure_s, self.upkeep.due_s(), traces_s)
        due_s = min(dues_s) if lapse_s is None else min(*dues_s, lapse_s)
        return max(due_s, self._rests_until_s - self._clock.monotonic())

    @property
    def rests(self) -> bool:
        """Whether the disk refused a step a moment ago."""
        return self._clock.monotonic() < self._rests_until_s

    def rest(self) -> None:
        """Put the next step off: the disk refused one."""
        self._rests_until_s = self._clock.monotonic() + REST_S

    def step(self, tally: Tally, transacting: Callable[[], AbstractContextManager[Tally]], *, idle: bool) -> None:
        """Do a small step of what is due.

        Args:
            tally: what is stored.
            transacting: opens a transaction, and gives the counters to change in it.
            idle: whether nobody asks for anything.

        Raises:
            sqlite3.Error: it could not be written; the next step tries again.
        """
        if not self._measured_s + MEASURE_TIGHT_S > self._clock.monotonic():
            self.disk.measure()
            self._measured_s = self._clock.monotonic()
        over = self.disk.over
        forgetting = self._ledger.surplus(tally, full=over)
        if forgetting:
            with transacting() as counts:
                self._ledger.forget(counts, full=over)
        if not (forgetting and over) and self.upkeep.step(idle=idle, tally=tally):
            self.disk.measure()

    def lapse(
        self, transacting: Callable[[], AbstractContextManager[Tally]], discard: Discard, *, may_drop: bool
    ) -> None:
        """Drop some of what is too old, if that is due; later, where it may not be dropped now.

        Raises:
            sqlite3.Error: it could not be written; the next step tries again.
        """
        if self._lapsing.due_s() == 0 and not may_drop:
            self._lapsing.wait(REST_S)
        elif self._lapsing.due_s() == 0:
            with transacting() as counts:
                dropped = self._lapsing.step(counts, discard)
            if dropped:
                self._lines.read_again(1)

    # --- what is told -------------------------------------------------------------------------------------------------

    def told(self, tally: Tally) -> Room:
        """Give the room there is, the same until something changes that somebody has to know."""
        told = self._told
        # Only of a full spool, which receives nothing: of another one what waits comes and goes with each message.
        filled_by = _filler(tally) if self.disk.level == "full" else ""
        if (told.level, dict(told.will_drop), self._filled_by) != (
            self.disk.level,
            self._lapsing.will_drop,
            filled_by,
        ):
            self._told, self._filled_by = self.room(tally), filled_by
        return self._told

    def room(self, tally: Tally) -> Room:
        """Give the room there is now."""
        return Room(
            level=self.disk.level,
            problem=self._problem(tally),
            used_bytes=self.disk.used_bytes,
            max_bytes=self._keep.max_bytes,
            free_bytes=self.disk.free_bytes,
            min_free_bytes=self._keep.min_free_bytes,
            will_drop=dict(self._lapsing.will_drop),
        )

    def _problem(self, tally: Tally) -> str:
        disk, keep = self.disk, self._keep
        if disk.refused:
            return disk.refused
        if disk.low:
            return (
                f"the disk has {disk.free_bytes} bytes left, fewer than spool.min_free_bytes ({keep.min_free_bytes}): "
                "nothing is received until there is room on it"
            )
        if disk.over:
            return f"the spool is at spool.max_bytes ({keep.max_bytes}), nothing is received: {_fills(tally)}"
        if disk.filling:
            return (
                f"the spool has {disk.used_bytes} of spool.max_bytes ({keep.max_bytes}) and the disk {disk.free_bytes} "
                f"bytes left, of which spool.min_free_bytes ({keep.min_free_bytes}) stay free: at either bound nothing "
                f"more is received, and at the first ids of events and traces are forgotten early; {_fills(tally)}"
            )
        return ""


def _filler(tally: Tally) -> str:
    return "waiting" if tally.waiting else "quarantine" if tally.quarantined else "memory"


def _fills(tally: Tally) -> str:
    """Name what fills a spool, and what makes room."""
    if tally.waiting:
        return f"{tally.waiting} messages wait for WATS, which makes room when it takes them; none of them is dropped"
    if tally.quarantined:
        return f"{tally.quarantined} rows of the quarantine fill it: `spool retry`, `discard` or `export` makes room"
    return "what it has to remember fills it: raise the bound"
