"""What the spool on disk promises beyond the port: it survives, stays bounded, and refuses files it cannot trust."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pywats_mqtt.errors import Fatal
from pywats_mqtt.events import AssetCounts, Identified, UpdateReported, identify
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.pipeline.route import Inbox, route
from pywats_mqtt.ports import Batch, Done, Receipt, Refused, Rejection, RetryAt
from pywats_mqtt.spool import SpoolReader, SqliteSpool, lines, tables
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.store import Store
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    counts,
    identified,
    lease,
    lease_latest,
    message,
    put,
    result,
    says,
    serials,
    state,
    take_in,
)
from tests.waiting import wait_until

DAY_US = 86_400_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a spool file."""
    return tmp_path / "spool.db"


@contextmanager
def file_of(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database behind a closed spool."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def make(path: Path, data: bytes) -> None:
    """Write a whole file."""
    path.write_bytes(data)


def content(path: Path) -> bytes:
    """Read a whole file."""
    return path.read_bytes()


def overwrite(path: Path, data: bytes, *, after: int) -> None:
    """Write over a file from an offset to its end."""
    with path.open("r+b") as file:
        file.seek(after)
        file.write(data * ((path.stat().st_size - after) // len(data)))


async def test_a_batch_is_written_once(path: Path, clock: SetClock) -> None:
    """Nothing is written over it when it is routed, though SQLite may have been built to do so."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        before = path.with_name(f"{path.name}-wal").stat().st_size
        batch = await spool.put(Receipt((RawMessage("t", bytes(1_000_000), START_US),)))
        assert batch is not None
        await spool.route(batch, [()])
        assert path.with_name(f"{path.name}-wal").stat().st_size - before < 1_500_000


# --- what survives ----------------------------------------------------------------------------------------------------


async def test_everything_survives_a_restart(path: Path, clock: SetClock) -> None:
    """Batches and their numbers, deliveries with attempts and times, notes, counts, ids, packet ids."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [(identified(result("A", 1), 1),), says(result("A", 2)), says(counts("X", 1, added=4))])
        (first,) = await lease(spool)
        await spool.settle([RetryAt(first, START_US + 5, "500", uses_attempt=True)])
        await spool.set_note("client_id", b"bridge")
        stored = await spool.put(Receipt((message(7, packet_id=3),)))
        spool.tally_acknowledged(4)
        before = await spool.figures()
    async with SqliteSpool.open(path, clock=clock) as spool:
        assert list(await spool.unrouted(0, 9)) == [stored]
        assert await spool.note("client_id") == b"bridge"
        assert await spool.put(Receipt((message(7, packet_id=3),))) is None
        assert await lease(spool) == []
        assert await spool.next_due_us() == START_US + 5
        (again,) = await lease(spool, now_us=START_US + 5)
        assert (serials([again]), again.attempts) == (["SN1"], 1)
        assert stored is not None
        assert (await spool.route(stored, [(identified(result("A", 1), 1),)])).duplicates == 1
        await take_in(spool, [says(counts("X", 1, added=1))])
        (latest,) = await lease_latest(spool)
        assert isinstance(latest.event, AssetCounts)
        assert (latest.event.added, latest.messages) == (5, 2)
        after = await spool.figures()
        assert (before.acknowledged, after.acknowledged) == (4, 4)
        assert (after.received, after.stored, after.retried, after.duplicates) == (6, 5, 1, 1)


async def test_what_was_put_off_for_more_than_ten_minutes_is_due_after_a_restart(path: Path, clock: SetClock) -> None:
    """Ordered or latest: a bridge that is down does not see its clock put back; while it runs, it waits its time."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("A", 1)), says(result("B", 1)), says(counts("X", 1)), says(counts("Y", 1))])
        first, second = await lease(spool)
        third, fourth = await lease_latest(spool)
        day_us, soon_us = START_US + DAY_US, START_US + 600_000_000
        for one, due_us in ((first, day_us), (second, soon_us), (third, day_us), (fourth, soon_us)):
            await spool.settle([RetryAt(one, due_us, "500", uses_attempt=False)])
        assert await lease(spool) == await lease_latest(spool) == []
    async with SqliteSpool.open(path, clock=clock) as spool:
        began_us = START_US + 1
        assert [one.key for one in await lease(spool, now_us=began_us)] == [first.key]
        assert [one.key for one in await lease_latest(spool, now_us=began_us)] == [third.key]
        assert await spool.next_due_us() == soon_us
        assert [one.key for one in await lease(spool, now_us=soon_us)] == [second.key]
        assert [one.key for one in await lease_latest(spool, now_us=soon_us)] == [fourth.key]


async def test_numbers_are_never_given_twice(path: Path, clock: SetClock) -> None:
    """Also after all rows are gone and the spool was opened anew, batches and deliveries number on."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("A", 1))])
        (first,) = await lease(spool)
        await spool.settle([Done(first)])
    async with SqliteSpool.open(path, clock=clock) as spool:
        assert (await put(spool, 1)).number == 2
        (batch,) = await spool.unrouted(0, 9)
        await spool.route(batch, [says(result("A", 2))])
        (second,) = await lease(spool)
        assert second.id > first.id


async def test_a_settlement_that_is_refused_leaves_nothing_behind(path: Path, clock: SetClock) -> None:
    """What a failed call had written before it failed is undone on disk too."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("A", 1))])
        (leased,) = await lease(spool)
        later = RetryAt(leased, START_US + 5, "500", uses_attempt=True)
        with pytest.raises(ValueError, match="settle it once"):
            await spool.settle([later, later])
    async with SqliteSpool.open(path, clock=clock) as spool:
        (again,) = await lease(spool)
        assert again.attempts == 0


async def test_the_longest_owed_come_first_also_after_a_restart(path: Path, clock: SetClock) -> None:
    """The order of the latest deliveries is kept on disk."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        for asset in "ZYX":
            clock.now_us += 1
            await take_in(spool, [says(counts(asset, 1))])
        clock.now_us += 1
        await take_in(spool, [says(counts("Z", 2))])
    async with SqliteSpool.open(path, clock=clock) as spool:
        assert [delivery.key for delivery in await lease_latest(spool)] == ["Z", "Y", "X"]


# --- long backlogs ----------------------------------------------------------------------------------------------------


async def test_a_backlog_behind_one_waiting_device_does_not_hold_up_the_others(path: Path, clock: SetClock) -> None:
    """One device with more results than the window holds, its first put off: another one's, behind all, goes at once.

    When the first falls due, the device goes on in its order, through refills of its line.
    """
    backlog = lines.WINDOW + lines.SCAN_IDS
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("STUCK", number)) for number in range(backlog)])
        await take_in(spool, [says(result("FREE", backlog))])
    async with SqliteSpool.open(path, clock=clock) as spool:
        (stuck,) = await lease(spool, 1)
        await spool.settle([RetryAt(stuck, START_US + 1, "500", uses_attempt=True)])
        free: list[str] = []
        while not free:
            free = serials(await lease(spool))
            assert free or await spool.next_due_us() == 0
        assert free == [f"SN{backlog}"]
        for number in range(3 * lines.LINE):
            (head,) = await lease(spool, now_us=START_US + 1)
            assert serials([head]) == [f"SN{number}"]
            await spool.settle([Done(head)])


