"""AsyncAPI's own parser, from the npm registry, as the lock beside `check.mjs` says; installed once and kept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.alone import alone_in

FOLDER = Path(__file__).parent / "asyncapi"
LOCK = FOLDER / "package-lock.json"
STAMP = FOLDER / "node_modules/installed-from"
"""A copy of the lock that was installed; written last, so that an interrupted installation is done again."""


class Diagnostic(msgspec.Struct, frozen=True):
    """What the parser has to say; `severity` 0 is an error, 1 a warning, 2 an information."""

    code: str | int
    message: str
    path: str
    severity: int


class Parsed(msgspec.Struct, frozen=True):
    """A document as the parser understood it; `version` is None where it is none."""

    version: str | None
    receives: tuple[str, ...]
    sends: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def parse(document: str) -> Parsed:
    """Have a document checked; skips the test where Node.js is missing or the registry cannot be reached."""
    with alone_in(FOLDER):
        _install()
    done = subprocess.run(
        ["node", "check.mjs"],  # noqa: S607  # node is on PATH
        cwd=FOLDER,
        input=document,
        capture_output=True,
        text=True,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Parsed)


def _install() -> None:
    if STAMP.exists() and STAMP.read_bytes() == LOCK.read_bytes():
        return
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("no node and npm; apt-get install nodejs npm")
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],  # noqa: S607  # npm is on PATH
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {LOCK.name}: {done.stderr[-500:]}")
    shutil.copyfile(LOCK, STAMP)
