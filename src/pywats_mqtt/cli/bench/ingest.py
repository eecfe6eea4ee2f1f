"""Durable QoS 1 ingest beside `mosquitto_sub`: the same backlog, drained from the same broker.

Each round lays one backlog for two persistent sessions, the bridge's and the reference's, and drains them one after
the other. The bridge stores (synced) before it acknowledges, decodes, validates and folds; what the fold owes to WATS
is settled at once by a handler that calls nothing, since `bench deliver` measures the calls. mosquitto_sub is a C
client that writes the payloads to /dev/null and stores nothing.
"""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.rounds import Measured, alternate, run_worker, summary

FILTER = "assets/+/counters"
DEVICES = 100
PAYLOAD_BYTES = 250
RECEIVE_MAXIMUM = 2_000
OURS, THEIRS = "bench-bridge", "bench-reference"


def ingest(messages: int, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Measure, and give the medians.

    Raises:
        Fatal: Mosquitto or its clients are missing, or a measured process failed.
    """
    with tempfile.TemporaryDirectory(prefix="pywats-mqtt-bench-") as name:
        folder = Path(name)
        with peers.mosquitto(folder) as port:

            def prepared(_number: int) -> None:
                for client_id in (OURS, THEIRS):
                    peers.make_session(port, client_id, FILTER, RECEIVE_MAXIMUM)
                peers.lay_backlog(port, backlog(messages))

            def bridge(number: int) -> Measured:
                if number % 2 == 0:
                    prepared(number)
                settings = {
                    "port": port,
                    "client_id": OURS,
                    "messages": messages,
                    "spool": str(folder / f"{number}.db"),
                }
                return run_worker("pywats_mqtt.cli.bench.ingest_worker", settings)

            def reference(number: int) -> Measured:
                if number % 2:
                    prepared(number)
                return _mosquitto_sub(port, messages)

            return summary(alternate(rounds, bridge, reference, say), "message")


def backlog(messages: int) -> Iterator[tuple[str, bytes]]:
    """Make telemetry of 250 bytes from 100 assets: counters, environment and status, as in the proposal's example."""
    return map(telemetry, range(messages))


def telemetry(number: int) -> tuple[str, bytes]:
    """Make a message, said a millisecond after the one before: no later one is older, also in a flood of hours.

    Args:
        number: below 500 millions, where the month ends.
    """
    asset = f"FIXTURE-{number % DEVICES:03d}"
    days, hour = divmod(number // 3_600_000, 24)
    facts = {
        "asset_id": asset,
        "timestamp": f"2026-01-{26 + days}T{hour:02d}:{number // 60_000 % 60:02d}:{number // 1000 % 60:02d}"
        f".{number % 1000:03d}Z",
        "counters": {"running_count": number // DEVICES, "total_count": 45_000 + number // DEVICES},
        "environment": {"temperature_c": 23.5, "humidity_pct": 45.2, "vibration_g": 0.02},
        "status": "running",
    }
    payload = json.dumps(facts, separators=(",", ":"))
    return f"assets/{asset}/counters", payload.ljust(PAYLOAD_BYTES).encode()


def _mosquitto_sub(port: int, messages: int) -> Measured:
    words = [
        "mosquitto_sub",
        "-V",
        "5",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-q",
        "1",
        "-c",
        "-i",
        THEIRS,
        "-t",
        FILTER,
    ]
    words += ["-C", str(messages), "-x", "3600"]
    words += ["-D", "connect", "receive-maximum", str(RECEIVE_MAXIMUM)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - the reference
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(count=messages, seconds=seconds, cpu_s=cpu_s)
