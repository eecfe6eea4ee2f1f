"""Every report call of the real client, as it succeeds or fails on a server; run with both releases of pywats."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.domains.report.enums import ReportType
from pywats.domains.report.report_models import UURReport, UUTReport
from pywats.domains.report.report_models.binary_data import Attachment, LoopInfo
from pywats.domains.report.report_models.common_types import ReportStatus, StepStatus
from pywats.domains.report.report_models.uut.steps.generic_step import FlowType
from pywats.domains.report.report_models.uut.steps.unknown_step import UnknownStep
from pywats.shared.enums import CompOp

from pywats_mqtt.emulator import Settings, serve
from tests.emulator.conftest import TOKEN, client_of, pywats_of
from tests.emulator.examples import REPORT_ID, make_type, repair, report, save
from tests.emulator.test_reports import numbered, stored
from tests.emulator.test_wsxf import document, one

Json = dict[str, Any]
START = datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
NUMERIC: list[CompOp] = [op for op in CompOp if op not in {CompOp.EQT, CompOp.CASESENSIT, CompOp.IGNORECASE}]
STRING: list[CompOp] = [CompOp.LOG, CompOp.EQ, CompOp.NE, CompOp.CASESENSIT, CompOp.IGNORECASE]
HELLO = Attachment.from_bytes(name="log.txt", content=b"hello", content_type="text/plain")
ADDED = {"id", "causedUUTFailure", "totTime"}
"""What a server adds to a step."""


def passed(pywats: AsyncWATS, report_id: str = REPORT_ID) -> UUTReport:
    """A passed report without steps, built as an application builds it."""
    built = pywats.report.create_uut_report(
        "op", "PN-1", "A", "SN-1", 100, station_name="ST1", location="Lab", purpose="Production", start_time=START
    )
    built.id = UUID(report_id)
    built.get_root_sequence_call()
    return built


def dumped(built: UUTReport | UURReport) -> Json:
    """A report as the client sends it."""
    wire: Json = built.model_dump(mode="json", by_alias=True, exclude_none=True)
    return wire


def without(step: object, names: set[str]) -> object:
    """A step tree without some keys."""
    if isinstance(step, dict):
        return {key: without(value, names) for key, value in step.items() if key not in names}
    return [without(item, names) for item in step] if isinstance(step, list) else step


async def returned(pywats: AsyncWATS, built: UUTReport) -> UUTReport:
    """A report after its way to the server and back."""
    assert await pywats.report.submit_report(built) == str(built.id)
    back = await pywats.report.get_report(str(built.id))
    assert isinstance(back, UUTReport)
    return back


async def test_every_kind_of_step_comes_back_as_it_was_built(pywats: AsyncWATS) -> None:
    """Names, groups, values, units, limits, operators, series, files, loops and nesting survive; steps get numbers."""
    built = passed(pywats)
    root = built.get_root_sequence_call()
    for op in NUMERIC:
        low, high = (1.5 if needed else None for needed in op.get_limits_requirement())
        root.add_numeric_step(name=f"numeric {op}", value=2.0, unit="V", comp_op=op, low_limit=low, high_limit=high)
    for op in STRING:
        root.add_string_step(name=f"string {op}", value="x", comp_op=op, limit=None if op is CompOp.LOG else "X")
    numbers = root.add_multi_numeric_step(name="rails")
    for rail in ("3V3", "5V"):
        numbers.add_measurement(
            name=rail, value=3.3, unit="V", status="P", comp_op=CompOp.GELE, low_limit=3.0, high_limit=3.6
        )
    texts = root.add_multi_string_step(name="versions")
    for part in ("boot", "app"):
        texts.add_measurement(name=part, value="1.2", status="P", comp_op=CompOp.EQ, limit="1.2")
    root.add_boolean_step(name="link", status="P")
    lamps = root.add_multi_boolean_step(name="lamps")
    for lamp in ("red", "green"):
        lamps.add_measurement(name=lamp, status="P")
    root.add_action_step("power on", group="S", report_text="on", tot_time=0.25)
    root.add_action_step("power off", group="C", error_code=7, error_message="late")
    for flow in (FlowType.If, FlowType.End, FlowType.Wait, FlowType.Statement, FlowType.GenericTest):
        root.add_generic_step(step_type=flow, name=flow.value)
    chart = root.add_chart_step("wave", chart_type="LineLogX", label="Wave", x_label="t", x_unit="s", y_label="U")
    assert chart.chart is not None
    chart.chart.add_series("up", [1.0, 2.0], [3.0, 4.5])
    chart.chart.add_series("no x", [], [1.0])
    root.add_action_step("with file").attachment = HELLO
    for number in range(2):
        root.add_boolean_step(name="again", status="P").loop = LoopInfo.model_validate({"i": number, "n": 2})
    for kind, info in (("CallExecutable", {"exitCode": 3}), ("MessagePopup", {"response": "yes", "button": "OK"})):
        root.steps.append(UnknownStep.model_validate({"stepType": kind, "name": kind, "info": info}))
    inner = root.add_sequence_call("outer").add_sequence_call("inner")
    inner.sequence.path, inner.sequence.file_name, inner.sequence.version = "C:/i.seq", "i.seq", "2.0"
    inner.add_numeric_step(name="deep", value=-1e-9, unit="A")

    back = await returned(pywats, built)

    sent, got = dumped(built)["root"], dumped(back)["root"]
    assert without(got, ADDED) == without(sent, ADDED)
    assert [step["id"] for step in got["steps"]] == [*range(2, len(got["steps"]) + 2)]
    assert got["steps"][-1]["steps"][0]["steps"][0]["id"] == len(got["steps"]) + 3
    times = {step["name"]: step["totTime"] for step in got["steps"]}
    assert (times["power on"], times["power off"]) == (0.25, 0)


async def test_every_status_of_a_step_comes_back(pywats: AsyncWATS) -> None:
    """All statuses that the client knows; what failed the unit is marked."""
    built = passed(pywats)
    built.result = ReportStatus.Failed
    root = built.get_root_sequence_call()
    root.status = StepStatus.Failed
    for status in StepStatus:
        root.add_action_step(status.name, status=status)
    back = await returned(pywats, built)
    assert [step.status for step in back.root.steps] == [status.value for status in StepStatus]
    assert [step.name for step in back.root.steps if step.caused_uut_failure] == ["Failed"]


async def test_the_head_comes_back_as_it_was_built(pywats: AsyncWATS) -> None:
    """Operator, batch, socket, fixture, error, sub-units and misc infos; names and times are added."""
    built = passed(pywats)
    assert built.info is not None
    built.info.batch_number, built.info.socket_index, built.info.fixture_id = "B1", 2, "FX-1"
    built.info.error_code, built.info.error_message, built.info.comment = 7, "late", "c" * 5_000
    built.info.exec_time = 1.5
    built.add_sub_unit("PCB", "S2", "P2", "A")
    built.add_misc_info("Lot", "L1")
    built.add_misc_info("Ratio", 0.5)
    back = await returned(pywats, built)
    added = {"root", "assetStats"}
    assert without(dumped(back), added) == without(dumped(built), added)
    assert (back.start_utc, back.process_name, back.origin) == (START, "End of line test", "pywats-mqtt emulator")


async def test_a_report_sent_again_replaces_itself(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """Two receptions, one report: its last content under its first number."""
    await pywats.report.submit(passed(pywats))
    again = passed(pywats)
    again.get_root_sequence_call().add_boolean_step(name="new", status="P")
    back = await returned(pywats, again)
    assert [step.name for step in back.root.steps] == ["new"]
    (header,) = await pywats.report.query_uut_headers()
    assert (str(header.uuid), header.receive_count) == (REPORT_ID, 2)
    (result,) = (await pywats.http_client.post("/api/Report/WSJF", data=dumped(again))).data
    assert result["Report_ID"] == 1
    assert [row["receiveCount"] for row in await stored(http)] == [3]


async def test_what_the_client_would_let_pass_is_refused(pywats: AsyncWATS) -> None:
    """400 is a ValueError with the place; NaN never leaves the client as a number, and is refused as a text."""
    for changes, problem in (
        ({"processCode": 999}, "processCode: 999 is no test operation"),
        ({"result": "X"}, "result: expected one of P, F, E, T"),
        ({"machineName": "m" * 101}, "machineName: 101 characters, at most 100"),
        ({"root": {"stepType": "SequenceCall", "name": "r", "status": "?"}}, r"root\.status: expected one of"),
    ):
        with pytest.raises(ValueError, match=rf"Report submission failed \(400\): {problem}"):
            await pywats.report.submit_report(report(**changes))
    built = passed(pywats)
    built.get_root_sequence_call().add_numeric_step(name="V", value=math.nan)
    with pytest.raises(exceptions.PyWATSError, match="HTTP request failed: Out of range float"):
        await pywats.report.submit_report(built)
    text = passed(pywats)
    text.get_root_sequence_call().add_numeric_step(name="V", value="NaN")
    with pytest.raises(ValueError, match="value: expected a number, got 'NaN'"):
        await pywats.report.submit_report(text)
    equal = passed(pywats)
    equal.get_root_sequence_call().add_numeric_step(name="V", value=1.0, comp_op=CompOp.EQT, low_limit=1.0)
    with pytest.raises(ValueError, match="compOp: expected one of LOG, EQ, GE"):
        await pywats.report.submit_report(equal)
    assert await pywats.report.query_uut_headers() == []


async def test_a_report_from_the_future_is_out_of_sight(pywats: AsyncWATS) -> None:
    """It is taken like any other, and neither found nor read."""
    built = passed(pywats)
    built.start = datetime.now(UTC) + timedelta(minutes=5)  # noqa: TID251 - what the emulator compares with
    assert await pywats.report.submit_report(built) == REPORT_ID
    assert await pywats.report.query_uut_headers() == []
    with pytest.raises(exceptions.NotFoundError):
        await pywats.report.get_report(REPORT_ID)


async def test_a_test_may_be_repaired(pywats: AsyncWATS) -> None:
    """A repair of a test refers to it, comes back as it was built, and is found beside it, as reportType is ignored."""
    failed = passed(pywats)
    failed.result = ReportStatus.Failed
    await pywats.report.submit_report(failed)
    built = pywats.report.create_uur_report(failed, operator="fixer", comment="C7 burnt", station_name="R1")
    built.id = UUID(numbered(1))
    built.add_failure("Component", "Defect Component", comment="black", component_ref="C7", ref_step_id=2)
    built.add_sub_unit(pn="P2", sn="S2", rev="A", part_type="PCB").add_failure("Solder Process", "Cold Solder")
    built.attachments.append(HELLO)
    assert await pywats.report.submit_report(built) == numbered(1)
    back = await pywats.report.get_report(numbered(1))
    assert isinstance(back, UURReport)
    assert dumped(back)["subUnits"] == dumped(built)["subUnits"]
    assert dumped(back)["binaryData"] == dumped(built)["binaryData"]
    assert back.info is not None
    assert (back.info.ref_uut, back.info.process_code, back.process_code) == (UUID(REPORT_ID), 100, 500)
    test = await pywats.report.get_report(REPORT_ID)
    assert isinstance(test, UUTReport)
    assert test.info is not None
    assert [str(known.id) for known in test.info.referenced_by_uurs or []] == [numbered(1)]
    for query in (pywats.report.query_uut_headers, pywats.report.query_uur_headers):
        assert sorted(str(header.report_type) for header in await query()) == ["R", "T"]
    (header,) = await pywats.report.query_uur_headers(odata_filter="reportType eq 'R'")
    assert (header.process_name, header.referenced_uut) == ("Repair", UUID(REPORT_ID))


async def test_repairs_without_a_report_or_with_a_mistake(pywats: AsyncWATS) -> None:
    """A repair needs no test report, but a failure on its main unit, with a code that the server has."""
    built = pywats.report.create_uur_report("PN-1", 100, serial_number="SN-1", operator="fixer")
    with pytest.raises(ValueError, match=r"\(400\): subUnits: a repair report needs at least one failure"):
        await pywats.report.submit_report(built)
    failure = built.add_failure("Component", "No such code")
    with pytest.raises(ValueError, match="'No such code' is unknown in 'Component'; use one of Defect Component"):
        await pywats.report.submit_report(built)
    failure.code = "Missing Component"
    assert await pywats.report.submit_report(built) == str(built.id)


async def test_the_client_finds_the_codes_of_repairs(pywats: AsyncWATS) -> None:
    """Through the internal routes: operations with ids, categories, and codes that a repair may then name."""
    detailed = {process.code: process for process in await pywats.process.get_processes_detailed()}
    assert detailed[500].is_repair_operation
    process_id = detailed[500].process_id
    assert process_id is not None
    one_process = await pywats.process.get_process_detailed(process_id)
    assert one_process is not None
    assert one_process.name == "Repair"
    assert sorted(await pywats.process.get_repair_operation_configs()) == [500, 510]
    config = await pywats.process.get_repair_operation_config(process_id)
    assert config is not None
    names = [category.description for category in await pywats.process.get_repair_categories(510)]
    assert names[:3] == ["Component", "Assembly Process", "Solder Process"]
    codes = await pywats.process.get_fail_codes()
    assert all(entry["guid"] for entry in codes)
    for entry in codes:
        failure = {"category": entry["category"], "code": entry["code"]}
        unit = {"pn": "P", "sn": "S", "partType": "Main", "idx": 0, "failures": [failure]}
        assert await pywats.report.submit_report(repair(subUnits=[unit])) == REPORT_ID


async def test_headers_are_found_in_every_way(pywats: AsyncWATS) -> None:
    """By serial, part, time and sub-unit, in order and in pages; the start is lost in the client's model."""
    for number, serial in enumerate(["A", "B", "A"]):
        start = f"2026-01-0{number + 1}T00:00:00Z"
        await pywats.report.submit_report(report(id=numbered(number), sn=serial, start=start))

    def ids(found: list[Any]) -> list[str]:
        return [str(header.uuid) for header in found]

    service = pywats.report
    assert ids(await service.query_headers()) == [numbered(2), numbered(1), numbered(0)]
    assert ids(await service.query_headers(ReportType.UUR, orderby="start asc", top=1, skip=1)) == [numbered(1)]
    assert ids(await service.get_headers_by_serial("A")) == [numbered(2), numbered(0)]
    assert ids(await service.get_headers_by_part_number("PN-1", top=1)) == [numbered(2)]
    day = datetime(2026, 1, 2, tzinfo=UTC)
    assert ids(await service.get_headers_by_date_range(day, day + timedelta(hours=1))) == [numbered(1)]
    assert await service.get_recent_headers(days=1) == []
    assert await service.get_todays_headers() == []
    assert len(await service.query_headers_by_subunit_part_number("P2", "uut")) == 3
    assert len(await service.query_headers_by_subunit_serial("S2", "uut", top=2)) == 2
    # Its default type, ReportType.UUT, is mistaken for the other one: it looks into sub-units of repairs.
    assert await service.query_headers_by_subunit_serial("S2") == []
    (header, *_) = await service.query_headers_with_subunits("uut")
    assert header.sub_units is not None
    assert [(unit.serial_number, unit.part_type) for unit in header.sub_units] == [("S2", "PCB")]
    assert header.start_utc is None
    assert (header.result, header.run, header.sw_version) == ("Passed", 2, "1.0.0")
    (full, *_) = await service.query_uut_headers(expand=["miscInfo", "assets", "attachments"])
    assert full.misc_info is not None
    assert [(info.description, info.value) for info in full.misc_info] == [("Lot", "L1")]
    with pytest.raises(exceptions.ValidationError, match="cannot order by result"):
        await service.query_headers(orderby="result")
    with pytest.raises(exceptions.ValidationError, match="expected a whole number 0 to 10000"):
        await service.query_headers(top=10_001)


