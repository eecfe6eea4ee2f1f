"""Units and operators of the shop floor become the fewest calls, and none that does harm when repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from pywats_mqtt.config.model import BridgeConfig, WatsConfig
from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.events import Event, OperatorEvent, UnitEvent
from pywats_mqtt.events.production import UnitAction
from pywats_mqtt.handlers.production import AT_ONCE
from pywats_mqtt.handlers.registry import make_handlers
from pywats_mqtt.handlers.surroundings import quiet
from pywats_mqtt.observe import Shopfloor
from pywats_mqtt.ports import Unit
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

LOST = Retry("the connection was lost", scope=Scope.SERVER, cause="dropped")
FAILED = Retry("500", scope=Scope.DELIVERY, cause="500")
PROCESSES = ProductionConfig(processes={"A": "ICT", "B": 60, "C": "end of line test"})


class Bench:
    """Handlers on a WATS in memory."""

    def __init__(self, config: ProductionConfig = PROCESSES, wats: WatsConfig | None = None) -> None:
        self.wats, self.notes = MemoryWats(), MemoryNotes()
        self.alarms: list[tuple[str, Mapping[str, str]]] = []
        self.restart(config, wats)

    def restart(self, config: ProductionConfig = PROCESSES, wats: WatsConfig | None = None) -> None:
        """Forget what only memory holds."""
        self.figures = Shopfloor()
        around = msgspec.structs.replace(
            quiet(HandClock()),
            alarm=lambda kind, facts: self.alarms.append((kind, facts)),
            shopfloor=self.figures,
        )
        handlers = make_handlers(BridgeConfig(production=config, wats=wats or WatsConfig()), around)
        self.handlers, self.production = handlers.by_event, handlers.units

    async def handle(self, *events: Event) -> list[str]:
        """Handle events one by one; the names of the calls that took."""
        before = len(self.wats.calls)
        for each in events:
            await self.handlers[type(each)](each, self.wats, self.notes)
        return [name for name, _, _ in self.wats.calls[before:]]

    async def together(self, *events: UnitEvent) -> list[Retry | Reject | None]:
        """Handle events of different units together."""
        return await self.production.handle_units(events, self.wats, self.notes)

    def unit(self, serial_number: str = "U1", part_number: str = "P") -> Unit:
        """Give a unit as WATS has it."""
        return self.wats.units[serial_number, part_number]


def event(
    action: UnitAction, station: str, at_us: int, *, serial: str = "U1", part: str = "P", operator: str = ""
) -> UnitEvent:
    """Make an event."""
    return UnitEvent(
        action=action, serial_number=serial, at_us=at_us, station=station, part_number=part, operator=operator
    )


@pytest.fixture
def bench() -> Bench:
    """Give handlers that know nothing."""
    return Bench()


async def test_a_new_unit_is_made_with_its_product_location_phase_and_operation(bench: Bench) -> None:
    """The product first; then all of it, in the calls that there are for it."""
    calls = await bench.handle(event("entered", "A", 10))

    assert calls == ["unit", "ensure_product", "save_units", "set_unit_phase", "operations", "set_unit_process"]
    assert bench.unit() == Unit(serial_number="U1", part_number="P", revision="-", location="A", phase=2, process="30")


async def test_the_way_through_a_line_costs_one_write_for_each_thing_that_changes(bench: Bench) -> None:
    """At the next station location and operation; on exit nothing; at the same one again nothing."""
    await bench.handle(event("entered", "A", 10))

    assert await bench.handle(event("exited", "A", 20)) == []
    assert await bench.handle(event("entered", "B", 30)) == ["save_units", "set_unit_process"]
    assert await bench.handle(event("scanned", "B", 35)) == []
    assert (bench.unit().location, bench.unit().process) == ("B", "60")


async def test_what_is_known_survives_a_restart(bench: Bench) -> None:
    """Nothing is read again but the operations."""
    await bench.handle(event("entered", "A", 10))
    bench.restart()

    assert await bench.handle(event("exited", "A", 20), event("entered", "C", 30)) == [
        "save_units",
        "operations",
        "set_unit_process",
    ]


async def test_a_unit_that_is_there_keeps_its_revision(bench: Bench) -> None:
    """It is read once, and what it has already is not written."""
    bench.wats.products["P"] = {"B"}
    there = Unit(serial_number="U1", part_number="P", revision="B", location="A", phase=2, process="30")
    bench.wats.units["U1", "P"] = there

    assert await bench.handle(event("entered", "A", 10)) == ["unit", "operations"]
    assert await bench.handle(event("entered", "B", 20)) == ["save_units", "set_unit_process"]
    assert bench.unit().revision == "B"


async def test_the_units_of_a_group_go_in_one_call(bench: Bench) -> None:
    """Each is read once, all are saved together."""
    await bench.handle(*(event("entered", "A", 10, serial=f"U{number}") for number in range(5)))
    before = len(bench.wats.calls)

    outcomes = await bench.together(*(event("entered", "D", 20, serial=f"U{number}") for number in range(5)))

    assert outcomes == [None] * 5
    assert bench.wats.calls[before:] == [("save_units", "U0,U1,U2,U3,U4", 5)]
    assert {unit.location for unit in bench.wats.units.values()} == {"D"}


async def test_each_unit_of_a_group_has_its_own_outcome() -> None:
    """One without a product is refused with the reason; the others are in WATS."""
    bench = Bench(ProductionConfig(create_products=False))
    bench.wats.products["P"] = {"-"}

    good, bad, late = await bench.together(
        event("entered", "A", 10, serial="U1"),
        event("entered", "A", 10, serial="U2", part="UNKNOWN"),
        event("entered", "A", 10, serial="U3"),
    )

    assert (good, late) == (None, None)
    assert isinstance(bad, Reject)
    assert "UNKNOWN" in bad.reason
    assert sorted(serial for serial, _ in bench.wats.units) == ["U1", "U3"]


async def test_an_older_event_moves_no_unit_back(bench: Bench) -> None:
    """It is done without a call, and counted."""
    await bench.handle(event("entered", "B", 30))

    assert await bench.handle(event("entered", "A", 10), event("scanned", "A", 29)) == []
    assert bench.unit().location == "B"
    assert bench.figures.older_events == 2


@pytest.mark.parametrize("name", ["save_units", "set_unit_phase", "set_unit_process", "ensure_product"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_lost_answer_does_no_harm(bench: Bench, name: str, *, after: bool) -> None:
    """Delivered again, the event ends where it would have, with one alarm and one count."""
    await bench.handle(event("entered", "C", 10, serial="U2"))
    await bench.handle(event("entered", "C", 10, serial="U1", part="Q"))
    bench.wats.fail_next(name, LOST, after=after)
    moved = event("entered", "A", 20, part="P")
    with pytest.raises(Retry):
        await bench.handle(moved)
    assert [kind for kind, _ in bench.alarms] == []
    await bench.handle(moved)

    assert (bench.unit().location, bench.unit().phase, bench.unit().process) == ("A", 2, "30")
    assert [kind for kind, _ in bench.alarms] == ["missing_exit"]
    assert bench.figures.stations["A"].entered == 1
    assert await bench.handle(moved) == []
    assert (len(bench.alarms), bench.figures.stations["A"].entered) == (1, 1)


async def test_nothing_more_is_asked_of_a_server_that_is_away(bench: Bench) -> None:
    """The first failure stands for all of the group."""
    bench.wats.fail_next("unit", LOST)

    outcomes = await bench.together(*(event("entered", "A", 10, serial=f"U{number}") for number in range(5)))

    assert outcomes == [LOST] * 5
    assert [name for name, _, _ in bench.wats.calls] == ["unit"]
    await bench.together(event("entered", "A", 10))
    bench.wats.calls.clear()
    bench.wats.fail_next("unit", LOST)
    assert await bench.together(event("entered", "B", 20), event("entered", "B", 20, serial="U2")) == [LOST] * 2
    assert [name for name, _, _ in bench.wats.calls] == ["unit"]


@pytest.mark.parametrize("failure", [LOST, FAILED], ids=["lost", "500"])
async def test_units_that_failed_together_are_tried_alone(bench: Bench, failure: Retry) -> None:
    """One of them may be the reason; once it got through, a unit goes with the others again."""
    events = [event("entered", "D", 20, serial=f"U{number}") for number in range(3)]
    await bench.handle(*(event("entered", "A", 10, serial=f"U{number}") for number in range(3)))
    bench.wats.fail_next("save_units", failure)
    assert await bench.together(*events) == [failure] * 3
    before = len(bench.wats.calls)

    assert await bench.together(*events) == [None] * 3
    assert [about for _, about, _ in bench.wats.calls[before:]] == ["U0", "U1", "U2"]
    before = len(bench.wats.calls)
    await bench.together(*(event("entered", "E", 30, serial=f"U{number}") for number in range(3)))
    assert [about for _, about, _ in bench.wats.calls[before:]] == ["U0,U1,U2"]


async def test_an_answer_that_concerns_no_unit_parts_none(bench: Bench) -> None:
    """After 503 they go in one call again: an outage must not cost a call for each unit."""
    events = [event("entered", "D", 20, serial=f"U{number}") for number in range(3)]
    await bench.handle(*(event("entered", "A", 10, serial=f"U{number}") for number in range(3)))
    away = Retry("503", scope=Scope.SERVER, cause="503")
    bench.wats.fail_next("save_units", away)
    assert await bench.together(*events) == [away] * 3
    before = len(bench.wats.calls)

    assert await bench.together(*events) == [None] * 3
    assert [about for _, about, _ in bench.wats.calls[before:]] == ["U0,U1,U2"]


async def test_a_unit_that_was_deleted_is_made_again(bench: Bench) -> None:
    """What WATS refuses on the word of our memory is tried once more from what it holds."""
    await bench.handle(event("entered", "A", 10))
    bench.wats.units.clear()

    await bench.handle(event("entered", "B", 20))

    assert (bench.unit().location, bench.unit().revision) == ("B", "-")


async def test_a_unit_that_may_not_be_made_is_refused() -> None:
    """The reason names the setting; nothing is made."""
    bench = Bench(ProductionConfig(create_units=False))

    with pytest.raises(Reject, match=r"create_units is off"):
        await bench.handle(event("entered", "A", 10))
    assert bench.wats.products == {}


async def test_a_part_number_comes_from_the_event_the_unit_or_the_configuration() -> None:
    """In this order; without any the event is refused with its path."""
    bench = Bench(wats=WatsConfig(default_part_number="FROM-WATS", default_revision="R"))
    await bench.handle(event("entered", "A", 10, part=""), event("entered", "A", 10, serial="U2", part="Q"))
    await bench.handle(event("entered", "B", 20, serial="U2", part=""))
    bench.restart(
        ProductionConfig(default_part_number="OWN"), WatsConfig(default_part_number="FROM-WATS", default_revision="R")
    )
    await bench.handle(event("entered", "A", 10, serial="U3", part=""))

    assert sorted(bench.wats.units) == [("U1", "FROM-WATS"), ("U2", "Q"), ("U3", "OWN")]
    assert bench.unit("U2", "Q").location == "B"
    assert bench.unit("U1", "FROM-WATS").revision == "R"
    bench.restart()
    with pytest.raises(Reject) as refused:
        await bench.handle(event("entered", "A", 10, serial="U4", part=""))
    assert refused.value.path == "$.part_number"


async def test_an_operation_that_the_server_lacks_is_named_and_the_location_still_goes() -> None:
    """A mistake in the configuration is not the unit's; the operations are asked for once."""
    bench = Bench(ProductionConfig(processes={"A": "Painting"}))

    calls = await bench.handle(event("entered", "A", 10), event("entered", "A", 10, serial="U2"))

    assert bench.unit().location == "A"
    assert calls.count("operations") == 1
    assert "production.processes" in bench.figures.unknown_processes["A"]
    assert "30 ICT" in bench.figures.unknown_processes["A"]


