"""Who was at a station at a time, and what goes on its reports."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid5

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import NAMESPACE, OperatorEvent, TestResult
from pywats_mqtt.events.production import OperatorAction
from pywats_mqtt.handlers.operators import ENTRIES_KEPT, Entry, Operators, Presence, present
from pywats_mqtt.messages import to_us
from tests.contract.wats_memory import MemoryNotes

START = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)
NOW_US = to_us(START)
HOUR_US = 3_600_000_000
RESULT = TestResult(
    report_id=uuid5(NAMESPACE, "1"), device="T1", kind="results", serial_number="S", result="P", start=START
)


def came(
    hours_ago: float, action: OperatorAction, operator: str = "", shift: str = "", station: str = "T1"
) -> OperatorEvent:
    """Make an event at a station."""
    at_us = NOW_US - int(hours_ago * HOUR_US)
    return OperatorEvent(station=station, action=action, at_us=at_us, operator=operator, shift=shift)


async def signed(*events: OperatorEvent, result: TestResult = RESULT, hours: float = 12.0) -> TestResult:
    """Sign a result after events, by a bridge that restarted in between."""
    notes = MemoryNotes()
    for event in events:
        await Operators({"T2": "ST2"}, hours).handle(event, notes)
    return await Operators({"T2": "ST2"}, hours).sign(result, notes)


async def test_the_operator_of_the_station_goes_on_its_report() -> None:
    """With where that is known from; also after a restart."""
    result = await signed(came(1, "login", "jane"))

    assert result.operator == "jane"
    assert ("operator_from", "login at T1") in result.misc


async def test_an_operator_that_the_device_names_stays() -> None:
    """The device knows better than the badge reader; nothing is noted."""
    sent = msgspec.structs.replace(RESULT, operator="joe")

    assert await signed(came(1, "login", "jane"), result=sent) == sent


async def test_it_is_the_operator_at_the_time_of_the_test() -> None:
    """A report that is delivered late, or after the next login, names who was there when the test began."""
    assert (await signed(came(2, "login", "jane"), came(-1, "login", "joe"))).operator == "jane"
    assert (await signed(came(-1, "login", "joe"), came(2, "login", "jane"))).operator == "jane"
    assert (await signed(came(-1, "login", "joe"))).operator == ""


async def test_nobody_is_there_after_a_logout() -> None:
    """One that names somebody else changes nothing."""
    assert await signed(came(2, "login", "jane"), came(1, "logout")) == RESULT
    assert await signed(came(2, "login", "jane"), came(1, "logout", "jane")) == RESULT
    assert (await signed(came(2, "login", "jane"), came(1, "logout", "joe"))).operator == "jane"


async def test_a_shift_begins_for_its_operator_or_for_nobody() -> None:
    """Its name goes on the report."""
    taken = await signed(came(2, "login", "jane"), came(1, "shift", "joe", "late"))
    nobody = await signed(came(2, "login", "jane"), came(1, "shift", "", "late"))

    assert (taken.operator, nobody.operator) == ("joe", "")
    assert ("shift", "late") in taken.misc
    assert nobody.misc == (("shift", "late"),)


async def test_a_forgotten_logout_ends_after_some_hours() -> None:
    """As many as are configured."""
    assert (await signed(came(12, "login", "jane"))).operator == "jane"
    assert (await signed(came(12.1, "login", "jane"))).operator == ""
    assert (await signed(came(3, "login", "jane"), hours=2)).operator == ""


async def test_a_tester_has_the_operator_of_its_station() -> None:
    """As configured; the login of another station is not its own."""
    at_t2 = msgspec.structs.replace(RESULT, device="T2")

    assert (await signed(came(1, "login", "jane", station="ST2"), result=at_t2)).operator == "jane"
    assert (await signed(came(1, "login", "jane", station="ST2"))).operator == ""


async def test_a_name_that_is_too_long_is_kept_whole() -> None:
    """In an attachment, since the report's field is cut."""
    name = "j" * 120

    assert ("operator.txt", name) in (await signed(came(1, "login", name))).attachments


async def test_what_a_unit_event_says_of_an_operator_is_written_once() -> None:
    """The same operator at each unit costs one write."""
    notes, operators = MemoryNotes(), Operators({}, 12.0)
    for number in range(5):
        await operators.saw("T1", "jane", NOW_US - 10 + number, notes)

    assert notes.written == 1
    assert (await operators.sign(RESULT, notes)).operator == "jane"


async def test_the_history_is_bounded() -> None:
    """The oldest go first, and the same login twice is one."""
    notes, operators = MemoryNotes(), Operators({}, 12.0)
    for number in range(ENTRIES_KEPT + 10):
        await operators.handle(came(1 - number / 1_000, "login", f"o{number}"), notes)
        await operators.handle(came(1 - number / 1_000, "login", f"o{number}"), notes)
    kept = msgspec.msgpack.decode(notes.kept["operators/T1"], type=list[Entry])

    assert [entry.operator for entry in kept] == [f"o{number}" for number in range(10, ENTRIES_KEPT + 10)]


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(["login", "logout", "shift"]), st.sampled_from("ab")), max_size=8
    )
)
def test_what_happens_after_a_time_says_nothing_of_it(entries: list[tuple[int, OperatorAction, str]]) -> None:
    """So a report sent again later gets the same operator, whatever came meanwhile."""
    history = sorted(Entry(at_us, action, operator) for at_us, action, operator in entries)

    assert present(history, 10, 100) == present([entry for entry in history if entry.at_us <= 10], 10, 100)
    assert present([], 10, 100) == Presence()


async def test_a_history_of_endless_names_stays_small() -> None:
    """A name as long as a message can be is cut; it is still the same person who logs out."""
    notes, operators = MemoryNotes(), Operators({}, 12.0)
    for hours in range(ENTRIES_KEPT, 0, -1):
        await operators.handle(came(hours / 10, "login", f"{hours}" + "x" * 100_000, shift="s" * 100_000), notes)
        await operators.saw("T1", "y" * 100_000, NOW_US - int(hours / 10 * HOUR_US) + 1, notes)
    assert len(await notes.note("operators/T1") or b"") < 100_000
    await operators.handle(came(0.001, "logout", "y" * 100_000), notes)
    assert (await operators.sign(RESULT, notes)).operator == ""
