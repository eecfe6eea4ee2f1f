"""The test set-up itself: skips, waits and ports."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ports
from tests.alone import alone_in
from tests.ports import free_port
from tests.waiting import LOOK_EVERY_S, block_until, wait_until
from tools.bootstrap import ROOT

# Begins where every other one of it begins, says what it was given, and keeps it until it is told to end.
GIVEN = """
import os
os.getpid = lambda: 0
from tests.ports import free_port
print(*(free_port() for _ in range(20)), flush=True)
input()
"""
CONFTEST = Path(__file__).parents[1] / "conftest.py"

SKIPPING = """
import pytest

@pytest.fixture
def part():
    pytest.skip("no part")

def test_in_fixture(part): ...
def test_in_body(): pytest.skip("no part")
@pytest.mark.skip(reason="no part")
def test_marked(): ...
@pytest.mark.xfail
def test_known(): assert False
"""


def _run_pytest(folder: Path, test_module: str, *options: str, ci: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (folder / "test_it.py").write_text(test_module)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("ci", "closing"), [("true", "1 failed, 1 xfailed, 2 errors in"), ("", "3 skipped, 1 xfailed in")]
)
def test_a_skip_fails_in_ci_only(tmp_path: Path, ci: str, closing: str) -> None:
    """Where a part is missing, its tests are skipped on a developer's machine and fail in CI; xfail stays as it is."""
    assert _run_pytest(tmp_path, SKIPPING, ci=ci).startswith(closing)


def test_a_skip_fails_in_ci_also_where_tests_are_spread(tmp_path: Path) -> None:
    """As `./bridge test` runs them: what another process skipped is failed, too."""
    ended = _run_pytest(tmp_path, SKIPPING, "-n", "2", ci="true")
    assert ended.startswith("1 failed, 1 xfailed, 2 errors in")


@pytest.mark.parametrize(("ci", "closing"), [("true", "1 error in"), ("", "1 skipped in")])
def test_a_module_that_skips_itself_fails_in_ci_only(tmp_path: Path, ci: str, closing: str) -> None:
    """The same for importorskip at the top of a module."""
    assert _run_pytest(tmp_path, 'import pytest\npytest.importorskip("no_such_part")\n', ci=ci).startswith(closing)


async def test_wait_until_takes_plain_and_async_conditions() -> None:
    """A wait ends when its condition, of either kind, becomes true."""
    looks = iter([False, False, True])
    await wait_until(lambda: next(looks))

    async def true() -> bool:
        return True

    await wait_until(true)


async def test_a_wait_fails_at_its_bound_and_names_what_it_waited_for() -> None:
    """A condition that never holds fails the test with a message a reader can act on."""
    with pytest.raises(AssertionError, match=r"not within 0.01 s: the broker"):
        await wait_until(lambda: False, bound_s=0.01, what="the broker")
    with pytest.raises(AssertionError, match=r"not within 0 s: the condition"):
        block_until(lambda: False, bound_s=0)


def test_a_look_that_takes_long_is_repeated_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for gets most of the time: after two seconds of looking six pass until the next look."""
    now_s, pauses, looks = [0.0], list[float](), iter([False, False, True])
    monkeypatch.setattr("tests.waiting.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("tests.waiting.time.sleep", pauses.append)

    def look() -> bool:
        now_s[0] += 2.0
        return next(looks)

    block_until(look)
    quick = iter([False, True])
    block_until(lambda: next(quick))
    assert pauses == [6.0, 6.0, LOOK_EVERY_S]


def test_a_free_port_can_be_bound() -> None:
    """A port that was dealt out is free to listen on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


def test_no_port_is_given_to_two_processes() -> None:
    """Nor twice to one, although nobody listens on it yet: what is given stays with whom it was given to."""
    command = [sys.executable, "-c", GIVEN]
    with (
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second,
    ):
        given = [port for process in (first, second) for port in (process.stdout or sys.stdin).readline().split()]
        first.communicate("\n")
        second.communicate("\n")
    assert len(given) == len(set(given)) == 40


def test_a_port_that_someone_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it is: a service of the machine knows nothing of our locks."""
    taken, free = free_port(), free_port()
    monkeypatch.setattr(ports, "_candidates", lambda: iter([taken, free]))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken))
        listener.listen()
        assert free_port() == free


async def test_who_comes_while_a_folder_is_held_waits(tmp_path: Path) -> None:
    """What is installed once for all is not installed by two at a time."""
    order: list[str] = []

    def come() -> None:
        with alone_in(tmp_path):
            order.append("second")

    with alone_in(tmp_path):
        second = asyncio.create_task(asyncio.to_thread(come))
        await wait_until(lambda: _waits_for_lock(tmp_path), what="the second one waits")
        order.append("first")
    await second
    assert order == ["first", "second"]


def _waits_for_lock(folder: Path) -> bool:
    """Tell whether somebody waits for the lock of a folder: the kernel lists those behind an arrow."""
    inode = f":{folder.stat().st_ino} "
    return any("->" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())