async def test_calls_that_the_client_gets_wrong_fail(pywats: AsyncWATS) -> None:
    """Attachments without the report, misc infos by a name that no server knows; certificates are not here."""
    built = passed(pywats)
    built.get_root_sequence_call().add_action_step("file").attachment = HELLO
    await pywats.report.submit_report(built)
    for query in ({"attachment_id": "1"}, {"step_id": "2"}):
        with pytest.raises(exceptions.ValidationError, match="reportId is required"):
            await pywats.report.get_attachment(**query)
    with pytest.raises(exceptions.ValidationError, match="data is required"):
        await pywats.report.query_headers_by_misc_info("Lot", "L1")
    with pytest.raises(exceptions.NotFoundError):
        await pywats.report.get_certificate(REPORT_ID)
    with pytest.raises(exceptions.NotFoundError):
        await pywats.report.get_report_xml(REPORT_ID)
    packed = await pywats.report.get_all_attachments(REPORT_ID)
    assert packed is not None
    assert packed[:2] == b"PK"
    raw = await pywats.http_client.get("/api/Report/Attachment", params={"reportId": REPORT_ID, "stepId": 2})
    assert raw.raw == b"hello"


async def test_reports_are_read_with_less(pywats: AsyncWATS) -> None:
    """The client can read a report without steps, files and points of charts."""
    built = passed(pywats)
    root = built.get_root_sequence_call()
    root.add_action_step("file").attachment = HELLO
    step = root.add_chart_step("wave", chart_type="Line")
    assert step.chart is not None
    step.chart.add_series("up", [1.0], [2.0])
    await pywats.report.submit_report(built)
    bare = await pywats.report.get_report(REPORT_ID, detail_level=0)
    assert isinstance(bare, UUTReport)
    assert len(bare.root.steps) == 0
    slim = await pywats.report._repository.get_wsjf(  # noqa: SLF001 - the service has no argument for it
        REPORT_ID, include_chartdata=False, include_attachments=False
    )
    assert isinstance(slim, UUTReport)
    file, wave = slim.root.steps
    assert file.attachment is None
    assert wave.chart is not None
    assert wave.chart.series == []


