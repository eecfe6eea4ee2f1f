"""The two locks say the same, and are what pyproject.toml asks for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.bootstrap import LOCK, ROOT
from tools.locks import exported

UV_LOCK = ROOT / "uv.lock"


def test_the_lock_for_pip_is_exported_from_the_lock_of_uv() -> None:
    """requirements.lock holds what uv.lock holds; `.venv/bin/python -m tools.locks` makes it so."""
    assert LOCK.read_text() == exported()


def test_the_lock_is_what_the_project_asks_for(tmp_path: Path) -> None:
    """Every dependency of pyproject.toml is locked, and nothing else; uv tells without a network."""
    checked = subprocess.run(
        [sys.executable, "-m", "uv", "--directory", str(ROOT), "lock", "--check", "--offline"],
        env=os.environ | {"UV_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_the_locks_name_no_private_host() -> None:
    """A lock made behind a mirror would install nowhere else."""
    hosts = set(re.findall(r"https?://[^/\"]+", UV_LOCK.read_text() + LOCK.read_text()))
    assert hosts <= {"https://pypi.org", "https://files.pythonhosted.org"}


def test_the_locked_wats_client_is_the_one_the_public_server_speaks() -> None:
    """pywats-api 0.5.0b6 and an httpx before 1 are locked: later ones need a server that is not public, or differ."""
    versions = {package["name"]: package["version"] for package in tomllib.loads(UV_LOCK.read_text())["package"]}
    assert versions["pywats-api"] == "0.5.0b6"
    assert versions["httpx"].startswith("0.")


def test_every_line_of_the_lock_for_pip_has_its_hashes() -> None:
    """Pip refuses a changed file of the same version."""
    pinned = re.findall(r"^[a-z0-9._-]+==.*(?:\n .*)*", LOCK.read_text(), flags=re.MULTILINE)
    assert len(pinned) > 30
    assert all("--hash=sha256:" in package for package in pinned)
