"""What is handled together is gathered for a moment, goes as one, and comes apart again: each has its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Event, Identified, UnitEvent, identify
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.pipeline.deliver import MOST_TOGETHER, Delivering
from pywats_mqtt.pipeline.gate import Gate
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.ports import Done, Receipt, Refused, RetryAt, Settlement
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock
from tests.waiting import wait_until

Problem = Retry | Reject | None
AWAY = Retry("away", scope=Scope.SERVER, cause="unreachable")


class Bench:
    """A loop on a spool in memory that handles unit events together."""

    def __init__(self, *, gather_s: float = 0.0, concurrency: int = 4) -> None:
        self.clock = SetClock()
        self.spool = MemorySpool(clock=self.clock)
        self.gate = Gate()
        self.groups: list[list[str]] = []
        self.settled: list[Settlement] = []
        self.problem: Callable[[str], Problem] = lambda _serial: None
        self.loop = Delivering(
            spool=self.spool,
            handle=self._alone,
            handle_group=self._together,
            pace=Pace(concurrency=concurrency, attempts=3, intervals_s={}, together="unit_event", gather_s=gather_s),
            clock=self.clock,
            jitter=lambda: 1.0,
            on_change=lambda _change, _problem: None,
            on_settled=self.settled.extend,
            gate=self.gate,
        )

    async def _alone(self, event: Event) -> None:
        raise AssertionError(f"{event} goes with others")

    async def _together(self, events: Sequence[Event]) -> Sequence[Problem]:
        serials = [event.serial_number for event in events if isinstance(event, UnitEvent)]
        self.groups.append(serials)
        await asyncio.sleep(0)
        return [self.problem(serial) for serial in serials]

    async def owe(self, *serials: str) -> None:
        """Store and route one event for each serial number; several of one are in order."""
        messages = tuple(RawMessage("stations/A/unit", f"{n}".encode(), 0, 1) for n, _ in enumerate(serials))
        batch = await self.spool.put(Receipt(messages))
        assert batch is not None
        events = [
            UnitEvent(action="entered", serial_number=serial, at_us=n, station="A") for n, serial in enumerate(serials)
        ]
        outcomes = [(Identified(event, identify((event.serial_number, str(event.at_us)), b"")),) for event in events]
        await self.spool.route(batch, outcomes)
        self.loop.wake(latest=False)

    async def drain(self) -> None:
        """Deliver what can be delivered."""
        self.loop.drain()
        await self.loop.run()


async def test_what_is_due_within_the_time_goes_as_one() -> None:
    """More of them than calls may be under way; what comes while they are gathered goes with them."""
    bench = Bench(gather_s=0.5)
    running = asyncio.create_task(bench.loop.run())
    await bench.owe(*(f"U{number}" for number in range(15)))
    await bench.owe(*(f"U{number}" for number in range(15, 30)))
    await wait_until(lambda: len(bench.settled) == 30, what="all settled")
    bench.loop.drain()
    await running

    assert bench.groups == [[f"U{number}" for number in range(30)]]
    assert all(isinstance(settlement, Done) for settlement in bench.settled)


async def test_a_stop_does_not_wait_for_more() -> None:
    """What is gathered goes at once when the loop is drained."""
    bench = Bench(gather_s=3_600.0)
    running = asyncio.create_task(bench.loop.run())
    await bench.owe("U1", "U2")
    await asyncio.sleep(0)
    bench.loop.drain()
    await running

    assert sorted(serial for group in bench.groups for serial in group) == ["U1", "U2"]


async def test_one_key_keeps_its_order() -> None:
    """Of one unit one event is under way at most, so a group has each unit once."""
    bench = Bench()
    await bench.owe("U1", "U2", "U1", "U1", "U2")
    await bench.drain()

    assert [serial for group in bench.groups for serial in group if serial == "U1"] == ["U1"] * 3
    assert all(len(set(group)) == len(group) for group in bench.groups)
    order = [s.delivery.id for s in bench.settled if s.delivery.key == "U1"]
    assert order == sorted(order)


async def test_a_group_has_a_bound() -> None:
    """The rest goes with the next."""
    bench = Bench(concurrency=16)
    await bench.owe(*(f"U{number}" for number in range(MOST_TOGETHER + 20)))
    await bench.drain()

    assert max(map(len, bench.groups)) <= MOST_TOGETHER
    assert sum(map(len, bench.groups)) == MOST_TOGETHER + 20


async def test_each_has_its_own_outcome() -> None:
    """Done, refused, put off: as the handler tells for each."""
    bench = Bench()
    told: dict[str, Problem] = {
        "U2": Reject("no such product", path="$.part_number"),
        "U3": Retry("500", scope=Scope.DELIVERY, cause="500"),
    }
    bench.problem = told.get
    await bench.owe("U1", "U2", "U3", "U4")
    await bench.drain()

    kinds = {settlement.delivery.key: type(settlement) for settlement in bench.settled}
    assert kinds == {"U1": Done, "U2": Refused, "U3": RetryAt, "U4": Done}
    (row,) = await bench.spool.quarantined(10)
    assert (row.reason, row.path) == ("no such product", "$.part_number")


async def test_all_wait_for_a_server_that_is_away_and_none_uses_up_an_attempt() -> None:
    """They are owed as before; one is tried when it is time."""
    bench = Bench()
    bench.problem = lambda _serial: AWAY
    await bench.owe("U1", "U2", "U3")
    await bench.drain()
    assert all(isinstance(s, RetryAt) and not s.uses_attempt for s in bench.settled)
    assert bench.gate.server_away

    bench.problem = lambda _serial: None
    bench.groups.clear()
    bench.clock.seconds += 60
    await bench.drain()
    assert bench.groups[0] == ["U1"]
    assert (await bench.spool.figures()).delivered == 3


async def test_a_server_that_went_away_among_them_is_away() -> None:
    """What got through before is done, and does not speak for the server any more."""
    bench = Bench()
    bench.problem = lambda serial: AWAY if serial == "U1" else None
    await bench.owe("U1", "U2")
    await bench.drain()

    assert {settlement.delivery.key: type(settlement) for settlement in bench.settled} == {"U1": RetryAt, "U2": Done}
    assert bench.groups == [["U1", "U2"]]
    assert bench.gate.server_away


async def test_a_defect_on_one_of_them_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """What fails together by a defect is delivered one by one."""
    bench = Bench()

    def broken(serial: str) -> Problem:
        if serial == "U2":
            raise KeyError("a defect")
        return None

    bench.problem = broken
    await bench.owe("U1", "U2", "U3")
    await bench.drain()

    kinds = {settlement.delivery.key: type(settlement) for settlement in bench.settled}
    assert kinds == {"U1": Done, "U2": RetryAt, "U3": Done}
    assert "by a defect" in caplog.text
