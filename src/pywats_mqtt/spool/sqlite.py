"""The spool on one SQLite file: `ports.Spool` for a bridge on one machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pywats_mqtt.errors import Fatal
from pywats_mqtt.ports import (
    Batch,
    Clock,
    Delivery,
    Export,
    ExportState,
    Figures,
    Gathered,
    Kept,
    LatestRow,
    OwedRow,
    Quarantined,
    Receipt,
    Release,
    Room,
    RoutedBatch,
    Row,
    Settlement,
    Staleness,
    Taken,
    Trace,
)
from pywats_mqtt.spool.checking import Checking
from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.owner import Owner
from pywats_mqtt.spool.store import Store
from pywats_mqtt.spool.wal import require_sound_log, require_whole_log
from pywats_mqtt.spool.writer import Writer

T = TypeVar("T")


class SqliteSpool:
    """The store of one bridge; `async with SqliteSpool.open(…) as spool`. See `ports.Spool` for what each call does."""

    def __init__(self, path: Path, *, clock: Clock, keep: Keeping, on_room: Callable[[Room], None]) -> None:
        """Use `open`; this only keeps the arguments."""
        self._path = path
        self._clock = clock
        self._keep = keep
        self._on_room = on_room
        self._owner: Owner | None = None
        self._writer: Writer | None = None
        self._checking: Checking | None = None
        self._checked = asyncio.Event()
        self._acknowledged = 0

    @property
    def is_checked(self) -> bool:
        """Whether the structure of the whole file was checked since it was opened: nothing is stored before."""
        return self._checked.is_set()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        keep: Keeping | None = None,
        on_room: Callable[[Room], None] = lambda _: None,
    ) -> Self:
        """Name a spool; entering it opens it.

        Args:
            path: the file, made when missing; its folder must exist and be on a local disk.
            clock: tells when deliveries were settled and identities seen.
            keep: its bounds; those of `Keeping` unless told otherwise.
            on_room: told what changes about the room it has; must not raise.
        """
        return cls(path, clock=clock, keep=keep or Keeping(), on_room=on_room)

    async def __aenter__(self) -> Self:
        """Take the file, bring it to the newest schema, load what has to be in memory.

        Raises:
            Fatal: another bridge owns it, its folder is missing, it is damaged, another program's or newer.
            Retry: the disk is full.
        """
        owner = Owner(self._path, since=self._clock.now())
        writer = Writer(self._path, partial(self._open_store, owner), self._on_room)
        try:
            await writer.start()
        except BaseException:
            owner.close()
            raise
        self._owner, self._writer = owner, writer
        try:
            await self._check()
        except BaseException:
            await self.close()
            raise
        return self

    async def _check(self) -> None:
        """Check the whole file; of a large one that goes on beside all else but storing."""
        checking = self._checking = Checking(self._path)
        checking.found.add_done_callback(self._note_checked)
        is_short = checking.is_short
        checking.start()
        if is_short and (problem := await asyncio.shield(checking.found)) is not None:
            raise problem

    def _note_checked(self, found: asyncio.Future[Fatal | None]) -> None:
        if not found.cancelled() and found.result() is None:
            self._checked.set()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Finish what was asked for, store the last acknowledgements, and let the file go."""
        if self._writer is None or self._owner is None:
            return
        if self._checking is not None:
            self._checking.end()
        try:
            await self._writer.close(acknowledged=self._take_acknowledged())
        finally:
            self._owner.close()
            self._owner = None

    def _open_store(self, owner: Owner) -> Store:
        if owner.same_boot:
            require_whole_log(self._path)
            require_sound_log(self._path)
        db = connect(self._path, max_bytes=self._keep.max_bytes)
        try:
            owner.took()
            return Store(db, self._path, self._clock, keep=self._keep)
        except BaseException:
            db.close()
            raise

    async def damage(self) -> Fatal | None:
        """Wait until the whole file was checked; tells what is wrong, which has to end its use."""
        if self._checking is None:
            raise RuntimeError(f"spool {self._path} is not open")
        return await asyncio.shield(self._checking.found)

    # --- the port -----------------------------------------------------------------------------------------------------

    async def put(self, receipt: Receipt) -> Batch | None:
        """See `ports.Spool.put`; it also waits until the whole file was checked, for ever where that finds damage."""
        await self._checked.wait()
        while not self._running.room.is_set():
            await self._running.room.wait()
        return await self._write(lambda store: store.put(receipt))

    async def unrouted(self, after: int, limit: int) -> Sequence[Batch]:
        """See `ports.Spool.unrouted`."""
        return await self._read(lambda store: store.unrouted(after, limit))

    async def route(self, batch: Batch, outcomes: Sequence[Gathered]) -> RoutedBatch:
        """See `ports.Spool.route`.

        Raises:
            Retry: as for `put`; the batch is still to be routed.
            ValueError: it is not this batch's turn, or there is not one outcome for each message.
        """
        return await self._write_lazily(lambda store: store.route(batch, outcomes))

    async def lease(
        self,
        limit: int,
        now_us: int,
        *,
        skip_kinds: frozenset[str] = frozenset(),
        busy_kinds: frozenset[str] = frozenset(),
    ) -> Sequence[Delivery]:
        """See `ports.Spool.lease`. If the caller is cancelled meanwhile, what it would have got is given back."""
        return await self._lease(lambda store: store.lease(limit, now_us, skip_kinds, busy_kinds))

    async def lease_latest(
        self, limit: int, now_us: int, *, settled_before_us: int, skip_kinds: frozenset[str] = frozenset()
    ) -> Sequence[Delivery]:
        """See `ports.Spool.lease_latest`; cancelled as `lease`."""
        return await self._lease(lambda store: store.lease_latest(limit, now_us, settled_before_us, skip_kinds))

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `ports.Spool.settle`.

        Raises:
            Retry: as for `put`; the leases go on, settle them again.
            ValueError: one of the deliveries is not leased; none was settled.
        """
        await self._write_lazily(lambda store: store.settle(settlements))

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Spool.give_back`.

        Raises:
            ValueError: one of the deliveries is not leased; none was given back.
        """
        await self._read(lambda store: store.give_back(deliveries))

    async def next_due_us(self) -> int | None:
        """See `ports.Spool.next_due_us`; 0 where leasing again may find more, since rows are still to be read."""
        return await self._read(Store.next_due_us)

    def tally_acknowledged(self, count: int) -> None:
        """See `ports.Spool.tally_acknowledged`."""
        self._acknowledged += count

    async def figures(self) -> Figures:
        """See `ports.Spool.figures`."""
        return await self._read(Store.figures)

    async def room(self) -> Room:
        """Tell how much room there is now."""
        return await self._read(Store.room)

    async def staleness(self, now_us: int) -> Mapping[str, Staleness]:
        """See `ports.Spool.staleness`."""
        return await self._read(lambda store: store.staleness(now_us))

    async def quarantined(self, limit: int, after: int = 0) -> Sequence[Quarantined]:
        """See `ports.Spool.quarantined`."""
        return await self._read(lambda store: store.quarantined(limit, after))

    async def kept(self, numbers: Sequence[int]) -> Sequence[Kept]:
        """See `ports.Spool.kept`."""
        return await self._read(lambda store: store.kept(numbers))

    async def release(self, releases: Sequence[Release]) -> Batch | None:
        """See `ports.Spool.release`."""
        return await self._write(lambda store: store.release(releases))

    async def discard(self, numbers: Sequence[int]) -> int:
        """See `ports.Spool.discard`.

        Raises:
            Retry: as for `put`; nothing was discarded.
        """
        return await self._write(lambda store: store.discard(numbers))

    async def is_synced(self) -> bool:
        """Tell whether what is stored is on the disk before it is acknowledged (`PRAGMA synchronous`)."""
        return await self._read(lambda store: store.is_synced)

    async def traces(self, word: str, limit: int) -> Sequence[Trace]:
        """See `ports.Spool.traces`."""
        return await self._read(lambda store: store.traces(word, limit))

    async def note(self, name: str) -> bytes | None:
        """See `ports.Notes.note`."""
        return await self._read(lambda store: store.note(name))

    async def notes(self, prefix: str) -> dict[str, bytes]:
        """See `ports.Notes.notes`."""
        return await self._read(lambda store: store.notes(prefix))

    async def set_note(self, name: str, value: bytes | None) -> None:
        """See `ports.Notes.set_note`.

        Raises:
            Retry: as for `put`.
        """
        await self._write(lambda store: store.set_note(name, value))

    async def open_export(self, export: str, *, waiting: bool) -> Export:
        """See `ports.Handover.open_export`."""
        return await self._write(lambda store: store.handover.open_export(export, waiting=waiting))

    async def exportable(self, export: str, limit: int) -> Sequence[OwedRow | LatestRow]:
        """See `ports.Handover.exportable`."""
        return await self._read(lambda store: store.handover.exportable(export, limit))

    async def take_out(self, export: str, rows: Sequence[Row]) -> None:
        """See `ports.Handover.take_out`."""
        await self._write(lambda store: store.handover.take_out(export, rows))

    async def mark_export(self, export: str, state: ExportState) -> Export:
        """See `ports.Handover.mark_export`."""
        return await self._write(lambda store: store.handover.mark_export(export, state))

    async def unwind(self, export: str, limit: int) -> bool:
        """See `ports.Handover.unwind`."""
        return await self._write(lambda store: store.handover.unwind(export, limit))

    async def exports(self) -> Sequence[Export]:
        """See `ports.Handover.exports`."""
        return await self._read(lambda store: store.handover.exports())

    async def exported(self, export: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """See `ports.Handover.exported`."""
        return await self._read(lambda store: store.handover.exported(export, after, limit))

    async def take_in(self, export: str, first: int, rows: Sequence[Row], *, bridge: str = "") -> Taken:
        """See `ports.Handover.take_in`."""
        return await self._write(lambda store: store.handover.take_in(export, first, rows, bridge))

    # --- to the thread ------------------------------------------------------------------------------------------------

    @property
    def _running(self) -> Writer:
        if self._writer is None:
            raise RuntimeError(f"spool {self._path} is not open")
        return self._writer

    def _write(self, call: Callable[[Store], T]) -> asyncio.Future[T]:
        return self._running.submit(call, writes=True, acknowledged=self._take_acknowledged())

    def _write_lazily(self, call: Callable[[Store], T]) -> asyncio.Future[T]:
        """Write what could be done again: it follows from what is synced, and does not wait for the disk itself."""
        return self._running.submit(call, writes=True, synced=False, acknowledged=self._take_acknowledged())

    def _read(self, call: Callable[[Store], T]) -> asyncio.Future[T]:
        return self._running.submit(call, writes=False, acknowledged=self._take_acknowledged())

    def _take_acknowledged(self) -> int:
        count, self._acknowledged = self._acknowledged, 0
        return count

    async def _lease(self, call: Callable[[Store], list[Delivery]]) -> Sequence[Delivery]:
        leased = self._read(call)
        try:
            return await asyncio.shield(leased)
        except asyncio.CancelledError:
            leased.add_done_callback(self._give_back)
            raise

    def _give_back(self, leased: asyncio.Future[list[Delivery]]) -> None:
        if not leased.cancelled() and leased.exception() is None and (deliveries := leased.result()):
            with suppress(RuntimeError):  # closed meanwhile: leases end with their owner
                self._running.submit(lambda store: store.give_back(deliveries), writes=False)
