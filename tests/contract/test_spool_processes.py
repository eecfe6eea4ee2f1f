"""What the spool on disk promises when processes meet, die, or fill the disk."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pywats_mqtt.errors import Fatal, Retry
from pywats_mqtt.ports import Done, Rejection
from pywats_mqtt.spool import SpoolReader, SqliteSpool, views
from tests.contract.spool_parts import SetClock, lease, lease_latest, message, serials, take_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a spool file."""
    return tmp_path / "spool.db"


@contextmanager
def process(task: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `spool_process` on a file; it is killed at the end."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.spool_process", task, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def lines_of(running: subprocess.Popen[str]) -> Iterator[str]:
    """Give what it says, line by line, until it ends."""
    assert running.stdout is not None
    return (line.rstrip("\n") for line in running.stdout)


async def test_what_was_stored_survives_kill_9(path: Path) -> None:
    """Every message whose `put` returned is there after the process was killed amid storing, each once."""
    with process("put", path) as running:
        said = lines_of(running)
        stored = [next(said) for _ in range(200)]
        running.send_signal(signal.SIGKILL)
        stored += list(said)
    numbers = {int(line.removeprefix("stored ")) for line in stored if re.fullmatch(r"stored \d+", line)}
    assert len(numbers) >= 200
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        found = [raw for batch in await spool.unrouted(0, 1_000_000) for raw in batch.messages]
    assert len(found) == len(set(found))
    assert {message(number) for number in numbers} <= set(found)


async def test_a_second_owner_is_refused_by_the_first_ones_number(path: Path) -> None:
    """Another process that has the file is named with its process id; nothing of the file is touched."""
    with process("hold", path) as running:
        assert next(lines_of(running)) == "leased ['SN1'] 1"
        with pytest.raises(Fatal, match=rf"spool\.db is in use by process {running.pid}, since 2023-11-14T"):
            async with SqliteSpool.open(path, clock=SetClock()):
                pass


async def test_a_process_that_opens_an_owned_file_says_so_in_one_line(path: Path) -> None:
    """The other way round: this process owns it, another one ends with 2."""
    async with SqliteSpool.open(path, clock=SetClock()):
        with process("hold", path) as running:
            assert next(lines_of(running)).startswith(f"fatal: spool {path} is in use by process {os.getpid()}, ")
            assert running.wait(20) == 2


async def test_leases_die_with_their_owner(path: Path) -> None:
    """After kill -9 the file opens at once, and what was leased is leased again, in its order, with its counts."""
    with process("hold", path) as running:
        assert next(lines_of(running)) == "leased ['SN1'] 1"
        running.send_signal(signal.SIGKILL)
        running.wait(20)
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        leased = await lease(spool)
        assert serials(leased) == ["SN1"]
        latest = await lease_latest(spool)
        await spool.settle([Done(delivery) for delivery in (*leased, *latest)])
        assert serials(await lease(spool)) == ["SN2"]
        figures = await spool.figures()
        assert (figures.stored, figures.acknowledged, figures.delivered, figures.waiting) == (3, 3, 2, 1)


async def test_a_second_process_reads_beside_the_owner_and_after_its_death(path: Path) -> None:
    """Figures, notes and quarantine are those of the last transaction, also where only the log on disk has them."""
    with process("hold", path) as running:
        assert next(lines_of(running)) == "leased ['SN1'] 1"
        for step in ("alive", "dead"):
            if step == "dead":
                running.send_signal(signal.SIGKILL)
                running.wait(20)
            with SpoolReader(path) as reader:
                figures = reader.figures()
                assert (figures.stored, figures.waiting, figures.acknowledged) == (3, 3, 3)
                assert figures.size_bytes > 0
                assert reader.note("client_id") == b"bridge-1"
                assert reader.quarantined(10) == []


async def test_a_reader_sees_what_is_committed_meanwhile(path: Path) -> None:
    """An open reader follows the owner, and never holds it up."""
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        with SpoolReader(path) as reader:
            assert reader.figures().stored == 0
            await take_in(spool, [Rejection("no JSON", "$", device="T0"), Rejection("no", device="T1")])
            assert reader.figures().quarantined == 2
            assert [row.reason for row in reader.quarantined(1)] == ["no JSON"]
            assert [row.device for row in reader.quarantined(9, 1)] == ["T1"]
            one = reader.quarantined_one(2)
            assert one is not None
            assert one.payload == b"payload 1"
            assert reader.quarantined_one(3) is None
            assert reader.note("none") is None


def test_a_full_disk_is_a_retry_that_stores_nothing_by_halves(path: Path) -> None:
    """Where files cannot grow, `put` says so with scope server; when they can again it goes on, in sequence."""
    with process("fill", path) as running:
        said = list(lines_of(running))
        assert running.wait(20) == 0
    assert said[0] == "disk full server"
    found = re.fullmatch(r"stored (\d+) batches before, then batch (\d+)", said[1])
    assert found is not None
    before, last = int(found[1]), int(found[2])
    assert before >= 1
    assert last == before + 1
    with SpoolReader(path) as reader:
        assert reader.figures().stored == before * 1_000 + 1


async def test_a_reader_takes_as_many_rows_at_once_as_fit_in_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages end by the bytes of their payloads, and rows that are read later are parted alike; none is left out."""
    monkeypatch.setattr(views, "PAGE_BYTES", 2 * len(b"payload 0"))
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await take_in(spool, [Rejection("no JSON", "$", device="T")] * 5)
        assert [row.id for row in await spool.quarantined(9)] == [1, 2]
        with SpoolReader(path) as reader:
            assert [row.id for row in reader.quarantined(9, 2)] == [3, 4]
            assert [row.id for row in reader.quarantined(9, 4)] == [5]
            assert list(reader.pieces([5, 4, 99, 3, 2, 1], 500)) == [[5, 4], [99, 3, 2], [1]]
            assert list(reader.pieces([1, 2], 1)) == [[1], [2]]
            assert list(reader.pieces([], 500)) == []


async def test_a_lock_file_that_cannot_be_written_is_left_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start has to be tried again when there is room; it knows what the last owner left, and holds no lock."""
    async with SqliteSpool.open(path, clock=SetClock()):
        pass
    before = path.with_name(f"{path.name}.lock").read_bytes()

    def fill(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fill)
        with pytest.raises(Retry, match="No space left on device"):
            async with SqliteSpool.open(path, clock=SetClock()):
                pass
    assert path.with_name(f"{path.name}.lock").read_bytes() == before
    async with SqliteSpool.open(path, clock=SetClock()):
        pass


async def test_a_file_system_without_locks_is_not_taken_for_another_owner(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is there to be stopped."""

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(Fatal, match="cannot be locked \\(No locks available\\)"):
        async with SqliteSpool.open(path, clock=SetClock()):
            pass
