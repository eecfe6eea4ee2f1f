"""`/api/Production/UnitVerification`: how good a unit is, from the reports about it.

A server follows rules that its owner wrote for a product. The emulator has none: it looks at every operation that the
unit was tested in. The fields are those that pywats reads; what they mean beyond their names, and the letters of the
grade, are guesses.
"""

from collections import Counter
from collections.abc import Mapping
from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.wire import Call, Reply, json_reply

PASSED, FAILED, UNKNOWN = "Passed", "Failed", "Unknown"

_REPORTS = """SELECT r.reportType, r.processCode, r.processName, r.result, r.start, r.stationName,
CASE r.reportType WHEN 'R' THEN b.body END AS repair FROM reports r JOIN report_bodies b USING (number)
WHERE NOT r.quarantined AND r.serialNumber = ? AND (? IN ('', r.partNumber)) ORDER BY r.start, r.number"""


class _Uur(msgspec.Struct):
    processCode: int  # noqa: N815 - the wire's name


class _Repair(msgspec.Struct):
    uur: _Uur


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One operation of a unit; status, start and station are those of its last run."""

    process_code: int
    process_name: str
    process_index: int
    status: str
    start_utc: str
    station_name: str
    total_count: int
    non_passed_count: int
    repair_count: int


class Grade(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A unit's grade: A all well at the first try, B at last, C after a repair, D not; no report at all is Unknown."""

    status: str
    grade: str
    all_processes_executed_in_correct_order: bool
    all_processes_passed_first_run: bool
    all_processes_passed_any_run: bool
    all_processes_passed_last_run: bool
    no_repairs: bool
    results: list[Result]


def get_verification(call: Call) -> Reply:
    """GET /api/Production/UnitVerification: the grade of the unit that `serialNumber` and, if given, `partNumber` name.

    A unit without a test report, known or not, is Unknown.

    Raises:
        Refusal: 400, no serial number.
    """
    part_number = call.query.get("partnumber", "")
    reports = call.store.rows(_REPORTS, call.required("serialNumber"), part_number)
    indexes = {code: process.process_index for code, process in call.settings.processes.items()}
    return json_reply(grade_of(reports, indexes))


def grade_of(reports: list[Row], indexes: Mapping[int, int]) -> Grade:
    """The grade that the reports about one unit give, oldest first.

    `indexes` says where each operation stands; one that the server no longer knows stands by its code.
    """
    repairs = Counter(_repaired(report) for report in reports if report["reportType"] == "R")
    runs: dict[int, list[Row]] = {}
    for report in reports:
        if report["reportType"] == "T":
            runs.setdefault(report["processCode"], []).append(report)
    results = [_result(code, indexes.get(code, code), of_it, repairs[code]) for code, of_it in runs.items()]
    tested = bool(results)
    order = [result.process_index for result in results]  # by their first runs
    first = tested and all(of_it[0]["result"] == PASSED for of_it in runs.values())
    last = tested and all(result.status == PASSED for result in results)
    in_order = tested and order == sorted(order)
    return Grade(
        status=(PASSED if last else FAILED) if tested else UNKNOWN,
        grade=_letter(first=first and in_order, last=last, repaired=bool(repairs)) if tested else UNKNOWN,
        all_processes_executed_in_correct_order=in_order,
        all_processes_passed_first_run=first,
        all_processes_passed_any_run=tested and all(result.non_passed_count < result.total_count for result in results),
        all_processes_passed_last_run=last,
        no_repairs=not repairs,
        results=sorted(results, key=_index),
    )


def _result(code: int, index: int, runs: list[Row], repairs: int) -> Result:
    last = runs[-1]
    return Result(
        process_code=code,
        process_name=last["processName"],
        process_index=index,
        status=last["result"],
        start_utc=last["start"],
        station_name=last["stationName"],
        total_count=len(runs),
        non_passed_count=sum(run["result"] != PASSED for run in runs),
        repair_count=repairs,
    )


def _letter(*, first: bool, last: bool, repaired: bool) -> str:
    if not last:
        return "D"
    if repaired:
        return "C"
    return "A" if first else "B"


def _index(result: Result) -> int:
    return result.process_index


def _repaired(report: Row) -> int:
    """The operation that a repair report says failed."""
    return msgspec.json.decode(report["repair"], type=_Repair).uur.processCode
