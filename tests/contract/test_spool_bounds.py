"""The bounds of a spool: bytes, the disk's free space and age; what is told of them, what is dropped, what never is."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from pywats_mqtt.events import AssetHistory, Stats, Window
from pywats_mqtt.messages import RawMessage, from_us
from pywats_mqtt.ports import Done, ExportState, Receipt, Rejection, Release, RetryAt, Room
from pywats_mqtt.spool import SqliteSpool, disk, lapsing
from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.store import Store
from pywats_mqtt.spool.views import size_on_disk
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    identified,
    lease,
    message,
    put,
    result,
    says,
    serials,
    take_in,
)
from tests.waiting import wait_until

MIB = 1 << 20
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a spool file."""
    return tmp_path / "spool.db"


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk have so many bytes left."""

    def leave(count: int) -> None:
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=count // 4096, f_frsize=4096))

    return leave


# --- bytes and free space ---------------------------------------------------------------------------------------------


async def test_filling_then_full_then_neither(path: Path, clock: SetClock) -> None:
    """From 80 % on it is filling; full it names what fills it; both end below their own marks."""
    told: list[Room] = []
    big = RawMessage("t", bytes(20_000), START_US, 1)
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(max_bytes=MIB), on_room=told.append) as spool:
        batches = []
        while not (told and told[-1].level == "full"):
            batches.append(await spool.put(Receipt((big,))))
        assert [room.level for room in told] == ["filling", "full"]
        assert 0.8 * MIB <= told[0].used_bytes < MIB <= told[1].used_bytes
        assert "forgotten early" in told[0].problem
        assert f"{len(batches)} messages wait for WATS" in told[1].problem
        for batch in batches:
            assert batch is not None
            await spool.route(batch, [()])
        assert [room.level for room in told] == ["filling", "full", "filling", ""]
        assert told[3].used_bytes < 0.7 * MIB
        assert (await spool.room()).problem == ""


async def test_a_full_spool_is_told_of_again_when_something_else_fills_it(path: Path, clock: SetClock) -> None:
    """What was stored turned out to be refused: WATS makes no room then, a person does."""
    told: list[Room] = []
    big = RawMessage("t", bytes(20_000), START_US, 1)
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(max_bytes=MIB), on_room=told.append) as spool:
        batches = []
        while not (told and told[-1].level == "full"):
            batches.append(await spool.put(Receipt((big,))))
        for batch in batches:
            assert batch is not None
            await spool.route(batch, [Rejection("no JSON", device="T")])
        assert [room.level for room in told] == ["filling", "full", "full"]
        assert f"{len(batches)} rows of the quarantine fill it" in told[-1].problem


async def test_a_disk_that_others_fill_stops_receiving_and_nothing_else(
    path: Path, clock: SetClock, free: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    """`put` waits below `min_free_bytes`, deliveries and their records go on, and it goes on by itself."""
    free(100 * MIB)
    told: list[Room] = []
    keep = Keeping(min_free_bytes=10 * MIB)
    async with SqliteSpool.open(path, clock=clock, keep=keep, on_room=told.append) as spool:
        await take_in(spool, [says(result("A", 1)), says(result("A", 2))])
        levels = []
        for left in (12 * MIB, 9 * MIB, 10 * MIB + 4096, 14 * MIB, 16 * MIB):
            free(left)
            (head,) = await lease(spool)
            await spool.settle([RetryAt(head, 0, "again", uses_attempt=False)])
            await spool.figures()
            room = await spool.room()
            levels.append(room.level)
            assert room.free_bytes == left
        assert levels == ["filling", "full", "full", "filling", ""]
        free(MIB)
        await spool.settle([Done(delivery) for delivery in await lease(spool)])
        storing = asyncio.create_task(spool.put(Receipt((message(1),))))
        await spool.settle([Done(delivery) for delivery in await lease(spool)])
        assert "spool.min_free_bytes" in (await spool.room()).problem
        assert not storing.done()
        free(100 * MIB)
        clock.now_us += 1_000_000
        assert await storing is not None
    assert caplog.text.count("disk nearly full") == caplog.text.count("disk has room again") == 2
    assert (told[-1].level, told[-1].problem) == ("", "")


async def test_a_low_disk_costs_no_identities(path: Path, clock: SetClock, free: Callable[[int], None]) -> None:
    """To forget them would give the disk nothing."""
    free(100 * MIB)
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(min_free_bytes=2 * MIB)) as spool:
        await take_in(spool, [(identified(result("A", number), number),) for number in range(20)])
        free(MIB)
        for head in (await lease(spool), await lease(spool)):
            await spool.settle([Done(delivery) for delivery in head])
        assert (await spool.room()).level == "full"
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM identity").fetchone() == (20,)


async def test_a_disk_that_does_not_tell_is_no_bound(
    path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the folder is gone."""

    def fail(_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "statvfs", fail)
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(min_free_bytes=2 * MIB)) as spool:
        assert await put(spool, 1)
        assert (await spool.room()).free_bytes == -1


