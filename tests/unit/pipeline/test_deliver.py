"""What is owed is delivered in order, once, and put off or refused as the error says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Event, TestResult
from pywats_mqtt.pipeline.deliver import Delivering
from pywats_mqtt.pipeline.gate import Change, Gate
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.ports import Settlement
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, message, put_and_route
from tests.waiting import wait_until

PACE = Pace(concurrency=4, attempts=3, intervals_s={})


class Server:
    """Takes results, and fails as told; a program of a test's own, not WATS."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.under_way: set[str] = set()
        self.most_under_way = 0
        self.unasked: set[str] = set()

    async def take(self, event: Event) -> bool:
        """Take a result, or raise what is planned for its serial number; tell whether anybody was asked."""
        assert isinstance(event, TestResult)
        assert event.device not in self.under_way, "two deliveries of one key at once"
        self.under_way.add(event.device)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        try:
            await asyncio.sleep(0)
            planned = self.failures.get(event.serial_number)
            if planned:
                raise planned.pop(0)
            self.got.append((event.device, event.serial_number))
            return event.serial_number not in self.unasked
        finally:
            self.under_way.discard(event.device)

    def of(self, device: str) -> list[str]:
        """Give the numbers a device's results arrived with, in order."""
        return [number for sender, number in self.got if sender == device]


class Bench:
    """A loop on a spool in memory."""

    def __init__(self, *, pace: Pace = PACE) -> None:
        self.clock = SetClock()
        self.spool = MemorySpool(clock=self.clock)
        self.server = Server()
        self.gate = Gate()
        self.changes: list[Change] = []
        self.settled: list[Settlement] = []
        self.loop = Delivering(
            spool=self.spool,
            handle=self.server.take,
            pace=pace,
            clock=self.clock,
            jitter=lambda: 1.0,
            on_change=lambda change, _problem: self.changes.append(change),
            on_settled=self._note,
            gate=self.gate,
        )

    def _note(self, settlements: Sequence[Settlement]) -> None:
        self.settled += settlements

    async def drain(self) -> None:
        """Deliver all that can be delivered now."""
        self.loop.drain()
        async with asyncio.timeout(10):
            await self.loop.run()


async def test_every_result_arrives_once_and_in_order_of_its_device() -> None:
    """Devices go on beside each other, each in its own order."""
    bench = Bench()
    for number in range(20):
        await put_and_route(bench.spool, *(message(f"T{device}", number) for device in range(5)))
    await bench.drain()
    for device in range(5):
        assert bench.server.of(f"T{device}") == [str(number) for number in range(20)]
    assert bench.server.most_under_way == PACE.concurrency
    figures = await bench.spool.figures()
    assert (figures.delivered, figures.waiting) == (100, 0)


async def test_a_refused_result_goes_to_quarantine_and_its_followers_go_on() -> None:
    """A 400 in the middle takes one out of the line and holds nobody up."""
    bench = Bench()
    bench.server.failures["1"] = [Reject("unknown process code", path="$.processCode")]
    await put_and_route(bench.spool, *(message("T1", number) for number in range(3)))
    await bench.drain()
    assert bench.server.of("T1") == ["0", "2"]
    (row,) = await bench.spool.quarantined(10)
    assert (row.reason, row.path) == ("unknown process code", "$.processCode")


async def test_what_is_done_without_asking_does_not_prove_that_the_server_is_back() -> None:
    """It is done, and the server stays away until one got through to it."""
    bench = Bench()
    bench.server.failures["0"] = [Retry("no route", scope=Scope.SERVER, cause="unreachable")]
    bench.server.unasked = {"1", "2"}
    await put_and_route(bench.spool, message("T0", 0), message("T1", 1), message("T2", 2))
    await bench.drain()
    assert (bench.server.of("T0"), bench.server.of("T1"), bench.server.of("T2")) == ([], ["1"], ["2"])
    assert bench.changes == [Change(better=False, cause="unreachable")]
    assert bench.gate.successes("test_result") == 0
    bench.clock.seconds += 60
    await bench.drain()
    assert bench.changes[1:] == [Change(better=True, cause="unreachable")]


