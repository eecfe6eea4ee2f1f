"""The one thread that touches SQLite: jobs that wait together share a transaction, and so one sync to disk.

Group commit: whatever queued up while the disk synced the last transaction goes into the next one. If that fails, it
is rolled back and each of its jobs is tried in a transaction of its own, so that one that fails spoils no other.
Jobs that only read run after the commit of what was asked before them, so that nobody is told what a crash could still
undo, and before what is asked after them, so that they do not wait for the disk where they need not.

A job that follows from what is synced already need not wait for the disk: its transaction is synced with the next one
that is, or after `SYNC_S`. If power goes before, it is as if it had not been made, and no later one either, for the
write-ahead log is read up to where it breaks off.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

from pywats_mqtt.errors import Retry
from pywats_mqtt.ports import Room
from pywats_mqtt.spool.sqlerrors import BUSY, UNREADABLE, SQLiteError, outcome_of
from pywats_mqtt.spool.store import Store

T = TypeVar("T")

GROUP: Final = 64
"""Jobs a transaction: it bounds how long the first waits for the last."""

SYNC_S: Final = 0.1
"""What is not synced at once is after so long: what power can undo is no more than the work of that time."""


class Job(Generic[T]):
    """A call for the thread, and the future that gets what it returns or raises."""

    __slots__ = ("_call", "_error", "_future", "_result", "acknowledged", "synced", "writes")

    def __init__(
        self, call: Callable[[Store], T], future: asyncio.Future[T], *, writes: bool, synced: bool, acknowledged: int
    ) -> None:
        self._call = call
        self._future = future
        self._error: Exception | None = None
        self._result: T
        self.writes = writes
        self.synced = synced
        self.acknowledged = acknowledged

    def run(self, store: Store) -> None:
        """Do it, in the thread; what it returns is kept."""
        self._result = self._call(store)

    def fail(self, error: Exception) -> None:
        """Keep an error instead."""
        self._error = error

    def deliver(self) -> None:
        """Tell the one who asked, on the event loop; who is cancelled is not told."""
        if self._future.done():
            return
        if self._error is None:
            self._future.set_result(self._result)
        else:
            self._future.set_exception(self._error)


class _Work(Protocol):
    """A job of any result."""

    writes: bool
    synced: bool
    acknowledged: int

    def run(self, store: Store) -> None: ...
    def fail(self, error: Exception) -> None: ...
    def deliver(self) -> None: ...


class Writer:
    """Runs jobs for the event loop that made it, until closed.

    Attributes:
        room: set while the spool is below its bound in bytes.
    """

    def __init__(self, path: Path, open_store: Callable[[], Store], on_room: Callable[[Room], None]) -> None:
        """Prepare; `start` opens the store, in the thread. `on_room` is told what changes about the room it has."""
        self._path = path
        self._open_store = open_store
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._main, name="spool", daemon=True)
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._acknowledged_last = 0
        self._broken: Exception | None = None
        self._sync_at_s = float("inf")
        self._following: _Work | None = None
        self._on_room = on_room
        self._told = Room()
        self.room = asyncio.Event()

    async def start(self) -> None:
        """Open the store.

        Raises:
            Fatal, Retry: why it cannot be opened.
        """
        self._thread.start()
        try:
            await asyncio.shield(self._opened)
        except BaseException:
            self._queue.put(None)  # a caller that is cancelled meanwhile leaves no thread behind
            raise

    def submit(
        self, call: Callable[[Store], T], *, writes: bool, synced: bool = True, acknowledged: int = 0
    ) -> asyncio.Future[T]:
        """Queue a call; the future gets its result, of one that writes after it was committed.

        Args:
            call: run in the thread.
            writes: whether it runs in a transaction.
            synced: whether that is on the disk when the future gets its result; else it is soon.
            acknowledged: messages acknowledged meanwhile, to be counted with the next transaction.

        Raises:
            RuntimeError: the spool is closed.
            Fatal, Retry: what broke the thread.
        """
        if self._broken is not None:
            raise self._broken
        if self._closing:
            raise RuntimeError(f"spool {self._path} is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(Job(call, future, writes=writes, synced=synced, acknowledged=acknowledged))
        return future

    async def close(self, *, acknowledged: int) -> None:
        """Finish what is queued, count the last acknowledgements, close the store, end the thread.

        Raises:
            Fatal, Retry: what broke the thread, or kept the last acknowledgements from being counted.
        """
        if not self._closing:
            self._closing = True
            self._acknowledged_last = acknowledged
            self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()
        if self._broken is not None:
            raise self._broken

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            store = self._open_store()
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever opens gets it
            outcome = outcome_of(error, str(self._path)) if isinstance(error, UNREADABLE) else error
            self._tell(_fail, self._opened, outcome)
            return
        self._tell(_succeed, self._opened)
        self._tell(self._deliver, (), store.full, store.told)
        jobs: Sequence[_Work] | None = ()
        try:
            while (jobs := self._next_jobs(store)) is not None:
                self._work(store, jobs)
                self._tell(self._deliver, jobs, store.full, store.told)
            store.tally_acknowledged(self._acknowledged_last)
            store.close()
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever waits for it gets it
            store.abandon()
            self._tell(self._break, jobs or (), self._outcome(error))
        self._tell(_succeed, self._ended)

    def _next_jobs(self, store: Store) -> list[_Work] | None:
        """Wait for jobs, do upkeep meanwhile; None when the end is asked for and nothing is before it."""
        due_s = self._sync_at_s - time.monotonic()
        if due_s <= 0:
            self._sync(store)
            due_s = SYNC_S
        first, self._following = self._following, None
        if first is None:
            try:
                first = self._queue.get(timeout=max(0.0, min(store.upkeep_due_s(), due_s)))
            except Empty:
                store.upkeep(idle=True)
                return []
        store.upkeep(idle=False)
        if first is None:
            return None
        jobs = [first]
        while len(jobs) < GROUP:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                self._queue.put(None)  # once more, after these
                break
            if job.writes and not jobs[0].writes:
                self._following = job  # these only read, and do not wait for its commit
                break
            jobs.append(job)
        return jobs

    def _work(self, store: Store, jobs: Sequence[_Work]) -> None:
        store.tally_acknowledged(sum(job.acknowledged for job in jobs))
        writing = [job for job in jobs if job.writes]
        if writing and (error := self._transact(store, writing)) is not None:
            if isinstance(error, sqlite3.Error):
                store.make_room()
            for job in writing:
                if (error := self._transact(store, [job])) is not None:
                    outcome = self._outcome(error)
                    if isinstance(outcome, Retry) and outcome.cause != BUSY:
                        store.note_refused(str(outcome))
                    job.fail(outcome)
        for job in jobs:
            if not job.writes:
                try:
                    job.run(store)
                except Exception as reading:  # noqa: BLE001 - the loop's edge: the asker gets it
                    job.fail(self._outcome(reading))

    def _transact(self, store: Store, jobs: Sequence[_Work]) -> Exception | None:
        """Run jobs in one transaction; all or none. Gives what prevented it."""
        synced = any(job.synced for job in jobs)
        try:
            store.begin(synced=synced)
            for job in jobs:
                job.run(store)
            store.commit()
        except Exception as error:  # noqa: BLE001 - the loop's edge: the asker gets it
            store.rollback()
            return error
        self._sync_at_s = float("inf") if synced else min(self._sync_at_s, time.monotonic() + SYNC_S)
        return None

    def _sync(self, store: Store) -> None:
        """Have on the disk what was committed without; a disk that fails now is asked again later."""
        self._sync_at_s = time.monotonic() + SYNC_S
        if store.sync():
            self._sync_at_s = float("inf")

    def _outcome(self, error: Exception) -> Exception:
        return outcome_of(error, str(self._path)) if isinstance(error, SQLiteError) else error

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return  # the loop is closed: nobody is left to be told

    # --- on the event loop --------------------------------------------------------------------------------------------

    def _deliver(self, jobs: Sequence[_Work], full: bool, told: Room) -> None:  # noqa: FBT001 - a callback's argument
        if told != self._told:
            self._told = told
            self._on_room(told)
        if full:
            self.room.clear()
        else:
            self.room.set()
        for job in jobs:
            job.deliver()

    def _break(self, jobs: Sequence[_Work], error: Exception) -> None:
        """Fail whatever waits, and whatever comes: the thread has ended."""
        self._broken = error
        self.room.set()
        waiting = [*jobs, *([self._following] if self._following is not None else [])]
        while not self._queue.empty():
            if (job := self._queue.get_nowait()) is not None:
                waiting.append(job)
        for job in waiting:
            job.fail(error)
            job.deliver()


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
