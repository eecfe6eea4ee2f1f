"""Batches of a line: a summary of each in WATS, its size there, and its number on the reports of the line's testers.

What a line says is kept in a note before WATS hears of it. A summary overwrites itself, so one that is sent again after
a lost answer does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

import msgspec

from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import BatchReported, TestResult
from pywats_mqtt.handlers.batch_report import report_of
from pywats_mqtt.handlers.batches import Batch, Batches, decode, due, encode, follow, note_name, open_at, paid
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, Notes, Wats

CALL = "Production/Batches"

PROBE_S = 3_600.0
"""A server that keeps no batches is asked again once an hour, and at each start."""

FROM = "batch_from"
"""Name of the misc info that tells where the number of a batch is known from."""

_CHARACTERS = 100


class BatchHandler:
    """The handler of batches, and what it knows of them; one instance for one server."""

    def __init__(self, config: ProductionConfig, clock: Clock, on_refused: Callable[[str, str], None]) -> None:
        """Know nothing yet.

        Args:
            config: which testers stand at which line, and how often a batch that goes on is reported.
            clock: tells when a refused call is tried again.
            on_refused: told the name of a call that WATS refuses and why; with an empty text when it no longer does.
        """
        self._lines_of = config.lines
        self._every_us = int(config.batch_report_s * 1e6)
        self._clock = clock
        self._on_refused = on_refused
        self._refused_at: float | None = None
        self._lines: dict[str, Batches] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle(self, event: BatchReported, wats: Wats, notes: Notes) -> None:
        """Keep what is said of a batch, and bring to WATS what is due: its summary, and that of one it ends.

        Raises:
            Retry, Reject: as for any handler; a summary that is refused keeps no other one back.
        """
        turn = self._turns.get(event.line)
        if turn is None:
            turn = self._turns[event.line] = asyncio.Lock()
        async with turn:
            before = await self._batches(event.line, notes)
            batches = follow(before, event, self._every_us)
            await self._keep(event.line, batches, before, notes)
            problem: Reject | None = None
            for batch in due(batches, event):
                try:
                    if batch.owed:
                        await wats.submit_report(report_of(event.line, batch))
                    after = paid(batches, batch, await self._save(batch, wats))
                except Reject as refused:
                    if batch.number == event.batch:
                        problem = refused  # and it stays owed, for a retry from the quarantine
                        continue
                    problem = problem or _of_another(batch, refused)
                    after = paid(batches, batch, batch.saved_size)
                await self._keep(event.line, after, batches, notes)
                batches = after
            if problem is not None:
                raise problem

    async def signed(self, result: TestResult, notes: Notes) -> TestResult:
        """Give the result of a unit with the batch that was open on its line when it began, where it names none."""
        line = self._lines_of.get(result.device)
        if line is None or result.batch or not result.is_of_unit:
            return result
        number = open_at(await self._batches(line, notes), to_us(result.start))
        if not number:
            return result
        misc = (*result.misc, (FROM, f"line {line}"[:_CHARACTERS]))
        return msgspec.structs.replace(result, batch=number, misc=misc)

    async def _save(self, batch: Batch, wats: Wats) -> int | None:
        """Give WATS the size of a batch where it has another; where it keeps no batches, remember that.

        Returns:
            The size that WATS has now, or None.
        """
        size, now_s = batch.due_size, self._clock.monotonic()
        is_refused = self._refused_at is not None and now_s < self._refused_at + PROBE_S
        if size is None or size == batch.saved_size or is_refused:
            return batch.saved_size
        try:
            await wats.save_batch(batch.number, size)
        except Retry as refused:
            if refused.scope is not Scope.CALL:
                raise
            self._refused_at = now_s
            self._on_refused(CALL, str(refused))
            return batch.saved_size
        if self._refused_at is not None:
            self._refused_at = None
            self._on_refused(CALL, "")
        return size

    async def _batches(self, line: str, notes: Notes) -> Batches:
        known = self._lines.get(line)
        if known is None:
            known = self._lines.setdefault(line, decode(await notes.note(note_name(line))))
        return known

    async def _keep(self, line: str, batches: Batches, before: Batches, notes: Notes) -> None:
        if batches != before:
            await notes.set_note(note_name(line), encode(batches))
            self._lines[line] = batches


def _of_another(batch: Batch, refused: Reject) -> Reject:
    """Say that it is not what the message says that is refused."""
    what = f"the summary of batch {batch.number!r}, which ended when this one began: {refused.reason}"
    return Reject(f"{what}; this message is done, send that summary again")
