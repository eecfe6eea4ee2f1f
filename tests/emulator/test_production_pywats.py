"""The real client's calls about units and products: each succeeds, or fails as it would on a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.domains.product.enums import ProductState
from pywats.domains.production import ProductionBatch, Unit
from pywats.domains.production.enums import UnitPhaseFlag

from pywats_mqtt.emulator import Server, Settings, serve
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import make_product, make_unit, repair, report, unit_in


async def test_a_product_and_its_revision(pywats: AsyncWATS) -> None:
    """They are made, read, listed, changed and tagged through the service."""
    made = await pywats.product.create_product("PN-1", name="Board", description="A board")
    assert made is not None
    assert made.product_id is not None
    revision = await pywats.product.create_revision("PN-1", "A", name="First")
    assert revision is not None
    assert revision.product_id == made.product_id
    read = await pywats.product.get_product("PN-1")
    assert read is not None
    assert (read.name, read.state, [r.revision for r in read.revisions]) == ("Board", ProductState.ACTIVE, ["A"])
    assert [product.part_number for product in await pywats.product.get_products()] == ["PN-1"]
    read.state, read.description = ProductState.INACTIVE, "An old board"
    changed = await pywats.product.update_product(read)
    assert changed is not None
    assert (changed.state, changed.description, len(changed.revisions)) == (ProductState.INACTIVE, "An old board", 1)
    assert await pywats.product.add_product_tag("PN-1", "Line", "7 & 8")
    assert await pywats.product.add_product_tag("PN-1", "Line", "9")
    assert await pywats.product.get_product_tags("PN-1") == [{"key": "Line", "value": "9"}]
    assert await pywats.product.set_revision_tags("PN-1", "A", [{"key": "Eco", "value": '"1"'}])
    assert await pywats.product.get_revision_tags("PN-1", "A") == [{"key": "Eco", "value": '"1"'}]
    with pytest.raises(exceptions.NotFoundError, match="no product 'PN-2'"):
        await pywats.product.get_product("PN-2")


async def test_a_revision_is_read_by_itself(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """Either release of the client finds it with the route that it knows."""
    await make_product(http)
    found = await pywats.product._repository.get_revision("PN-1", "A")  # noqa: SLF001 - the service reads the product
    assert found is not None
    assert (found.part_number, found.revision) == ("PN-1", "A")
    with pytest.raises(exceptions.NotFoundError, match="no revision 'B'"):
        await pywats.product._repository.get_revision("PN-1", "B")  # noqa: SLF001 - as above


async def test_a_box_build_template(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """What a revision is built of is added, changed and removed as the client's template does it."""
    await make_product(http, "BOX")
    await make_product(http, "PCB")
    template = await pywats.product.get_box_build_template("BOX", "A")
    await template.add_subunit("PCB", "A", quantity=2, item_number="7", revision_mask="A,B%")
    await template.save()
    (part,) = await pywats.product.get_box_build_subunits("BOX", "A")
    assert (part.child_part_number, part.child_revision, part.quantity, part.revision_mask) == ("PCB", "A", 2, "A,B%")
    template = await pywats.product.get_box_build_template("BOX", "A")
    await template.set_quantity("PCB", "A", 3)
    await template.save()
    (part,) = await pywats.product.get_box_build_subunits("BOX", "A")
    assert (part.quantity, part.revision_mask) == (3, "A,B%")
    assert part.relation_id is not None
    assert await pywats.product.remove_subunit(part.relation_id)
    assert await pywats.product.get_box_build_subunits("BOX", "A") == []
    with pytest.raises(exceptions.NotFoundError):
        await pywats.product.remove_subunit(part.relation_id)


