"""From exec to the first delivery, on a spool that owes a million results.

The results are stored and routed once, by a process of its own. Each round then starts the program as a service does,
with a broker to connect to, and kills it once its first report has come: so nearly all are owed still, and each start
after the first finds what a killed bridge leaves. The times are the emulator's: of the first request of all, and of the
first report. The reference is the least that a script on pywats needs for the same: it imports pywats and posts a
report. Modules are compiled before, as those of an installed program are. `cold` drops the spool from the system's
cache before each start of ours; what Python loads stays there, for both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import msgspec

from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.cold import drop_cached
from pywats_mqtt.cli.bench.log import REPORTS, Asked, last_request, requests
from pywats_mqtt.cli.bench.program import TOKEN, run_words, wait, with_bytecode, write_config
from pywats_mqtt.cli.bench.rounds import in_turn, run_worker

WORKER = "pywats_mqtt.cli.bench.restart_worker"
START_S = 120.0
"""What a start may take: far more than is hoped for, so that a slow one is a figure and no error."""

SCRIPT = """
import asyncio
from pywats import AsyncWATS

async def post():
    options = {"enable_cache": False, "enable_throttling": False, "retry_enabled": False}
    async with AsyncWATS("%s", "%s", **options) as api:
        await api.http_client.post("%s", data=b"{}", retry=False)

asyncio.run(post())
"""
"""The emulator refuses what it posts, but that is the answer: the request has come."""


class Start(msgspec.Struct, frozen=True):
    """How long it took, in seconds since just before exec, until the emulator had a request.

    Attributes:
        request: the first of all.
        report: the first report.
    """

    request: float
    report: float


def restart(messages: int, rounds: int, say: Callable[[str], None], *, cold: bool = False) -> dict[str, float]:
    """Measure, and give the medians.

    Raises:
        Fatal: Mosquitto is missing, a measured process failed, or the spool does not leave the cache.
    """
    with tempfile.TemporaryDirectory(prefix="pywats-mqtt-bench-") as name:
        folder = Path(name)
        stored = run_worker(WORKER, {"spool": str(folder / "spool.db"), "messages": messages})
        size_mb = (folder / "spool.db").stat().st_size / 1024**2
        say(f"{stored.count:,} results stored in {stored.seconds:.0f} s, {size_mb:,.0f} MB")
        with peers.mosquitto(folder) as port, peers.emulator() as server:
            limits = f"max_bytes = {1024**4}"
            words = run_words(write_config(folder, port, server.url, wats="requests_per_minute = 0", spool=limits))
            environment = with_bytecode(folder / "bytecode")

            def ours(_number: int) -> Start:
                if cold:
                    for file in filter(Path.is_file, folder.glob("spool.db*")):
                        drop_cached(file)
                return _start(words, environment, server.url)

            def theirs(_number: int) -> Start:
                script = SCRIPT % (server.url, TOKEN, REPORTS)
                return _start([sys.executable, "-c", script], environment, server.url)

            ours(0), theirs(0)
            pairs = in_turn(rounds, ours, theirs, say, _line)
    starts = [ours for ours, _ in pairs]
    return {
        "messages": messages,
        "rounds": rounds,
        "cold": cold,
        "first_delivery_s": round(median(start.report for start in starts), 3),
        "first_delivery_lowest_s": round(min(start.report for start in starts), 3),
        "first_delivery_highest_s": round(max(start.report for start in starts), 3),
        "first_request_s": round(median(start.request for start in starts), 3),
        "reference_s": round(median(start.report for _, start in pairs), 3),
    }


def _line(ours: Start, theirs: Start) -> str:
    return (
        f"first request after {ours.request:.2f} s, first report after {ours.report:.2f} s, "
        f"reference {theirs.report:.2f} s"
    )


def _start(words: list[str], environment: Mapping[str, str], url: str) -> Start:
    before = last_request(url)
    began = time.time()
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    try:
        wait(lambda: _reports(url, before), START_S, "no report came")
    finally:
        process.kill()
        process.wait()
    first = next(requests(url, before))
    return Start(first.at.timestamp() - began, _reports(url, before)[0].at.timestamp() - began)


def _reports(url: str, after: int) -> list[Asked]:
    return [asked for asked in requests(url, after) if asked.path == REPORTS]
