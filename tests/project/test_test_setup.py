"""The test set-up itself: skips, waits and ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.waiting import block_until, wait_until

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


def _run_pytest(folder: Path, test_module: str, *, ci: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (folder / "test_it.py").write_text(test_module)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
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


def test_a_free_port_can_be_bound() -> None:
    """A port that was dealt out is free to listen on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
