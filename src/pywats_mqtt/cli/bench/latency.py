"""From publish to stored in WATS, beside a script that stores nothing on its way.

Testers publish results at a steady rate. The bridge, the program with its defaults but without a limit of calls, stores
each (synced), acknowledges it, interprets it, stores what it owes and posts the report. The reference is a subscriber
on paho that posts the same bytes through httpx where it gets the message, and keeps nothing. Both take turns at the
same broker and the same emulator. The time of a report runs from just before it is written to the broker's socket until
the emulator has all of its post, which it stores in the same step.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from math import ceil
from pathlib import Path
from statistics import median

import msgspec

from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.deliver import results
from pywats_mqtt.cli.bench.log import REPORTS, Asked, last_request, requests
from pywats_mqtt.cli.bench.program import START_S, bridge, wait, write_config
from pywats_mqtt.cli.bench.publisher import Publisher
from pywats_mqtt.cli.bench.rounds import in_turn
from pywats_mqtt.errors import Fatal

WORKER = "pywats_mqtt.cli.bench.latency_worker"
WARM_UP = 50
"""Results before the measured ones, at the same rate: the first opens connections and fills caches."""
END_S = 10.0
"""What the last result may take."""


class Latencies(msgspec.Struct, frozen=True):
    """What results of one side took in one round, in milliseconds, sorted."""

    ms: list[float]

    def of(self, share: float) -> float:
        """Give what so large a share of them did not exceed (nearest rank)."""
        return self.ms[max(0, ceil(share * len(self.ms)) - 1)]


def latency(seconds: float, per_s: float, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Measure, and give the medians of the rounds.

    Raises:
        Fatal: Mosquitto or paho is missing, a process failed, or a result did not arrive.
    """
    with tempfile.TemporaryDirectory(prefix="pywats-mqtt-bench-") as name:
        folder = Path(name)
        with peers.mosquitto(folder) as port, peers.emulator() as server:

            def ours(number: int) -> Latencies:
                place = folder / str(number)
                place.mkdir()
                with bridge(write_config(place, port, server.url, wats="requests_per_minute = 0")):
                    return _play(port, server.url, f"bridge{number}", per_s, seconds)

            def theirs(number: int) -> Latencies:
                with _reference(port, server.url):
                    return _play(port, server.url, f"reference{number}", per_s, seconds)

            pairs = in_turn(rounds, ours, theirs, say, _line)
    return {"results": len(pairs[0][0].ms), "per_s": per_s, "rounds": rounds} | {
        f"{side}_{name}_ms": round(found, 2)
        for side, runs in (("bridge", [a for a, _ in pairs]), ("reference", [b for _, b in pairs]))
        for name, found in (
            *((f"p{share:g}", median(run.of(share / 100) for run in runs)) for share in (50, 95, 99)),
            ("p99_lowest", min(run.of(0.99) for run in runs)),
            ("p99_highest", max(run.of(0.99) for run in runs)),
        )
    }


def _line(ours: Latencies, theirs: Latencies) -> str:
    def told(run: Latencies) -> str:
        return ", ".join(f"{run.of(share):.1f}" for share in (0.5, 0.95, 0.99))

    return f"p50, p95, p99: {told(ours)} ms, reference {told(theirs)} ms"


@contextmanager
def _reference(port: int, url: str) -> Iterator[None]:
    with peers.running([sys.executable, "-m", WORKER, json.dumps({"port": port, "url": url})]):
        yield


def _play(port: int, url: str, run: str, per_s: float, seconds: float) -> Latencies:
    """Publish at the rate, to whoever listens, and give what each result took."""
    before = last_request(url)
    with Publisher(port) as line:
        _await_listener(line, url, run, before)
        sent: dict[str, float] = {}
        start = time.perf_counter()
        for number, message in enumerate(results(run, WARM_UP + int(seconds * per_s))):
            time.sleep(max(0.0, start + number / per_s - time.perf_counter()))
            sent[_serial(run, number)] = time.time()
            line.publish([message])

    def came() -> dict[str, float]:
        return {_named(asked.body): asked.at.timestamp() for asked in _reports(url, before)}

    wait(lambda: sent.keys() <= came().keys(), END_S, "results did not arrive, or nothing listens any more")
    stored = came()
    took = [1_000 * (stored[serial] - at) for serial, at in sent.items()]
    return Latencies(sorted(took[WARM_UP:]))


def _await_listener(line: Publisher, url: str, run: str, before: int) -> None:
    """Publish now and then until something arrives: a subscriber tells nobody when it is there."""
    tries = count()

    def heard() -> bool:
        line.publish(list(results(f"{run}-hello{next(tries)}", 1)))
        return any(True for _ in _reports(url, before))

    wait(heard, START_S, "nothing listens (the reference needs paho-mqtt: pip install paho-mqtt)")


def _reports(url: str, after: int) -> Iterator[Asked]:
    return (asked for asked in requests(url, after) if asked.method == "POST" and asked.path == REPORTS)


def _serial(run: str, number: int) -> str:
    return f"BENCH-{run}-{number}"


def _named(body: object) -> str:
    if not isinstance(body, dict):
        raise Fatal("a report was posted that is no JSON object")
    return str(body["sn"])
