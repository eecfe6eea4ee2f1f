"""A test result as the WSJF report that WATS takes. Pure: an event and the configuration in, plain values out.

The report is built as a dict, not through pywats' models: they cost about 1.4 ms a report and would default `fixtureId`
to "Fixture" and `startUTC` to nothing. Tests read each kind of report back with those models.
"""

from __future__ import annotations

from base64 import b64encode

import msgspec

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetUse, SubUnit, TestResult
from pywats_mqtt.wats.steps import LONG_TEXT, NO_VERSION, SHORT_TEXT, TEXT, Json, Report, finite, wire_steps
from pywats_mqtt.wats.times import wire_time

ROOT_NAME = "MainSequence Callback"
ASSET_NOTE = "asset_used"
"""Name of the misc info for an asset that its own topic counts."""


def wsjf(result: TestResult, config: WatsConfig) -> Report:
    """Build the UUT report of a result.

    Args:
        result: what the device reported; numbers are finite.
        config: what the device left out: part number, revision, operation codes, location and purpose.

    Returns:
        The report as JSON values, under the id of the result.

    Raises:
        Reject: the part number is missing and no default is set, or a number cannot be sent.
    """
    start = wire_time(result.start)
    report: Report = {
        "id": str(result.report_id),
        "type": "T",
        "pn": part_number_of(result.part_number, config),
        "sn": result.serial_number,
        "rev": revision_of(result.revision, config),
        "processCode": operation_code(result.operation_code, result.test_type, config),
        "result": result.result,
        "machineName": result.device[:TEXT],
        "location": config.location,
        "purpose": config.purpose,
        "start": start,
        "startUTC": start,
        "uut": _uut(result),
        "root": _root(result, config),
    }
    if result.sub_units:
        report["subUnits"] = [sub_unit(unit) for unit in result.sub_units]
    counted = [use for use in result.assets if config.is_counted_by_reports(use.asset)]
    if counted:
        report["assets"] = [{"assetSN": use.asset, "usageCount": use.count} for use in counted]
    misc = result.misc + tuple((ASSET_NOTE, _use(use)) for use in result.assets if use not in counted)
    if misc:
        report["miscInfos"] = misc_infos(misc)
    return report


def operation_code(sent: int | None, test_type: str, config: WatsConfig) -> int:
    """Give the code the device sent, else that of its test type, else the default."""
    return config.operation_codes.get(test_type, config.default_operation_code) if sent is None else sent


def revision_of(sent: str, config: WatsConfig) -> str:
    """Give the revision sent, or the configured one where that is blank, which WATS refuses."""
    return sent if sent.strip() else config.default_revision


def part_number_of(sent: str, config: WatsConfig) -> str:
    """Give the part number the device sent, else the configured default.

    Raises:
        Reject: there is neither.
    """
    part_number = sent or config.default_part_number
    if not part_number:
        raise Reject(
            "no part number: the device sent none and wats.default_part_number is not set; set one of the two",
            path="$.part_number",
        )
    return part_number


def sub_unit(unit: SubUnit) -> Report:
    """Write a part with a number of its own."""
    wire: Report = {"sn": unit.serial_number, "pn": unit.part_number, "partType": unit.type[:SHORT_TEXT]}
    if unit.revision:
        wire["rev"] = unit.revision[:TEXT]
    return wire


def misc_infos(misc: tuple[tuple[str, str], ...]) -> list[Json]:
    """Write what is noted on a report; all as texts, since WATS' numbers there are whole."""
    return [{"description": name[:TEXT], "text": text[:TEXT]} for name, text in misc]


def _use(use: AssetUse) -> str:
    return use.asset if use.count == 1 else f"{use.asset} ({use.count} times)"


def _uut(result: TestResult) -> Report:
    uut: Report = {"user": result.operator[:TEXT]}
    if result.duration_s is not None:
        uut["execTime"] = finite(result.duration_s, "$.duration_ms")
    if result.batch:
        uut["batchSN"] = result.batch[:TEXT]
    if result.fixture:
        uut["fixtureId"] = result.fixture[:TEXT]
    if result.socket is not None:
        uut["testSocketIndex"] = result.socket
    if result.error_code is not None:
        uut["errorCode"] = result.error_code
    if result.error_message:
        uut["errorMessage"] = result.error_message[:LONG_TEXT]
    return uut


def _root(result: TestResult, config: WatsConfig) -> Report:
    program = (result.test_type or result.kind)[:TEXT]
    root: Report = {
        "stepType": "SequenceCall",
        "name": ROOT_NAME,
        "group": "M",
        "status": result.result,
        "seqCall": {"path": result.kind[:TEXT], "name": program, "version": NO_VERSION},
        "steps": wire_steps(result.steps, "$.steps", config.max_attachment_bytes) or [_verdict(program, result.result)],
    }
    if result.attachments:
        root["attachment"] = text_file(result.attachments)
    return root


def _verdict(name: str, result: str) -> Report:
    """Make the one step of a result that has none, since WATS wants one: the device's verdict itself."""
    measured: Report = {"status": "P" if result == "P" else "F"}
    return {"stepType": "ET_PFT", "name": name, "group": "M", "status": result, "booleanMeas": [measured]}


def text_file(attachments: tuple[tuple[str, str], ...]) -> Report:
    """Write texts as the one attachment there is room for: several go as one JSON list of pairs."""
    if len(attachments) == 1:
        name, text, content_type = attachments[0][0][:TEXT], attachments[0][1].encode(), "text/plain"
    else:
        name, text, content_type = "attachments.json", msgspec.json.encode(attachments), "application/json"
    return {"name": name or "attachment", "contentType": content_type, "data": b64encode(text).decode()}
