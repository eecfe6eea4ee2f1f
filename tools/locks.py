"""The two locks: `uv.lock`, and `requirements.lock` exported from it for pip. Run as `python -m tools.locks`."""

from __future__ import annotations

import subprocess
import sys

from tools.bootstrap import LOCK, ROOT

_HEADER = "# All that ./bridge installs, exported from uv.lock; `.venv/bin/python -m tools.locks` writes it anew.\n"
_EXPORT = (
    *("export", "--frozen", "--offline", "--quiet", "--no-header"),
    *("--all-extras", "--all-groups", "--no-emit-project", "--format", "requirements.txt"),
)


def exported() -> str:
    """Give what `requirements.lock` must hold by `uv.lock`; needs no network."""
    return _HEADER + _uv(*_EXPORT)


def lock(*, upgrade: bool = False) -> None:
    """Resolve anew and write both locks; versions stay where they are unless something asks for another."""
    _uv("lock", *(["--upgrade"] if upgrade else []), "--default-index", "https://pypi.org/simple")
    LOCK.write_text(exported())


def _uv(*arguments: str) -> str:
    command = [sys.executable, "-m", "uv", "--directory", str(ROOT), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603  # no shell


if __name__ == "__main__":
    lock(upgrade="--upgrade" in sys.argv)
