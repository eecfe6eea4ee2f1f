"""The measured process of `bench ingest`: a bridge that drains its backlog and tells how long it took."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.destination import Destination
from pywats_mqtt.cli.bench.ingest import FILTER, RECEIVE_MAXIMUM
from pywats_mqtt.cli.bench.rounds import Measured
from pywats_mqtt.cli.memory import collect_seldom
from pywats_mqtt.config.model import BridgeConfig, MQTTConfig, SpoolConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import Event

LOOK_EVERY_S = 0.01


class _Settings(msgspec.Struct):
    port: int
    client_id: str
    messages: int
    spool: str


@asynccontextmanager
async def _nowhere(_bridge: Bridge) -> AsyncIterator[Destination]:
    async def settle(_event: Event) -> None:
        """Owe nothing: the calls are measured elsewhere."""

    yield Destination(handle=settle)


async def _drain(settings: _Settings) -> Measured:
    config = BridgeConfig(
        mqtt=MQTTConfig(
            broker="127.0.0.1", port=settings.port, client_id=settings.client_id, receive_maximum=RECEIVE_MAXIMUM
        ),
        topics=TopicConfig(asset_topics=(FILTER,), report_topics=(), software_topics=(), production_topics=()),
        spool=SpoolConfig(path=settings.spool, drain_s=60.0),
    )
    bridge = Bridge(config, deliver_to=_nowhere)
    stopping = asyncio.Event()
    running = asyncio.create_task(bridge.run(stopping), name="bridge")
    await bridge.connected.wait()
    started, cpu = time.perf_counter(), time.process_time()
    while (await bridge.spool.figures()).acknowledged < settings.messages:
        await asyncio.sleep(LOOK_EVERY_S)
        if running.done():
            await running
    seconds = time.perf_counter() - started
    stopping.set()
    await running
    return Measured(
        count=settings.messages,
        seconds=seconds,
        cpu_s=time.process_time() - cpu,
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


if __name__ == "__main__":
    collect_seldom()  # as `run` does
    found = asyncio.run(_drain(msgspec.convert(json.loads(sys.argv[1]), _Settings)))
    sys.stdout.write(msgspec.json.encode(found).decode())
