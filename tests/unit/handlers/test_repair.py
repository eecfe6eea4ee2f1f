"""A repair is checked, linked and stored in as few calls as can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import msgspec
import pytest

from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import NAMESPACE, Failure, Repair, RepairedPart, SubUnit, TestResult
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.repair import KEEP_S
from pywats_mqtt.handlers.surroundings import quiet
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

NOON = datetime(2026, 1, 26, 12, 0, tzinfo=UTC)
LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
CODES = {"Component": ("Defect Component", "Wrong Part"), "Solder": ("Cold",)}


def failure(category: str = "Component", code: str = "Defect Component") -> Failure:
    """Give a failure."""
    return Failure(category=category, code=code, path="$.failures[0]")


def repair(**fields: object) -> Repair:
    """Give a repair of SN-1."""
    bare = Repair(
        report_id=uuid5(NAMESPACE, "repair"), device="R", serial_number="SN-1", start=NOON, failures=(failure(),)
    )
    return msgspec.structs.replace(bare, **fields)


def result(number: int, letter: str = "F") -> TestResult:
    """Give a test of SN-1, `number` hours after six."""
    return TestResult(
        report_id=UUID(int=number),
        device="T",
        kind="results",
        serial_number="SN-1",
        part_number="PN-1",
        operation_code=50,
        result=letter,
        start=NOON - timedelta(hours=6 - number),
    )


class Bench:
    """The handlers on a WATS in memory that knows codes."""

    def __init__(self) -> None:
        self.wats = MemoryWats()
        self.wats.codes = {500: CODES}
        self.clock = HandClock()
        self._handle = make_handlers(BridgeConfig(), quiet(self.clock)).by_event[Repair]

    async def handle(self, event: Repair) -> list[str]:
        """Handle a repair; the names of the calls that took."""
        before = len(self.wats.calls)
        await self._handle(event, self.wats, MemoryNotes())
        return [name for name, _, _ in self.wats.calls[before:]]

    @property
    def stored(self) -> Repair:
        """The last repair in WATS."""
        return list(self.wats.repairs.values())[-1][-1]


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing."""
    return Bench()


async def test_a_linked_repair_with_its_operation_takes_one_call(bench: Bench) -> None:
    """The codes are read once; from then on only the report is sent."""
    event = repair(failed_test=UUID(int=7), operation_code=50)

    assert await bench.handle(event) == ["repair_codes", "submit_repair"]
    assert await bench.handle(event) == ["submit_repair"]
    assert bench.stored == event


async def test_codes_are_read_again_after_an_hour(bench: Bench) -> None:
    """They may have changed."""
    event = repair(failed_test=UUID(int=7), operation_code=50)
    await bench.handle(event)
    await bench.clock.sleep(KEEP_S)

    assert await bench.handle(event) == ["repair_codes", "submit_repair"]


async def test_the_servers_spelling_is_sent(bench: Bench) -> None:
    """Upper or lower case is no difference, on the unit and on its parts."""
    part = RepairedPart(unit=SubUnit(serial_number="1", part_number="P"), failures=(failure("SOLDER", "cold"),))
    await bench.handle(repair(failures=(failure("component", "DEFECT component"),), parts=(part,)))

    (found,), (below,) = bench.stored.failures, bench.stored.parts
    assert (found.category, found.code) == ("Component", "Defect Component")
    assert (below.failures[0].category, below.failures[0].code) == ("Solder", "Cold")


@pytest.mark.parametrize(
    ("found", "path", "told"),
    [
        (failure("Weather", "Rain"), "$.failures[0].category", "known are Component, Solder"),
        (failure("Component", "Rain"), "$.failures[0].code", "known are Defect Component, Wrong Part"),
        (failure("Solder", "Wrong Part"), "$.failures[0].code", "known are Cold"),
    ],
)
async def test_an_unknown_failure_is_refused_with_the_known_ones(
    bench: Bench, found: Failure, path: str, told: str
) -> None:
    """Before anything is sent; a code of another category is unknown too."""
    with pytest.raises(Reject, match=told) as refused:
        await bench.handle(repair(failures=(found,)))

    assert refused.value.path == path
    assert bench.wats.repairs == {}


async def test_a_new_code_is_found_before_it_is_refused(bench: Bench) -> None:
    """What is kept is read once more."""
    event = repair(failed_test=UUID(int=7), operation_code=50)
    await bench.handle(event)
    bench.wats.codes = {500: {"Component": ("New",)}}

    calls = await bench.handle(msgspec.structs.replace(event, failures=(failure("Component", "New"),)))

    assert calls == ["repair_codes", "submit_repair"]


async def test_where_the_server_does_not_tell_codes_the_report_says_so(bench: Bench) -> None:
    """It is sent unchecked, and the server is not asked for an hour."""
    bench.wats.codes = {}
    event = repair(failures=(failure("Weather", "Rain"),), failed_test=UUID(int=7), operation_code=50)

    await bench.handle(event)

    assert await bench.handle(event) == ["submit_repair"]
    assert bench.stored.misc == (("failure_codes", "not checked: the server does not tell them"),)


async def test_a_server_that_is_away_is_asked_again(bench: Bench) -> None:
    """Codes that could not be read are not taken for unknown."""
    bench.wats.fail_next("repair_codes", LOST)
    with pytest.raises(Retry):
        await bench.handle(repair())

    assert "repair_codes" in await bench.handle(repair())
    assert "failure_codes" not in dict(bench.stored.misc)


async def test_only_the_unit_is_known(bench: Bench) -> None:
    """Then its newest failed test before the repair is the one, with its operation."""
    for number, letter in ((1, "F"), (2, "F"), (3, "P"), (9, "F")):
        await bench.wats.submit_report(result(number, letter))

    assert await bench.handle(repair()) == ["repair_codes", "failed_test", "submit_repair"]
    assert (bench.stored.failed_test, bench.stored.operation_code) == (UUID(int=2), 50)


async def test_no_failed_test_is_found(bench: Bench) -> None:
    """The report goes without a link, and says so."""
    await bench.handle(repair())

    assert bench.stored.failed_test is None
    assert "failed_test" in dict(bench.stored.misc)


async def test_the_operation_of_the_failed_test_is_looked_up(bench: Bench) -> None:
    """Where the device did not send it."""
    await bench.wats.submit_report(result(1))

    assert await bench.handle(repair(failed_test=UUID(int=1))) == ["repair_codes", "known_test", "submit_repair"]
    assert bench.stored.operation_code == 50


async def test_a_test_that_is_not_there_yet_keeps_its_link(bench: Bench) -> None:
    """Its result may still be on its way; the report says that it was not there."""
    await bench.handle(repair(failed_test=UUID(int=1)))

    assert bench.stored.failed_test == UUID(int=1)
    assert "failed_test" in dict(bench.stored.misc)


async def test_a_lost_answer_does_no_harm(bench: Bench) -> None:
    """Sent again the report overwrites itself with the same content."""
    bench.wats.fail_next("submit_repair", LOST, after=True)
    with pytest.raises(Retry):
        await bench.handle(repair())
    await bench.handle(repair())

    ((first, second),) = bench.wats.repairs.values()
    assert first == second
