"""Telemetry is worked on beside the results, and each kind of it beside the others."""

from __future__ import annotations

import asyncio

import pytest

from pywats_mqtt.events import AssetCounts, AssetState, Event, Identified, kind_of
from pywats_mqtt.pipeline.deliver import Delivering
from pywats_mqtt.pipeline.looks import AGAIN_S, AHEAD, Looks
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.ports import Gathered
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, message, put, put_and_route
from tests.waiting import wait_until

PACE = Pace(concurrency=4, attempts=3, intervals_s={"asset_counts": 30.0, "asset_state": 30.0})


class Server:
    """Takes what is delivered, but for the kinds it keeps waiting."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.begun: list[str] = []
        self.open = asyncio.Event()
        self.keeps_waiting: set[str] = set()

    async def take(self, event: Event) -> None:
        """Take an event, or let it wait."""
        self.begun.append(kind_of(event))
        if kind_of(event) in self.keeps_waiting:
            await self.open.wait()
        self.got.append(kind_of(event))


class Bench:
    """A loop on a spool in memory."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.spool = MemorySpool(clock=self.clock)
        self.server = Server()
        self.loop = Delivering(
            spool=self.spool,
            handle=self.server.take,
            pace=PACE,
            clock=self.clock,
            jitter=lambda: 1.0,
            on_change=lambda _change, _problem: None,
            on_settled=lambda _settlements: None,
        )

    async def fold(self, *events: AssetCounts | AssetState) -> None:
        """Store and fold telemetry."""
        batch = await put(self.spool, *(message("T1", number) for number, _ in enumerate(events)))
        outcomes: list[Gathered] = [(Identified(event),) for event in events]
        await self.spool.route(batch, outcomes)
        self.loop.wake()


@pytest.fixture
async def bench() -> Bench:
    """Give a bench."""
    return Bench()


async def test_results_and_states_go_on_while_counts_wait_for_the_quota(bench: Bench) -> None:
    """However many counts are owed: they hold up themselves alone, and only a few are leased."""
    bench.server.keeps_waiting = {"asset_counts"}
    await bench.fold(*(AssetCounts(asset=f"X{number}", total=1) for number in range(100)))
    running = asyncio.create_task(bench.loop.run())
    await wait_until(lambda: bench.server.begun == ["asset_counts"])

    await put_and_route(bench.spool, *(message(f"T{number}", number) for number in range(8)))
    await bench.fold(*(AssetState(asset=f"X{number}", status="idle") for number in range(10)))
    await wait_until(lambda: len(bench.server.got) == 18)
    assert set(bench.server.got) == {"test_result", "asset_state"}
    left = await bench.spool.lease_latest(1_000, 10**18, settled_before_us=10**18)
    assert len(left) == 100 - AHEAD
    await bench.spool.give_back(left)

    bench.server.open.set()
    bench.loop.drain()
    await asyncio.wait_for(running, 10)
    assert bench.server.got.count("asset_counts") == 100


async def test_a_drain_delivers_all_that_is_folded_whatever_its_interval(bench: Bench) -> None:
    """Also where more is owed than is leased at once, and after a value that was just delivered."""
    await bench.fold(*(AssetCounts(asset=f"X{number}", total=1) for number in range(50)))
    bench.loop.drain()
    await asyncio.wait_for(bench.loop.run(), 10)
    bench.clock.seconds += 1
    await bench.fold(AssetCounts(asset="X1", total=2), AssetState(asset="X1", status="idle"))
    await asyncio.wait_for(bench.loop.run(), 10)

    assert bench.server.got.count("asset_counts") == 51
    assert (await bench.spool.figures()).waiting == 0


async def test_an_interval_that_passes_is_noticed_without_news(bench: Bench) -> None:
    """What changed again too soon goes out when its interval is over."""
    await bench.fold(AssetCounts(asset="X1", total=1))
    running = asyncio.create_task(bench.loop.run())
    await wait_until(lambda: bench.server.got)
    await bench.fold(AssetCounts(asset="X1", total=2), AssetState(asset="X1", status="idle"))
    await wait_until(lambda: len(bench.server.got) == 2)
    assert bench.server.got[1] == "asset_state"
    bench.clock.seconds += PACE.intervals_s["asset_counts"] + 1
    await wait_until(lambda: len(bench.server.got) == 3)
    bench.loop.drain()
    await asyncio.wait_for(running, 10)


def test_a_kind_is_looked_at_after_news_and_from_time_to_time() -> None:
    """Where more may be left it is due at once."""
    looks = Looks(["asset_counts", "asset_state"])
    assert looks.due(0.0) == ["asset_counts", "asset_state"]
    looks.looked("asset_counts", 0.0, more=False)
    looks.looked("asset_state", 0.0, more=True)
    assert looks.due(0.0) == ["asset_state"]
    assert looks.due(AGAIN_S) == ["asset_counts", "asset_state"]
    looks.looked("asset_counts", AGAIN_S, more=False)
    looks.news()
    assert looks.due(AGAIN_S) == ["asset_counts", "asset_state"]
