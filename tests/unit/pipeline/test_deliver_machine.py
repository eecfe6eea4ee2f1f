"""Whatever the server answers: nothing is lost, nothing is doubled, and each line keeps its order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Event, TestResult
from pywats_mqtt.pipeline.deliver import Delivering
from pywats_mqtt.pipeline.pace import Pace
from pywats_mqtt.spool.memory import MemorySpool
from tests.unit.pipeline.parts import SetClock, message, put_and_route

PACE = Pace(concurrency=3, attempts=3, intervals_s={})

LOST = "lost"
"""The server has it, and its answer is lost."""

FAILURES: Final = MappingProxyType[str, Callable[[], Exception]](
    {
        "away": lambda: Retry("no route", scope=Scope.SERVER, cause="unreachable"),
        "busy": lambda: Retry("slow down", scope=Scope.SERVER, cause="429", after_s=40.0),
        "dropped": lambda: Retry("the connection was lost", scope=Scope.SERVER, cause="dropped"),
        LOST: lambda: Retry("the connection was lost", scope=Scope.SERVER, cause="dropped"),
        "forbidden": lambda: Retry("no permission", scope=Scope.CALL, cause="403"),
        "failed": lambda: Retry("internal error", scope=Scope.DELIVERY, cause="500"),
        "defect": lambda: KeyError("no such thing"),
        "refused": lambda: Reject("no such process"),
    }
)

SCRIPT = st.lists(st.sampled_from(tuple(FAILURES)), max_size=6)
"""What one result meets, try after try, before it is taken."""

RESULTS = st.lists(st.tuples(st.integers(0, 3), SCRIPT), min_size=1, max_size=14)
"""Results in the order of their reception: whose, and what each meets."""


class Server:
    """Takes each result by its id, as WATS does: what arrives again overwrites itself."""

    def __init__(self, scripts: dict[str, list[str]]) -> None:
        self.scripts = scripts
        self.received: list[tuple[str, str]] = []
        self.answered: list[str] = []
        self.busy: set[str] = set()

    async def take(self, event: Event) -> None:
        """Take a result, or do what its script says next."""
        assert isinstance(event, TestResult)
        assert event.device not in self.busy, "two of one line at once"
        self.busy.add(event.device)
        try:
            await asyncio.sleep(0)
            script = self.scripts[event.serial_number]
            step = script.pop(0) if script else ""
            if not step or step == LOST:
                self.received.append((event.device, event.serial_number))
            if step:
                failure = FAILURES[step]
                raise failure()
            self.answered.append(event.serial_number)
        finally:
            self.busy.discard(event.device)


async def play(results: list[tuple[int, list[str]]]) -> tuple[Server, set[str]]:
    """Deliver the results until none waits; what the server received, and which are in quarantine."""
    clock = SetClock()
    spool = MemorySpool(clock=clock)
    server = Server({str(number): list(script) for number, (_, script) in enumerate(results)})
    loop = Delivering(
        spool=spool,
        handle=server.take,
        pace=PACE,
        clock=clock,
        jitter=lambda: 0.5,
        on_change=lambda _change, _problem: None,
        on_settled=lambda _settlements: None,
    )
    loop.drain()
    for number, (device, _) in enumerate(results):
        await put_and_route(spool, message(f"T{device}", number))
    for _ in range(8 * len(results)):  # rounds: more than there are failures to meet
        await loop.run()
        clock.seconds += 1_000.0
        if not (await spool.figures()).waiting:
            break
    assert (await spool.figures()).waiting == 0
    return server, {row.payload.decode() for row in await spool.quarantined(99)}


@settings(max_examples=60, deadline=None)
@given(RESULTS)
def test_each_result_is_taken_in_its_order_or_in_quarantine(results: list[tuple[int, list[str]]]) -> None:
    """What is in quarantine leaves its line alone; of the others the order of first reception is that of publishing."""
    server, refused = asyncio.run(play(results))
    numbers = {str(number) for number in range(len(results))}
    assert set(server.answered) | refused == numbers
    assert len(server.answered) + len(refused) == len(results), "done twice, or done and refused"
    for device in range(4):
        line = [str(number) for number, (whose, _) in enumerate(results) if whose == device]
        first = list(dict.fromkeys(number for whose, number in server.received if whose == f"T{device}"))
        assert first == [number for number in line if number in first]
        assert set(line) - set(first) <= refused
