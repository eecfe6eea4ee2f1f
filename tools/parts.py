"""What the tests need besides Python: found, or installed from Debian's packages where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

PARTS: tuple[tuple[str, Callable[[], bool]], ...] = (
    ("mosquitto", lambda: _program("mosquitto")),
    ("mosquitto-clients", lambda: _program("mosquitto_pub") and _program("mosquitto_sub")),
    ("gcc", lambda: _program("gcc")),
    ("chromium", lambda: _program("chromium")),
    ("nodejs", lambda: _program("node")),
    ("npm", lambda: _program("npm")),
    ("libc6-dev", lambda: Path("/usr/include/stdio.h").exists()),
)
"""Debian's name of each package, and how to tell that it, or the like of it, is there."""


def missing() -> list[str]:
    """Name the packages whose content is not on this machine."""
    return [name for name, is_there in PARTS if not is_there()]


def provide() -> bool:
    """Install what is missing where this process may; elsewhere say what line would.

    Returns:
        Whether everything is there now. Tests skip themselves where their part is not.
    """
    wanted = missing()
    if not wanted:
        return True
    rights = _rights()
    if rights is not None:
        print(f"parts    installing {' '.join(wanted)}", flush=True)
        _install(rights, wanted)
    wanted = missing()
    if wanted:
        print(f"parts    missing, and their tests skipped; apt-get install {' '.join(wanted)}", flush=True)
    return not wanted


def _rights() -> list[str] | None:
    """Give what stands before apt-get so that it may install; None where it may not, or is no Debian."""
    if not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        return None
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if _succeeds(["sudo", "-n", "true"], quiet=True) else None


def _install(rights: list[str], packages: list[str]) -> None:
    # In run level 1 the packages' scripts start no service: the tests start brokers of their own.
    apt_get = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]
    if _succeeds([*apt_get, "update"]):
        _succeeds([*apt_get, "install", "--yes", "--no-install-recommends", *packages])


def _succeeds(command: list[str], *, quiet: bool = False) -> bool:
    """Run a command; where it fails, show what it said (unless `quiet`)."""
    try:
        done = subprocess.run(  # noqa: S603  # no shell; the commands are above
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except FileNotFoundError:
        return False
    if done.returncode != 0 and not quiet:
        print(done.stdout.decode(errors="replace"), end="", flush=True)
    return done.returncode == 0


def _program(name: str) -> bool:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") is not None
