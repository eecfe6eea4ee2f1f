"""A process of its own that dies in the middle, as by kill -9, for tests of what is there afterwards.

`python -m tests.bus.dying_process transport PORT FILE` connects, says so, and dies when it is handed its first event.
`python -m tests.bus.dying_process handler URL FILE` publishes a result on a bus with the WATS handler, and dies then.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from pywats_events import AsyncEventBus, Event, EventType

from pywats_mqtt.bus import MQTTTransport, register_wats_handlers
from pywats_mqtt.config.model import MQTTConfig, Secret, WatsConfig
from pywats_mqtt.config.topics import TopicConfig
from tests.bus.parts import cfx_result
from tests.contract.brokers.mosquitto import HOST


def die(_: Event | None = None) -> None:
    """Die at once, with nothing cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


async def die_in_hand_over(port: int, spool: Path) -> None:
    """Connect, say so, and wait for the event to die of."""
    await MQTTTransport(MQTTConfig(broker=HOST, port=port), TopicConfig(), die, spool=spool).connect()
    print("connected", flush=True)  # noqa: T201 - its standard output is what the test reads
    await asyncio.Event().wait()


async def die_after_publish(url: str, spool: Path) -> None:
    """Publish and die."""
    bus = AsyncEventBus()
    register_wats_handlers(bus, WatsConfig(url=url, token=Secret("any"), default_part_number="PN"), spool=spool)
    await bus.publish(Event.create(EventType.TEST_RESULT, cfx_result()))
    die()


if __name__ == "__main__":
    task, where, file = sys.argv[1:]
    asyncio.run(
        die_in_hand_over(int(where), Path(file)) if task == "transport" else die_after_publish(where, Path(file))
    )
