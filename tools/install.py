"""Makes `.venv` and installs the lock and the project into it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from tools.bootstrap import ENVIRONMENT, LOCK, PYTHON, ROOT, STAMP, is_current

BASE = os.path.realpath(sys.executable)
"""The interpreter the environment stands on, also where this is the environment's own, which is a link to it."""
NO_PIP = "this Python has neither ensurepip nor pip; on Debian: apt-get install python3-venv"


class CannotInstallError(Exception):
    """The environment cannot be made; the text says what to do."""


def install(wanted: str) -> None:
    """Bring the environment up to date, one process at a time.

    Args:
        wanted: what the stamp will say, see `bootstrap.fingerprint`.

    Raises:
        CannotInstallError: a tool is missing, or the package index cannot be reached.
    """
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # a second start waits here, and finds it done
        if is_current(wanted):
            return
        STAMP.unlink(missing_ok=True)
        _say("making the environment in .venv (once; needs the package index)")
        uv = shutil.which("uv")
        if not (uv and _with_uv(uv)):
            _with_pip()
        STAMP.write_text(wanted)
        _say("the environment is ready")
    finally:
        os.close(folder)


def _with_uv(uv: str) -> bool:
    """Install with uv; False where it fails, since pip may be configured where uv is not."""
    steps: list[list[str]] = []
    if not PYTHON.exists():
        steps.append([uv, "venv", "--quiet", "--clear", "--python", BASE, str(ENVIRONMENT)])
    pip = [uv, "pip"]
    to = ["--quiet", "--python", str(PYTHON)]
    steps.append([*pip, "sync", *to, "--require-hashes", str(LOCK)])
    steps.append([*pip, "install", *to, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    return all(_run(step) for step in steps)


def _with_pip() -> None:
    pip = _pip()
    if pip is None:
        _new_environment()
        pip = _pip()
    if pip is None:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        raise CannotInstallError(NO_PIP)
    to = ["install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # One after the other: the project is built with what the lock brings.
    for what in (["--require-hashes", "--requirement", str(LOCK)], ["--no-build-isolation", "--editable", str(ROOT)]):
        if not _run([*pip, *to, *what]):
            raise CannotInstallError("pip could not install the lock, see above; mend that and start again")


def _pip() -> list[str] | None:
    """Give the pip that installs into the environment: its own, or its base's; None where there is neither."""
    own = [str(PYTHON), "-m", "pip"]
    ours = [BASE, "-m", "pip", "--python", str(PYTHON)]
    return next((pip for pip in (own, ours) if _run([*pip, "--version"], quiet=True)), None)


def _new_environment() -> None:
    """Make a venv: with pip, or without where ensurepip is missing, which Debian keeps in a package of its own."""
    venv = [BASE, "-m", "venv", "--clear"]
    if not _run([*venv, str(ENVIRONMENT)], quiet=True):
        _run([*venv, "--without-pip", str(ENVIRONMENT)], quiet=True)


def _run(command: Sequence[str], *, quiet: bool = False) -> bool:
    """Run one step; where it fails, show what it said (unless `quiet`). The lock is bound by nobody's constraints."""
    env = os.environ | {"PIP_CONSTRAINT": os.devnull, "UV_CONSTRAINT": ""}
    try:
        done = subprocess.run(  # noqa: S603  # no shell; the commands are above
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except FileNotFoundError:
        return False
    if done.returncode != 0 and not quiet:
        print(done.stdout.decode(errors="replace"), end="", file=sys.stderr)
    return done.returncode == 0


def _say(text: str) -> None:
    print(f"bridge: {text}", file=sys.stderr)
