"""The measured process of `bench deliver`: the bridge on a full spool, or the bare loop."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import msgspec
from pywats import AsyncWATS

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.cli.bench.deliver import CONCURRENCY, results
from pywats_mqtt.cli.bench.rounds import Measured
from pywats_mqtt.cli.memory import collect_seldom
from pywats_mqtt.config.model import BridgeConfig, Secret, SpoolConfig, WatsConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.events import TestResult
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Outcome, Receipt, Rejection
from pywats_mqtt.spool.sqlite import SqliteSpool
from pywats_mqtt.wats.reports import wsjf

LOOK_EVERY_S = 0.05
BATCH = 500
TOKEN = "c2VjcmV0"  # noqa: S105 - the emulator's example token
ACCEPTED = 200


class _Settings(msgspec.Struct):
    url: str
    side: str
    run: str
    reports: int
    spool: str


def _config(settings: _Settings) -> BridgeConfig:
    return BridgeConfig(
        wats=WatsConfig(
            url=settings.url, token=Secret(TOKEN), requests_per_minute=0, concurrency=CONCURRENCY, create_assets=True
        ),
        spool=SpoolConfig(path=settings.spool),
    )


def _messages(settings: _Settings) -> list[RawMessage]:
    now_us = to_us(SystemClock().now())
    return [RawMessage(topic, payload, now_us, 1) for topic, payload in results(settings.run, settings.reports)]


async def _bridge(settings: _Settings) -> Measured:
    config, messages = _config(settings), _messages(settings)
    routes = RouteTable(config.topics)
    async with SqliteSpool.open(Path(settings.spool), clock=SystemClock()) as spool:
        for start in range(0, len(messages), BATCH):
            batch = await spool.put(Receipt(tuple(messages[start : start + BATCH])))
            if batch is not None:
                outcomes = [interpret(message, routes) for message in batch.messages]
                await spool.route(batch, gathered(batch.messages, outcomes))
    bridge = Bridge(config, connect=False)
    stopping = asyncio.Event()
    running = asyncio.create_task(bridge.run(stopping), name="bridge")
    await bridge.ready.wait()
    started, cpu = time.perf_counter(), time.process_time()
    while (await bridge.spool.figures()).delivered < settings.reports:
        await asyncio.sleep(LOOK_EVERY_S)
        if running.done():
            await running
    measured = _measured(settings.reports, started, cpu)
    stopping.set()
    await running
    return measured


async def _reference(settings: _Settings) -> Measured:
    config, routes = _config(settings), RouteTable(TopicConfig())
    waiting = [
        wsjf(event, config.wats) for message in _messages(settings) for event in _results(interpret(message, routes))
    ]
    api = AsyncWATS(settings.url, TOKEN, enable_cache=False, enable_throttling=False, retry_enabled=False)

    async def post() -> None:
        while waiting:
            response = await api.http_client.post("/api/Report/WSJF", data=waiting.pop(), retry=False)
            if response.status_code != ACCEPTED:
                raise Fatal(f"the emulator refused a report: {response.data}")

    async with api:
        started, cpu = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(post())
        return _measured(settings.reports, started, cpu)


def _results(outcome: Outcome) -> list[TestResult]:
    if isinstance(outcome, Rejection):
        raise Fatal(f"the bench made a result that is refused: {outcome.reason}")
    return [identified.event for identified in outcome if isinstance(identified.event, TestResult)]


def _measured(count: int, started: float, cpu: float) -> Measured:
    return Measured(
        count=count,
        seconds=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu,
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


if __name__ == "__main__":
    asked = msgspec.convert(json.loads(sys.argv[1]), _Settings)
    collect_seldom()  # as `run` does
    found = asyncio.run(_bridge(asked) if asked.side == "bridge" else _reference(asked))
    sys.stdout.write(msgspec.json.encode(found).decode())
