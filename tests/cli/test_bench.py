"""The benches run from end to end and give their figures; how high those are is looked at by people."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from pywats_mqtt.cli.bench.cold import drop_cached, is_cached
from pywats_mqtt.cli.bench.ingest import telemetry
from pywats_mqtt.cli.bench.latency import Latencies
from pywats_mqtt.cli.bench.rounds import in_turn
from pywats_mqtt.errors import Fatal


def bench(*words: str) -> tuple[dict[str, Any], list[str]]:
    """Run a bench; gives its figures, and the lines it said meanwhile."""
    run = run_bench(*words)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout), run.stderr.splitlines()


def run_bench(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a bench."""
    return subprocess.run(
        [sys.executable, "-m", "pywats_mqtt", "bench", *words, "--json"], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the emulator and its client need a core each")
def test_bench_emulator_gives_its_figures() -> None:
    """All reports are taken, the figures are positive, and rounds are told on stderr."""
    figures, said = bench("emulator", "--reports", "100", "--rounds", "2")
    assert (figures["reports"], figures["rounds"]) == (100, 2)
    assert figures["emulator_per_s_lowest"] <= figures["emulator_per_s"] <= figures["emulator_per_s_highest"]
    assert figures["emulator_per_s"] > 0
    assert figures["cpu_us_per_report"] >= 0
    assert [line.split(":")[0] for line in said] == ["round 1", "round 2"]


def test_the_first_side_takes_turns() -> None:
    """Whoever comes first finds the machine in another state, so both do."""
    ran: list[str] = []

    def side(name: str) -> Callable[[int], str]:
        def run(number: int) -> str:
            ran.append(f"{name}{number}")
            return ran[-1]

        return run

    said: list[str] = []
    pairs = in_turn(3, side("a"), side("b"), said.append, lambda ours, theirs: f"{ours} {theirs}")

    assert ran == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert pairs == [("a0", "b0"), ("a1", "b1"), ("a2", "b2")]
    assert said == ["round 1: a0 b0", "round 2: a1 b1", "round 3: a2 b2"]


def test_a_share_of_the_latencies_is_read_off_by_rank() -> None:
    """Of a hundred, one may exceed the 99th percentile; the last one stands for all shares above."""
    run = Latencies([float(number) for number in range(1, 101)])

    assert (run.of(0.5), run.of(0.95), run.of(0.99), run.of(1.0)) == (50.0, 95.0, 99.0, 100.0)
    assert Latencies([7.0]).of(0.5) == Latencies([7.0]).of(0.99) == 7.0


@pytest.mark.slow
def test_bench_latency_gives_both_sides() -> None:
    """Each result that was published has arrived, from the bridge and from the reference, after some time."""
    figures, said = bench("latency", "--seconds", "1", "--per-s", "20", "--rounds", "1")

    assert (figures["results"], figures["rounds"]) == (20, 1)
    for side in ("bridge", "reference"):
        assert 0 < figures[f"{side}_p50_ms"] <= figures[f"{side}_p95_ms"] <= figures[f"{side}_p99_ms"]
    assert [line.split(":")[0] for line in said] == ["round 1"]


@pytest.mark.slow
def test_bench_restart_times_the_first_delivery_of_a_backlog() -> None:
    """The first request comes no later than the first report, also where the round before ended by a kill."""
    figures, said = bench("restart", "--messages", "300", "--rounds", "2")

    assert (figures["messages"], figures["rounds"], figures["cold"]) == (300, 2, False)
    assert 0 < figures["first_request_s"] <= figures["first_delivery_s"] <= figures["first_delivery_highest_s"]
    assert figures["reference_s"] > 0
    assert [line.split(":")[0] for line in said[1:]] == ["round 1", "round 2"]


def test_a_file_is_dropped_from_the_cache(tmp_path: Path) -> None:
    """Also what was not on the disk yet. A file system in memory is told of: the figure would be a warm one."""
    path = tmp_path / "spool.db"
    path.write_bytes(b"x" * 3_000_000)
    with path.open("rb") as file:
        assert is_cached(file.fileno())
        if is_on_disk(file):
            drop_cached(path)  # raises where it stays; one more look may bring a page back
        else:
            with pytest.raises(Fatal, match="stays in the cache"):
                drop_cached(path)


def is_on_disk(file: BinaryIO) -> bool:
    """Tell whether a file may be somewhere else than in memory: only then can one ask for what is there at once."""
    try:
        os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return True


@pytest.mark.slow
def test_bench_restart_times_a_start_from_the_disk() -> None:
    """It says that the spool was not in the cache, or why it cannot take it out of there."""
    run = run_bench("restart", "--messages", "2000", "--rounds", "1", "--cold")
    if run.returncode:
        assert "stays in the cache" in run.stderr
    else:
        assert json.loads(run.stdout)["cold"] is True


@pytest.mark.parametrize("number", [0, 999, 59_999, 3_599_999, 24 * 3_600_000 - 1])
def test_telemetry_gets_no_older(number: int) -> None:
    """Older values would be passed over, and a flood of hours would cost less than one of minutes."""
    said = [json.loads(telemetry(each)[1])["timestamp"] for each in (number, number + 1)]
    first, second = map(datetime.fromisoformat, said)
    assert second - first == timedelta(milliseconds=1)


@pytest.mark.slow
def test_bench_memory_floods_with_bad_payloads_among_the_good() -> None:
    """One message in a thousand is bad, and is in quarantine when all is stored."""
    figures, _ = bench("memory", "--minutes", "0.05")

    assert figures["messages"] >= 1_000
    assert figures["quarantined"] == figures["messages"] / 1_000
    assert 0 < figures["idle_rss_mb"] <= figures["flood_peak_rss_mb"]
    assert 0 < figures["flood_rss_mb"] <= figures["flood_peak_rss_mb"]
