"""The room a spool takes, and upkeep in small steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.spool.connection import connect
from pywats_mqtt.spool.disk import VACUUM_ABOVE, VACUUM_PAGES, Disk
from pywats_mqtt.spool.upkeep import PRUNE_EVERY_S, PRUNE_ROWS, SWEEP_EVERY_S, Upkeep
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
    db.execute("INSERT INTO batch VALUES (?, zeroblob(?))", (number, size_bytes))


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
    db.close()
    disk.measure()
    assert not disk.full


def test_identities_are_pruned_in_steps(db: sqlite3.Connection, path: Path) -> None:
    """So many rows a step and so many seconds between; then a rest until the next pass. Young ones stay."""
    clock = SetClock()
    day_us = 86_400_000_000
    upkeep = Upkeep(db, clock, Disk(db, path, BOUND), identity_days=1)
    rows = [(number.to_bytes(16), b"d", START_US - day_us * (number % 2) - 1) for number in range(PRUNE_ROWS * 2 + 1)]
    db.executemany("INSERT INTO identity VALUES (?, ?, ?)", rows)

    def left() -> int:
        return int(db.execute("SELECT count(*) FROM identity").fetchone()[0])

    for expected in (PRUNE_ROWS * 3 // 2 + 1, PRUNE_ROWS + 1, PRUNE_ROWS + 1):
        assert upkeep.step(idle=False)
        assert left() == expected
        assert not upkeep.step(idle=False)
        clock.now_us += int(PRUNE_EVERY_S * 1e6)
    assert not upkeep.step(idle=False)
    clock.now_us += int(SWEEP_EVERY_S * 1e6)
    assert upkeep.step(idle=False)