async def test_the_file_does_not_grow_for_ever(path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filled and drained three times: each time it gives its room back, while messages come."""
    monkeypatch.setattr(disk, "VACUUM_ABOVE", 64)
    payload, count = bytes(10_000), 300
    sizes = []
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(identity_days=1, trace_rows=0)) as spool:
        for _ in range(3):
            batch = await spool.put(Receipt(tuple(RawMessage("t", payload, START_US, 1) for _ in range(count))))
            assert batch is not None
            await spool.route(batch, [says(result(f"D{number % 7}", number)) for number in range(count)])
            assert size_on_disk(path) > count * len(payload)
            while leased := await lease(spool):
                await spool.settle([Done(delivery) for delivery in leased])
                assert await spool.put(Receipt((message(1),))) is not None
                (last,) = await spool.unrouted(batch.number, 1)
                await spool.route(last, [()])
                batch = last
            clock.now_us += HOUR_US
            await wait_until(lambda: size_on_disk(path) < MIB, what="the file to shrink")
            sizes.append(size_on_disk(path))
    assert max(sizes) < 1.2 * min(sizes)


# --- age --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def made(path: Path, clock: SetClock) -> Iterator[Store]:
    """A store that drops what is older than ten days."""
    keep = Keeping(max_age_days={"quarantine": 10, "telemetry": 10})
    with closing(Store(connect(path, max_bytes=keep.max_bytes), path, clock, keep=keep)) as store:
        yield store


def history(asset: str, number: int) -> AssetHistory:
    """Make a window of the environment's history."""
    window = Window(START_US, 60_000_000, {"t": (Stats("V", 1, 1.0, 1.0, 1.0),)})
    return AssetHistory(asset=asset, report_id=UUID(int=number), window=window)


def take(store: Store, clock: SetClock, *outcomes: object) -> None:
    """Store and route messages that come now."""
    arrived = tuple(RawMessage("t", b"{}", clock.now_us, 1) for _ in outcomes)
    store.begin()
    batch = store.put(Receipt(arrived))
    assert batch is not None
    store.route(batch, list(outcomes))  # type: ignore[arg-type] # each an Outcome
    store.commit()


def upkeep(store: Store, times: int = 3) -> None:
    """Let it look after itself."""
    for _ in range(times):
        store.upkeep(idle=True)


def kept(path: Path, table: str) -> list[int]:
    """Give the ids of a table."""
    with closing(sqlite3.connect(path)) as db:
        return [number for (number,) in db.execute(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608 - constant


def test_an_old_refused_message_is_told_of_then_dropped_and_counted(made: Store, path: Path, clock: SetClock) -> None:
    """Told from 80 % of its age on, with the time; dropped then, and not before; the younger one stays."""
    take(made, clock, Rejection("old"))
    upkeep(made)
    assert made.room().will_drop == {}
    began_us = clock.now_us
    clock.now_us += 8 * DAY_US + HOUR_US
    take(made, clock, Rejection("young"))
    upkeep(made)
    assert made.told.will_drop == {"quarantine": from_us(began_us + 10 * DAY_US).isoformat(timespec="seconds")}
    assert made.told.level == ""
    clock.now_us += DAY_US
    upkeep(made)
    assert kept(path, "quarantine") == [1, 2]
    clock.now_us += DAY_US
    upkeep(made)
    assert kept(path, "quarantine") == [2]
    figures = made.figures()
    assert (figures.dropped["quarantine"], figures.quarantined, figures.discarded) == (1, 1, 0)
    clock.now_us += HOUR_US
    upkeep(made)
    assert made.told.will_drop == {}


@pytest.mark.parametrize("leave", [lambda store: store.discard([1]), lambda store: store.release([Release(1)])])
def test_what_a_person_took_out_is_not_announced_any_longer(
    made: Store, clock: SetClock, leave: Callable[[Store], object]
) -> None:
    """Discarded or tried again; what is left is looked at at once, not an hour later."""
    take(made, clock, Rejection("old"))
    clock.now_us += 9 * DAY_US
    take(made, clock, Rejection("young"))
    upkeep(made)
    assert made.told.will_drop
    made.begin()
    leave(made)
    made.commit()
    upkeep(made, 1)
    assert made.told.will_drop == made.room().will_drop == {}


def test_nothing_is_dropped_while_an_export_is_made_and_nobody_waits_for_it_in_a_loop(
    made: Store, path: Path, clock: SetClock
) -> None:
    """It is looked at again a moment later, not at once; the export may take long, or hang."""
    take(made, clock, Rejection("old"))
    clock.now_us += 9 * DAY_US
    upkeep(made)
    made.begin()
    made.handover.open_export("e", waiting=True)
    made.commit()
    clock.now_us += 2 * DAY_US
    upkeep(made)
    assert made.upkeep_due_s() > 0
    made.begin()
    made.handover.mark_export("e", ExportState.SEALED)
    made.commit()
    assert kept(path, "quarantine") == [1]
    clock.now_us += 2_000_000
    upkeep(made)
    assert kept(path, "quarantine") == []


def test_a_full_spool_with_nothing_to_forget_rests(path: Path, clock: SetClock) -> None:
    """It looks again from time to time, and not at once for as long as nobody makes room."""
    keep = Keeping(max_bytes=MIB)
    with closing(Store(connect(path, max_bytes=keep.max_bytes), path, clock, keep=keep)) as store:
        while not store.full:
            take(store, clock, *(Rejection("x" * 1_000) for _ in range(100)))
        for _ in range(5):
            upkeep(store)
            assert store.upkeep_due_s() > 0
            clock.now_us += HOUR_US


def test_a_disk_that_refuses_a_step_is_left_alone_for_a_moment(
    made: Store, path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that stays due would be tried again at once, for as long as the disk is full."""
    take(made, clock, Rejection("old"))
    clock.now_us += 9 * DAY_US
    upkeep(made)
    clock.now_us += 2 * DAY_US
    tried = []

    def refuse(*, synced: bool = True) -> None:
        tried.append(synced)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(made, "begin", refuse)
        upkeep(made, 10)
        assert len(tried) == 1
        assert made.upkeep_due_s() > 0
    clock.now_us += 2_000_000
    upkeep(made)
    assert kept(path, "quarantine") == []


def test_nothing_is_dropped_in_the_hour_after_the_first_warning(made: Store, path: Path, clock: SetClock) -> None:
    """Also what was too old long before, as after a long holiday of the bridge."""
    take(made, clock, Rejection("old"))
    clock.now_us += 30 * DAY_US
    upkeep(made)
    when = from_us(clock.now_us + HOUR_US).isoformat(timespec="seconds")
    assert (made.told.will_drop, kept(path, "quarantine")) == ({"quarantine": when}, [1])
    clock.now_us += HOUR_US
    upkeep(made)
    assert kept(path, "quarantine") == []


def test_histories_that_nobody_takes_are_dropped_and_results_never(
    made: Store, path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long backlog the old windows go, but for one that is under way; what is left keeps its order."""
    monkeypatch.setattr(lapsing, "STEP_ROWS", 7)
    for number in range(1, 21):
        take(made, clock, says(result("A", number)), says(history(f"H{number % 3}", number)))
    heads = made.lease(100, clock.now_us, frozenset(), frozenset())
    (leased,) = [one for one in heads if one.key == "H1/history"]
    made.give_back([one for one in heads if one is not leased])
    clock.now_us += 11 * DAY_US
    take(made, clock, says(history("H1", 99)), says(result("A", 21)))
    for _ in range(100):
        upkeep(made, 1)
        clock.now_us += 600_000_000
    figures = made.figures()
    assert figures.dropped["telemetry"] == 19
    made.begin()
    made.settle([Done(leased)])
    made.commit()
    found: list[str] = []
    assets: list[str] = []
    while ready := made.lease(100, clock.now_us, frozenset(), frozenset()):
        found += serials(ready)
        assets += [one.key for one in ready if one.kind == "asset_history"]
        made.begin()
        made.settle([Done(one) for one in ready])
        made.commit()
    assert found == [f"SN{number}" for number in range(1, 22)]
    assert assets == ["H1/history"]
    assert kept(path, "delivery") == []
    assert made.figures().waiting == 0


def test_without_an_age_everything_is_kept(path: Path, clock: SetClock) -> None:
    """The default."""
    keep = Keeping()
    with closing(Store(connect(path, max_bytes=keep.max_bytes), path, clock, keep=keep)) as store:
        take(store, clock, Rejection("old"), says(history("H", 1)))
        clock.now_us += 10_000 * DAY_US
        upkeep(store, 5)
        assert (kept(path, "quarantine"), len(kept(path, "delivery"))) == ([1], 1)
        assert store.room().will_drop == {}