async def test_stays_are_figures(bench: Bench) -> None:
    """How many entered and left, how long they stayed, and how many are inside."""
    second = 1_000_000
    await bench.handle(
        event("entered", "A", 10 * second),
        event("entered", "A", 11 * second),
        event("exited", "A", 40 * second),
        event("entered", "A", 10 * second, serial="U2"),
        event("exited", "A", 20 * second, serial="U2"),
        event("entered", "A", 10 * second, serial="U3"),
    )

    figures = bench.figures.stations["A"]
    assert (figures.entered, figures.exited, figures.inside) == (3, 2, 1)
    assert (figures.stays, figures.mean_s, figures.longest_s, figures.last_s) == (2, 20.0, 30.0, 10.0)


async def test_a_missing_exit_is_alarmed_counted_and_mended_by_a_late_one(bench: Bench) -> None:
    """The alarm names the unit, where it was and where it is."""
    await bench.handle(event("entered", "A", 1_000_000), event("entered", "B", 3_000_000))
    await bench.handle(event("entered", "A", 1_000_000, serial="U2"))

    ((kind, facts),) = bench.alarms
    assert kind == "missing_exit"
    assert facts == {
        "serial_number": "U1",
        "station": "A",
        "entered_at": "1970-01-01T00:00:01+00:00",
        "seen_at_station": "B",
        "seen_at": "1970-01-01T00:00:03+00:00",
    }
    at_a = bench.figures.stations["A"]
    assert (at_a.missing_exits, at_a.inside, at_a.stays) == (1, 1, 0)
    late = event("exited", "A", 2_000_000)
    assert await bench.handle(late, late) == []
    assert (at_a.stays, at_a.last_s, at_a.inside, bench.figures.stations["B"].inside) == (1, 1.0, 1, 1)


