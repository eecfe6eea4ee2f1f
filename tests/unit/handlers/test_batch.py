"""Batches of a line: their summaries, their sizes in WATS, and their numbers on the reports of testers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.model import BridgeConfig, WatsConfig
from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import NAMESPACE, BatchCounts, BatchReported, Event, Step, TestResult
from pywats_mqtt.events.batches import BatchAction
from pywats_mqtt.handlers.batch import CALL, PROBE_S
from pywats_mqtt.handlers.batches import IN_FULL, KEPT, decode, encode, follow
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.messages import from_us, to_us
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

LINE = "LINE1"
SIX_US = to_us(datetime(2026, 1, 26, 6, 0, tzinfo=UTC))
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
FORBIDDEN = Retry("404", scope=Scope.CALL, cause="404")


class Bench:
    """Handlers on a WATS in memory; T1 stands at the line."""

    def __init__(self, batch_report_s: float = 300.0, part_number: str | None = "PN") -> None:
        production = ProductionConfig(lines={"T1": LINE}, batch_report_s=batch_report_s)
        self.config = BridgeConfig(production=production, wats=WatsConfig(default_part_number=part_number))
        self.wats, self.notes, self.clock = MemoryWats(), MemoryNotes(), HandClock()
        self.refused: list[tuple[str, str]] = []
        self.restart()

    def restart(self) -> None:
        """Forget what only memory holds."""
        around = msgspec.structs.replace(
            quiet(self.clock), on_refused=lambda call, why: self.refused.append((call, why))
        )
        self.handlers = make_handlers(self.config, around).by_event

    async def handle(self, *events: Event) -> list[str]:
        """Handle events; the names of the calls that took."""
        before = len(self.wats.calls)
        for event in events:
            await self.handlers[type(event)](event, self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]

    def summary(self, batch: str = "B1") -> TestResult:
        """Give the summary of a batch as it stands in WATS; there is one report of it."""
        (found,) = [sent for sent in self.wats.reports.values() if sent[-1].serial_number == batch]
        return found[-1]

    def numbers(self, batch: str = "B1") -> dict[str, Any]:
        """Give what its steps logged."""
        return dict(_numbers(self.summary(batch).steps))


def _numbers(steps: tuple[Step, ...]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for step in steps:
        if step.kind == "sequence":
            found += _numbers(step.steps)
        else:
            found.append((step.name, step.measurement.value))
    return found


def said(action: BatchAction, minute: int, batch: str = "B1", **fields: Any) -> BatchReported:
    """Give a message about a batch, so many minutes after six."""
    return BatchReported(line=LINE, batch=batch, action=action, at_us=SIX_US + minute * 60_000_000, **fields)


def unit(minute: int, device: str = "T1", **fields: Any) -> TestResult:
    """Give a result of a unit whose test began so many minutes after six."""
    result = TestResult(
        report_id=uuid5(NAMESPACE, f"{device}{minute}"),
        device=device,
        kind="results",
        serial_number=f"U{minute}",
        result="P",
        start=from_us(SIX_US + minute * 60_000_000),
    )
    return msgspec.structs.replace(result, **fields)


CLOSED = said("closed", 270, counts=BatchCounts(180, 171, 9), failures=(("Supply", 6), ("Comm", 3)), part_number="W")


async def test_one_message_at_the_end_is_one_report_and_a_batch_of_that_size() -> None:
    """Counts, yield, duration and failures by step are logged; the batch is its serial number."""
    bench = Bench()
    calls = await bench.handle(msgspec.structs.replace(CLOSED, started_us=SIX_US, size=200))

    assert calls == ["submit_report", "save_batch"]
    assert bench.numbers() == {
        "Planned": 200,
        "Total": 180,
        "Good": 171,
        "Failed": 9,
        "Yield": 95.0,
        "Duration": 16_200,
        "Supply": 6,
        "Comm": 3,
    }
    summary = bench.summary()
    assert (summary.device, summary.batch, summary.part_number, summary.result) == (LINE, "B1", "W", "P")
    assert (to_us(summary.start), summary.duration_s) == (SIX_US, 16_200)
    assert bench.wats.batches == {"B1": 200}


async def test_progress_overwrites_the_report_and_is_written_now_and_then() -> None:
    """Every five minutes while it goes on, and at its end, always under the same id; the last one says so."""
    bench = Bench()
    opened = said("opened", 0, size=100)
    assert await bench.handle(opened) == ["save_batch"]
    for minute in range(1, 20):
        await bench.handle(said("progressed", minute, counts=BatchCounts(minute, minute, 0)))
    assert dict(bench.summary().misc)["batch_state"].startswith("open")
    open_reports = len(bench.wats.reports[str(bench.summary().report_id)])
    assert open_reports == 4
    await bench.handle(said("closed", 20, counts=BatchCounts(20, 19, 1)))

    assert len(bench.wats.reports) == 1
    assert dict(bench.summary().misc)["batch_state"] == "closed"
    assert (bench.numbers()["Good"], bench.summary().duration_s) == (19, 1_200)
    assert [call for call in bench.wats.calls if call[0] == "save_batch"] == [("save_batch", "B1", 100)]


async def test_with_no_interval_only_the_end_is_reported() -> None:
    """`batch_report_s = 0`."""
    bench = Bench(batch_report_s=0)
    assert await bench.handle(said("opened", 0), said("progressed", 60, counts=BatchCounts(5, 5, 0))) == []
    assert await bench.handle(CLOSED) == ["submit_report", "save_batch"]
    assert bench.wats.batches == {"B1": 180}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["submit_report", "save_batch"])
async def test_a_lost_answer_leaves_one_report_of_the_same_content(call: str, *, after: bool) -> None:
    """Whether WATS took it or not, and through a restart; a message that is handled once more costs nothing."""
    bench, calm = Bench(), Bench()
    await calm.handle(said("opened", 0), CLOSED)
    await bench.handle(said("opened", 0))
    bench.wats.fail_next(call, LOST, after=after)
    with pytest.raises(Retry):
        await bench.handle(CLOSED)
    bench.restart()
    await bench.handle(CLOSED)

    assert bench.summary() == calm.summary()
    assert bench.wats.batches == calm.wats.batches
    assert await bench.handle(CLOSED) == []


async def test_what_comes_late_says_only_what_nobody_said_since() -> None:
    """An older message fills in the product; its counts are past, and it opens nothing again."""
    bench = Bench()
    await bench.handle(msgspec.structs.replace(CLOSED, part_number=""))
    await bench.handle(said("progressed", 100, counts=BatchCounts(1, 1, 0), part_number="W"))

    assert (bench.numbers()["Total"], bench.summary().part_number) == (180, "W")
    assert dict(bench.summary().misc)["batch_state"] == "closed"


async def test_a_correction_after_the_end_overwrites_it() -> None:
    """A newer message about a closed batch, such as after a repair; it stays closed, and ended when it did."""
    bench = Bench()
    await bench.handle(said("opened", 0), CLOSED, said("progressed", 400, counts=BatchCounts(180, 180, 0)))

    assert (bench.numbers()["Good"], bench.summary().duration_s) == (180, 16_200)
    assert dict(bench.summary().misc)["batch_state"] == "closed"


async def test_the_next_batch_ends_one_whose_end_nobody_told() -> None:
    """Its summary says so; if it goes on after all, it is open again."""
    bench = Bench()
    await bench.handle(said("opened", 0), said("progressed", 1, counts=BatchCounts(5, 5, 0)))
    await bench.handle(said("opened", 30, "B2"))
    assert "nobody told" in dict(bench.summary().misc)["batch_state"]
    assert bench.summary().duration_s == 1_800

    await bench.handle(said("progressed", 40, counts=BatchCounts(9, 9, 0)))
    assert dict(bench.summary().misc)["batch_state"].startswith("open")


async def test_a_summary_that_is_refused_keeps_no_other_one_back() -> None:
    """The one before has no part number: the message that ended it says so, its own batch is in WATS."""
    bench = Bench(part_number=None)
    await bench.handle(said("opened", 0))
    bench.wats.fail_next("submit_report", Reject("no part number", path="$.part_number"))
    with pytest.raises(Reject, match="summary of batch 'B1'"):
        await bench.handle(msgspec.structs.replace(CLOSED, batch="B2"))

    assert bench.summary("B2").result == "P"
    assert await bench.handle(said("progressed", 400, "B2", counts=BatchCounts(1, 1, 0))) == [
        "submit_report",
        "save_batch",
    ]


async def test_a_refused_summary_is_owed_until_it_is_taken() -> None:
    """Retried from the quarantine, the same message brings it to WATS."""
    bench = Bench()
    bench.wats.fail_next("submit_report", Reject("no such product"))
    with pytest.raises(Reject):
        await bench.handle(CLOSED)
    assert await bench.handle(CLOSED) == ["submit_report", "save_batch"]


async def test_a_server_without_batches_gets_the_reports_all_the_same() -> None:
    """It is asked again once an hour; then it has the size, too."""
    bench = Bench()
    bench.wats.fail_next("save_batch", FORBIDDEN)
    await bench.handle(CLOSED)
    assert await bench.handle(msgspec.structs.replace(CLOSED, batch="B2")) == ["submit_report"]
    assert bench.refused == [(CALL, "404")]

    bench.clock.seconds += PROBE_S
    assert await bench.handle(CLOSED) == ["save_batch"]
    assert bench.refused[1:] == [(CALL, "")]


async def test_the_open_batch_is_on_the_reports_of_the_testers_of_its_line() -> None:
    """Only while it was open, by the start of the test, also for results that come late and after a restart."""
    bench = Bench()
    await bench.handle(said("opened", 10))
    before, early, late = unit(9), unit(10), unit(270)
    await bench.handle(early)
    await bench.handle(CLOSED)
    bench.restart()
    await bench.handle(before, late, unit(11), unit(12, batch="OWN"), unit(13, "T2"), unit(14, kind="selftest"))

    batches = {sent[-1].serial_number: sent[-1].batch for sent in bench.wats.reports.values()}
    assert batches == {
        "B1": "B1",
        "U9": "",
        "U10": "B1",
        "U11": "B1",
        "U12": "OWN",
        "U13": "",
        "U14": "",
        "U270": "",
    }
    assert dict(bench.wats.reports[str(early.report_id)][-1].misc) == {"batch_from": "line LINE1"}


async def test_a_report_without_a_name_of_a_batch_is_sent_as_it_came() -> None:
    """No line is configured for its tester."""
    bench = Bench()
    result = unit(1, "T2")
    await bench.handle(said("opened", 0), result)
    assert bench.wats.reports[str(result.report_id)] == [result]


MESSAGES = st.builds(
    said,
    st.sampled_from(["opened", "progressed", "closed"]),
    st.integers(0, 20),
    st.sampled_from(["B1", "B2", "B3"]),
    counts=st.none() | st.builds(BatchCounts, st.integers(0, 9)),
    started_us=st.just(0) | st.integers(SIX_US - 100, SIX_US),
)


@given(st.lists(MESSAGES, max_size=12))
def test_each_message_may_come_again_at_once(messages: list[BatchReported]) -> None:
    """As one that is delivered again does: what is known is the same, and it survives its note."""
    once: tuple[Any, ...] = ()
    twice: tuple[Any, ...] = ()
    for message in messages:
        once = follow(once, message, 60_000_000)
        twice = follow(follow(twice, message, 60_000_000), message, 60_000_000)
    assert once == twice == decode(encode(once))


def test_a_line_remembers_a_bounded_number_of_batches() -> None:
    """The times of the newest ones, and in full fewer still, but for what is owed."""
    batches: tuple[Any, ...] = ()
    for number in range(3 * KEPT):
        batches = follow(batches, said("closed", number, f"B{number}", failures=(("Supply", 1),)), 0)
        batches = tuple(msgspec.structs.replace(batch, owed=False) for batch in batches)
    assert [batch.number for batch in batches] == [f"B{number}" for number in range(2 * KEPT, 3 * KEPT)]
    assert sum(batch.failures is not None for batch in batches) == IN_FULL
