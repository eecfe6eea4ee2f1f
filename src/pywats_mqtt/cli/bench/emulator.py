"""Reports that the emulator takes in a second, from raw keep-alive connections.

Each round starts an emulator of its own on one core, in memory and without a rate limit. A worker on another core has
all requests ready as bytes, keeps one of them under way on each of its connections, and looks at nothing but the status
and the length of the answers. The emulator does all it does for any client: it checks every step, stores the report,
and logs the request.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from statistics import median
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.rounds import Measured, run_worker
from pywats_mqtt.errors import Fatal

WORKER = "pywats_mqtt.cli.bench.emulator_worker"
TOKEN = "c2VjcmV0"  # noqa: S105 - the emulator's documented example token, no secret
CORES = 2
"""One for the emulator, one for its client."""


def emulator(reports: int, steps: int, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Measure, and give the medians.

    Raises:
        Fatal: there is one core only, or a measured process failed.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < CORES:
        raise Fatal("the emulator and its client need a core each; this process may use one only")
    runs = []
    for number in range(rounds):
        runs.append(_round(reports, steps, cores[0], cores[1]))
        say(f"round {number + 1}: {runs[-1].per_s:,.0f}/s, {1e6 * runs[-1].cpu_s / reports:.1f} us of CPU each")
    return {
        "reports": reports,
        "steps": steps,
        "rounds": rounds,
        "emulator_per_s": round(median(run.per_s for run in runs)),
        "emulator_per_s_lowest": round(min(run.per_s for run in runs)),
        "emulator_per_s_highest": round(max(run.per_s for run in runs)),
        "cpu_us_per_report": round(median(1e6 * run.cpu_s / run.count for run in runs), 1),
        "peak_rss_mb": round(max(run.rss_mb for run in runs), 1),
    }


def _round(reports: int, steps: int, server_core: int, client_core: int) -> Measured:
    with peers.emulator() as server:
        os.sched_setaffinity(server.pid, {server_core})
        settings: dict[str, object] = {"port": server.port, "pid": server.pid, "core": client_core}
        settings |= {"reports": reports, "steps": steps}
        return run_worker(WORKER, settings)


def requests(reports: int, steps: int) -> Iterator[bytes]:
    """Make submissions of numeric steps, each of another unit, from fifty testers in turn, as bytes for the socket."""
    measured = [
        {
            "stepType": "ET_NLT",
            "name": f"Rail {place}",
            "group": "M",
            "status": "P",
            "numericMeas": [
                {"status": "P", "value": 5.0, "unit": "V", "compOp": "GELE", "lowLimit": 4.5, "highLimit": 5.5}
            ],
        }
        for place in range(steps)
    ]
    root = {"stepType": "SequenceCall", "name": "Main", "group": "M", "status": "P", "steps": measured}
    for number in range(reports):
        facts = {
            "id": str(uuid5(NAMESPACE_OID, str(number))),
            "type": "T",
            "pn": "BENCH",
            "sn": f"BENCH-{number}",
            "rev": "A",
            "processCode": 60,
            "result": "P",
            "machineName": f"T{number % 50}",
            "location": "Lab",
            "purpose": "Bench",
            "start": "2026-01-26T06:00:00.000Z",
            "uut": {"user": "op", "execTime": 5.23},
            "root": root,
        }
        body = json.dumps(facts, separators=(",", ":")).encode()
        head = (
            "POST /api/Report/WSJF HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Basic {TOKEN}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
            f"User-Agent: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body