async def test_an_absent_server_uses_up_no_attempts_and_keeps_the_order() -> None:
    """However often it fails to answer, nothing is refused, and the first to go out later is the first that waited."""
    bench = Bench()
    away = Retry("no route", scope=Scope.SERVER, cause="unreachable")
    bench.server.failures["0"] = [away] * 20
    await put_and_route(bench.spool, message("T1", 0), message("T1", 1))
    for _ in range(20):
        await bench.drain()
        bench.clock.seconds += 60
    await bench.drain()
    assert bench.server.of("T1") == ["0", "1"]
    assert bench.changes == [Change(better=False, cause="unreachable"), Change(better=True, cause="unreachable")]
    assert (await bench.spool.figures()).quarantined == 0


async def test_what_asks_no_server_does_not_tell_that_it_is_back() -> None:
    """It is delivered when its turn comes, and the server stays away until something reached it."""
    bench = Bench(pace=msgspec.structs.replace(PACE, local=frozenset({"test_result"})))
    bench.gate.failed(Retry("no route", scope=Scope.SERVER, cause="unreachable"), "other", 0, bench.clock.seconds, 1.0)
    await put_and_route(bench.spool, message("T1", 0), message("T1", 1))
    bench.clock.seconds += 60
    await bench.drain()
    assert bench.server.of("T1") == ["0", "1"]
    assert bench.changes == []
    assert bench.gate.server_away


async def test_what_was_leased_ahead_is_given_back_when_the_server_goes_away() -> None:
    """Only those under way when it went away meet the absent server; the others are not even tried."""
    bench = Bench()
    away = Retry("no route", scope=Scope.SERVER, cause="unreachable")
    for device in range(30):
        bench.server.failures[str(device)] = [away]
        await put_and_route(bench.spool, message(f"T{device}", device))
    await bench.drain()
    tried = sum(not planned for planned in bench.server.failures.values())
    assert tried == PACE.concurrency
    assert (await bench.spool.figures()).retried == tried
    for _ in range(60):
        bench.clock.seconds += 60
        await bench.drain()
    assert len(bench.server.got) == 30


async def test_a_poisonous_result_is_refused_after_its_attempts_while_others_get_through() -> None:
    """500 for one, 200 for all others: after the configured attempts it is refused, and its device goes on."""
    bench = Bench()
    broken = Retry("internal error", scope=Scope.DELIVERY, cause="500")
    bench.server.failures["0"] = [broken] * 99
    await put_and_route(bench.spool, message("T1", 0), message("T1", 1))
    for number in range(10, 20):
        await put_and_route(bench.spool, message("T2", number))
        await bench.drain()
        bench.clock.seconds += 600
    assert bench.server.of("T1") == ["1"]
    (row,) = await bench.spool.quarantined(10)
    assert "tried 3 times" in row.reason


@pytest.mark.parametrize("asked_s", [3_600.0, 86_400.0])
async def test_a_wait_that_the_server_asks_for_one_delivery_is_kept(asked_s: float) -> None:
    """Retry-After on a single 500: it waits so long, and its device behind it; others go on."""
    bench = Bench()
    bench.server.failures["0"] = [Retry("later", scope=Scope.DELIVERY, cause="500", after_s=asked_s)]
    await put_and_route(bench.spool, message("T1", 0), message("T1", 1), message("T2", 2))
    await bench.drain()
    bench.clock.seconds += asked_s - 1
    await bench.drain()
    assert (bench.server.of("T1"), bench.server.of("T2")) == ([], ["2"])
    bench.clock.seconds += 1
    await bench.drain()
    assert bench.server.of("T1") == ["0", "1"]