async def test_units_are_made_read_and_changed(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """A unit is made, changed in part, and read with its product, phase name and location."""
    await make_product(http)
    unit = Unit(serial_number="SN-1", part_number="PN-1", revision="A", batch_number="B1", process_code=None)
    assert await pywats.production.create_units([unit]) == [unit]
    assert await pywats.production.update_unit(
        Unit(serial_number="SN-1", part_number="PN-1", current_location="Line 1")
    )
    read = await pywats.production.get_unit("SN-1", "PN-1")
    assert read is not None
    assert (read.revision, read.batch_number, read.current_location) == ("A", "B1", "Line 1")
    assert (read.unit_phase_id, read.unit_phase) == (2, "Under production")
    assert read.product is not None
    assert read.product.part_number == "PN-1"
    assert read.product_revision is not None
    assert read.product_revision.revision == "A"
    with pytest.raises(exceptions.NotFoundError, match="no unit with serial number 'SN-2'"):
        await pywats.production.get_unit("SN-2", "PN-1")


async def test_a_unit_of_an_unknown_product_fails(pywats: AsyncWATS) -> None:
    """The client raises with the sentence that says what to make first."""
    with pytest.raises(exceptions.PyWATSError, match=r"no revision 'A' of a product 'PN-1'.*PUT /api/Product"):
        await pywats.production.create_units([Unit(serial_number="S", part_number="PN-1", revision="A")])


async def test_a_serial_date_fails_in_the_client(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The client cannot write a date, and so cannot save what it read; nothing is sent."""
    await make_unit(http)
    read = await pywats.production.get_unit("SN-1", "PN-1")
    assert read is not None
    assert read.serial_date is not None
    assert read.serial_date <= datetime.now(UTC)  # noqa: TID251 - what the emulator noted
    sent = len((await http.get("/_emulator/requests")).json())
    with pytest.raises(exceptions.PyWATSError, match="not JSON serializable"):
        await pywats.production.update_unit(read)
    assert len((await http.get("/_emulator/requests")).json()) == sent


async def test_phases_are_set_by_number_and_by_name(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """A number goes out as it is; a name is looked up on the internal route, which the client may read."""
    await make_unit(http)
    assert await pywats.production.set_unit_phase("SN-1", "PN-1", UnitPhaseFlag.FINALIZED, comment="done")
    assert (await unit_in(http))["unitPhase"] == "Finalized"
    assert await pywats.production.set_unit_phase("SN-1", "PN-1", "In store")
    assert (await unit_in(http))["unitPhaseId"] == UnitPhaseFlag.IN_STORAGE
    phases = {phase.phase_id: phase for phase in await pywats.production.get_phases()}
    assert len(phases) == 15
    assert (phases[2].code, phases[2].name) == ("Under_production", "Under production")
    assert {flag.value for flag in UnitPhaseFlag} < set(phases)
    with pytest.raises(exceptions.ValidationError, match="query parameter phase: expected one of 1, 2, "):
        await pywats.production.set_unit_phase("SN-1", "PN-1", 3)
    with pytest.raises(exceptions.NotFoundError, match="no unit"):
        await pywats.production.set_unit_phase("SN-2", "PN-1", 2)


async def test_the_process_needs_a_raw_call(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The service sends a code where a server wants a name: not found. The name is taken."""
    await make_unit(http)
    with pytest.raises(exceptions.NotFoundError, match="processName is required"):
        await pywats.production.set_unit_process("SN-1", "PN-1", 100)
    params = {"serialNumber": "SN-1", "partNumber": "PN-1", "processName": "End of line test"}
    answer = await pywats.http_client.put("/api/Production/SetUnitProcess", params=params)
    assert (answer.status_code, answer.data) == (200, True)
    read = await pywats.production.get_unit("SN-1", "PN-1")
    assert read is not None
    assert str(read.process_code) == "100"


async def test_grades(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """A unit's grade follows from its reports; `verify_unit`, which expects one operation only, finds none."""
    grade = await pywats.production.get_unit_grade("SN-1", "PN-1")
    assert grade is not None
    assert (grade.status, grade.all_processes_passed_last_run, grade.results) == ("Unknown", False, [])
    assert not await pywats.production.is_unit_passing("SN-1", "PN-1")
    await http.post("/api/Report/WSJF", json=report(result="F"))
    await http.post("/api/Report/WSJF", json=repair(id="00000000-0000-0000-0000-000000000001"))
    second = report(id="00000000-0000-0000-0000-000000000002", start="2026-01-03T00:00:00Z")
    await http.post("/api/Report/WSJF", json=second)
    grade = await pywats.production.get_unit_grade("SN-1", "PN-1", "A")
    assert grade is not None
    assert (grade.status, grade.grade) == ("Passed", "C")
    flags = (grade.all_processes_passed_first_run, grade.all_processes_passed_any_run, grade.no_repairs)
    assert flags == (False, True, False)
    (result,) = grade.results
    assert (result.process_code, result.process_name, result.status) == (100, "End of line test", "Passed")
    assert (result.total_count, result.non_passed_count, result.repair_count) == (2, 1, 1)
    assert await pywats.production.is_unit_passing("SN-1", "PN-1")
    wrong = await pywats.production.verify_unit("SN-1", "PN-1")
    assert wrong is not None
    assert (wrong.status, wrong.process_code) == ("Passed", None)


async def test_children_need_a_raw_call(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The service leaves out two parameters that a server requires; taking a child out works."""
    await make_unit(http, "BOX")
    await make_unit(http, "PCB", "PN-2", unitPhaseId=16)
    with pytest.raises(exceptions.ValidationError, match="query parameter checkPartNumber is required"):
        await pywats.production.add_child_to_assembly("BOX", "PN-1", "PCB", "PN-2")
    params = {
        "parentSerialNumber": "BOX",
        "parentPartNumber": "PN-1",
        "childSerialNumber": "PCB",
        "childPartNumber": "PN-2",
        "checkPartNumber": "",
        "checkRevision": "",
    }
    answer = await pywats.http_client.post("/api/Production/AddChildUnit", params=params)
    assert answer.status_code == 200
    box = await pywats.production.get_unit("BOX", "PN-1")
    assert box is not None
    assert [(unit.serial_number, unit.parent_serial_number) for unit in box.sub_units] == [("PCB", "BOX")]
    assert await pywats.production.remove_child_from_assembly("BOX", "PN-1", "PCB", "PN-2")
    assert (await unit_in(http, "BOX"))["subUnits"] == []


async def test_changes_need_a_raw_call_and_are_acknowledged(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The service leaves out `maxCount`; what a raw call reads can be acknowledged by the service, once."""
    await make_unit(http)
    await pywats.production.set_unit_phase("SN-1", "PN-1", 16)
    for call in (pywats.production.get_unit_changes(top=5), pywats.production.get_unit_history("SN-1", "PN-1")):
        with pytest.raises(exceptions.ValidationError, match="maxCount is required"):
            await call
    answer = await pywats.http_client.get("/api/Production/Units/Changes", params={"maxCount": 10}, cache=False)
    assert answer.data == [{"id": 1, "unitSerialNumber": "SN-1", "newUnitPhaseId": 16}]
    assert await pywats.production.acknowledge_unit_change("1")
    with pytest.raises(exceptions.NotFoundError, match="no unit change with id '1'"):
        await pywats.production.delete_unit_change("1")


async def test_batches_are_saved_though_the_client_breaks_on_the_answer(
    pywats: AsyncWATS, http: httpx.AsyncClient
) -> None:
    """Many at once: saved, then the client fails to read the counts. One alone: its route is on no server."""
    with pytest.raises(ValidationError):
        await pywats.production.save_batches([ProductionBatch(batch_number="B1", batch_size=20)])
    assert (await http.get("/_emulator/state")).json()["batches"] == [{"batchNumber": "B1", "batchSize": 20}]
    with pytest.raises(exceptions.NotFoundError):
        await pywats.production.create_batch(ProductionBatch(batch_number="B2", batch_size=1))


async def test_serial_numbers_are_taken_until_none_is_left(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The client reads the XML, and an empty pool is not found."""
    pool = {"type": "MAC", "serialNumbers": ['A"<1>', "A2", "A3"], "identifier": 1, "regEx": "A.*"}
    assert (await http.post("/_emulator/serial_numbers", json=pool)).json() == {"type": "MAC", "free": 3}
    (kind,) = await pywats.production.get_serial_number_types()
    assert (kind.name, kind.identifier, kind.identifier_name, kind.reg_ex) == ("MAC", 1, "MAC address", "A.*")
    take = pywats.production.allocate_serial_numbers
    assert await take("MAC", 2, reference_sn="SN-1", reference_pn="PN-1", station_name="ST1") == [
        "A&quot;&lt;1&gt;",  # the client does not undo what XML does to quotes
        "A2",
    ]
    with pytest.raises(exceptions.NotFoundError, match="2 are asked for, 1 are free"):
        await take("MAC", 2)
    assert await take("MAC", 1) == ["A3"]
    with pytest.raises(exceptions.NotFoundError, match="0 are free"):
        await take("MAC", 1)
    with pytest.raises(exceptions.NotFoundError, match="no serial number type 'IMEI'"):
        await take("IMEI", 1)


async def test_a_test_is_started_and_ended_with_raw_calls(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """A unit at a test operation may be tested by one station at a time; another unit may not."""
    await make_unit(http, processCode="100")
    await make_unit(http, "SN-2")
    await make_unit(http, "SN-3", processCode="500")

    async def ask(name: str, serial: str, **more: str) -> Any:
        params = {"serialNumber": serial, "partNumber": "PN-1", "stationName": "ST1", **more}
        return (await pywats.http_client.get(f"/api/Workflow/{name}", params=params, cache=False)).data

    assert await ask("StartTest", "SN-2") is False
    assert await ask("StartTest", "SN-3") is False
    assert await ask("EndTest", "SN-1", passed="true") is False
    assert await ask("StartTest", "SN-1") is True
    assert await ask("StartTest", "SN-1") is False
    assert await ask("EndTest", "SN-1", passed="false") is True
    assert "passed is required" in (await ask("EndTest", "SN-1"))["Message"]


async def test_one_unit_at_a_time_on_a_new_server() -> None:
    """What pywats 0.6 adds, as it sends it: make, change, tag, rename, find and delete one unit.

    The released pywats has no such calls, so the same requests are sent for it.
    """
    settings = Settings(port=0, rate_limit=0, server=Server.V2026_3)
    async with (
        serve(settings) as running,
        AsyncWATS(base_url=running.url, token=TOKEN, enable_cache=False, retry_enabled=False) as client,
        httpx.AsyncClient(base_url=running.url, headers={"Authorization": f"Basic {TOKEN}"}, trust_env=False) as http,
    ):
        await make_product(http)
        await make_product(http, "PN-2", "B")
        unit = Unit(serial_number="S", part_number="PN-1", revision="A", current_location="Line 1")
        service: Any = client.production
        if hasattr(service, "create_unit_public"):
            assert await service.create_unit_public(unit)
            unit.current_location = "Line 2"
            assert await service.update_unit_public(unit)
            assert await service.set_unit_tag("S", "PN-1", "Fw", "1.2")
            assert await service.change_unit_part_number("S", "PN-1", "PN-2", "B")
            found = await service.query_units(filter="partNumber eq 'PN-2'", orderby="serialDate desc", top=5)
        else:
            path, names = "/api/Production/Unit", {"serialNumber": "S", "partNumber": "PN-1"}
            body = unit.model_dump(mode="json", by_alias=True, exclude_none=True)
            answers = [
                await http.post(path, json=body),
                await http.put(path, json={**body, "currentLocation": "Line 2"}),
                await http.put("/api/Production/UnitTag", params={**names, "key": "Fw", "value": "1.2"}),
                await http.put(
                    "/api/Production/ChangeUnit", params={**names, "newPartNumber": "PN-2", "newRevision": "B"}
                ),
            ]
            assert [answer.status_code for answer in answers] == [200] * 4
            query: dict[str, str | int] = {"$filter": "partNumber eq 'PN-2'", "$orderby": "serialDate desc", "$top": 5}
            listed = (await http.get(f"{path}/Query", params=query)).json()
            found = [Unit.model_validate(item) for item in listed]
        (read,) = found
        assert (read.revision, read.current_location, read.unit_phase) == ("B", "Line 2", "Under production")
        assert [(tag.key, tag.value) for tag in read.tags] == [("Fw", "1.2")]
        gone = {"serialNumber": "S", "partNumber": "PN-2"}
        if hasattr(service, "delete_unit"):
            assert await service.delete_unit("S", "PN-2")
            assert not await service.delete_unit("S", "PN-2")
        else:
            statuses = [(await http.delete("/api/Production/Unit", params=gone)).status_code for _ in range(2)]
            assert statuses == [200, 404]
