"""The quota as the server sees it, in its own request log: across a kill and an orderly restart.

A minute is three seconds here, by a fast clock, long enough for the program to be back before it is over; the server's
times are real.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.contract.wats_servers import EMULATOR_OPTIONS, FastClock
from tests.emulator.server import RunningEmulator, running_emulator
from tests.waiting import block_until

ROOT = Path(__file__).parents[2]
LIMIT = 20
WINDOW_S = 60.0 / FastClock.factor
RUN_LIMIT_S = 60


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    """Run an emulator."""
    with running_emulator(*EMULATOR_OPTIONS) as emulator:
        yield emulator


@contextmanager
def sending(emulator: RunningEmulator, spool: Path, first: int, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program that sends; it is gone at the end of the block."""
    numbers = [str(number) for number in (LIMIT, first, count)]
    command = [sys.executable, "-m", "tests.contract.quota_program", emulator.url, str(spool), *numbers]
    with subprocess.Popen(command, cwd=ROOT) as program:
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.slow
def test_in_no_window_more_than_the_limit(emulator: RunningEmulator, tmp_path: Path) -> None:
    """Eight calls at once; the program is killed at full speed, started again, ended in order, and started again."""
    spool = tmp_path / "spool.db"
    with sending(emulator, spool, 0, 1_000) as program:
        block_until(lambda: emulator.state()["counts"]["requests"] >= LIMIT, what="the first burst is over")
        program.kill()
    for run, count in ((1, LIMIT), (2, 5)):
        with sending(emulator, spool, 1_000 * run, count) as program:
            assert program.wait(RUN_LIMIT_S) == 0

    times = [datetime.fromisoformat(request["at"]).timestamp() for request in emulator.requests()]
    assert len(times) >= 2 * LIMIT + 5
    assert all(last - first > WINDOW_S for first, last in zip(times, times[LIMIT:], strict=False))
