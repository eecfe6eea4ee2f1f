"""`/api/Report/WSXF`: test reports in XML, taken as the WSJF reports that say the same.

Read are the head, `UUT`, `Process`, `MiscInfo`, `ReportUnitHierarchy` and the steps with sequence call, measurements,
report text and attachment. Repair reports, charts, assets and loops are not; GET gives every report as WSJF only.
"""

from hashlib import sha256
from uuid import NAMESPACE_OID, uuid5

import msgspec

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.processes import Processes
from pywats_mqtt.emulator.reports.stored import accept
from pywats_mqtt.emulator.reports.wsxf_steps import decimal, letter, step_of, texts, whole
from pywats_mqtt.emulator.reports.xml import Element, XmlError, parse_xml
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

_TYPES = {"uut": "T", "t": "T"}
_HEAD = {
    "PN": "pn",
    "SN": "sn",
    "Rev": "rev",
    "MachineName": "machineName",
    "Location": "location",
    "Purpose": "purpose",
    "Start": "start",
    "Start_utc": "startUTC",
}
_UUT = {"UserLoginName": "user", "BatchSN": "batchSN", "FixtureId": "fixtureId", "ErrorMessage": "errorMessage"}
_UNIT = {"PartType": "partType", "PN": "pn", "SN": "sn", "Rev": "rev"}


def post_report(call: Call) -> Reply:
    """POST /api/Report/WSXF: store the test reports of an XML document; the answer has a result for each.

    A report without `ID` gets one that is made from the document, so that the same document is the same report.

    Raises:
        Refusal: 400, no XML, no report in it, or one that breaks the rules of WSJF; none of them is kept then.
    """
    try:
        root = parse_xml(call.body)
    except XmlError as exc:
        raise Refusal(400, str(exc)) from exc
    reports = [root] if root.name == "Report" else list(root.all("Report"))
    if not reports:
        raise Refusal(400, f"the document has no Report element; its root is {root.name!r:.40}")
    results = []
    for place, element in enumerate(reports, 1):
        try:
            report = _report_of(element, call, place)
            results.append(accept(call, report, msgspec.json.encode(report)))
        except Refusal as refusal:
            message = f"Report {place} of the document, with the names of WSJF:\n{refusal}"
            raise Refusal(refusal.status, message) from refusal
    return json_reply(results)


def _report_of(element: Element, call: Call, place: int) -> JsonObject:
    sent = element.attributes
    kind = sent.get("type", "")
    if kind.lower() not in _TYPES:
        raise Refusal(400, f"type: only UUT reports are taken as XML, got {kind!r:.40}; send others as WSJF")
    steps = list(element.all("Step"))
    if len(steps) != 1:
        raise Refusal(400, f"root: expected one Step right below Report, got {len(steps)}")
    return {
        "id": sent.get("ID") or str(uuid5(NAMESPACE_OID, f"{place}/{sha256(call.body).hexdigest()}")),
        "type": _TYPES[kind.lower()],
        "result": letter(sent.get("Result")),
        **texts(element, _HEAD),
        "processCode": _process_code(element.one("Process"), call.settings.processes),
        "uut": _uut(element.one("UUT")),
        "root": step_of(steps[0], 1),
        "miscInfos": [_misc_info(info) for info in element.all("MiscInfo")],
        "subUnits": [texts(unit, _UNIT) for unit in element.all("ReportUnitHierarchy")],
    }


def _process_code(element: Element | None, processes: Processes) -> object:
    """The code of an operation that is given by code or by name."""
    if element is None:
        return None
    code, name = element.attributes.get("Code"), element.attributes.get("Name")
    if code is None and name is not None:
        return next((known.code for known in processes.values() if known.name == name), name)
    return whole(code)


def _uut(element: Element | None) -> JsonObject | None:
    if element is None:
        return None
    comment = element.one("Comment")
    more = {
        "execTime": decimal(element.attributes.get("ExecutionTime")),
        "testSocketIndex": whole(element.attributes.get("TestSocketIndex")),
        "errorCode": whole(element.attributes.get("ErrorCode")),
        "comment": comment.text if comment else None,
    }
    return texts(element, _UUT) | {name: value for name, value in more.items() if value is not None}


def _misc_info(element: Element) -> JsonObject:
    numeric, info = whole(element.attributes.get("Numeric")), texts(element, {"Description": "description"})
    if element.text.strip() or numeric is None:
        info["text"] = element.text.strip()
    return info if numeric is None else info | {"numeric": numeric}
