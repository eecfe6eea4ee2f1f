"""What is read of reports beside the report itself: lists in headers, files, states, repair codes."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.emulator.examples import REPORT_ID, make_type, numeric_step, repair, report, save
from tests.emulator.test_reports import numbered, send

Json = dict[str, Any]
HEADER = "/api/Report/Query/Header"
LOG = {"name": "log.txt", "contentType": "text/plain", "data": "aGVsbG8="}


async def headers(http: httpx.AsyncClient, path: str = HEADER, **options: str) -> list[Json]:
    """The headers that a query gives, its options without `$`."""
    query = {name if path != HEADER else f"${name}": value for name, value in options.items()}
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()
    return found


def with_files() -> Json:
    """A report with two files at steps, one of them deep, and one of its own."""
    inner = {"stepType": "SequenceCall", "name": "s", "status": "P", "steps": [numeric_step("b", attachment=LOG)]}
    taken = report(binaryData=[{"name": "a/b.bin", "contentType": "bad\ntype", "data": "AAE="}])
    taken["root"]["steps"] = [inner, numeric_step("c", attachment={**LOG, "data": "Yw=="})]
    return taken


async def test_headers_show_what_was_asked_for(http: httpx.AsyncClient) -> None:
    """`$expand` adds sub-units, misc infos, assets with their counts after the test, and what files there are."""
    await save(http, serialNumber="F1", typeId=await make_type(http))
    infos = [{"description": "Lot", "text": "L1"}, {"description": "Layers", "numeric": 4}]
    await send(http, with_files() | {"assets": [{"assetSN": "F1", "usageCount": 2}], "miscInfos": infos})
    (plain,) = await headers(http)
    assert not {"subUnits", "miscInfo", "assets", "attachments"} & set(plain)
    (full,) = await headers(http, expand="subUnits, miscInfo,assets,attachments")
    assert full["subUnits"] == [{"serialNumber": "S2", "partNumber": "P2", "revision": "A", "partType": "PCB"}]
    assert full["miscInfo"] == [{"description": "Lot", "value": "L1"}, {"description": "Layers", "value": "4"}]
    assert full["assets"] == [{"serialNumber": "F1", "runningCount": 2, "totalCount": 2}]
    assert [(file["attachmentId"], file["fileName"], file["size"]) for file in full["attachments"]] == [
        (1, "log.txt", 5),
        (2, "log.txt", 1),
        (3, "a/b.bin", 2),
    ]
    refused = await http.get(HEADER, params={"$expand": "steps"})
    assert refused.status_code == 400
    assert "unknown 'steps'; use some of assets" in refused.json()["Message"]


async def test_repairs_have_lists_of_their_own_names(http: httpx.AsyncClient) -> None:
    """A repair shows its units as `uurSubUnits` only, its test and that test's operation; a test shows `subUnits`."""
    await send(http, report())
    await send(http, repair(id=numbered(1), start="2026-01-03T00:00:00Z", binaryData=[LOG]))
    found = await headers(http, expand="subUnits,uurSubUnits,uurMiscInfo,uurAssets,uurAttachments")
    assert [sorted(set(header) & {"subUnits", "uurSubUnits", "uurMiscInfo", "uurAttachments"}) for header in found] == [
        ["uurAttachments", "uurMiscInfo", "uurSubUnits"],
        ["subUnits"],
    ]
    assert (found[0]["referencedUut"], found[0]["testOperation"]) == (REPORT_ID, "End of line test")
    assert [header["uuid"] for header in await headers(http, filter=f"referencedUut eq {REPORT_ID}")] == [numbered(1)]
    test = (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).json()
    assert test["uut"]["referencedByUURs"] == [{"id": numbered(1), "start": "2026-01-03T00:00:00.0000000Z"}]


