"""The quota: in no window of 60 s more calls than allowed, also across a restart.

A burst up to the whole limit goes at once, so that a first effect is quick; then calls go as slots come free, first
come, first served. What counts, and why the bound holds, is in `window`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec

from pywats_mqtt.errors import Retry
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, Notes
from pywats_mqtt.wats.window import Blocks, Window

logger = logging.getLogger(__name__)

NOTE = "wats-quota"

BLOCKS_PER_MINUTE = 30
"""At the full rate a block lasts 2 s: one durable write in 2 s, and after a crash 1/30 of a minute's calls too many."""


class Quota:
    """Hands out calls; one instance for all that goes to a server under one token."""

    def __init__(
        self,
        requests_per_minute: int,
        notes: Notes | None,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Keep what is needed; nothing is read before the first call.

        Args:
            requests_per_minute: the limit; 0 for none, and then nothing is written down.
            notes: where reserved calls are written; None to write nothing, for a program that makes a few calls.
            clock: `monotonic` for the running program, `now` to bridge a restart. A wall clock that was put forward
                while the program was down makes calls look older than they are; one put back does no harm.
            sleep: waits that many seconds of the clock.
        """
        self._limit = requests_per_minute
        self._notes = notes
        self._clock = clock
        self._sleep = sleep
        self._window = Window(requests_per_minute)
        self._blocks = Blocks(max(1, requests_per_minute // BLOCKS_PER_MINUTE))
        self._turn = asyncio.Lock()
        self._ended = asyncio.Event()
        self._restored = False

    @property
    def taken(self) -> int:
        """How many of the minute's calls are used up or under way."""
        return self._window.taken(self._clock.monotonic())

    @asynccontextmanager
    async def call(self) -> AsyncGenerator[None]:
        """Wait for a slot, hold it for one call, and free it a window after the call ended, however it ended.

        Raises:
            Retry: the reservation cannot be written down now (disk full).
        """
        if not self._limit:
            yield
            return
        async with self._turn:  # asyncio's lock is fair: first come, first served
            if not self._restored:
                await self._restore()
            await self._wait()
            if self._blocks.full():
                await self._write(self._blocks.dump(self._now_us(), reserving=True))
                self._blocks.reserve()
            block = self._blocks.start()
            self._window.start()
        try:
            yield
        finally:
            self._window.end(self._clock.monotonic())
            self._blocks.end(block, self._now_us())
            self._ended.set()

    async def close(self) -> None:
        """Write down when the last calls ended, so that a restart need not take them for just made.

        Where that cannot be written (disk full), the restart waits longer, and that is all.
        """
        if self._limit and self._restored:
            with suppress(Retry):
                await self._write(self._blocks.dump(self._now_us(), closing=True))

    async def _write(self, note: bytes) -> None:
        if self._notes is not None:
            await self._notes.set_note(NOTE, note)

    async def _restore(self) -> None:
        note = await self._notes.note(NOTE) if self._notes is not None else None
        if note is not None:
            try:
                counted = self._blocks.restore(note, self._now_us())
            except msgspec.DecodeError:
                logger.warning("the note of used calls cannot be read; the whole minute counts as used")
                counted = [(self._limit, 0)]
            now_s = self._clock.monotonic()
            for count, age_us in counted:
                self._window.remember(count, now_s - age_us / 1e6)
        self._restored = True

    async def _wait(self) -> None:
        while True:
            self._ended.clear()
            wait_s = self._window.wait_s(self._clock.monotonic())
            if wait_s == 0:
                return
            if wait_s is None:
                await self._ended.wait()
            else:
                await self._sleep(wait_s)

    def _now_us(self) -> int:
        return to_us(self._clock.now())
