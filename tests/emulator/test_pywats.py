"""The real client, as the bridge uses it, gets from the emulator what it would get from a server."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.domains.asset import AssetState
from pywats.domains.report.report_models import UUTReport
from pywats.domains.report.report_models.common_types import ReportStatus, StepStatus
from pywats.shared.enums import CompOp

from pywats_mqtt.emulator import Running
from tests.emulator.conftest import NO_COUNTS, TOKEN
from tests.emulator.examples import REPORT_ID, report
from tests.emulator.test_reports import stored

START = datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)


def uut_report(pywats: AsyncWATS) -> UUTReport:
    """A failed report with a step of each kind, built as an application builds it."""
    built = pywats.report.create_uut_report(
        "op", "PN-1", "A", "SN-1", 100, station_name="ST1", location="Lab", purpose="Production", start_time=START
    )
    built.id = UUID(REPORT_ID)
    built.result = ReportStatus.Failed
    root = built.get_root_sequence_call()
    root.status = StepStatus.Failed
    root.add_numeric_step(name="U", value=5.0, unit="V", comp_op=CompOp.GELE, low_limit=4.5, high_limit=5.5)
    root.add_string_step(name="FW", value="1.2", comp_op=CompOp.EQ, limit="1.2")
    root.add_sequence_call("inner").add_boolean_step(name="Link", status="F")
    many = root.add_multi_numeric_step(name="Rails")
    many.add_measurement(name="3V3", value=3.3, unit="V", status="P", comp_op=CompOp.LOG)
    return built


async def test_version_and_processes(pywats: AsyncWATS) -> None:
    """Both test and repair operations are there, under the codes that reports use."""
    assert await pywats.get_version() == "2025.3.9.824"
    assert await pywats.test_connection()
    processes = {process.code: process for process in await pywats.process.get_processes()}
    assert processes[100].name == "End of line test"
    assert (processes[10].is_test_operation, processes[10].is_repair_operation) == (True, False)
    assert (processes[500].is_test_operation, processes[500].is_repair_operation) == (False, True)


async def test_an_assets_life(pywats: AsyncWATS) -> None:
    """A type and an asset are made, counted, set, listed and deleted through the services."""
    kind = await pywats.asset.create_asset_type("Fixture", running_count_limit=10)
    assert kind is not None
    assert kind.type_id is not None
    assert [known.type_name for known in await pywats.asset.get_asset_types()] == ["Fixture"]
    made = await pywats.asset.create_asset("F'1 a", kind.type_id, asset_name="Fixture 1")
    assert made is not None
    assert made.asset_id == "1"
    assert await pywats.asset.set_asset_state(AssetState.IN_STORAGE, serial_number="F'1 a")
    assert await pywats.asset.increment_count(asset_id="1", amount=3)
    assert await pywats.asset.set_running_count(1, serial_number="F'1 a")
    assert await pywats.asset.set_total_count(45000, serial_number="F'1 a")
    read = await pywats.asset.get_asset(serial_number="F'1 a")
    assert read is not None
    assert (read.state, read.running_count, read.total_count) == (AssetState.IN_STORAGE, 1, 45000)
    read.location = "Hall 1"
    saved = await pywats.asset.update_asset(read)
    assert saved is not None
    assert (saved.location, saved.total_count) == ("Hall 1", 45000)
    (listed,) = await pywats.asset.get_assets(filter_str="serialNumber eq 'F''1 a'")
    assert listed.asset_id == "1"
    assert await pywats.asset.delete_asset(asset_id="1")
    with pytest.raises(exceptions.NotFoundError):
        await pywats.asset.get_asset(asset_id="1")


async def test_a_report_comes_back_as_it_was_built(pywats: AsyncWATS) -> None:
    """Every step keeps its kind, values, limits, unit and status on its way to the server and back."""
    built = uut_report(pywats)
    assert await pywats.report.submit_report(built) == REPORT_ID
    back = await pywats.report.get_report(REPORT_ID)
    assert isinstance(back, UUTReport)
    assert (back.sn, back.pn, back.result, back.process_code, back.process_name) == (
        "SN-1",
        "PN-1",
        "F",
        100,
        "End of line test",
    )
    assert back.start == START
    sent = built.model_dump(mode="json", by_alias=True, exclude_none=True)["root"]
    returned = back.model_dump(mode="json", by_alias=True, exclude_none=True)["root"]
    assert [step["id"] for step in returned["steps"]] == [2, 3, 4, 6]
    added = {"id", "causedUUTFailure", "totTime"}
    assert _without(returned, added) == _without(sent, added)


async def test_a_report_with_assets_can_be_read(pywats: AsyncWATS) -> None:
    """The client, which knows the serial number of an asset as `sn` only, reads a report sent with `assetSN`."""
    await pywats.report.submit_report(report(assets=[{"assetSN": "F1", "usageCount": 2}]))
    back = await pywats.report.get_report(REPORT_ID)
    assert isinstance(back, UUTReport)
    assert back.assets is not None
    assert [(asset.sn, asset.usage_count) for asset in back.assets] == [("F1", 2)]


async def test_a_report_sent_twice_is_one_report(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """One header remains, and it says how often the report came."""
    for _ in range(2):
        assert await pywats.report.submit_report(uut_report(pywats)) == REPORT_ID
    (header,) = await pywats.report.query_uut_headers(odata_filter="serialNumber eq 'SN-1'")
    assert (str(header.uuid), header.result, header.process_code) == (REPORT_ID, "Failed", 100)
    assert [row["receiveCount"] for row in await stored(http)] == [2]


async def test_errors_reach_the_client_with_their_text(pywats: AsyncWATS) -> None:
    """400 and 404 become the client's exceptions, with the emulator's sentence in them."""
    with pytest.raises(ValueError, match=r"\(400\): processCode: 999 is no test operation"):
        await pywats.report.submit_report(report(processCode=999))
    with pytest.raises(exceptions.ValidationError, match="there is no asset type"):
        await pywats.asset.create_asset("A", UUID(REPORT_ID))
    with pytest.raises(exceptions.NotFoundError):
        await pywats.asset.increment_count(serial_number="nobody")


async def test_tokens_are_told_apart(running: Running) -> None:
    """An unknown token is 401, one without the permission is 403, and `Basic` may be written in any case."""
    async with AsyncWATS(base_url=running.url, token="d3Jvbmc=", enable_cache=False, retry_enabled=False) as client:
        with pytest.raises(exceptions.AuthenticationError):
            await client.asset.get_assets()
    async with AsyncWATS(base_url=running.url, token=NO_COUNTS, enable_cache=False, retry_enabled=False) as client:
        with pytest.raises(exceptions.AuthorizationError, match="Edit Total count"):
            await client.asset.set_running_count(1, serial_number="A")
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as plain:
        for header in ("", TOKEN, f"Bearer {TOKEN}", "Basic", "Basic x"):
            answer = await plain.get("/api/App/Version", headers={"Authorization": header})
            assert answer.status_code == 401
            assert answer.json() == {"Message": "Authorization has been denied for this request."}
        assert (await plain.get("/api/App/Version")).headers["WWW-Authenticate"] == "Basic"
        answer = await plain.get("/api/App/Version", headers={"Authorization": f"basic {TOKEN}"})
        assert answer.status_code == 200


def _without(step: object, names: set[str]) -> object:
    """A step tree without some keys."""
    if isinstance(step, dict):
        return {key: _without(value, names) for key, value in step.items() if key not in names}
    return [_without(item, names) for item in step] if isinstance(step, list) else step
