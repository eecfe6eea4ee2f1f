"""A damaged file is refused before anything is stored in it: its structure is checked whole, and its log too."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.errors import Fatal
from pywats_mqtt.events import Event
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool import SpoolReader, SqliteSpool, checking, lines
from pywats_mqtt.spool.owner import left
from pywats_mqtt.spool.pages import Pages
from pywats_mqtt.spool.records import TABLE_LEAF
from pywats_mqtt.spool.wal import read_note, require_sound_log, require_whole_log
from tests.contract.spool_parts import (
    START_US,
    SetClock,
    lease,
    message,
    messages,
    result,
    says,
    serials,
    state,
    take_in,
)

PAGE = 4_096
FRAME = PAGE + 24
HEADER = 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a spool file."""
    return tmp_path / "spool.db"


async def fill(path: Path, results: int = 400) -> None:
    """Leave a spool with deliveries in it, closed."""
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await take_in(spool, [says(result("A", number)) for number in range(results)])


def flip(path: Path, page: int) -> None:
    """Turn each bit of a page."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        turned = bytes(byte ^ 0xFF for byte in file.read(PAGE))
        file.seek((page - 1) * PAGE)
        file.write(turned)


def last_leaf(path: Path) -> int:
    """Give the number of the last page of a table's rows."""
    with Pages(path) as pages:
        return max(number for number in pages.in_use() if pages.page(number)[0] == TABLE_LEAF)


def leave_a_log(path: Path, commits: int = 20) -> None:
    """Make a database, and die without closing it: its log holds what was committed."""
    child = os.fork()
    if not child:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE t (a)")
        for _ in range(commits):
            db.execute("INSERT INTO t VALUES (zeroblob(5000))")
        os._exit(0)
    os.waitpid(child, 0)


def frames_in(path: Path) -> int:
    """Give how many frames the log has by its size."""
    return (Path(f"{path}-wal").stat().st_size - HEADER) // FRAME


@pytest.mark.parametrize("table", ["delivery", "quarantine", "counter", "latest"])
async def test_a_small_file_with_a_flipped_page_is_not_opened(path: Path, table: str) -> None:
    """Whatever table it is of; the line names the rescue."""
    await fill(path)
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    flip(path, page)
    with pytest.raises(Fatal, match=r"damaged.*spool salvage"):
        async with SqliteSpool.open(path, clock=SetClock()):
            pass


