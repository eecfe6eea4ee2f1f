"""When the spool on disk waits for the disk: for what is stored, not for what could be done again from it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from pywats_mqtt.ports import Batch, Done, Receipt
from pywats_mqtt.spool import SqliteSpool
from pywats_mqtt.spool import connection as connections
from pywats_mqtt.spool import sqlite as spools
from pywats_mqtt.spool.store import Store
from tests.contract.spool_parts import SetClock, lease, message, result, says
from tests.waiting import wait_until


class Statements:
    """What SQLite ran: each commit, and whether it was to wait for the disk."""

    def __init__(self) -> None:
        self.commits: list[bool] = []
        self._synced = True

    def connect(self, path: Path, *, max_bytes: int) -> sqlite3.Connection:
        """Open a spool's database, and listen."""
        db = connections.connect(path, max_bytes=max_bytes)
        db.set_trace_callback(self._hear)
        return db

    def _hear(self, statement: str) -> None:
        if statement.startswith("PRAGMA synchronous = "):
            self._synced = statement.endswith("FULL")
        elif statement == "COMMIT":
            self.commits.append(self._synced)

    def taken(self) -> list[bool]:
        """Give the commits since the last call."""
        commits, self.commits = self.commits, []
        return commits


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Listen to the spool's connection."""
    heard = Statements()
    monkeypatch.setattr(spools, "connect", heard.connect)
    return heard


async def stored(spool: SqliteSpool, number: int) -> Batch:
    """Store a message."""
    batch = await spool.put(Receipt((message(number),)))
    assert batch is not None
    return batch


async def test_what_is_stored_is_synced_and_what_follows_from_it_shares_the_next_sync(
    tmp_path: Path, heard: Statements
) -> None:
    """A receipt and a note wait for the disk; routing and settling do not, and a moment later all is synced."""
    async with SqliteSpool.open(tmp_path / "spool.db", clock=SetClock()) as spool:
        heard.taken()
        batch = await stored(spool, 1)
        assert heard.taken() == [True]
        await spool.route(batch, [says(result("A", 1))])
        (delivery,) = await lease(spool)
        await spool.settle([Done(delivery)])
        assert heard.taken()[:2] == [False, False]
        await wait_until(lambda: True in heard.commits, what="a sync by itself")
        await spool.set_note("name", b"value")
        assert heard.taken()[-1]


async def test_a_sync_by_itself_comes_once(tmp_path: Path, heard: Statements) -> None:
    """And not where another transaction has synced meanwhile: an idle spool asks nothing of the disk."""
    async with SqliteSpool.open(tmp_path / "spool.db", clock=SetClock()) as spool:
        batch = await stored(spool, 1)
        heard.taken()
        await spool.route(batch, [says(result("A", 1))])
        await stored(spool, 2)
        assert heard.taken() == [False, True]
        (second,) = await spool.unrouted(batch.number, 1)
        await spool.route(second, [says(result("A", 2))])
        await wait_until(lambda: heard.commits == [False, True], what="a sync by itself")
        for number in range(3, 6):
            await stored(spool, number)
        assert heard.taken() == [False, True, True, True, True]


async def test_after_a_transaction_that_failed_the_spool_waits_for_the_disk_again(
    tmp_path: Path, heard: Statements
) -> None:
    """Routing out of turn is rolled back; it leaves no later receipt unsynced, and `status` says so."""
    async with SqliteSpool.open(tmp_path / "spool.db", clock=SetClock()) as spool:
        batch = await stored(spool, 1)
        with pytest.raises(ValueError, match="shorter"):
            await spool.route(batch, [])
        assert await spool.is_synced()
        heard.taken()
        await stored(spool, 2)
        assert heard.taken() == [True]


async def test_what_only_reads_waits_for_the_commits_before_it_and_for_none_behind(
    tmp_path: Path, heard: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked in one go while the thread is busy: a read, two receipts that share a commit, a read."""
    busy, begun = threading.Event(), threading.Event()
    commits_before: list[int] = []

    def busy_note(_store: Store, _name: str) -> None:
        begun.set()
        busy.wait(20)

    def note_commits(_store: Store, _prefix: str) -> dict[str, bytes]:
        commits_before.append(len(heard.commits))
        return {}

    monkeypatch.setattr(Store, "note", busy_note)
    monkeypatch.setattr(Store, "notes", note_commits)
    async with SqliteSpool.open(tmp_path / "spool.db", clock=SetClock()) as spool, asyncio.TaskGroup() as group:
        heard.taken()
        group.create_task(spool.note("busy"))
        await asyncio.to_thread(begun.wait, 20)
        group.create_task(spool.notes(""))
        group.create_task(stored(spool, 1))
        group.create_task(stored(spool, 2))
        last = group.create_task(spool.notes(""))
        await asyncio.sleep(0)  # each has asked
        busy.set()
        await last
        assert commits_before == [0, 1]
        assert heard.taken() == [True]
