"""A result becomes one report, and the assets it used are counted once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from pywats_mqtt.config.model import BridgeConfig, WatsConfig
from pywats_mqtt.errors import Retry, Scope
from pywats_mqtt.events import AssetCounts, AssetUse, TestResult
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
BY_REPORTS = "FIXTURE-R"


def result(number: int, *assets: str) -> TestResult:
    """Give a result that used assets."""
    return TestResult(
        report_id=UUID(int=number),
        device="T",
        kind="results",
        serial_number=f"SN-{number}",
        result="P",
        start=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
        assets=tuple(AssetUse(asset) for asset in assets),
    )


class Bench:
    """Handlers on a WATS in memory; what they keep in the spool outlives `restart`."""

    def __init__(self) -> None:
        self.wats = MemoryWats()
        self.notes = MemoryNotes()
        self.restart()

    def restart(self) -> None:
        """Forget what only memory holds."""
        config = BridgeConfig(wats=WatsConfig(count_from_exceptions=(BY_REPORTS,)))
        self._handlers = make_handlers(config, quiet(HandClock())).by_event

    async def handle(self, event: TestResult | AssetCounts) -> list[str]:
        """Handle an event; the names of the calls that took."""
        before = len(self.wats.calls)
        await self._handlers[type(event)](event, self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing."""
    return Bench()


async def test_a_result_that_counts_nothing_takes_one_call(bench: Bench) -> None:
    """Nothing is written down for it."""
    assert await bench.handle(result(1)) == ["submit_report"]
    assert await bench.handle(result(2, "FIXTURE-T")) == ["submit_report"]
    assert bench.notes.written == 0


async def test_assets_are_there_before_the_report_that_counts_them(bench: Bench) -> None:
    """WATS counts no asset that it does not know; each is looked for once."""
    assert await bench.handle(result(1, BY_REPORTS)) == ["asset", "submit_report"]
    assert await bench.handle(result(2, BY_REPORTS)) == ["submit_report"]


async def test_where_no_asset_may_be_made_the_report_goes_all_the_same(bench: Bench) -> None:
    """A result is worth more than a count."""
    bench.wats.create_assets = False

    assert await bench.handle(result(1, BY_REPORTS)) == ["asset", "submit_report"]


@pytest.mark.parametrize("dies", [False, True])
async def test_a_report_whose_answer_was_lost_is_not_sent_again(bench: Bench, dies: bool) -> None:  # noqa: FBT001 - a parameter
    """WATS shows it, so it counted; also where the bridge died meanwhile."""
    bench.wats.fail_next("submit_report", LOST, after=True)
    with pytest.raises(Retry):
        await bench.handle(result(1, BY_REPORTS))
    if dies:
        bench.restart()

    assert await bench.handle(result(1, BY_REPORTS)) == ["known_test"]
    assert [len(received) for received in bench.wats.reports.values()] == [1]


async def test_a_report_that_did_not_arrive_is_sent_again(bench: Bench) -> None:
    """WATS does not show it."""
    bench.wats.fail_next("submit_report", LOST)
    with pytest.raises(Retry):
        await bench.handle(result(1, BY_REPORTS))

    assert await bench.handle(result(1, BY_REPORTS)) == ["known_test", "submit_report"]


async def test_a_report_done_before_a_crash_is_not_sent_again(bench: Bench) -> None:
    """The bridge may die before it writes down that it is done."""
    await bench.handle(result(1, BY_REPORTS))
    bench.restart()

    assert await bench.handle(result(1, BY_REPORTS)) == ["known_test"]


async def test_counters_of_an_asset_that_reports_count_are_left_alone(bench: Bench) -> None:
    """And those of others are written."""
    assert await bench.handle(AssetCounts(asset=BY_REPORTS, total=5)) == []
    assert await bench.handle(AssetCounts(asset="FIXTURE-T", total=5)) == ["asset", "set_total_count"]
