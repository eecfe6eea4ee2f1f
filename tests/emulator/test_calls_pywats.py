"""All calls of the real client are tested somewhere; here are those that go where the emulator has nothing."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.domains.analytics import AsyncAnalyticsService
from pywats.domains.asset import AsyncAssetService
from pywats.domains.process import AsyncProcessService
from pywats.domains.production import AsyncProductionService, ProductionBatch
from pywats.domains.report import AsyncReportService
from pywats.domains.report.models import WATSFilter
from pywats.domains.software import AsyncSoftwareService

Call = Callable[[AsyncWATS], Awaitable[object]]

HERE = Path(__file__).parent
SERVICES = {
    "test_analytics_pywats.py": AsyncAnalyticsService,
    "test_app_pywats.py": AsyncProcessService,
    "test_assets_pywats.py": AsyncAssetService,
    "test_production_pywats.py": AsyncProductionService,
    "test_reports_pywats.py": AsyncReportService,
    "test_software_pywats.py": AsyncSoftwareService,
}
"""The services of the client, each by the module that tests most of it."""

NEEDLESS = {
    "get_all_unit_phases": "sends what get_phases sends",
    "get_phase": "the same",
    "get_phase_by_name": "the same",
    "get_phase_id": "the same",
    "check_for_updates": "0.6: part of the install engine, which cannot work",
    "cleanup_revoked": "0.6: the same",
    "install_many": "0.6: the same",
    "get_packages_by_tag_internal": "0.6: an internal route of software, all of which are left out",
    "get_connection_and_execution_time": "0.6: an internal analysis, all of which are left out",
    "reserve_serial_numbers": "0.6: a name for allocate_serial_numbers",
    "take_serial_numbers": "0.6: the same",
}
"""Calls without a test, and why."""

REFUSED: dict[str, Call] = {
    # Production: routes that no server is described with, or internal ones.
    "get_batches": lambda wats: wats.production.get_batches("PN-1"),
    "update_batch": lambda wats: wats.production.update_batch(ProductionBatch(batch_number="B1", batch_size=1)),
    "remove_all_children_from_assembly": lambda wats: wats.production.remove_all_children_from_assembly("S", "P"),
    "verify_assembly": lambda wats: wats.production.verify_assembly("S", "P", "A"),
    "find_serial_numbers_in_range": lambda wats: wats.production.find_serial_numbers_in_range("MAC", "1", "2"),
    "find_serial_numbers_by_reference": lambda wats: wats.production.find_serial_numbers_by_reference("MAC", "S"),
    "import_serial_numbers": lambda wats: wats.production.import_serial_numbers(b"1"),
    "export_serial_numbers": lambda wats: wats.production.export_serial_numbers("MAC"),
    "is_connected": lambda wats: wats.production.is_connected(),
    "get_sites": lambda wats: wats.production.get_sites(),
    "get_unit_info": lambda wats: wats.production.get_unit_info("S", "P"),
    "get_unit_hierarchy": lambda wats: wats.production.get_unit_hierarchy("S", "P"),
    "get_unit_state_history": lambda wats: wats.production.get_unit_state_history("S", "P"),
    "get_unit_contents": lambda wats: wats.production.get_unit_contents("S", "P", "A"),
    "create_unit": lambda wats: wats.production.create_unit("S", "P", "A"),
    "add_child_unit_validated": lambda wats: wats.production.add_child_unit_validated("S", "P", "C", "Q", "", ""),
    "remove_child_unit_localized": lambda wats: wats.production.remove_child_unit_localized("S", "P", "C", "Q"),
    "remove_all_child_units": lambda wats: wats.production.remove_all_child_units("S", "P"),
    "validate_child_units": lambda wats: wats.production.validate_child_units("S", "P"),
    "find_serial_numbers": lambda wats: wats.production.find_serial_numbers("MAC", "1", "2"),
    "get_serial_number_count": lambda wats: wats.production.get_serial_number_count("MAC"),
    "free_serial_numbers": lambda wats: wats.production.free_serial_numbers([]),
    "get_serial_number_ranges": lambda wats: wats.production.get_serial_number_ranges("MAC"),
    "get_serial_number_statistics": lambda wats: wats.production.get_serial_number_statistics("MAC"),
    # Analyses that are not computed.
    "get_levels": lambda wats: wats.analytics.get_levels(),
    "get_product_groups": lambda wats: wats.analytics.get_product_groups(),
    "get_worst_yield": lambda wats: wats.analytics.get_worst_yield(),
    "get_worst_yield_by_product_group": lambda wats: wats.analytics.get_worst_yield_by_product_group(WATSFilter()),
    "get_high_volume": lambda wats: wats.analytics.get_high_volume(),
    "get_high_volume_by_product_group": lambda wats: wats.analytics.get_high_volume_by_product_group(WATSFilter()),
    "get_dynamic_repair": lambda wats: wats.analytics.get_dynamic_repair({}),
    "get_related_repair_history": lambda wats: wats.analytics.get_related_repair_history("PN-1", "A"),
    "get_top_failed": lambda wats: wats.analytics.get_top_failed(part_number="PN-1"),
    "get_test_step_analysis": lambda wats: wats.analytics.get_test_step_analysis({}),
    "get_test_step_analysis_for_operation": lambda wats: wats.analytics.get_test_step_analysis_for_operation(
        "PN-1", "ICT"
    ),
    "get_measurements": lambda wats: wats.analytics.get_measurements({}),
    "get_aggregated_measurements": lambda wats: wats.analytics.get_aggregated_measurements({}),
    "get_oee_analysis": lambda wats: wats.analytics.get_oee_analysis({}),
}
"""What the client reports as not found, since the path or the method is on no route."""

EMPTY: dict[str, Call] = {
    "get_unit_flow": lambda wats: wats.analytics.get_unit_flow({}),
    "get_flow_links": lambda wats: wats.analytics.get_flow_links(),
    "get_flow_nodes": lambda wats: wats.analytics.get_flow_nodes(),
    "get_flow_units": lambda wats: wats.analytics.get_flow_units(),
    "trace_serial_numbers": lambda wats: wats.analytics.trace_serial_numbers(["SN-1"]),
    "split_flow_by": lambda wats: wats.analytics.split_flow_by("stationName"),
    "set_unit_order": lambda wats: wats.analytics.set_unit_order("startTime"),
    "set_unit_flow_visibility": lambda wats: wats.analytics.set_unit_flow_visibility(show_operations=["100"]),
    "show_operations": lambda wats: wats.analytics.show_operations(["100"]),
    "hide_operations": lambda wats: wats.analytics.hide_operations(["100"]),
    "expand_operations": lambda wats: wats.analytics.expand_operations(),
    "get_bottlenecks": lambda wats: wats.analytics.get_bottlenecks(),
    "get_flow_summary": lambda wats: wats.analytics.get_flow_summary(),
    "get_measurement_list": lambda wats: wats.analytics.get_measurement_list({}, "", ""),
    "get_measurement_list_by_product": lambda wats: wats.analytics.get_measurement_list_by_product("1", "1", 1, "", ""),
    "get_step_status_list": lambda wats: wats.analytics.get_step_status_list({}, "", ""),
    "get_step_status_list_by_product": lambda wats: wats.analytics.get_step_status_list_by_product("1", "1", 1, "", ""),
    "get_top_failed_internal": lambda wats: wats.analytics.get_top_failed_internal({}),
    "get_top_failed_by_product": lambda wats: wats.analytics.get_top_failed_by_product("PN-1", "100", "A", "1", 1),
    "get_alarm_logs": lambda wats: wats.analytics.get_alarm_logs(),
}
"""Internal analyses: the client takes 404 for nothing found, and raises nothing."""


async def last_request(http: httpx.AsyncClient) -> tuple[int, str]:
    """Status and path of what was asked last."""
    entry = (await http.get("/_emulator/requests")).json()[-1]
    return entry["status"], entry["path"]


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_on_no_route_is_refused(pywats: AsyncWATS, http: httpx.AsyncClient, name: str) -> None:
    """The client raises with the sentence that says that there is no such path, or no such method on it."""
    with pytest.raises(exceptions.PyWATSError, match=r"No HTTP resource was found|The resource takes"):
        await REFUSED[name](pywats)
    assert (await last_request(http))[0] in {404, 405}


@pytest.mark.parametrize("name", EMPTY)
async def test_internal_analyses_find_nothing(pywats: AsyncWATS, http: httpx.AsyncClient, name: str) -> None:
    """The client asks an internal route, is told 404, and goes on as if there were nothing."""
    await EMPTY[name](pywats)
    status, path = await last_request(http)
    assert (status, "/api/internal/" in path) == (404, True)


async def test_operations_are_looked_up(pywats: AsyncWATS) -> None:
    """By code, by name, by kind, and the defaults; the client looks into the list that it keeps for some minutes."""
    process = pywats.process
    await process.clear_cache()
    tests = [found.code for found in await process.get_test_operations()]
    repairs = [found.code for found in await process.get_repair_operations()]
    assert (tests[0], repairs) == (10, [500, 510])
    assert await process.get_wip_operations() == []
    assert await process.list_process_codes() == [*tests, *repairs]
    assert len(await process.list_process_names()) == len(tests) + len(repairs)
    for found in (
        await process.get_process_by_code(100),
        await process.get_process_by_name("End of line test"),
        await process.get_process(100),
        await process.get_test_operation(100),
    ):
        assert found is not None
        assert (found.code, found.name) == (100, "End of line test")
    assert await process.get_repair_operation(100) is None
    assert await process.get_wip_operation(100) is None
    assert await process.process_exists(30)
    assert await process.is_valid_test_operation(30)
    assert not await process.is_valid_test_operation(500)
    assert await process.is_valid_repair_operation(500)
    assert not await process.is_valid_wip_operation(500)
    assert (await process.get_default_test_code(), await process.get_default_repair_code()) == (100, 500)
    defaults = (await process.get_default_test_operation(), await process.get_default_repair_operation())
    assert [found.name for found in defaults if found] == ["End of line test", "Repair"]
    assert "Defect Component" in await process.get_repair_codes(500, "Component")
    await process.refresh()


@pytest.mark.parametrize("module", SERVICES)
def test_every_call_of_the_client_has_a_test(module: str) -> None:
    """Each public call of a service, of whichever release runs here, is named in a module with the real client."""
    texts = "".join(found.read_text("utf-8") for found in HERE.glob("test_*pywats.py"))
    calls = [name for name, call in vars(SERVICES[module]).items() if inspect.iscoroutinefunction(call)]
    needed = [name for name in calls if not name.startswith("_") and name not in NEEDLESS]
    assert [name for name in needed if not re.search(rf"\b{name}\b", texts)] == []
