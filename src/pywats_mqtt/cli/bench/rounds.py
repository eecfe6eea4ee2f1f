"""Rounds in alternating order, and what stays of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeVar

import msgspec

from pywats_mqtt.errors import Fatal


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one side.

    Attributes:
        count: messages or reports moved.
        seconds: wall time it took.
        cpu_s: CPU time of its process, user and system.
        rss_mb: peak resident memory of its process, in MiB.
    """

    count: int
    seconds: float
    cpu_s: float = 0.0
    rss_mb: float = 0.0

    @property
    def per_s(self) -> float:
        """Give the rate."""
        return self.count / self.seconds


Found = TypeVar("Found")
Side = Callable[[int], Measured]


def in_turn(
    rounds: int,
    bridge: Callable[[int], Found],
    reference: Callable[[int], Found],
    say: Callable[[str], None],
    line: Callable[[Found, Found], str],
) -> list[tuple[Found, Found]]:
    """Run both sides in each round, the first one taking turns, and say a line; gives (bridge, reference) pairs."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            theirs = reference(number)
            ours = bridge(number)
        else:
            ours = bridge(number)
            theirs = reference(number)
        pairs.append((ours, theirs))
        say(f"round {number + 1}: {line(ours, theirs)}")
    return pairs


def alternate(
    rounds: int, bridge: Side, reference: Side, say: Callable[[str], None]
) -> list[tuple[Measured, Measured]]:
    """Run sides that move something `in_turn`."""

    def line(ours: Measured, theirs: Measured) -> str:
        return (
            f"{ours.per_s:,.0f}/s, reference {theirs.per_s:,.0f}/s, "
            f"ratio {ours.per_s / theirs.per_s:.2f}, {1e6 * ours.cpu_s / ours.count:.1f} us of CPU each"
        )

    return in_turn(rounds, bridge, reference, say, line)


def summary(pairs: Sequence[tuple[Measured, Measured]], noun: str) -> dict[str, float]:
    """Give medians over the rounds; the ratio is the median of each round's own ratio."""
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return {
        f"{noun}s": ours[0].count,
        "rounds": len(pairs),
        "bridge_per_s": round(median(run.per_s for run in ours)),
        "reference_per_s": round(median(run.per_s for run in theirs)),
        "ratio": round(median(a.per_s / b.per_s for a, b in pairs), 3),
        "ratio_lowest": round(min(a.per_s / b.per_s for a, b in pairs), 3),
        "ratio_highest": round(max(a.per_s / b.per_s for a, b in pairs), 3),
        f"cpu_us_per_{noun}": round(median(1e6 * run.cpu_s / run.count for run in ours), 1),
        "peak_rss_mb": round(max(run.rss_mb for run in ours), 1),
    }


def run_worker(module: str, settings: dict[str, object]) -> Measured:
    """Run a side in a process of its own, so that neither the other side nor the bench counts into its figures.

    Raises:
        Fatal: the worker failed; its last line says why.
    """
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", module, json.dumps(settings)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Fatal(f"the measured process {module} failed: {last}")
    return msgspec.json.decode(done.stdout, type=Measured)
