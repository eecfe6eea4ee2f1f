"""The room a spool takes, and upkeep in small steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.events import payload_digest
from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.disk import VACUUM_ABOVE, VACUUM_PAGES, Disk
from pywats_mqtt.spool.tally import Tally
from pywats_mqtt.spool.upkeep import FORGET_EVERY_S, LOOK_AGAIN_S, PRUNE_EVERY_S, PRUNE_ROWS, SWEEP_EVERY_S, Upkeep
from tests.contract.spool_parts import START_US, SetClock

BOUND = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a spool file."""
    return tmp_path / "spool.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a new spool's database."""
    with closing(connect(path, max_bytes=BOUND)) as opened:
        yield opened


def store(db: sqlite3.Connection, number: int, size_bytes: int) -> None:
    """Store a batch of a size."""
    db.execute("INSERT INTO batch (number, messages) VALUES (?, zeroblob(?))", (number, size_bytes))


def test_full_at_the_bound_and_again_below_the_low_mark(db: sqlite3.Connection, path: Path) -> None:
    """Between the two marks nothing changes, so that it does not flap."""
    disk = Disk(db, path, BOUND)
    seen = [disk.full]
    for number in range(11):
        store(db, number, BOUND // 10)
    for gone in (0, 1, 4):
        db.execute("DELETE FROM batch WHERE number < ?", (gone,))
        disk.measure()
        seen.append(disk.full)
    assert seen == [False, True, True, False]


def test_free_pages_go_back_to_the_file_system_step_by_step(db: sqlite3.Connection, path: Path) -> None:
    """A burst's pages are given back in steps, down to what the next burst will want."""
    disk = Disk(db, path, BOUND)
    store(db, 1, (VACUUM_ABOVE + 3 * VACUUM_PAGES) * 4096)
    db.execute("DELETE FROM batch")
    steps = 1
    while disk.vacuum():
        steps += 1
    assert steps in {3, 4}
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    assert VACUUM_ABOVE - VACUUM_PAGES <= free <= VACUUM_ABOVE
    disk.checkpoint()
    assert path.stat().st_size < (VACUUM_ABOVE + VACUUM_PAGES) * 4096


def test_a_disk_that_cannot_be_measured_changes_nothing(db: sqlite3.Connection, path: Path) -> None:
    """It runs behind a commit, which must not seem to have failed."""
    disk = Disk(db, path, BOUND)
    log = path.with_name(f"{path.name}-wal")
    log.unlink()
    log.symlink_to(log)  # to look at it fails, as on a network's file system that went away
    disk.measure()
    db.close()
    disk.measure()
    assert not disk.full


def test_identities_are_pruned_in_steps(db: sqlite3.Connection, path: Path) -> None:
    """So many rows a step and so many seconds between; then a rest until the next pass. Young ones stay."""
    clock = SetClock()
    day_us = 86_400_000_000
    upkeep = Upkeep(db, clock, Disk(db, path, BOUND), identity_days=1)
    rows = [(number.to_bytes(16), b"d", START_US - day_us * (number % 2) - 1) for number in range(PRUNE_ROWS * 2 + 1)]
    db.executemany("INSERT INTO identity (key, digest, at_us) VALUES (?, ?, ?)", rows)

    def left() -> int:
        return int(db.execute("SELECT count(*) FROM identity").fetchone()[0])

    for expected in (PRUNE_ROWS * 3 // 2 + 1, PRUNE_ROWS + 1, PRUNE_ROWS + 1):
        assert upkeep.step(idle=False, tally=Tally())
        assert left() == expected
        assert not upkeep.step(idle=False, tally=Tally())
        clock.now_us += int(PRUNE_EVERY_S * 1e6)
    assert not upkeep.step(idle=False, tally=Tally())
    clock.now_us += int(SWEEP_EVERY_S * 1e6)
    assert upkeep.step(idle=False, tally=Tally())


def test_a_full_spool_forgets_its_oldest_identities_until_it_has_room_and_no_more(
    db: sqlite3.Connection, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Step by step, the young of each step stay; below the low mark it stops. One line says so, for both times."""
    disk = Disk(db, path, BOUND)
    upkeep = Upkeep(db, SetClock(), disk, identity_days=30)

    def left() -> int:
        return int(db.execute("SELECT count(*) FROM identity").fetchone()[0])

    def full() -> bool:
        disk.measure()
        return disk.full

    number = 0
    for _ in range(2):
        while not full():
            rows = [(payload_digest(str(n).encode()), b"d" * 16, START_US + n) for n in range(number, number + 500)]
            db.executemany("INSERT INTO identity (key, digest, at_us) VALUES (?, ?, ?)", rows)
            number += 500
        before, steps = left(), 0
        while full():
            assert upkeep.due_s() == FORGET_EVERY_S
            assert upkeep.step(idle=False, tally=Tally())
            steps += 1
        assert 1 < steps < before // PRUNE_ROWS
        assert before // 4 < left() < before
        (young,) = db.execute("SELECT count(*) FROM identity WHERE at_us >= ?", (START_US + number - 500,)).fetchone()
        assert young == 500
    assert [record.name for record in caplog.records].count("pywats_mqtt.spool.upkeep") == 1
    assert "remembered for less than spool.identity_days" in caplog.text


def test_a_full_spool_forgets_to_the_last_identity(db: sqlite3.Connection, path: Path) -> None:
    """Where something else fills it: pass after pass, until none is left; then it looks again at rests."""
    store(db, 1, BOUND)
    disk = Disk(db, path, BOUND)
    upkeep = Upkeep(db, SetClock(), disk, identity_days=30)
    rows = [(number.to_bytes(16), b"d", START_US + number) for number in range(PRUNE_ROWS + 1)]
    db.executemany("INSERT INTO identity (key, digest, at_us) VALUES (?, ?, ?)", rows)
    upkeep.step(idle=False, tally=Tally(waiting=1))  # where a sweep is due too
    while upkeep.step(idle=False, tally=Tally(waiting=1)):
        pass
    assert db.execute("SELECT count(*) FROM identity").fetchone() == (0,)
    assert upkeep.due_s() == LOOK_AGAIN_S
