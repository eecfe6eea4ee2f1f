"""A repair as the WSJF report that WATS takes, and what WATS says of tests and of the failures it knows. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.events import Failure, Repair
from pywats_mqtt.ports import KnownTest
from pywats_mqtt.wats.reports import misc_infos, operation_code, part_number_of, revision_of, sub_unit, text_file
from pywats_mqtt.wats.steps import LONG_TEXT, TEXT, Json, Report, finite
from pywats_mqtt.wats.times import wire_time

MAIN = "Main"
"""Type of the unit itself among the parts, as pywats names it."""

_PASSED = frozenset({"passed", "p"})


def wsjf_repair(repair: Repair, config: WatsConfig) -> Report:
    """Build the UUR report of a repair.

    The operation of the report is the repair's, that of its `uur` the failed test's. The unit itself is the part with
    index 0; its parts follow, each below it.

    Raises:
        Reject: the part number is missing and no default is set, or a number cannot be sent.
    """
    start = wire_time(repair.start)
    took_s = finite(repair.duration_s or 0.0, "$.duration_ms")
    part_number = part_number_of(repair.part_number, config)
    revision = revision_of(repair.revision, config)
    uur: Report = {
        "user": repair.operator[:TEXT],
        "execTime": took_s,
        "processCode": operation_code(repair.operation_code, repair.test_type, config),
        "confirmDate": start,
        "finalizeDate": wire_time(repair.start + timedelta(seconds=took_s)),
    }
    if repair.comment:
        uur["comment"] = repair.comment[:LONG_TEXT]
    if repair.batch:
        uur["batchSN"] = repair.batch[:TEXT]
    if repair.failed_test is not None:
        uur["refUUT"] = str(repair.failed_test)
    main: Report = {"pn": part_number, "sn": repair.serial_number, "rev": revision, "partType": MAIN, "idx": 0}
    parts: list[Json] = [main | _found(repair.failures)]
    for index, part in enumerate(repair.parts, 1):
        parts.append(sub_unit(part.unit) | {"idx": index, "parentIdx": 0} | _found(part.failures))
    report: Report = {
        "id": str(repair.report_id),
        "type": "R",
        "pn": part_number,
        "sn": repair.serial_number,
        "rev": revision,
        "processCode": repair_code(repair.repair_code, config),
        "result": repair.result,
        "machineName": repair.device[:TEXT],
        "location": config.location,
        "purpose": config.purpose,
        "start": start,
        "startUTC": start,
        "uur": uur,
        "subUnits": parts,
    }
    if repair.misc:
        report["miscInfos"] = misc_infos(repair.misc)
    if repair.attachments:
        report["binaryData"] = [text_file(repair.attachments)]
    return report


def repair_code(sent: int | None, config: WatsConfig) -> int:
    """Give the code the device sent, else the default."""
    return config.default_repair_code if sent is None else sent


def _found(failures: tuple[Failure, ...]) -> Report:
    return {"failures": [_failure(failure) for failure in failures]} if failures else {}


def _failure(failure: Failure) -> Report:
    wire: Report = {"category": failure.category, "code": failure.code}
    if failure.comment:
        wire["comment"] = failure.comment[:LONG_TEXT]
    if failure.com_ref:
        wire["comRef"] = failure.com_ref[:TEXT]
    return wire


class Header(msgspec.Struct, rename="camel"):
    """What we read of a report in short."""

    uuid: UUID
    start: datetime | None = None
    result: str | None = None
    process_code: int | None = None


def known_tests(listed: object) -> list[Header]:
    """Read a list of reports in short.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return msgspec.convert(listed, list[Header])


def newest_failed(headers: list[Header], before: datetime) -> KnownTest | None:
    """Pick the newest failed test that began before a time; None where there is none.

    Args:
        headers: newest first.
        before: aware.
    """
    for header in headers:
        failed = (header.result or "").lower() not in _PASSED
        if failed and header.start is not None and _is_before(header.start, before):
            return KnownTest(header.uuid, header.process_code)
    return None


def _is_before(start: datetime, moment: datetime) -> bool:
    """Compare a time of the server, in UTC where it names no zone."""
    return (start if start.tzinfo else start.replace(tzinfo=moment.tzinfo)) <= moment


class _Category(msgspec.Struct):
    """A category, or a code in it, which looks alike."""

    description: str = msgspec.field(name="Description", default="")
    codes: list[_Category] = msgspec.field(name="Failcodes", default_factory=list)


class _Operation(msgspec.Struct):
    categories: list[_Category] = msgspec.field(name="Categories", default_factory=list)


def codes_of(data: object, code: int) -> dict[str, tuple[str, ...]] | None:
    """Read which codes each category of a repair operation has; None where the server does not say.

    Args:
        data: answer of `GetRepairOperations`.
        code: of the operation.
    """
    try:
        operations = msgspec.convert(data, dict[str, _Operation])
    except msgspec.ValidationError:
        return None
    operation = operations.get(str(code))
    if operation is None or not operation.categories:
        return None
    return {category.description: tuple(_codes(category)) for category in operation.categories}


def _codes(category: _Category) -> list[str]:
    """Give the codes of a category, those of its groups too."""
    return [name for code in category.codes for name in ([code.description] if not code.codes else _codes(code))]