async def test_reports_are_found_by_what_is_in_their_lists(http: httpx.AsyncClient) -> None:
    """`any` looks into sub-units and misc infos of the type it names; a report sent again brings its new lists."""
    await send(http, report())
    await send(http, repair(id=numbered(1)))
    looked = {
        "subUnits/any(s: s/partNumber eq 'P2')": [REPORT_ID],
        "subUnits/any(s: s/partNumber eq 'P2' and s/serialNumber eq 'S1')": [],
        "uurSubUnits/any(s: s/serialNumber eq 'SN-1')": [numbered(1)],
        "subUnits/any(s: s/serialNumber eq 'SN-1')": [],
        "uurSubUnits/any(s: s/partNumber eq 'P2')": [],
        "miscInfo/any(m: startswith(m/value,'L'))": [REPORT_ID],
        "not miscInfo/any(m: m/description eq 'Lot')": [numbered(1)],
    }
    for text, ids in looked.items():
        assert [header["uuid"] for header in await headers(http, filter=text)] == ids, text
    await send(http, report(subUnits=[], miscInfos=[]))
    assert await headers(http, filter="subUnits/any(s: s/partNumber eq 'P2')") == []
    assert (await http.get(HEADER, params={"$filter": "steps/any(s: s/name eq 'V')"})).status_code == 400


async def test_reports_are_found_by_misc_info(http: httpx.AsyncClient) -> None:
    """`description` and `data` are both needed, may be blank, and match whole; the other options hold, too."""
    await send(http, report())
    await send(http, report(id=numbered(1), start="2026-02-01T00:00:00Z"))
    path = "/api/Report/Query/HeaderByMiscInfo"
    assert [h["uuid"] for h in await headers(http, path, description="Lot", data="L1")] == [numbered(1), REPORT_ID]
    by_time = {"description": "Lot", "data": "L1", "$filter": "start lt 2026-01-15"}
    assert [header["uuid"] for header in await headers(http, path, **by_time)] == [REPORT_ID]
    for data in ("L", "l1", "", "\0", "' OR 1=1"):
        assert await headers(http, path, description="Lot", data=data) == []
    for wrong, missing in (
        ({"description": "Lot"}, "data"),
        ({"data": "L1"}, "description"),
        ({"description": "Lot", "stringValue": "L1"}, "data"),
    ):
        answer = await http.get(path, params=wrong)
        assert (answer.status_code, answer.json()["Message"]) == (400, f"query parameter {missing} is required")


async def test_headers_name_the_step_that_failed_the_unit(http: httpx.AsyncClient) -> None:
    """The first bad step with none below it, and the way to it; nothing for a report that passed."""
    inner = {"stepType": "SequenceCall", "name": "s", "status": "F", "steps": [numeric_step("b", status="F")]}
    taken = report(result="F", uut={"errorCode": 7, "errorMessage": "burnt", "fixtureId": "F1", "testSocketIndex": 2})
    taken["root"] |= {"status": "F", "steps": [numeric_step("a"), inner]}
    await send(http, taken)
    (header,) = await headers(http)
    assert header["causedUutFailure"] == "b"
    assert header["causedUutFailurePath"] == "MainSequence Callback¶s¶b"
    assert (header["errorCode"], header["errorMessage"], header["fixtureId"], header["testSocketIndex"]) == (
        7,
        "burnt",
        "F1",
        2,
    )
    await send(http, repair(id=REPORT_ID))
    (header,) = await headers(http)
    assert not {"causedUutFailure", "errorCode", "fixtureId"} & set(header)


