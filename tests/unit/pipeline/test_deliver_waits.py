"""While something that was closed is tried, the loop waits for what becomes of it: it does not look again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.pipeline.deliver import PROBE_S
from pywats_mqtt.pipeline.looks import AGAIN_S
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, message, put_and_route
from tests.unit.pipeline.test_deliver_lanes import AWAY, Bench
from tests.waiting import wait_until

LONG_AGO_S = 60.0
REFUSED = Retry("no permission", scope=Scope.CALL, cause="403")


class Waits(SetClock):
    """A clock that notes what is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def real_s(self, seconds: float) -> float:
        """Note it."""
        self.asked.append(seconds)
        return super().real_s(seconds)


class Trial(Bench):
    """A loop before a server that was away, whose probe may hang."""

    def __init__(self) -> None:
        self.waits_for = Waits()
        super().__init__(MemorySpool(clock=self.waits_for), self.waits_for)
        self.probe_hangs = asyncio.Event()
        self.probe_hangs.set()

    async def _probe(self) -> None:
        self.probes += 1
        await self.probe_hangs.wait()
        if isinstance(self.failure, (Retry, Reject)):
            raise self.failure

    async def settle_down(self) -> list[float]:
        """Let the loop make some turns; give what it waits for from then on."""
        for _ in range(50):
            await asyncio.sleep(0)
        self.waits_for.asked.clear()
        self.loop.wake()
        await wait_until(lambda: self.waits_for.asked)
        return [seconds for seconds in self.waits_for.asked if seconds != PROBE_S]


@asynccontextmanager
async def running(trial: Trial) -> AsyncIterator[None]:
    """Run the loop, and drain it in the end."""
    task = asyncio.create_task(trial.loop.run())
    yield
    trial.loop.drain()
    await asyncio.wait_for(task, 10)


@pytest.mark.parametrize("closed", [AWAY, REFUSED])
async def test_while_a_delivery_is_tried_it_waits(closed: Retry) -> None:
    """For its end, or for the next look at what is due, whatever else is owed."""
    trial = Trial()
    trial.loop._probe = None  # noqa: SLF001 - before it begins, so that a delivery is what tries
    trial.gate.failed(closed, "test_result", 0, trial.clock.seconds, 1.0)
    trial.clock.seconds += LONG_AGO_S
    trial.waits = {"test_result"}
    await put_and_route(trial.spool, *(message(f"T{number}", number) for number in range(5)))
    async with running(trial):
        await wait_until(lambda: trial.tried)
        assert set(await trial.settle_down()) == {AGAIN_S}
        trial.open.set()
        await wait_until(lambda: len(trial.got) == 5)


@pytest.mark.parametrize("failure", [None, Reject("no such route")])
async def test_while_the_probe_tries_nothing_is_leased(failure: Reject | None) -> None:
    """What is owed is neither leased nor given back meanwhile; once the server answered, however, it goes out."""
    trial = Trial()
    trial.failure = failure
    trial.gate.failed(AWAY, "test_result", 0, trial.clock.seconds, 1.0)
    trial.clock.seconds += LONG_AGO_S
    trial.probe_hangs.clear()
    async with running(trial):
        await wait_until(lambda: trial.probes)
        await put_and_route(trial.spool, *(message(f"T{number}", number) for number in range(5)))
        assert set(await trial.settle_down()) == {AGAIN_S}
        assert (trial.tried, (await trial.spool.figures()).retried) == ([], 0)
        leased = await trial.spool.lease(5, 10**18)
        assert len(leased) == 5
        await trial.spool.give_back(leased)
        trial.probe_hangs.set()
        await wait_until(lambda: len(trial.tried) == 5)


async def test_what_could_be_tried_and_is_not_owed_is_not_waited_for() -> None:
    """A server that was away and is due for a try, with nothing to try it with, is the probe's."""
    trial = Trial()
    trial.gate.failed(AWAY, "test_result", 0, trial.clock.seconds, 1.0)
    trial.clock.seconds += LONG_AGO_S
    trial.failure = AWAY
    async with running(trial):
        await wait_until(lambda: trial.probes)
        trial.clock.seconds += LONG_AGO_S
        assert set(await trial.settle_down()) == {AGAIN_S}
