"""Delivery of stored reports beside a bare loop of the same posts.

The bridge starts on a spool that owes the reports: it leases, decodes and maps each, posts it, checks the answer and
settles it in the spool. The reference posts the same WSJF bytes through the same pywats
client, as many at once, and does nothing else. Both talk to the same emulator without a rate limit, each in a process
of its own.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.rounds import Measured, alternate, run_worker, summary

TESTERS = 50
STEPS = 10
CONCURRENCY = 8
WORKER = "pywats_mqtt.cli.bench.deliver_worker"


def deliver(reports: int, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Measure, and give the medians.

    Raises:
        Fatal: a measured process failed.
    """
    with tempfile.TemporaryDirectory(prefix="pywats-mqtt-bench-") as name, peers.emulator() as server:

        def settings(number: int, side: str) -> dict[str, object]:
            spool = str(Path(name) / f"{side}-{number}.db")
            return {"url": server.url, "side": side, "run": f"{side}{number}", "reports": reports, "spool": spool}

        def bridge(number: int) -> Measured:
            return run_worker(WORKER, settings(number, "bridge"))

        def reference(number: int) -> Measured:
            return run_worker(WORKER, settings(number, "reference"))

        return summary(alternate(rounds, bridge, reference, say), "report")


def results(run: str, reports: int) -> Iterator[tuple[str, bytes]]:
    """Make results of ten numeric steps each, from fifty testers in turn."""
    for number in range(reports):
        tester = f"T{number % TESTERS}"
        steps = [
            {"name": f"Rail {place}", "status": "P", "value": 5.0 + place / 100, "unit": "V", "low": 4.5, "high": 5.5}
            for place in range(STEPS)
        ]
        facts = {
            "message_id": f"{run}-{number}",
            "test_type": "functional",
            "timestamp": "2026-01-26T06:00:00Z",
            "serial_number": f"BENCH-{run}-{number}",
            "part_number": "BENCH",
            "result": "Passed",
            "duration_ms": 5230,
            "steps": steps,
        }
        yield f"testers/{tester}/results", json.dumps(facts).encode()
