"""The ledger of traces on disk: its bounds, its upkeep, and what it survives."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Done, OwedRow, RefusedRow, Rejection
from pywats_mqtt.spool import SpoolReader, SqliteSpool, ledger
from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.migrate import migrate, migrations
from pywats_mqtt.spool.store import Store
from pywats_mqtt.spool.tables import pack_messages
from tests.contract.spool_parts import SetClock, identified, lease, put, result, says, take_in

DAY_US = 86_400_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the spool's file."""
    return tmp_path / "spool.db"


def open_store(path: Path, clock: SetClock, *, rows: int = 100, days: int = 30, max_bytes: int = 1 << 30) -> Store:
    """Open the sync core, so that upkeep runs when the test says."""
    keep = Keeping(max_bytes=max_bytes, trace_rows=rows, trace_days=days)
    return Store(connect(path, max_bytes=keep.max_bytes), path, clock, keep=keep)


async def fill(path: Path, clock: SetClock, count: int) -> None:
    """Trace so many results."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("T", number)) for number in range(count)])


def rows_of(path: Path) -> list[int]:
    """Give the ids of all traces, and check that they are counted right."""
    with closing(sqlite3.connect(path)) as db:
        ids = [number for (number,) in db.execute("SELECT id FROM trace ORDER BY id")]
        assert db.execute("SELECT value FROM counter WHERE name = 'traced'").fetchone() == (len(ids),)
    return ids


async def test_the_bound_in_rows_is_kept_in_small_steps(path: Path, clock: SetClock) -> None:
    """The oldest go first, a tenth of the bound in a step, with a rest between two, until the bound is kept."""
    await fill(path, clock, 125)
    with closing(open_store(path, clock)) as store:
        seen = []
        for _ in range(12):
            store.upkeep(idle=False)
            seen.append(len(rows_of(path)))
            store.upkeep(idle=False)
            assert len(rows_of(path)) == seen[-1]
            clock.now_us += int(ledger.STEP_EVERY_S * 1e6) + 1
        assert seen[:4] == [115, 105, 95, 95]
        assert rows_of(path)[0] == 31


async def test_the_bound_in_days_is_kept(path: Path, clock: SetClock) -> None:
    """What is older is forgotten, and nothing else."""
    await fill(path, clock, 15)
    clock.now_us += 2 * DAY_US
    await fill(path, clock, 3)
    clock.now_us += DAY_US
    with closing(open_store(path, clock, days=2)) as store:
        for _ in range(6):
            clock.now_us += int(ledger.LOOK_EVERY_S * 1e6)
            store.upkeep(idle=True)
        assert rows_of(path) == [16, 17, 18]


async def test_rows_of_zero_turn_it_off(path: Path, clock: SetClock) -> None:
    """Nothing is traced any more, what was is forgotten, and deliveries go on."""
    await fill(path, clock, 5)
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(trace_rows=0)) as spool:
        await take_in(spool, [says(result("T", 7))])
        await spool.settle([Done(delivery) for delivery in await lease(spool)])
        assert not await spool.traces("SN7", 10)
    with closing(open_store(path, clock, rows=0)) as store:
        store.upkeep(idle=False)
        assert rows_of(path) == []


async def test_in_a_full_spool_traces_go_before_identities(path: Path, clock: SetClock) -> None:
    """They are a convenience; an id that is forgotten lets a repeat through."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [(identified(result("T", number), number),) for number in range(50)])
    seen = []
    with closing(open_store(path, clock, max_bytes=1)) as store, closing(sqlite3.connect(path)) as db:
        for _ in range(7):
            store.upkeep(idle=False)
            seen.append((len(rows_of(path)), *db.execute("SELECT count(*) FROM identity").fetchone()))
    assert seen[:5] == [(40, 50), (30, 50), (20, 50), (10, 50), (0, 50)]
    assert seen[-1][1] < 50


