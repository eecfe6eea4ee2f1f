"""What a WSJF report must look like to be taken. Pure: a JSON object in, sentences about its mistakes out.

Every sentence begins with the place, such as `root.steps[2].numericMeas[0].value: expected a number, got 'x'`.
Keys that are not named here are left alone, as a server leaves them alone.
"""

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.processes import SEEDED, Process, Processes
from pywats_mqtt.emulator.reports.checks import Checks
from pywats_mqtt.emulator.reports.step_rules import check_root

REPORT_RESULTS = "PFET"
"""A report over REST is passed, failed, error or terminated; D and S are for steps."""

_HEAD_TEXTS = ("pn", "sn", "rev", "machineName", "location", "purpose")


def problems_of(report: JsonObject, processes: Processes = SEEDED) -> list[str]:
    """Every mistake in a report, in reading order; empty for a report that is taken.

    Args:
        report: What was sent.
        processes: The operations of the server.
    """
    checks = Checks()
    checks.uuid(report, "id")
    checks.choice(report, "type", "TR")
    for name in _HEAD_TEXTS:
        checks.text(report, name)
    checks.choice(report, "result", REPORT_RESULTS)
    checks.time(report, "start")
    checks.time(report, "startUTC", required=False)
    if report.get("type") == "R":
        _check_process(checks, report, "processCode", processes, repair=True)
        _check_uur(checks, report, processes)
    else:
        _check_process(checks, report, "processCode", processes, repair=False)
        _check_uut(checks, report)
    root = report.get("root")
    if isinstance(root, dict):
        check_root(checks, root)
    for place, unit in checks.sections(report, "subUnits"):
        _check_sub_unit(checks, place, unit)
    for place, info in checks.sections(report, "miscInfos"):
        checks.text(info, f"{place}description")
        checks.text(info, f"{place}text", required=False)
        checks.whole(info, f"{place}numeric")
    for place, asset in checks.sections(report, "assets"):
        checks.text(asset, f"{place}assetSN")
        checks.whole(asset, f"{place}usageCount", lowest=0)
    return checks.problems


def _check_process(checks: Checks, source: JsonObject, place: str, processes: Processes, *, repair: bool) -> None:
    code = checks.whole(source, place, required=True)
    if code is None:
        return
    known = [process.code for process in processes.values() if _fits(process, repair=repair)]
    if code not in known:
        use = f"use one of {', '.join(map(str, known))}" if known else "it has none"
        checks.say(place, f"{code} is no {'repair' if repair else 'test'} operation of this server; {use}")


def _fits(process: Process, *, repair: bool) -> bool:
    return process.is_repair_operation if repair else process.is_test_operation


def _check_uut(checks: Checks, report: JsonObject) -> None:
    uut = checks.section(report, "uut")
    if uut is not None:
        for name in ("user", "batchSN", "fixtureId"):
            checks.text(uut, f"uut.{name}", required=False)
        checks.text(uut, "uut.comment", 5000, required=False)
        checks.number(uut, "uut.execTime", lowest=0)
        checks.whole(uut, "uut.testSocketIndex")
    checks.section(report, "root")


def _check_uur(checks: Checks, report: JsonObject, processes: Processes) -> None:
    uur = checks.section(report, "uur")
    if uur is not None:
        _check_process(checks, uur, "uur.processCode", processes, repair=False)
        checks.text(uur, "uur.user", required=False)
        checks.text(uur, "uur.batchSN", required=False)
        checks.text(uur, "uur.comment", 5000, required=False)
        checks.number(uur, "uur.execTime", lowest=0)
        checks.uuid(uur, "uur.refUUT", required=False)
        checks.time(uur, "uur.confirmDate", required=False)
        checks.time(uur, "uur.finalizeDate", required=False)
    units = report.get("subUnits")
    failures = [unit.get("failures") for unit in units if isinstance(unit, dict)] if isinstance(units, list) else []
    if not any(failures):
        checks.say("subUnits", "a repair report needs at least one failure on its main unit (idx 0)")


def _check_sub_unit(checks: Checks, place: str, unit: JsonObject) -> None:
    for name in ("pn", "sn"):
        checks.text(unit, place + name)
    checks.text(unit, f"{place}rev", required=False)
    checks.text(unit, f"{place}partType", 50)
    checks.whole(unit, f"{place}idx", lowest=0)
    for inner, failure in checks.sections(unit, f"{place}failures"):
        checks.text(failure, f"{inner}category")
        checks.text(failure, f"{inner}code")
        checks.text(failure, f"{inner}comment", 5000, required=False)
        checks.text(failure, f"{inner}comRef", required=False)
        checks.whole(failure, f"{inner}refStepId")
