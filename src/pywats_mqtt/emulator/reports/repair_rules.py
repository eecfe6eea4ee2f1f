"""What a repair report (type R) must have beside the head: see `rules`."""

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.checks import Checks
from pywats_mqtt.emulator.reports.repair_codes import REPAIR_CODES
from pywats_mqtt.emulator.reports.step_data import check_file

_ARTICLE = ("artNumber", "artRev", "artVendor", "artDescription")


def check_repair(checks: Checks, report: JsonObject, *, any_code: bool) -> None:
    """Note what is wrong with `uur`, the failures in `subUnits` and the files in `binaryData`.

    Args:
        checks: Where to note it.
        report: A report of type R.
        any_code: Whether a failure may have any category and code, not only those of `REPAIR_CODES`.
    """
    uur = checks.section(report, "uur")
    if uur is not None:
        for name in ("user", "batchSN"):
            checks.text(uur, f"uur.{name}", required=False)
        checks.text(uur, "uur.comment", 5000, required=False)
        checks.number(uur, "uur.execTime", lowest=0, required=True)
        checks.uuid(uur, "uur.refUUT", required=False)
        checks.time(uur, "uur.confirmDate")
        checks.time(uur, "uur.finalizeDate")
    units = report.get("subUnits")
    main = (
        [unit for unit in units if isinstance(unit, dict) and unit.get("idx") == 0] if isinstance(units, list) else []
    )
    if not any(unit.get("failures") for unit in main):
        checks.say("subUnits", "a repair report needs at least one failure on its main unit (idx 0)")
    for place, unit in checks.sections(report, "subUnits"):
        checks.whole(unit, f"{place}idx", lowest=0, required=True)
        for name in ("parentIdx", "position", "replacedIdx"):
            checks.whole(unit, place + name)
        for inner, failure in checks.sections(unit, f"{place}failures"):
            _check_failure(checks, inner, failure, any_code=any_code)
    for place, file in checks.sections(report, "binaryData"):
        check_file(checks, place, file)
        checks.whole(file, f"{place}failIdx")


def _check_failure(checks: Checks, place: str, failure: JsonObject, *, any_code: bool) -> None:
    category, code = checks.text(failure, f"{place}category"), checks.text(failure, f"{place}code")
    checks.text(failure, f"{place}comment", 5000, required=False)
    for name in ("comRef", "funcBlock", *_ARTICLE):
        checks.text(failure, place + name, required=False)
    checks.whole(failure, f"{place}refStepId")
    if any_code or category is None or code is None:
        return
    codes = REPAIR_CODES.get(category)
    if codes is None:
        checks.say(f"{place}category", f"{category!r} is unknown; use one of {', '.join(REPAIR_CODES)}")
    elif code not in codes:
        checks.say(f"{place}code", f"{code!r} is unknown in {category!r}; use one of {', '.join(codes)}")