async def test_a_report_in_xml_gives_no_usable_id(pywats: AsyncWATS) -> None:
    """The server takes it and answers a list, which the client turns into a text."""
    answer = await pywats.report.submit_report_xml(document(one()).decode())
    assert answer == str([{"ID": REPORT_ID, "uuid": REPORT_ID, "Report_ID": 1}])
    assert isinstance(await pywats.report.get_report(REPORT_ID), UUTReport)
    with pytest.raises(exceptions.ValidationError, match="no well-formed XML"):
        await pywats.report.submit_report_xml("<Reports>")


@pytest.mark.parametrize("lenient", [False, True])
async def test_the_clients_key_for_an_asset_is_taken_by_a_switch_only(lenient: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """`add_asset` sends `sn`: refused, since a server is described with `assetSN`; with the switch it counts."""
    settings = Settings(port=0, rate_limit=0, lenient_assets=lenient)
    async with serve(settings) as running, client_of(running, TOKEN) as http, pywats_of(running) as pywats:
        await save(http, serialNumber="F1", typeId=await make_type(http))
        built = passed(pywats)
        built.add_asset("F1", 2)
        if not lenient:
            with pytest.raises(ValueError, match=r"assets\[0\]\.assetSN: required"):
                await pywats.report.submit_report(built)
            return
        back = await returned(pywats, built)
        assert back.assets is not None
        assert [(asset.sn, asset.usage_count) for asset in back.assets] == [("F1", 2)]
        asset = await pywats.asset.get_asset(serial_number="F1")
        assert asset is not None
        assert asset.total_count == 2


@pytest.mark.parametrize("taken", [False, True])
async def test_failure_codes_of_ones_own_are_taken_by_a_switch_only(taken: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A category that is not seeded is refused, or taken where the operator says so."""
    async with serve(Settings(port=0, rate_limit=0, any_repair_code=taken)) as running, pywats_of(running) as pywats:
        built = pywats.report.create_uur_report("PN-1", 100, serial_number="SN-1")
        built.add_failure("Ours", "X1")
        if taken:
            assert await pywats.report.submit_report(built) == str(built.id)
        else:
            with pytest.raises(ValueError, match="category: 'Ours' is unknown; use one of Component"):
                await pywats.report.submit_report(built)


@pytest.mark.parametrize(("again", "uses"), [(False, 2), (True, 4)])
async def test_assets_count_once_or_at_each_reception(again: bool, uses: int) -> None:  # noqa: FBT001 - a parameter of the test
    """Sent twice under one id, a report counts its assets once, or twice where the operator says so."""
    settings = Settings(port=0, rate_limit=0, count_asset_use_again=again)
    async with serve(settings) as running, client_of(running, TOKEN) as http, pywats_of(running) as pywats:
        await save(http, serialNumber="F1", typeId=await make_type(http))
        for _ in range(2):
            await pywats.report.submit_report(report(assets=[{"assetSN": "F1", "usageCount": 2}]))
        asset = await pywats.asset.get_asset(serial_number="F1")
        assert asset is not None
        assert (asset.running_count, asset.total_count) == (uses, uses)
        back = await pywats.report.get_report(REPORT_ID)
        assert isinstance(back, UUTReport)
        assert back.asset_stats == [{"sn": "F1", "assetSN": "F1", "runningCount": uses, "totalCount": uses}]
