"""The stages of `./bridge test` and `./bridge check`: one line each, and the output of those that fail."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

from tools.bootstrap import ENVIRONMENT, PYTHON, ROOT
from tools.parts import provide

IN_CI = os.environ.get("CI") == "true"
SOAK = ("tests/guarantees/test_soak.py", "tests/guarantees/test_floods.py")
SPREAD = ("-n", "auto", "--dist", "worksteal")
"""Several processes run the tests, and one that has nothing left takes over what another still has before it.

They stand ahead of the caller's options: `-n 0` is one process, as for `-s`; with `--pdb` it is one anyway.
"""
INTERRUPTED = 130
"""What a shell reports of a command that Ctrl-C ended: 128 and the signal's number."""


def run(test_arguments: Sequence[str] | None) -> int:
    """Run the stages.

    Args:
        test_arguments: what pytest is given; None to leave the tests out.

    Returns:
        0 when all passed, 1 when one failed, 130 when Ctrl-C ended it.
    """
    try:
        failed = [name for name, command in _checks() if not _passes(name, command)]
        if test_arguments is not None and not _tests_pass(test_arguments):
            failed.append("tests")
    except KeyboardInterrupt:
        return INTERRUPTED
    if failed:
        print(f"failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def soak_of(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take `--soak MINUTES` and `--seed N` out of pytest's arguments.

    Returns:
        What pytest is given, and what its environment has beside ours: with a soak, faults at random for so long, and
        after them the floods in their full size.
    """
    parser = argparse.ArgumentParser(prog="bridge test", add_help=False, allow_abbrev=False)
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--seed", type=int, metavar="N")
    known, rest = parser.parse_known_args(arguments)
    if known.soak is None:
        return list(arguments), {}
    environment = {"SOAK_MINUTES": str(known.soak)} | ({} if known.seed is None else {"SOAK_SEED": str(known.seed)})
    return [*SOAK, *rest], environment


def workers() -> dict[str, str]:
    """Say how many processes `-n auto` is: one a core this may use, and two at least, since slow tests mostly wait."""
    return {"PYTEST_XDIST_AUTO_NUM_WORKERS": str(max(2, len(os.sched_getaffinity(0))))}


def _checks() -> tuple[tuple[str, list[str]], ...]:
    tool = ENVIRONMENT / "bin"
    return (
        ("format", [str(tool / "ruff"), "format", "--check", "."]),
        ("lint", [str(tool / "ruff"), "check", "."]),
        ("types", [str(tool / "mypy")]),
        ("imports", [str(tool / "lint-imports")]),
    )


def _passes(name: str, command: Sequence[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603  # no shell; the commands are above
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    passed = done.returncode == 0
    print(f"{name:8} {'ok' if passed else 'FAILED':6} {time.monotonic() - began:6.1f} s", flush=True)
    if not passed:
        print(done.stdout.decode(errors="replace"), end="", flush=True)
    return passed


def _tests_pass(arguments: Sequence[str]) -> bool:
    complete = provide()
    arguments, soak = soak_of(arguments)
    command = [str(PYTHON), "-m", "pytest", *([] if soak else SPREAD), *arguments]
    child = subprocess.Popen(command, cwd=ROOT, env=workers() | os.environ | soak)  # noqa: S603  # no shell

    def terminate(_number: int, _frame: FrameType | None) -> None:
        child.terminate()

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        passed = child.wait() == 0
    except KeyboardInterrupt:
        child.wait()  # the terminal interrupted it too: it ends what its tests have started, and says so
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return passed and (complete or not IN_CI)
