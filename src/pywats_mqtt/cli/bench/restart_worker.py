"""Stores the results of `bench restart`, as a bridge does that cannot deliver, and ends."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import islice
from pathlib import Path

import msgspec

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.cli.bench.rounds import Measured
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool.keeping import Keeping
from pywats_mqtt.spool.sqlite import SqliteSpool

TESTERS = 50
BATCH = 2_000
LARGEST_BYTES = 1024**4
"""The spool's bound: none that a million results reach."""


class _Settings(msgspec.Struct):
    spool: str
    messages: int


def _message(number: int, now_us: int) -> RawMessage:
    facts = {
        "message_id": f"R{number}",
        "test_type": "functional",
        "timestamp": "2026-01-26T06:00:00Z",
        "serial_number": f"BENCH-{number}",
        "part_number": "BENCH",
        "result": "Passed",
        "duration_ms": 5230,
        "steps": [{"name": "Rail", "status": "P", "value": 5.0, "unit": "V", "low": 4.5, "high": 5.5}],
    }
    return RawMessage(f"testers/T{number % TESTERS}/results", json.dumps(facts).encode(), now_us, 1)


async def _store(settings: _Settings) -> Measured:
    started, cpu = time.perf_counter(), time.process_time()
    routes, now_us = RouteTable(TopicConfig()), to_us(SystemClock().now())
    messages = (_message(number, now_us) for number in range(settings.messages))
    keep = Keeping(max_bytes=LARGEST_BYTES)
    async with SqliteSpool.open(Path(settings.spool), clock=SystemClock(), keep=keep) as spool:
        while some := tuple(islice(messages, BATCH)):
            batch = await spool.put(Receipt(some))
            if batch is not None:
                outcomes = [interpret(message, routes) for message in some]
                await spool.route(batch, gathered(some, outcomes))
    seconds = time.perf_counter() - started
    return Measured(count=settings.messages, seconds=seconds, cpu_s=time.process_time() - cpu)


if __name__ == "__main__":
    found = asyncio.run(_store(msgspec.convert(json.loads(sys.argv[1]), _Settings)))
    sys.stdout.write(msgspec.json.encode(found).decode())
