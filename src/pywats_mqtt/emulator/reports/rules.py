"""What a WSJF report must look like to be taken. Pure: a JSON object in, sentences about its mistakes out.

Every sentence begins with the place, such as `root.steps[2].numericMeas[0].value: expected a number, got 'x'`.
Keys that are not named here are left alone, as a server leaves them alone.
"""

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.processes import SEEDED, Process, Processes
from pywats_mqtt.emulator.reports.checks import Checks
from pywats_mqtt.emulator.reports.repair_rules import check_repair
from pywats_mqtt.emulator.reports.step_data import check_file
from pywats_mqtt.emulator.reports.step_rules import check_root

REPORT_RESULTS = "PFET"
"""A report over REST is passed, failed, error or terminated; D and S are for steps."""

_HEAD_TEXTS = ("pn", "sn", "rev", "machineName", "location", "purpose")


def problems_of(
    report: JsonObject, processes: Processes = SEEDED, *, any_repair_code: bool = False, asset_sn: bool = False
) -> list[str]:
    """Every mistake in a report, in reading order; empty for a report that is taken.

    Args:
        report: As it was sent.
        processes: The operations of the server.
        any_repair_code: Whether a failure may have a category and code that `repair_codes` does not list.
        asset_sn: Whether an asset may be named by `sn`, as pywats does, instead of `assetSN`.
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
        uur = report.get("uur")
        if isinstance(uur, dict):
            _check_process(checks, uur, "uur.processCode", processes, repair=False)
        check_repair(checks, report, any_code=any_repair_code)
    else:
        _check_process(checks, report, "processCode", processes, repair=False)
        _check_uut(checks, report)
    root = report.get("root")
    if isinstance(root, dict):
        check_root(checks, root)
    for place, unit in checks.sections(report, "subUnits"):
        _check_sub_unit(checks, place, unit)
    for place, info in checks.sections(report, "miscInfos"):
        _check_misc_info(checks, place, info)
    for place, asset in checks.sections(report, "assets"):
        key = "sn" if asset_sn and asset.get("assetSN") is None else "assetSN"
        checks.text(asset, place + key)
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
        for name in ("comment", "errorMessage"):
            checks.text(uut, f"uut.{name}", 5000, required=False)
        checks.number(uut, "uut.execTime", lowest=0)
        for name in ("testSocketIndex", "errorCode", "batchFailCount", "batchLoopIndex"):
            checks.whole(uut, f"uut.{name}")
    checks.section(report, "root")
    for place, file in checks.sections(report, "binaryData"):
        check_file(checks, place, file)


def _check_sub_unit(checks: Checks, place: str, unit: JsonObject) -> None:
    for name in ("pn", "sn"):
        checks.text(unit, place + name)
    checks.text(unit, f"{place}rev", required=False)
    checks.text(unit, f"{place}partType", 50)


def _check_misc_info(checks: Checks, place: str, info: JsonObject) -> None:
    checks.text(info, f"{place}description")
    checks.text(info, f"{place}text", required=False)
    checks.whole(info, f"{place}numeric")
    if info.get("text") is None and info.get("numeric") is None:
        checks.say(f"{place}text", "required where there is no numeric")