async def test_a_busy_device_does_not_hide_the_others_behind_it(path: Path, clock: SetClock) -> None:
    """One result of the busy device is under way; the other devices' results, behind thousands of it, are found."""
    backlog = lines.WINDOW * 2
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("BUSY", number)) for number in range(backlog)])
        await take_in(spool, [says(result(f"D{number}", backlog + number)) for number in range(3)])
        leased: list[str] = []
        while await spool.next_due_us() == 0 or not leased:
            leased += serials(await lease(spool))
        assert leased == ["SN0", *(f"SN{backlog + number}" for number in range(3))]


async def test_a_lease_that_cannot_read_on_leases_nothing(
    path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had taken from memory before the disk failed is given back, and leased by the next one."""

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("A", 1)), says(result("B", 2))])
        monkeypatch.setattr(lines.Lines, "next_scan", lambda _: lines.Scan(1, 2, 9))
        monkeypatch.setattr(tables, "read_deliveries", fail)
        with pytest.raises(Exception, match="disk I/O error"):
            await lease(spool)
        monkeypatch.undo()
        assert serials(await lease(spool)) == ["SN1", "SN2"]


# --- cancelled callers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(4))
async def test_a_lease_whose_asker_is_gone_is_given_back(path: Path, clock: SetClock, turns: int) -> None:
    """Cancelled at any moment, `lease` and `lease_latest` leave nothing leased to nobody."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("A", 1)), says(counts("X", 1))])
        asking = [asyncio.create_task(lease(spool)), asyncio.create_task(lease_latest(spool))]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        got = [task.cancelled() for task in asking]
        assert got == [True, True]

        async def all_back() -> bool:
            leased = [*await lease(spool), *await lease_latest(spool)]
            back.extend(leased)
            return len(back) == 2

        back: list[object] = []
        await wait_until(all_back, what="both leases given back")


# --- bounded ----------------------------------------------------------------------------------------------------------


async def test_at_its_bound_storing_waits_until_deliveries_make_room(
    path: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """`put` waits at the bound, routing and settling go on, and make it return; one line says each."""
    big = RawMessage("t", bytes(100_000), START_US, 1)
    with caplog.at_level(logging.INFO, logger="pywats_mqtt.spool"):
        async with SqliteSpool.open(path, clock=clock, keep=Keeping(max_bytes=1_048_576)) as spool:
            stored: list[Batch | None] = []
            while "spool full" not in caplog.text:
                stored.append(await spool.put(Receipt((big,))))
            waiting = asyncio.create_task(spool.put(Receipt((big,))))
            assert 5 < len(stored) < 12
            assert (await spool.figures()).size_bytes < 2 * 1_048_576
            assert not waiting.done()
            for batch in stored:
                assert batch is not None
                await spool.route(batch, [()])
            later = await asyncio.wait_for(waiting, 20)
            assert later is not None
            assert later.number == len(stored) + 1
    texts = [record.message for record in caplog.records]
    assert texts == [
        "spool full: receiving waits until there is room",
        "spool has room again: receiving goes on",
    ]


async def test_a_spool_that_is_full_when_opened_waits_too(path: Path, clock: SetClock) -> None:
    """The bound holds from the first moment on."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        batch = await spool.put(Receipt((RawMessage("t", bytes(1_500_000), START_US, 1),)))
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(max_bytes=1_048_576)) as spool:
        waiting = asyncio.create_task(spool.put(Receipt((message(1),))))
        await spool.figures()
        await spool.figures()
        assert not waiting.done()
        assert batch is not None
        await spool.route(batch, [()])
        assert await asyncio.wait_for(waiting, 20) is not None


async def test_identities_alone_never_stop_the_spool(path: Path, clock: SetClock) -> None:
    """With all delivered, what is remembered of it makes room for what comes, several times over."""
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(max_bytes=1_048_576)) as spool:
        for first in range(0, 60_000, 2_000):
            batch = await asyncio.wait_for(put(spool, 2_000), 20)
            outcomes = [
                (Identified(state("X", "idle"), identify([str(number)], b"")),)
                for number in range(first, first + 2_000)
            ]
            await spool.route(batch, outcomes)
            await spool.settle([Done(delivery) for delivery in await lease_latest(spool)])
        assert (await spool.figures()).duplicates == 0


async def test_a_spool_full_of_quarantine_says_what_to_do(
    path: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Deliveries will make no room, so the line names the setting that does; it comes once."""
    big = RawMessage("t", bytes(100_000), START_US, 1)
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(max_bytes=1_048_576)) as spool:
        while "spool full:" not in caplog.text:
            batch = await spool.put(Receipt((big,)))
            assert batch is not None
            await spool.route(batch, [Rejection("no")])

        async def said() -> bool:
            await spool.figures()
            return "its quarantine fills it" in caplog.text

        await wait_until(said, what="the line")
        await spool.figures()
    assert [record.message for record in caplog.records if record.name == "pywats_mqtt.spool.upkeep"] == [
        (
            "spool full and nothing left to deliver or forget, its quarantine fills it: nothing is received until "
            "spool.max_bytes is raised, or `spool retry`, `discard` or `export` makes room"
        )
    ]


async def test_old_identities_are_forgotten(path: Path, clock: SetClock) -> None:
    """After `identity_days` an id is new again; a younger one is still known."""
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(identity_days=2)) as spool:
        await take_in(spool, [(identified(result("A", 1), 1),)])
        clock.now_us += DAY_US
        await take_in(spool, [(identified(result("A", 2), 2),)])
    clock.now_us += DAY_US + 1
    async with SqliteSpool.open(path, clock=clock, keep=Keeping(identity_days=2)) as spool:

        async def swept() -> bool:
            await spool.figures()  # upkeep comes between calls
            with file_of(path) as db:
                return int(db.execute("SELECT count(*) FROM identity").fetchone()[0]) == 1

        await wait_until(swept, what="the old identity to go")
        routed = await take_in(spool, [(identified(result("A", 1), 1),), (identified(result("A", 2), 2),)])
        assert (routed.ordered, routed.duplicates) == (1, 1)


