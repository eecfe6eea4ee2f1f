"""The next release of pywats in a small environment of its own, and suites that run there once more.

The lock file holds the release that today's servers are documented for; the metadata also allows the next one. The
environment is made once inside the project's own (from the registry, or from uv's or pip's cache) and used again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.alone import alone_in

ROOT = Path(__file__).parents[1]
HERE = Path(sys.prefix) / "pywats-next"
PYTHON = HERE / "bin" / "python"
MADE = HERE / "made-from.txt"

RELEASE = "0.6.0rc1"
PARTS = ["aiohttp", "httptools", "hypothesis", "httpx", "msgspec", "pytest", "pytest-asyncio", "trustme", "typer"]
"""What the suites, the client and the emulator need; in the versions of the project's own environment."""

INSTALL_LIMIT_S, SUITE_LIMIT_S = 300, 600


def pass_with_next_release(modules: Sequence[str]) -> None:
    """Run test modules, named from the project's root, there; all of their tests must pass, none be skipped."""
    python = interpreter()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    version = subprocess.run(
        [python, "-c", "from importlib.metadata import version; print(version('pywats-api'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert version.stdout.strip() == RELEASE

    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *modules],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SUITE_LIMIT_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def interpreter() -> Path:
    """The interpreter of the environment; made where it is missing or was made from something else."""
    pins = sorted(
        f"{found.name}=={found.version}"
        for found in distributions()
        if found.name.lower().replace("_", "-") not in {"pywats-api", "pywats-mqtt", "pip", "setuptools"}
    )
    recipe = "\n".join([sys.version, RELEASE, *PARTS, *pins])
    with alone_in(HERE.parent):
        if not (MADE.exists() and MADE.read_text(encoding="utf-8") == recipe):
            shutil.rmtree(HERE, ignore_errors=True)
            _make(pins)
            MADE.write_text(recipe, encoding="utf-8")
    return PYTHON


def _make(pins: Sequence[str]) -> None:
    uv = shutil.which("uv")
    make: list[str | Path] = (
        [uv, "venv", "--quiet", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    )
    install: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet"]
    if uv:
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--no-config",
            "--python",
            PYTHON,
        ]  # the project's holds the other release
    _run([*make, HERE])
    constraints = HERE / "constraints.txt"
    constraints.write_text("\n".join(pins), encoding="utf-8")
    _run([*install, "--constraint", constraints, f"pywats-api=={RELEASE}", *PARTS])


def _run(command: Sequence[str | Path]) -> None:
    """Run a step; where it fails, most likely for want of a registry, skip with what it said (in CI: fail)."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    if done.returncode:
        pytest.skip(f"no environment with pywats-api {RELEASE}: {done.stderr.strip()[-500:]}")
