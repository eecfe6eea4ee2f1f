"""The environment in `.venv`: made where it is missing, brought up to date where the lock changed, then left for good.

What is installed is `requirements.lock`, with its hashes, by uv where it is on PATH and by pip elsewhere: both take the
package index from their own configuration, so that a machine behind a mirror needs nothing from us. The start-up path
(nothing to do) reads two files and the stamp, and imports no more than that takes.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = ENVIRONMENT / "installed-from"
"""Holds what the environment was made from; written last, so that an interrupted installation is done again."""


def main(arguments: list[str]) -> int:
    """Make sure of the environment, then run the tests, the code checks, or the program in place of this process.

    Returns:
        The exit code of `test` and of `check` without arguments; with anything else this does not return.
    """
    wanted = fingerprint()
    if not is_current(wanted):
        from tools.install import CannotInstallError, install  # noqa: PLC0415  # most starts need none of it

        try:
            install(wanted)
        except CannotInstallError as exc:
            print(f"bridge: {exc}", file=sys.stderr)
            return 1
    keep_bytecode()
    if arguments[:1] != ["test"] and arguments != ["check"]:
        become_program(arguments)
    from tools.stages import run  # noqa: PLC0415  # the same

    return run(arguments[1:] if arguments[0] == "test" else None)


def keep_bytecode() -> None:
    """Have modules compiled once, into the environment, also where none of that is wanted beside the sources.

    Without it each process compiles all of ours anew: a quarter of what a start takes, and tests start hundreds.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(ENVIRONMENT / "bytecode")


def become_program(arguments: list[str]) -> NoReturn:
    """Run `pywats-mqtt` in place of this process, so that signals and the exit code are the program's own."""
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "pywats_mqtt", *arguments])  # noqa: S606  # ours, no shell


def fingerprint() -> str:
    """Digest what the environment is made from: the lock, and what the project says of itself."""
    return sha256(LOCK.read_bytes() + b"\0" + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def is_current(wanted: str) -> bool:
    """Tell whether the environment was made from this, and its interpreter is still there."""
    try:
        return STAMP.read_text() == wanted and PYTHON.exists()
    except OSError:
        return False