# --- rows that cannot be read -----------------------------------------------------------------------------------------


async def test_a_stored_event_that_cannot_be_read_goes_to_quarantine(path: Path, clock: SetClock) -> None:
    """It does not block its line, and the device's bytes are kept."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(result("A", 1)), says(result("A", 2))])
    with file_of(path) as db:
        db.execute("UPDATE delivery SET event = ? WHERE id = 1", (b"\xc1",))
    async with SqliteSpool.open(path, clock=clock) as spool:
        assert await lease(spool) == []
        (row,) = await spool.quarantined(9)
        assert (row.kind, row.device, row.topic) == ("test_result", "A", "testers/T0/results")
        assert row.payload == b"payload 0"
        assert row.reason.startswith("stored event cannot be read")
        assert serials(await lease(spool)) == ["SN2"]
        figures = await spool.figures()
        assert (figures.waiting, figures.quarantined) == (1, 1)


async def test_an_unreadable_ledger_stops_the_start(path: Path, clock: SetClock) -> None:
    """To go on without an asset's counts would lose them: the line names the asset."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(counts("X", 1))])
    with file_of(path) as db:
        db.execute("UPDATE latest SET event = ?", (b"\xc1",))
    with pytest.raises(Fatal, match="the asset_counts of X cannot be read"):
        await SqliteSpool.open(path, clock=clock).__aenter__()


