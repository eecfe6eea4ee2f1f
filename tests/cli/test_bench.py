"""The bench that needs nothing but this program; what it measures is looked at by people."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the emulator and its client need a core each")
def test_bench_emulator_gives_its_figures() -> None:
    """All reports are taken, the figures are positive, and rounds are told on stderr."""
    run = subprocess.run(
        [sys.executable, "-m", "pywats_mqtt", "bench", "emulator", "--reports", "100", "--rounds", "2", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout)
    assert (figures["reports"], figures["rounds"]) == (100, 2)
    assert figures["emulator_per_s_lowest"] <= figures["emulator_per_s"] <= figures["emulator_per_s_highest"]
    assert figures["emulator_per_s"] > 0
    assert figures["cpu_us_per_report"] >= 0
    assert [line.split(":")[0] for line in run.stderr.splitlines()] == ["round 1", "round 2"]
