"""Resident memory of the bridge: idle after its first result, and under a flood with bad payloads in it.

The flood is telemetry of a hundred assets, as in `bench ingest`, as fast as the bridge takes it: the fleet keeps so
many messages ahead of what the bridge has stored that there is always more than it can read. Among them are results
that are delivered, and payloads that fit nothing and go to quarantine. Nothing is read off the bridge itself but its
status and, of `/proc`, its resident memory (VmRSS) and the most it ever was (VmHWM).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.deliver import results
from pywats_mqtt.cli.bench.ingest import backlog
from pywats_mqtt.cli.bench.program import LOOK_EVERY_S, Program, bridge, wait, write_config
from pywats_mqtt.cli.bench.publisher import Publisher

FIRST_S = 30.0
"""What the first result may take."""
END_S = 60.0
"""What is left to be stored at the end of the flood may take."""
PAUSE_S = 0.005
"""Rest of a fleet that is far enough ahead."""
AHEAD = 20_000
"""Messages that the fleet is ahead of what is stored, at most: they are in the broker's memory."""
TOGETHER = 1_000
"""Messages published in one piece: one of them is a result, one is bad."""

BAD = (b"not JSON at all", b'{"result": "Passed"', b'{"part_number": 5}', b"\xff\xfe\x00", b"[" * 2_000)
"""Payloads that fit no result, in turn."""


def memory(minutes: float, say: Callable[[str], None]) -> dict[str, float]:
    """Measure, and give the figures in MiB.

    Raises:
        Fatal: Mosquitto is missing, or a measured process failed.
    """
    with _scene() as (program, line):
        line.publish(list(results("first", 1)))
        wait(lambda: program.status().delivered, FIRST_S, "the first result is not delivered")
        idle_mb = program.rss_mb()
        say(f"idle: {idle_mb:.1f} MiB; the flood takes {minutes:g} minutes")
        sent, sizes = _flood(program, line, 60.0 * minutes)
        wait(lambda: program.status().stored > sent, END_S, "the flood is not stored")
        bad = sent // TOGETHER
        wait(lambda: program.status().quarantined >= bad, END_S, "what is bad is not in quarantine")
        return {
            "minutes": minutes,
            "messages": sent,
            "messages_per_s": round(sent / (60.0 * minutes)),
            "quarantined": program.status().quarantined,
            "idle_rss_mb": round(idle_mb, 1),
            "flood_rss_mb": round(median(sizes), 1),
            "flood_peak_rss_mb": round(program.peak_rss_mb(), 1),
            "after_rss_mb": round(program.rss_mb(), 1),
        }


@contextmanager
def _scene() -> Iterator[tuple[Program, Publisher]]:
    with tempfile.TemporaryDirectory(prefix="pywats-mqtt-bench-") as name:
        folder = Path(name)
        with peers.mosquitto(folder) as port, peers.emulator() as server:
            config = write_config(folder, port, server.url, wats="requests_per_minute = 0")
            with bridge(config) as program, Publisher(port) as line:
                yield program, line


def _flood(program: Program, line: Publisher, seconds: float) -> tuple[int, list[float]]:
    """Publish for so long; gives the number of messages, and what the bridge was resident with from look to look."""
    sent, stored, sizes = 0, 0, []
    telemetry = backlog(500_000_000)
    good = results("flood", 1_000_000_000)
    end = time.monotonic() + seconds
    looked = 0.0
    while (now := time.monotonic()) < end:
        if sent - stored < AHEAD:
            bad = ("testers/BAD/results", BAD[sent // TOGETHER % len(BAD)])
            line.publish([*islice(telemetry, TOGETHER - 2), bad, next(good)])
            sent += TOGETHER
        else:
            time.sleep(PAUSE_S)
        if now - looked > LOOK_EVERY_S:
            looked = now
            stored = program.status().stored
            sizes.append(program.rss_mb())
    return sent, sizes