# --- files that are refused -------------------------------------------------------------------------------------------


async def test_one_file_has_one_owner_in_one_process_too(path: Path, clock: SetClock) -> None:
    """A second spool on the same file is refused while the first is open, and fine afterwards."""
    async with SqliteSpool.open(path, clock=clock):
        with pytest.raises(Fatal, match="in use by process"):
            await SqliteSpool.open(path, clock=clock).__aenter__()
    async with SqliteSpool.open(path, clock=clock) as spool:
        await put(spool, 1)


async def test_a_missing_folder_is_named(tmp_path: Path, clock: SetClock) -> None:
    """The line says which file and what is needed."""
    with pytest.raises(Fatal, match=r"none/spool\.db: cannot make its lock file .* its folder must exist"):
        await SqliteSpool.open(tmp_path / "none" / "spool.db", clock=clock).__aenter__()


async def test_a_file_that_is_no_database_is_refused_and_kept(path: Path, clock: SetClock) -> None:
    """Its bytes stay as they are; the line says what to do. The lock is free again."""
    before = b"no database at all " * 100
    make(path, before)
    for _ in range(2):
        with pytest.raises(Fatal, match=r"spool\.db is damaged, or no spool"):
            await SqliteSpool.open(path, clock=clock).__aenter__()
    assert content(path) == before
    with pytest.raises(Fatal, match="spool salvage"):
        SpoolReader(path)


async def test_another_programs_database_is_refused_and_kept(path: Path, clock: SetClock) -> None:
    """A database without our mark is not migrated, nor switched to another journal."""
    with file_of(path) as db:
        db.execute("CREATE TABLE other (id)")
    before = content(path)
    with pytest.raises(Fatal, match="another program's database"):
        await SqliteSpool.open(path, clock=clock).__aenter__()
    with pytest.raises(Fatal, match="another program's database"):
        SpoolReader(path)
    assert content(path) == before


