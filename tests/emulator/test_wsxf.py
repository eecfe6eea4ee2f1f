"""Reports in XML."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

import httpx
import pytest

from pywats_mqtt.emulator.reports.xml import XmlError, parse_xml
from tests.emulator.examples import REPORT_ID
from tests.emulator.test_reports import numbered, stored

Json = dict[str, Any]
WSXF = "/api/Report/WSXF"
STEP = """<Step StepType="SequenceCall" Name="Main" Group="M" Status="Failed" total_time="1.5">
  <SequenceCall Name="n" Filename="main.seq" Filepath="C:/main.seq" Version="1.2"/>
  <Step StepType="ET_NLT" Name="U" Status="Passed">
    <ReportText>as &lt;expected&gt;</ReportText>
    <NumericLimit NumericValue="5" LowLimit="4.5" HighLimit="5.5" Units="V" CompOperator="GELE"/>
  </Step>
  <Step StepType="ET_MPFT" Name="Lamps" Status="Failed" ErrorCode="7">
    <PassFail Name="red" Status="Passed"/><PassFail Name="green" Status="Failed"/>
    <Attachment Name="a.txt" ContentType="text/plain" Size="5">aGVs bG8=</Attachment>
  </Step>
  <Step StepType="ET_SVT" Name="FW" Status="Done"><StringValue StringValue="1" StringLimit="1" CompOperator="EQ"
    Status="Passed"/></Step>
</Step>"""


def one(step: str = STEP, **changes: str | None) -> str:
    """One report; None takes an attribute away."""
    sent: dict[str, str | None] = {"type": "UUT", "ID": REPORT_ID, "PN": "PN-1", "SN": "SN-1", "Rev": "A"}
    sent |= {"Result": "Failed", "MachineName": "ST1", "Location": "Lab", "Purpose": "Production"}
    sent |= {"Start": "2026-01-02T03:04:05", **changes}
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in sent.items() if value is not None)
    return f"""<Report {attributes}><UUT UserLoginName="op" BatchSN="B1" ExecutionTime="2.5"><Comment>c</Comment></UUT>
    <Process Code="100"/><MiscInfo Description="Lot">L1</MiscInfo><MiscInfo Description="Layers" Numeric="4"/>
    <ReportUnitHierarchy PartType="PCB" PN="P2" SN="S2" Rev="A"/>{step}</Report>"""


def document(*reports: str) -> bytes:
    """Reports in their root element."""
    return f'<Reports xmlns="urn:anything">{"".join(reports)}</Reports>'.encode()


async def test_a_report_in_xml_is_the_report_in_json(http: httpx.AsyncClient) -> None:
    """Head, operator, misc infos, units and all kinds of measurements arrive."""
    answer = await http.post(WSXF, content=document(one()), headers={"Content-Type": "application/xml"})
    assert answer.json() == [{"ID": REPORT_ID, "uuid": REPORT_ID, "Report_ID": 1}]
    back: Json = (await http.get(f"/api/Report/Wsjf/{REPORT_ID}")).json()
    assert (back["type"], back["result"], back["pn"], back["sn"], back["processCode"]) == (
        "T",
        "F",
        "PN-1",
        "SN-1",
        100,
    )
    assert back["uut"] == {"user": "op", "batchSN": "B1", "execTime": 2.5, "comment": "c"}
    assert back["miscInfos"] == [{"description": "Lot", "text": "L1"}, {"description": "Layers", "numeric": 4}]
    assert back["subUnits"] == [{"partType": "PCB", "pn": "P2", "sn": "S2", "rev": "A"}]
    root = back["root"]
    assert (root["name"], root["status"], root["totTime"]) == ("Main", "F", 1.5)
    assert root["seqCall"] == {"name": "main.seq", "path": "C:/main.seq", "version": "1.2"}
    numeric, lamps, text = root["steps"]
    assert numeric["numericMeas"] == [
        {"status": "P", "value": 5.0, "lowLimit": 4.5, "highLimit": 5.5, "unit": "V", "compOp": "GELE"}
    ]
    assert numeric["reportText"] == "as <expected>"
    assert lamps["booleanMeas"] == [{"name": "red", "status": "P"}, {"name": "green", "status": "F"}]
    assert (lamps["errorCode"], lamps["causedUUTFailure"]) == (7, True)
    assert lamps["attachment"] == {"name": "a.txt", "contentType": "text/plain", "data": "aGVsbG8="}
    assert text["stringMeas"] == [{"status": "P", "value": "1", "limit": "1", "compOp": "EQ"}]


async def test_a_document_may_hold_many_reports_or_just_be_one(http: httpx.AsyncClient) -> None:
    """Each has its result; without an ID the same document is the same reports; an operation may be named."""
    bare = one(ID=None).replace('Code="100"', 'Name="ICT"')
    answers = [await http.post(WSXF, content=document(bare, one(), bare)) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert [result["Report_ID"] for result in answers[0].json()] == [1, 2, 3]
    assert [(row["receiveCount"], row["processCode"]) for row in await stored(http)] == [(2, 30), (2, 100), (2, 30)]
    assert (await http.post(WSXF, content=one(ID=numbered(1)).encode())).json()[0]["Report_ID"] == 4


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "no well-formed XML"),
        (b"<Reports>", "no well-formed XML"),
        (b'{"id": 1}', "no well-formed XML"),
        (b'<?xml version="1.0" encoding="nothing"?><a/>', "cannot be read"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares a document type"),
        (b"<Reports/>", "has no Report element; its root is 'Reports'"),
        (document(one(type="UUR")), "only UUT reports are taken as XML, got 'UUR'"),
        (document(one(step="")), "expected one Step right below Report, got 0"),
        (document(one(SN=None)), "sn: required"),
        (document(one(ID="42")), "id: expected a UUID"),
        (document(one(Result="Fine")), "result: expected one of P, F, E, T, got 'Fine'"),
        (document(one(), one(MachineName="")), "Report 2 of the document, with the names of WSJF:\nmachineName"),
        (document(one().replace('Code="100"', 'Name="Nothing"')), "processCode: expected a whole number"),
        (document(one().replace('NumericValue="5"', 'NumericValue="five"')), "value: expected a number, got 'five'"),
        (document(one().replace('NumericValue="5"', 'NumericValue="NaN"')), "value: expected a number, got nan"),
        (
            document(one(step='<Step StepType="SequenceCall" Name="s" Status="Passed">' * 1_000 + "</Step>" * 1_000)),
            "100",
        ),
    ],
)
async def test_wrong_documents_are_refused_whole(http: httpx.AsyncClient, body: bytes, problem: str) -> None:
    """400 says what is wrong, and no report of the document is kept."""
    answer = await http.post(WSXF, content=body)
    assert answer.status_code == 400, answer.text
    assert problem in answer.json()["Message"]
    assert await stored(http) == []


def test_xml_is_read_plainly() -> None:
    """Names lose their namespace, text its place between elements, and no declared entity is ever resolved."""
    root = parse_xml(b'<a:x xmlns:a="u" k="v">1<y>2</y>3</a:x>')
    assert (root.name, root.attributes, root.text, [child.text for child in root.children]) == (
        "x",
        {"k": "v"},
        "13",
        ["2"],
    )
    with pytest.raises(XmlError, match="document type"):
        parse_xml(b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>')
    with pytest.raises(XmlError, match="more than 200000 elements"):
        parse_xml(b"<x>" * 200_001)