async def test_what_is_imported_is_bounded_and_counted(path: Path, clock: SetClock) -> None:
    """Also an event that only a newer program can read, whose row is to be refused in words; with 0 there is none."""
    raw = RawMessage("t", b'{"serial_number": "SN1"}', clock.now_us - 9 * DAY_US, 1)
    owed = OwedRow(7, "T", "test_result", 1, b"of a newer one", raw)
    async with SqliteSpool.open(path, clock=clock) as spool:
        await spool.take_in("e", 0, [owed, RefusedRow(3, "T", "no", "", "test_result", raw)], bridge="far")
        assert [trace.settled for trace in await spool.traces("SN1", 10)] == ["", "quarantined"]
        assert await lease(spool) == []
        assert [trace.settled for trace in await spool.traces("SN1", 10)] == ["quarantined"] * 2
    assert rows_of(path) == [1, 2]
    with closing(open_store(path, clock, days=2)) as store:
        clock.now_us += DAY_US
        store.upkeep(idle=True)
        assert rows_of(path) == [1, 2]
        clock.now_us += 2 * DAY_US
        for _ in range(2):
            store.upkeep(idle=True)
            clock.now_us += int(ledger.LOOK_EVERY_S * 1e6)
        assert rows_of(path) == []
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(trace_rows=0)) as spool:
        await spool.take_in("f", 0, [RefusedRow(3, "T", "no", "", "test_result", raw)])
    assert rows_of(path) == []


async def test_it_outlives_its_owner_and_is_read_beside_it(path: Path, clock: SetClock) -> None:
    """A second process sees what is committed, while the bridge runs and after it ended."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("T", 1))])
        with SpoolReader(path) as reader:
            assert [trace.due_us for trace in reader.traces("SN1", 10)] == [0]
            waiting = await put(spool, 2)
            assert reader.unread(10) == [waiting]
        await spool.settle([Done(delivery) for delivery in await lease(spool)])
    with SpoolReader(path) as reader:
        assert [trace.settled for trace in reader.traces("SN1", 10)] == ["delivered"]


async def test_a_reader_sees_one_state(path: Path, clock: SetClock) -> None:
    """What is settled while it reads is as before for it, until it ends."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("T", 1))])
        with SpoolReader(path) as reader:
            with reader.snapshot():
                assert [trace.settled for trace in reader.traces("SN1", 10)] == [""]
                await spool.settle([Done(delivery) for delivery in await lease(spool)])
                assert [trace.settled for trace in reader.traces("SN1", 10)] == [""]
            assert [trace.settled for trace in reader.traces("SN1", 10)] == ["delivered"]


async def test_a_batch_of_an_older_version_is_routed(path: Path, clock: SetClock) -> None:
    """A spool without a ledger is upgraded; when its batch was stored is not known."""
    before = next(number for number, script in enumerate(migrations()) if "CREATE TABLE trace" in script)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        migrate(old, str(path), migrations()[:before])
        raw = RawMessage("testers/T/results", b"{}", clock.now_us, 1)
        old.execute("INSERT INTO batch (number, messages) VALUES (1, ?)", (pack_messages((raw,)),))
        old.execute("INSERT INTO counter VALUES ('last_batch', 1), ('stored', 1), ('waiting', 1)")
    with pytest.raises(Fatal, match="start the bridge once"):
        SpoolReader(path)
    async with SqliteSpool.open(path, clock=clock) as spool:
        (batch,) = await spool.unrouted(0, 10)
        await spool.route(batch, [says(result("T", 1))])
        (trace,) = await spool.traces("SN1", 10)
        assert (trace.batch, trace.stored_at_us, trace.received_at_us) == (1, 0, clock.now_us)


async def test_what_is_not_committed_is_not_traced(path: Path, clock: SetClock) -> None:
    """A batch whose transaction fails leaves no row, and its next try one."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        batch = await put(spool, 1)
        with pytest.raises(ValueError, match="shorter"):
            await spool.route(batch, [])
        await spool.route(batch, [says(result("T", 1))])
        (delivery,) = await lease(spool)
        with pytest.raises(ValueError, match="settle it once"):
            await spool.settle([Done(delivery), Done(delivery)])
        (trace,) = await spool.traces("SN1", 10)
        assert trace.settled == ""
        await take_in(spool, [Rejection("no")])
        (trace,) = await spool.traces("SN1", 10)
        assert trace.settled == ""
    assert rows_of(path) == [1]