async def test_a_missing_entry_is_alarmed_and_says_where_the_unit_was(bench: Bench) -> None:
    """A unit that leaves a station was there."""
    await bench.handle(event("exited", "A", 10))

    assert [kind for kind, _ in bench.alarms] == ["missing_entry"]
    assert bench.figures.stations["A"].missing_entries == 1
    assert bench.unit().location == "A"


async def test_an_operator_named_with_a_unit_is_at_the_station(bench: Bench) -> None:
    """As if logged in; a login is written to no unit."""
    await bench.handle(event("entered", "A", 10, operator="jane"))
    await bench.handle(OperatorEvent(station="A", action="logout", at_us=20))

    assert bench.notes.kept.keys() >= {"operators/A"}
    assert b"jane" in bench.notes.kept["operators/A"]


async def test_what_is_not_used_is_named(bench: Bench) -> None:
    """Unknown fields and other ids stand in the figures that `status` shows."""
    odd = msgspec.structs.replace(event("entered", "A", 10), unread="lane", reported="OTHER")
    await bench.handle(odd, OperatorEvent(station="B", action="login", at_us=1, operator="x", unread="y", reported="z"))

    assert bench.figures.unread_fields == {"unit": "lane", "operator": "y"}
    assert bench.figures.reported_ids == {"A": "OTHER", "B": "z"}


class SlowWats(MemoryWats):
    """Answers only once `AT_ONCE` are asking, or nobody else will."""

    def __init__(self) -> None:
        super().__init__()
        self.asking = asyncio.Barrier(AT_ONCE)

    async def unit(self, serial_number: str, part_number: str) -> Unit | None:
        """Give a unit when others ask, too."""
        await self.asking.wait()
        return await super().unit(serial_number, part_number)


async def test_units_of_a_group_do_not_wait_for_each_other(bench: Bench) -> None:
    """A hundred new ones would else take a minute, while nothing else is leased; all are saved in one call."""
    bench.wats = SlowWats()
    events = [event("entered", "A", n, serial=f"U{n}") for n in range(5 * AT_ONCE)]
    async with asyncio.timeout(5):
        assert await bench.together(*events) == [None] * len(events)

    names = [name for name, _, _ in bench.wats.calls]
    assert (names.count("save_units"), names.count("operations")) == (1, 1)
    assert names.count("set_unit_process") == len(events)
