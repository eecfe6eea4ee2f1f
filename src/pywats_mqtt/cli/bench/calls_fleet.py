"""The fleet of `bench calls`: simulated devices that share one lean connection, and a note of all they said.

What it says goes by the bench's clock.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from itertools import cycle
from pathlib import Path

import msgspec

from pywats_mqtt.app.clock import FastClock
from pywats_mqtt.cli.bench.calls import Load, device, fixture
from pywats_mqtt.cli.bench.calls_figures import Fixture, Said, reading, result_key
from pywats_mqtt.cli.bench.publisher import Publisher
from pywats_mqtt.cli.bench.rounds import Measured
from pywats_mqtt.simulator.fleet import seeded
from pywats_mqtt.simulator.numbers import Numbers
from pywats_mqtt.simulator.outgoing import Outgoing
from pywats_mqtt.simulator.products import PRODUCTS
from pywats_mqtt.simulator.testers import Tester

TOGETHER = 100
"""Messages written at once at most."""

PAUSE_S = 0.002


class _Settings(Load, frozen=True, kw_only=True):
    port: int
    rate: float
    since_s: float
    log: str


class _Heartbeat(msgspec.Struct):
    timestamp: datetime
    environment: dict[str, float]


class _Fleet:
    """The devices in turn, and what they said."""

    def __init__(self, settings: _Settings, now: datetime) -> None:
        self._fixtures = cycle([fixture(number, now) for number in range(settings.fixtures)])
        self._testers = cycle(
            Tester(
                numbers=Numbers(f"T{number}", "bench"),
                rng=seeded(f"T{number}"),
                product=PRODUCTS[number % len(PRODUCTS)],
            )
            for number in range(settings.testers)
        )
        self._per_s = settings.fixtures * settings.per_s
        self._results_per_s = settings.results_per_minute / 60.0
        self._spoken = self._tested = 0
        heard = {device(number): Fixture() for number in range(settings.fixtures)}
        self.said = Said(began_s=now.timestamp(), ended_s=now.timestamp(), fixtures=heard, results={})

    def due(self, now: datetime) -> list[Outgoing]:
        """Give what is to be said by now."""
        passed_s = now.timestamp() - self.said.began_s
        due = [self._say(now) for _ in range(min(TOGETHER, int(passed_s * self._per_s) - self._spoken))]
        due += [self._test(now) for _ in range(min(TOGETHER, int(passed_s * self._results_per_s) - self._tested))]
        return due

    def _say(self, now: datetime) -> Outgoing:
        self._spoken += 1
        message = next(self._fixtures).heartbeat(now)
        said = msgspec.json.decode(message.payload, type=_Heartbeat)
        heard = self.said.fixtures[message.entry.device]
        heard.at_s.append(said.timestamp.timestamp())
        heard.totals.append(message.entry.total or 0)
        heard.readings.append(reading(said.environment))
        heard.words.append(message.entry.status)
        return message

    def _test(self, now: datetime) -> Outgoing:
        self._tested += 1
        message = next(self._testers).next(now)
        name = result_key(message.entry.serial_number, datetime.fromisoformat(message.entry.start))
        self.said.results[name] = now.timestamp()
        return message


def _speak(settings: _Settings) -> Measured:
    clock = FastClock(rate=settings.rate, ahead_s=0.0, since_s=settings.since_s)
    fleet = _Fleet(settings, clock.now())
    end_s = fleet.said.began_s + 60.0 * settings.minutes
    started, cpu = time.perf_counter(), time.process_time()
    with Publisher(settings.port) as line:
        while (now := clock.now()).timestamp() < end_s:
            due = fleet.due(now)
            if due:
                line.publish([(message.topic, message.payload) for message in due])
            else:
                time.sleep(PAUSE_S)
    fleet.said.ended_s = clock.now().timestamp()
    Path(settings.log).write_bytes(msgspec.msgpack.encode(fleet.said))
    count = sum(len(heard.at_s) for heard in fleet.said.fixtures.values()) + len(fleet.said.results)
    return Measured(count=count, seconds=time.perf_counter() - started, cpu_s=time.process_time() - cpu)


if __name__ == "__main__":
    found = _speak(msgspec.convert(json.loads(sys.argv[1]), _Settings))
    sys.stdout.write(msgspec.json.encode(found).decode())
