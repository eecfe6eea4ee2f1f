"""Libraries of ours that are loaded into a program before its own, to make its world worse."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def built(source: Path, folder: Path) -> Path:
    """Build a library from C into a folder, which is made; skip the test where there is no compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is missing; install it with: apt-get install gcc libc6-dev")
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / source.with_suffix(".so").name
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-pthread"], check=True)
    return library