async def test_a_large_file_is_checked_before_anything_is_stored(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its check runs, and where it finds damage, deliveries go on and `put` waits."""
    await fill(path, 4 * lines.SCAN_ROWS)
    flip(path, last_leaf(path))
    monkeypatch.setattr(checking, "AT_ONCE_BYTES", 0)
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        storing = asyncio.create_task(spool.put(Receipt((message(1),))))
        assert await lease(spool, 1)
        problem = await spool.damage()
        assert "spool salvage" in str(problem)
        await spool.figures()
        assert not storing.done()
        assert not spool.is_checked
        storing.cancel()


async def test_a_large_sound_file_takes_messages_once_it_is_checked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check finds nothing, and `put` goes on."""
    await fill(path)
    monkeypatch.setattr(checking, "AT_ONCE_BYTES", 0)
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        assert await spool.put(Receipt(messages(3))) is not None
        assert spool.is_checked
        assert await spool.damage() is None


async def test_a_spool_is_closed_while_it_is_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is given up."""
    await fill(path, 2_000)
    monkeypatch.setattr(checking, "AT_ONCE_BYTES", 0)
    async with SqliteSpool.open(path, clock=SetClock()):
        pass
    await fill(path)


# --- the log ----------------------------------------------------------------------------------------------------------


def cut_a_frame(path: Path) -> None:
    """Cut off the last frame."""
    os.truncate(f"{path}-wal", Path(f"{path}-wal").stat().st_size - FRAME)


def cut_in_a_frame(path: Path) -> None:
    """Cut off some bytes."""
    os.truncate(f"{path}-wal", Path(f"{path}-wal").stat().st_size - 100)


def empty(path: Path) -> None:
    """Cut off all."""
    os.truncate(f"{path}-wal", 0)


def remove(path: Path) -> None:
    """Take it away, as somebody who takes it for a temporary file."""
    Path(f"{path}-wal").unlink()


def overwrite_header(path: Path) -> None:
    """Destroy its header."""
    with Path(f"{path}-wal").open("r+b") as file:
        file.write(bytes(HEADER))


@pytest.mark.parametrize("damage", [cut_a_frame, cut_in_a_frame, empty, remove, overwrite_header])
def test_a_log_that_got_shorter_is_refused(path: Path, damage: Callable[[Path], None]) -> None:
    """A process died and left a log; somebody cut it off."""
    leave_a_log(path)
    require_whole_log(path)
    damage(path)
    for _ in range(2):  # to refuse changes nothing
        with pytest.raises(Fatal, match=r"gone from its log .*spool salvage"):
            require_whole_log(path)


def test_a_bit_flipped_in_the_log_is_refused(path: Path) -> None:
    """SQLite would take the frames before it, and forget the rest."""
    leave_a_log(path)
    require_sound_log(path)
    count = frames_in(path)
    with Path(f"{path}-wal").open("r+b") as file:
        file.seek(HEADER + FRAME * (count // 2) + 200)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    require_whole_log(path)
    for _ in range(2):
        with pytest.raises(Fatal, match=r"\d+ pages that were stored are gone"):
            require_sound_log(path)
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}-shm", f"{path.name}-wal"]


@pytest.mark.parametrize("damage", [cut_a_frame, empty, remove, overwrite_header])
def test_after_a_power_cut_a_shorter_log_is_no_damage(path: Path, damage: Callable[[Path], None]) -> None:
    """What the shared memory says may be of another log, or of commits that were not synced yet: it accuses nobody."""
    child = os.fork()
    if not child:
        asyncio.run(fill_and_die(path))
    os.waitpid(child, 0)
    lock = Path(f"{path}.lock")
    lock.write_text(lock.read_text().splitlines()[0] + "\nanother boot\n")
    damage(path)
    asyncio.run(fill(path))


def test_a_log_whose_frames_are_all_in_the_database_is_not_missed(path: Path) -> None:
    """They were moved there, so that it can be cut off."""
    leave_a_log(path)
    child = os.fork()
    if not child:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        os._exit(0)
    os.waitpid(child, 0)
    assert read_note(path) is None
    empty(path)
    require_whole_log(path)


@pytest.mark.parametrize("note", [b"", b"short", bytes(136), b"\xff" * 136])
def test_shared_memory_that_says_nothing_is_no_damage(path: Path, note: bytes) -> None:
    """Without it, as after a move to another machine, the log is what it is."""
    leave_a_log(path)
    Path(f"{path}-shm").write_bytes(note)
    empty(path)
    require_whole_log(path)
    require_sound_log(path)


def test_a_look_at_the_log_that_is_not_possible_says_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk; a file system without links gets a copy."""

    def fail(*_: object) -> None:
        raise OSError("no")

    leave_a_log(path)
    monkeypatch.setattr(os, "link", fail)
    require_sound_log(path)
    cut_a_frame(path)
    with pytest.raises(Fatal):
        require_sound_log(path)
    monkeypatch.setattr(shutil, "copyfile", fail)
    require_sound_log(path)


def test_a_second_process_refuses_a_log_that_got_shorter_too(path: Path) -> None:
    """Else `status`, asked first, would let SQLite note the shorter one, and `run` would find nothing."""
    child = os.fork()
    if not child:
        asyncio.run(fill_and_die(path))
    os.waitpid(child, 0)
    assert left(path).by_the_dead
    empty(path)
    with pytest.raises(Fatal, match="gone from its log"):
        SpoolReader(path)
    with pytest.raises(Fatal, match="gone from its log"):
        asyncio.run(fill(path))


async def fill_and_die(path: Path) -> None:
    """Store something and die."""
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await spool.put(Receipt((message(1),)))
        os._exit(0)


@pytest.mark.parametrize("renamed", [True, False], ids=["another in its place", "a new one"])
def test_what_a_former_file_left_accuses_no_other_file(path: Path, *, renamed: bool) -> None:
    """As after `spool salvage`, or where somebody began anew: its shared memory may still lie there."""
    child = os.fork()
    if not child:
        asyncio.run(fill_and_die(path))
    os.waitpid(child, 0)
    other = path.with_name("other.db")
    asyncio.run(fill(other))
    path.unlink()
    remove(path)
    if renamed:
        other.rename(path)
        with SpoolReader(path) as reader:
            assert reader.figures().waiting == 400
    asyncio.run(fill(path, 1))


def test_a_start_that_failed_leaves_what_is_known_of_the_file(path: Path) -> None:
    """Refused once, it is refused again."""
    child = os.fork()
    if not child:
        asyncio.run(fill_and_die(path))
    os.waitpid(child, 0)
    remove(path)
    for _ in range(3):
        with pytest.raises(Fatal, match="gone from its log"):
            asyncio.run(fill(path))


def test_who_took_the_file_is_told_by_its_lock(path: Path) -> None:
    """A living process, a dead one, and none."""
    assert left(path) == (True, False)
    lock = Path(f"{path}.lock")
    lock.write_text(f"process {os.getpid()}, since {START_US}\nanother boot\n")
    assert left(path) == (False, False)
    lock.write_text(f"process {(1 << 22) + 1}, since {START_US}\n")
    assert left(path) == (True, False)


async def change_a_text(path: Path, table: str, event: Event, old: str, new: str) -> None:
    """Leave a spool with an event in a table, in which a text changed since; SQLite has no checksums to tell it by."""
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await take_in(spool, [says(event)])
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        was, now = old.encode().hex(), new.encode("latin-1").hex()
        db.execute(f"UPDATE {table} SET event = CAST(replace(event, x'{was}', x'{now}') AS blob)")  # noqa: S608 - ours


async def test_an_event_with_a_text_that_is_none_stands_in_nobodys_way(path: Path) -> None:
    """It goes to quarantine, as what a newer program wrote; the next one of its line follows."""
    await change_a_text(path, "delivery", result("A", 7), "SN7", "S\xff7")
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        assert await lease(spool) == []
        await take_in(spool, [says(result("A", 8))])
        assert serials(await lease(spool)) == ["SN8"]
        (kept,) = await spool.quarantined(10)
        assert "not UTF-8" in kept.reason


async def test_a_state_with_a_text_that_is_none_is_refused_in_words(path: Path) -> None:
    """To go on without it would lose its asset's ledger."""
    await change_a_text(path, "latest", state("FIXTURE", "online"), "FIXTURE", "FI\xffTURE")
    with pytest.raises(Fatal, match="cannot be read"):
        async with SqliteSpool.open(path, clock=SetClock()):
            pass


def change_the_schema(path: Path) -> None:
    """Leave SQL that is no text: SQLite quotes it in the error, which Python cannot read."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CRE\xffTE TABLE"))


def change_an_export(path: Path) -> None:
    """Leave an export in a state that there is not."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO export VALUES ('e', 1, 0, 'wroten', 0, 0, 0, 0, 0)")


@pytest.mark.parametrize("change", [change_the_schema, change_an_export])
async def test_a_byte_that_changed_is_told_as_damage(path: Path, change: Callable[[Path], None]) -> None:
    """By a start and by a command, which both ended in a traceback."""
    await fill(path)
    change(path)
    with pytest.raises(Fatal, match=r"damaged.*spool salvage"):
        async with SqliteSpool.open(path, clock=SetClock()):
            pass
    with pytest.raises(Fatal, match=r"damaged.*spool salvage"), SpoolReader(path) as reader:
        reader.exports()


async def test_a_text_that_is_none_is_told_as_damage(path: Path) -> None:
    """It is no question of who may read the file."""
    await fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE trace SET topic = CAST(x'74ff' AS TEXT)")
    with pytest.raises(Fatal, match=r"damaged.*spool salvage"), SpoolReader(path) as reader:
        reader.traces("SN7", 10)
