"""Units and products at the port `Wats`: over the one in memory, and over pywats and the emulator.

What only a real server has, requests and the answers to them, is tried on the emulator alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from pywats_mqtt.errors import Reject, Retry, Scope
from pywats_mqtt.ports import Unit, Wats
from tests.contract.wats_memory import OPERATIONS
from tests.contract.wats_servers import Server
from tests.emulator.server import RunningEmulator


def unit(serial_number: str, location: str = "A", *, revision: str = "R", part_number: str = "P") -> Unit:
    """Give a unit to save."""
    return Unit(serial_number=serial_number, part_number=part_number, revision=revision, location=location)


async def test_a_unit_is_made_read_and_moved(server: Server) -> None:
    """A second write leaves what it does not name; there is one unit."""
    async with server.client() as port:
        assert await port.unit("U1", "P") is None
        await port.ensure_product("P", "R")
        assert await port.save_units([unit("U1")]) == [None]
        assert await port.save_units([unit("U1", "B", revision="")]) == [None]
        await port.set_unit_phase("U1", "P", 16)
        await port.set_unit_process("U1", "P", "ICT")
        read = await port.unit("U1", "P")

    expected = Unit(serial_number="U1", part_number="P", revision="R", location="B", phase=16, process="30")
    assert read == expected
    assert server.units() == {"U1": expected}


async def test_each_unit_has_its_own_outcome(server: Server) -> None:
    """Those whose product is not there are refused with the reason; all others are saved."""
    async with server.client() as port:
        await port.ensure_product("P", "R")
        units = [unit(f"U{number}", part_number="P" if number % 3 else "UNKNOWN") for number in range(7)]
        outcomes = await port.save_units(units)

    assert [outcome is None for outcome in outcomes] == [bool(number % 3) for number in range(7)]
    assert all("UNKNOWN" in str(outcome) for outcome in outcomes if outcome is not None)
    assert sorted(server.units()) == ["U1", "U2", "U4", "U5"]


async def test_a_product_is_made_once_with_each_of_its_revisions(server: Server) -> None:
    """Also when several ask at once."""
    async with server.client() as port:
        await asyncio.gather(*(port.ensure_product("P", f"R{number % 2}") for number in range(6)))
        saved = await port.save_units([unit("U1", revision="R0"), unit("U2", revision="R1")])

    assert saved == [None, None]


async def test_a_batch_is_made_and_its_size_changed(server: Server) -> None:
    """Under its number there is one, of the size that was said last."""
    async with server.client() as port:
        await port.save_batch("B 1#7", 100)
        await port.save_batch("B2", 0)
        await port.save_batch("B 1#7", 90)

    assert server.batches() == {"B 1#7": 90, "B2": 0}


async def test_a_batch_that_the_server_has_something_against_is_refused(emulator: RunningEmulator, wats: Wats) -> None:
    """Success with `errorCount` above 0, of which nothing else is public, is none."""
    with pytest.raises(Reject, match="batchNumber"):
        await wats.save_batch("", 5)
    assert emulator.state()["batches"] == []


async def test_the_operations_are_named_by_their_codes(server: Server) -> None:
    """Those that both know have the same names."""
    async with server.client() as port:
        operations = await port.operations()

    assert {code: operations[code] for code in OPERATIONS} == OPERATIONS


@pytest.mark.parametrize("what", ["phase", "process"])
async def test_what_concerns_no_unit_is_refused(server: Server, what: str) -> None:
    """Such as one deleted meanwhile."""
    async with server.client() as port:
        with pytest.raises(Reject):
            await (port.set_unit_phase("U1", "P", 2) if what == "phase" else port.set_unit_process("U1", "P", "ICT"))


async def test_an_operation_that_is_none_is_refused(server: Server) -> None:
    """The unit stays as it is."""
    async with server.client() as port:
        await port.ensure_product("P", "R")
        await port.save_units([unit("U1")])
        with pytest.raises(Reject, match="Painting"):
            await port.set_unit_process("U1", "P", "Painting")

    assert server.units()["U1"].process == ""


@pytest.mark.parametrize("serial", ["U 1", "U#1", "U&1=2", "o'x", "Ørsted", "+1", "U;1", "a:b", "41"])
async def test_any_serial_number_names_its_own_unit(server: Server, serial: str) -> None:
    """What WATS takes in a serial number addresses neither a part of it nor another unit."""
    async with server.client() as port:
        await port.ensure_product("P#1", "R")
        await port.save_units([unit("U", part_number="P#1"), unit(serial, part_number="P#1")])
        await port.set_unit_phase(serial, "P#1", 16)
        await port.set_unit_process(serial, "P#1", "ICT")
        read = await port.unit(serial, "P#1")

    assert read is not None
    assert (read.phase, read.process) == (16, "30")
    assert server.units()["U"].process == ""


async def test_many_units_take_one_request(emulator: RunningEmulator, wats: Wats) -> None:
    """And a product two or three, once."""
    await wats.ensure_product("P", "R")
    await wats.ensure_product("P", "R")
    await wats.save_units([unit(f"U{number}") for number in range(50)])

    assert [f"{request['method']} {request['path']}" for request in emulator.requests()] == [
        "GET /api/Product/P",
        "PUT /api/Product",
        "PUT /api/Product/Revision",
        "PUT /api/Production/Units",
    ]
    assert len(emulator.state()["units"]) == 50


CALLS: dict[str, tuple[str, Callable[[Wats], Coroutine[None, None, object]]]] = {
    "read": ("/api/Production/Unit/", lambda wats: wats.unit("U1", "P")),
    "save": ("/api/Production/Units", lambda wats: wats.save_units([unit("U1"), unit("U2")])),
    "phase": ("/api/Production/SetUnitPhase", lambda wats: wats.set_unit_phase("U1", "P", 16)),
    "process": ("/api/Production/SetUnitProcess", lambda wats: wats.set_unit_process("U1", "P", "ICT")),
    "batch": ("/api/Production/Batches", lambda wats: wats.save_batch("B1", 5)),
    "operations": ("/api/App/Processes", lambda wats: wats.operations()),
    "product": ("/api/Product", lambda wats: wats.ensure_product("NEW", "R")),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("kind", "options", "scope", "cause"),
    [
        pytest.param("status", {"status": 403}, Scope.CALL, "403", id="403"),
        pytest.param("status", {"status": 500}, Scope.DELIVERY, "500", id="500"),
        pytest.param("status", {"status": 503}, Scope.SERVER, "503", id="503"),
        pytest.param("drop_before", {}, Scope.SERVER, "dropped", id="dropped before"),
        pytest.param("drop_after", {}, Scope.SERVER, "dropped", id="dropped after"),
        pytest.param("malformed", {}, Scope.DELIVERY, "unreadable answer", id="half an answer"),
    ],
)
async def test_each_failure_of_each_call(  # noqa: PLR0917 - pytest gives them by name
    emulator: RunningEmulator, wats: Wats, name: str, kind: str, options: dict[str, object], scope: Scope, cause: str
) -> None:
    """One request; the outcome says what waits. The same call then gets through, and nothing is there twice."""
    path, call = CALLS[name]
    await wats.ensure_product("P", "R")
    await wats.save_units([unit("U1")])
    before = emulator.requests()[-1]["seq"]
    emulator.fault(kind, path=path, times=1, **options)
    if kind == "malformed" and name in {"phase", "process", "product", "batch"}:
        await call(wats)  # what a success says is not described, and not read; and a 404 is not spoilt
    else:
        with pytest.raises(Retry) as failed:
            await call(wats)
        assert (failed.value.scope, failed.value.cause) == (scope, cause)
        assert len(emulator.requests(after=before)) == 1
    await call(wats)

    state = emulator.state()
    assert len({found["serialNumber"] for found in state["units"]}) == len(state["units"])


async def test_one_unit_that_the_server_refuses_as_a_whole_is_found(emulator: RunningEmulator, wats: Wats) -> None:
    """A 400 for the list is asked again in halves, until the refused one stands alone."""
    await wats.ensure_product("P", "R")
    emulator.fault("status", path="/api/Production/Units", status=400, times=3)

    outcomes = await wats.save_units([unit(f"U{number}") for number in range(4)])

    assert [outcome is None for outcome in outcomes] == [False, True, True, True]
    assert sorted(found["serialNumber"] for found in emulator.state()["units"]) == ["U1", "U2", "U3"]


async def test_a_server_without_the_production_module_holds_up_units_alone(
    emulator: RunningEmulator, wats: Wats
) -> None:
    """Its routes are missing: this kind of call waits, and all others go on."""
    emulator.fault("status", path="/api/Production/Units", status=404, times=1)
    emulator.fault("status", path="/api/Production/Batches", status=404, times=1)

    with pytest.raises(Retry) as failed:
        await wats.save_units([unit("U1")])
    assert failed.value.scope is Scope.CALL
    with pytest.raises(Retry) as failed:
        await wats.save_batch("B1", 5)
    assert failed.value.scope is Scope.CALL
