"""A test result as the WSJF report that WATS takes. Pure: an event and the configuration in, plain values out.

The report is built as a dict, not through pywats' models: they cost about 1.4 ms a report and would default `fixtureId`
to "Fixture" and `startUTC` to nothing. Tests read each kind of report back with those models.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from math import isfinite
from typing import TypeAlias

import msgspec

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Measurement, Step, TestResult

Json: TypeAlias = "str | int | float | list[Json] | dict[str, Json]"
Report: TypeAlias = dict[str, Json]

TEXT = 100
"""Most characters of a name, a unit, a measured text or a misc info."""

LONG_TEXT = 5_000
"""Most characters of an error message or a report text, as of a comment."""

ROOT_NAME = "MainSequence Callback"

NO_VERSION = "-"
"""Version of the test program, which devices do not send; not blank, since nobody knows whether WATS takes that."""


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
    part_number = result.part_number or config.default_part_number
    if not part_number:
        raise Reject(
            "no part number: the device sent none and wats.default_part_number is not set; set one of the two",
            path="$.part_number",
        )
    start = wire_time(result.start)
    report: Report = {
        "id": str(result.report_id),
        "type": "T",
        "pn": part_number,
        "sn": result.serial_number,
        "rev": result.revision or config.default_revision,
        "processCode": operation_code(result, config),
        "result": result.result,
        "machineName": result.device[:TEXT],
        "location": config.location,
        "purpose": config.purpose,
        "start": start,
        "startUTC": start,
        "uut": _uut(result),
        "root": _root(result),
    }
    # The adapters cut texts and keep them whole in an attachment; cutting here keeps that one promise to WATS for
    # events from elsewhere.
    if result.misc:
        report["miscInfos"] = [{"description": name[:TEXT], "text": text[:TEXT]} for name, text in result.misc]
    return report


def operation_code(result: TestResult, config: WatsConfig) -> int:
    """Give the code the device sent, else that of its test type, else the default."""
    if result.operation_code is not None:
        return result.operation_code
    return config.operation_codes.get(result.test_type, config.default_operation_code)


def wire_time(moment: datetime) -> str:
    """Write an aware time as UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _uut(result: TestResult) -> Report:
    uut: Report = {"user": result.operator[:TEXT]}
    if result.duration_s is not None:
        uut["execTime"] = _finite(result.duration_s, "$.duration_ms")
    if result.batch:
        uut["batchSN"] = result.batch[:TEXT]
    if result.fixture:
        uut["fixtureId"] = result.fixture[:TEXT]
    if result.socket is not None:
        uut["testSocketIndex"] = result.socket
    return uut


def _root(result: TestResult) -> Report:
    program = (result.test_type or result.kind)[:TEXT]
    root: Report = {
        "stepType": "SequenceCall",
        "name": ROOT_NAME,
        "group": "M",
        "status": result.result,
        "seqCall": {"path": result.kind[:TEXT], "name": program, "version": NO_VERSION},
        "steps": [_step(step, place) for place, step in enumerate(result.steps)] or [_verdict(program, result.result)],
    }
    if result.attachments:
        root["attachment"] = _attachment(result.attachments)
    return root


def _verdict(name: str, result: str) -> Report:
    """Make the one step of a result that has none, since WATS wants one: the device's verdict itself."""
    measured: Report = {"status": "P" if result == "P" else "F"}
    return {"stepType": "ET_PFT", "name": name, "group": "M", "status": result, "booleanMeas": [measured]}


def _step(step: Step, place: int) -> Report:
    wire: Report = {"stepType": "", "name": step.name[:TEXT], "group": "M", "status": step.status}
    measured = step.measurement
    if measured.value is None:
        wire["stepType"] = "ET_PFT"
        wire["booleanMeas"] = [{"status": measured.status}]
    elif isinstance(measured.value, str):
        wire["stepType"] = "ET_SVT"
        wire["stringMeas"] = [{"status": measured.status, "value": measured.value[:TEXT], "compOp": "LOG"}]
    else:
        wire["stepType"] = "ET_NLT"
        wire["numericMeas"] = [_numeric(measured, measured.value, f"$.steps[{place}]")]
    if step.duration_s is not None:
        wire["totTime"] = _finite(step.duration_s, f"$.steps[{place}].duration_ms")
    if step.error_code is not None:
        wire["errorCode"] = step.error_code
    if step.error_message:
        wire["errorMessage"] = step.error_message[:LONG_TEXT]
    if step.report_text:
        wire["reportText"] = step.report_text[:LONG_TEXT]
    return wire


def _numeric(measured: Measurement, value: float, path: str) -> Report:
    wire: Report = {"status": measured.status, "value": _finite(value, f"{path}.value"), "compOp": "LOG"}
    if measured.unit:
        wire["unit"] = measured.unit[:TEXT]
    low, high = measured.low, measured.high
    if low is not None:
        wire["compOp"] = "GE" if high is None else "GELE"
        wire["lowLimit"] = _finite(low, f"{path}.low")
        if high is not None:
            wire["highLimit"] = _finite(high, f"{path}.high")
    elif high is not None:
        wire["compOp"] = "LE"
        wire["lowLimit"] = _finite(high, f"{path}.high")  # the operators with one limit read lowLimit only
    return wire


def _finite(number: float, path: str) -> float:
    """Refuse what JSON cannot carry."""
    if not isfinite(number):
        raise Reject(f"expected a finite number, got {number}", path=path)
    return number


def _attachment(attachments: tuple[tuple[str, str], ...]) -> Report:
    """Put the texts on the root step. A step has room for one attachment, so several go as one JSON list of pairs."""
    if len(attachments) == 1:
        name, text, content_type = attachments[0][0][:TEXT], attachments[0][1].encode(), "text/plain"
    else:
        name, text, content_type = "attachments.json", msgspec.json.encode(attachments), "application/json"
    return {"name": name or "attachment", "contentType": content_type, "data": b64encode(text).decode()}