async def test_a_newer_spool_is_refused(path: Path, clock: SetClock) -> None:
    """A file a later program migrated is left to that program, by owner and reader."""
    async with SqliteSpool.open(path, clock=clock):
        pass
    with file_of(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(Fatal, match=r"has version 99.*a newer one wrote it"):
        await SqliteSpool.open(path, clock=clock).__aenter__()
    with pytest.raises(Fatal, match="has version 99"):
        SpoolReader(path)


async def test_damage_inside_the_file_is_said_at_once(path: Path, clock: SetClock) -> None:
    """A file whose pages are overwritten does not open."""
    async with SqliteSpool.open(path, clock=clock) as spool:
        await take_in(spool, [says(counts(f"X{number}", 1)) for number in range(500)])
    overwrite(path, b"\xff", after=4096)
    with pytest.raises(Fatal, match="is damaged"):
        await SqliteSpool.open(path, clock=clock).__aenter__()


def test_a_reader_of_nothing_says_so(path: Path) -> None:
    """A missing file, and an empty one, are no spool yet; nothing is made."""
    with pytest.raises(Fatal, match="there is no spool at"):
        SpoolReader(path)
    assert not path.exists()
    path.touch()
    with pytest.raises(Fatal, match="the file is empty"):
        SpoolReader(path)


async def test_a_closed_spool_takes_no_calls(path: Path, clock: SetClock) -> None:
    """Neither before it is opened nor after it is closed; closing twice is fine."""
    spool = SqliteSpool.open(path, clock=clock)
    with pytest.raises(RuntimeError, match="is not open"):
        await spool.figures()
    async with spool:
        await put(spool, 1)
    await spool.close()
    with pytest.raises(RuntimeError, match="is closed"):
        await put(spool, 1)


async def test_a_thread_that_breaks_answers_all_who_wait_and_all_who_come(
    path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If not even a rollback works, nobody waits for ever: each call raises, and so does closing; the file is free."""

    def fail(_: Store) -> None:
        raise sqlite3.OperationalError("no way back")

    spool = await SqliteSpool.open(path, clock=clock).__aenter__()
    batch = await put(spool, 1)
    monkeypatch.setattr(Store, "rollback", fail)
    answers = await asyncio.gather(
        spool.route(batch, []), spool.note("a"), spool.put(Receipt((message(1),))), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {Fatal}
    for call in (spool.figures, spool.close):
        with pytest.raises(Fatal, match="no way back"):
            await call()
    monkeypatch.undo()
    async with SqliteSpool.open(path, clock=clock) as again:
        assert list(await again.unrouted(0, 9)) == [batch]


async def test_what_is_refused_keeps_what_a_new_try_needs(path: Path, clock: SetClock) -> None:
    """QoS, flags and properties stand in the row, beside the bytes: of a message, and of a delivery after a restart."""
    raw = RawMessage("t", b"\xff", 1, 1, retain=True, content_type="text/plain", user_properties=(("id", "7"),))
    async with SqliteSpool.open(path, clock=clock) as spool:
        batch = await spool.put(Receipt((raw, raw)))
        assert batch is not None
        await spool.route(batch, [Rejection("no"), says(result("A", 1))])
    async with SqliteSpool.open(path, clock=clock) as spool:
        (leased,) = await lease(spool)
        await spool.settle([Refused(leased, Rejection("no", device="other"))])
    with file_of(path) as db:
        rows = db.execute(
            "SELECT device, kind, topic, received_at_us, payload, qos, retain, content_type, user_properties"
            " FROM quarantine ORDER BY id"
        ).fetchall()
    came = ("t", 1, b"\xff", 1, 1, "text/plain", '[["id","7"]]')
    assert rows == [("", "message", *came), ("other", "test_result", *came)]


async def test_a_message_that_cannot_be_packed_is_kept_aside_and_ends_nothing(path: Path, clock: SetClock) -> None:
    """One number beyond 64 bits would else end the bridge, and again at each start, for its batch comes first."""
    huge = UpdateReported(device="D", package="fw", state="installing", sequence=10**23)
    outcomes = {b"bad": (Identified(huge),), b"good": says(result("A", 1))}
    inbox = Inbox()
    async with SqliteSpool.open(path, clock=clock) as spool:
        batch = await spool.put(Receipt((RawMessage("t", b"bad", START_US), RawMessage("t", b"good", START_US))))
        assert batch is not None
        inbox.offer(batch)
        inbox.close()
        await route(inbox, spool, lambda message: outcomes[message.payload], lambda *_: None)
        assert serials(await lease(spool)) == ["SN1"]
        assert (await spool.figures()).quarantined == 1
