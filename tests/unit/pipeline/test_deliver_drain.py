"""A loop that is told to drain ends when nothing more can be delivered, and not before."""

from __future__ import annotations

import asyncio
from datetime import datetime

from pywats_mqtt.events import AssetState, Event, Identified
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.pipeline.deliver import Delivering
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, put
from tests.waiting import wait_until


class Ticking(SetClock):
    """A clock that no two questions find at the same time, as a real one."""

    def now(self) -> datetime:
        """Give the time, a little later each time."""
        self.seconds += 0.001
        return super().now()


async def test_what_was_folded_while_its_asset_was_under_way_is_delivered_too() -> None:
    """The newest state arrives though an older one was on its way when the drain began, and nobody looks again."""
    clock = Ticking()
    spool = MemorySpool(clock=clock)
    got: list[str] = []
    begun, answered = asyncio.Event(), asyncio.Event()

    async def handle(event: Event) -> None:
        assert isinstance(event, AssetState)
        begun.set()
        await answered.wait()
        got.append(event.status)

    async def say(status: str, number: int) -> None:
        batch = await put(spool, RawMessage("assets/F/status", status.encode(), number, 1))
        event = AssetState(asset="F", status=status, state=None, as_of_us=number)
        await spool.route(batch, [(Identified(event),)])

    loop = Delivering(
        spool=spool,
        handle=handle,
        pace=Pace(concurrency=4, attempts=3, intervals_s={"asset_state": 5.0}),
        clock=clock,
        jitter=lambda: 0.5,
        on_change=lambda _change, _problem: None,
        on_settled=lambda _settled: None,
    )
    running = asyncio.create_task(loop.run())
    await say("idle", 1)
    loop.wake()
    await begun.wait()
    await say("running", 2)
    loop.drain()
    await wait_until(lambda: not loop._news.is_set(), what="the loop has looked")  # noqa: SLF001 - its own turn
    answered.set()
    await asyncio.wait_for(running, 10)

    assert got == ["idle", "running"]
    assert (await spool.figures()).waiting == 0