async def test_a_reader_may_leave_out_the_bulk(http: httpx.AsyncClient) -> None:
    """Files and the points of charts are left out where asked; detail 0 has no steps, more is refused or all."""
    taken = with_files()
    series = [{"name": "up", "xdata": "1;2", "ydata": "3;4"}]
    taken["root"]["steps"].append(
        {"stepType": "Chart", "name": "c", "status": "P", "chart": {"chartType": "Line", "series": series}}
    )
    await send(http, taken)

    async def read(query: str) -> Json:
        answer = await http.get(f"/api/Report/Wsjf/{REPORT_ID}?{query}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    for query in ("", "detailLevel=7", "detailLevel=1", "includeChartdata=true&includeAttachments=True"):
        full = await read(query)
        assert full["binaryData"] == taken["binaryData"]
        assert full["root"]["steps"][1]["attachment"] == taken["root"]["steps"][1]["attachment"]
        assert full["root"]["steps"][2]["chart"]["series"] == series
    bare = await read("includeAttachments=false&includeChartdata=false")
    assert "binaryData" not in bare
    assert "attachment" not in bare["root"]["steps"][0]["steps"][0]
    assert bare["root"]["steps"][2]["chart"] == {"chartType": "Line", "series": []}
    assert "steps" not in (await read("detailLevel=0"))["root"]
    for wrong in ("detailLevel=8", "detailLevel=-1", "detailLevel=", "includeChartdata=yes"):
        assert (await http.get(f"/api/Report/Wsjf/{REPORT_ID}?{wrong}")).status_code == 400


async def test_files_are_read_one_by_one(http: httpx.AsyncClient) -> None:
    """By number or by the step that has one, with their type; the report must be named, and be there."""
    await send(http, with_files())

    async def read(**query: str | int) -> httpx.Response:
        return await http.get("/api/Report/Attachment", params={name: str(value) for name, value in query.items()})

    first = await read(reportId=REPORT_ID.upper(), attachmentId=1)
    assert (first.status_code, first.content) == (200, b"hello")
    assert first.headers["content-type"].startswith("text/plain")
    assert (await read(reportId=REPORT_ID, stepId=4)).content == b"c"
    own = await read(reportId=REPORT_ID, attachmentId=3)
    assert (own.content, own.headers["content-type"]) == (b"\0\1", "application/octet-stream")
    assert (await read(attachmentId=1)).json()["Message"] == "query parameter reportId is required"
    assert (await read(reportId=REPORT_ID, attachmentId=4)).status_code == 404
    assert (await read(reportId=REPORT_ID, stepId=1)).status_code == 404
    assert (await read(reportId="", attachmentId=1)).status_code == 404
    assert (await read(reportId=REPORT_ID)).status_code == 400
    assert (await read(reportId=REPORT_ID, attachmentId=1, stepId=4)).status_code == 400
    assert (await read(reportId=REPORT_ID, attachmentId="x")).status_code == 400


async def test_files_are_read_as_a_zip(http: httpx.AsyncClient) -> None:
    """All of them, each below its number, so that equal names do not meet; no slash of a name makes a folder."""
    await send(http, with_files())
    answer = await http.get(f"/api/Report/Attachments/{REPORT_ID}")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "1/log.txt": b"hello",
            "2/log.txt": b"c",
            "3/a_b.bin": b"\0\1",
        }
    assert (await http.get(f"/api/Report/Attachments/{numbered(9)}")).status_code == 404


async def test_the_state_tells_of_quarantine(http: httpx.AsyncClient, referer: dict[str, str]) -> None:
    """The internal route is the only one that shows a report from the future; it wants a Referer."""
    path = f"/api/internal/Report/GetReportState/{REPORT_ID}"
    assert (await http.get(path, headers=referer)).status_code == 404
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()  # noqa: TID251 - what the emulator compares with
    await send(http, report(start=soon))
    state = (await http.get(path, headers=referer)).json()
    assert (state["uuid"], state["State"], state["ReceiveCount"]) == (REPORT_ID, "Quarantined", 1)
    assert len(state["ReceiveDate"].partition(".")[2]) == len("1234567Z")
    await send(http, report())
    state = (await http.get(path, headers=referer)).json()
    assert (state["State"], state["ReceiveCount"]) == ("Processed", 2)
    assert (await http.get(path)).status_code == 403


async def test_operations_are_read_in_detail(http: httpx.AsyncClient, referer: dict[str, str]) -> None:
    """Each has an id under which it is found; a repair operation has failure codes, another none."""
    base = "/api/internal/Process"
    known = {found["Code"]: found for found in (await http.get(f"{base}/GetProcesses", headers=referer)).json()}
    assert known[500]["IsRepairOperation"]
    ids = {code: found["ProcessID"] for code, found in known.items()}
    assert len(set(ids.values())) == len(ids)
    one = await http.get(f"{base}/GetProcess/{ids[100].upper()}", headers=referer)
    assert one.json() == known[100]
    repairs = (await http.get(f"{base}/GetRepairOperations", headers=referer)).json()
    assert list(repairs) == ["500", "510"]
    assert (await http.get(f"{base}/GetRepairOperation/{ids[500]}", headers=referer)).json() == repairs["500"]
    for path in (f"GetRepairOperation/{ids[100]}", f"GetRepairOperation/{numbered(1)}", "GetProcess/x"):
        assert (await http.get(f"{base}/{path}", headers=referer)).status_code == 404


@pytest.fixture
def referer(http: httpx.AsyncClient) -> dict[str, str]:
    """What the internal routes ask for."""
    return {"Referer": str(http.base_url)}