async def test_of_what_was_refused_after_it_failed_nothing_is_remembered() -> None:
    """Or a server that answers 500 before 400 would fill the memory."""
    bench = Bench()
    await put_and_route(bench.spool, *(message(f"T{number}", number) for number in range(4)))
    for number in range(4):
        failed = Retry("internal error", scope=Scope.DELIVERY, cause="500")
        bench.server.failures[str(number)] = [failed, Reject("no such process")]
    await bench.drain()
    bench.clock.seconds += 600
    await bench.drain()
    assert len(await bench.spool.quarantined(10)) == 4
    assert bench.loop._judge._failures == {}  # noqa: SLF001 - nothing else shows what is remembered


async def test_a_result_on_which_the_connection_always_drops_holds_up_its_own_device_alone() -> None:
    """Too large for a proxy, say: it looks like an absent server at first, so the next try is another device's."""
    bench = Bench()
    dropped = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
    bench.server.failures["0"] = [dropped] * 99
    await put_and_route(bench.spool, message("T0", 0), message("T0", 100))
    for device in range(1, 30):
        await put_and_route(bench.spool, message(f"T{device}", device))
    for _ in range(3):
        await bench.drain()
        bench.clock.seconds += 1
    assert len(bench.server.got) == 29
    assert bench.server.of("T0") == []
    del bench.server.failures["0"]
    bench.clock.seconds += 60
    await bench.drain()
    assert bench.server.of("T0") == ["0", "100"]


async def test_what_gets_through_of_another_kind_does_not_make_a_500_a_results_own_fault() -> None:
    """While no result at all gets through, none is refused, whatever else the server answers."""
    bench = Bench()
    broken = Retry("internal error", scope=Scope.DELIVERY, cause="500")
    for device in range(3):
        bench.server.failures[str(device)] = [broken] * 20
        await put_and_route(bench.spool, message(f"T{device}", device))
    for _ in range(10):
        await bench.drain()
        bench.gate.succeeded("asset_counts")
        bench.gate.reached()
        bench.clock.seconds += 600
    assert (await bench.spool.figures()).quarantined == 0


async def test_a_server_that_fails_on_everything_refuses_nothing() -> None:
    """500 for all is the server's fault: all are kept, whatever the number of tries."""
    bench = Bench()
    broken = Retry("internal error", scope=Scope.DELIVERY, cause="500")
    for device in range(6):
        bench.server.failures[str(device)] = [broken] * 20
        await put_and_route(bench.spool, message(f"T{device}", device))
    for _ in range(20):
        await bench.drain()
        bench.clock.seconds += 600
    assert (await bench.spool.figures()).quarantined == 0
    assert bench.changes == [Change(better=False, cause="500", call="test_result")]


async def test_a_refused_kind_of_call_waits_and_is_not_lost() -> None:
    """403: the kind waits for its time, then goes out in order."""
    bench = Bench()
    bench.server.failures["0"] = [Retry("no permission", scope=Scope.CALL, cause="403")]
    await put_and_route(bench.spool, message("T1", 0), message("T1", 1))
    await bench.drain()
    assert bench.server.got == []
    bench.clock.seconds += 60
    await bench.drain()
    assert bench.server.of("T1") == ["0", "1"]


async def test_a_defect_of_ours_neither_stops_the_line_nor_loses_the_delivery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An unforeseen exception is logged, and the delivery is tried again."""
    bench = Bench()
    bench.server.failures["0"] = [ZeroDivisionError("oops")]
    await put_and_route(bench.spool, message("T1", 0), message("T2", 1))
    await bench.drain()
    assert bench.server.of("T2") == ["1"]
    assert "defect" in caplog.text
    bench.clock.seconds += 60
    await bench.drain()
    assert bench.server.of("T1") == ["0"]


async def test_a_running_loop_wakes_for_what_is_routed_later() -> None:
    """News is delivered without waiting for the next look."""
    bench = Bench()
    running = asyncio.create_task(bench.loop.run())
    await put_and_route(bench.spool, message("T1", 0))
    bench.loop.wake()
    await wait_until(lambda: bench.server.got)
    await put_and_route(bench.spool, message("T1", 1))
    bench.loop.wake()
    await wait_until(lambda: len(bench.server.got) == 2)
    bench.loop.drain()
    await asyncio.wait_for(running, 10)
