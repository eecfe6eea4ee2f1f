"""What the steps of a WSJF report must look like: see `rules`."""

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.checks import Checks
from pywats_mqtt.emulator.reports.step_data import check_step_data

STEP_STATUSES = "PFSDETU"
MEASUREMENT_STATUSES = "PFS"
"""A measurement is passed, failed or skipped only: done, error and terminated stay on its step."""

DEEPEST = 100

_ONE_LIMIT = frozenset({"EQ", "NE", "GT", "GE", "LT", "LE"})
_TWO_LIMITS = frozenset({"GTLT", "GTLE", "GELT", "GELE", "LTGT", "LTGE", "LEGT", "LEGE"})
_STRING_OPERATORS = frozenset({"LOG", "EQ", "NE", "CASESENSIT", "IGNORECASE"})
_MULTIPLE = frozenset({"ET_MNLT", "ET_MSVT", "ET_MPFT"})


def check_root(checks: Checks, root: JsonObject) -> None:
    """Note what is wrong with the root step and all below it."""
    if root.get("stepType") != "SequenceCall":
        checks.say("root.stepType", "expected SequenceCall")
    _check_step(checks, "root.", root, 1)


def _check_step(checks: Checks, place: str, step: JsonObject, depth: int) -> None:
    if depth > DEEPEST:
        checks.say(place.rstrip("."), f"steps are nested deeper than {DEEPEST}")
        return
    kind = checks.text(step, f"{place}stepType")
    checks.text(step, f"{place}name")
    checks.choice(step, f"{place}status", STEP_STATUSES)
    if step.get("group") is not None:
        checks.choice(step, f"{place}group", "SMC")
    # What a step need not have is looked for first: most steps have little of it, and a look costs less than a check.
    for name in ("errorMessage", "reportText"):
        if name in step:
            checks.text(step, place + name, 5000, required=False)
    if "errorCode" in step:
        checks.whole(step, f"{place}errorCode")
    if "totTime" in step:
        checks.number(step, f"{place}totTime", lowest=0)
    check_step_data(checks, place, step)
    _check_measurements(checks, place, step, kind)
    if step.get("seqCall") is not None:
        _check_sequence(checks, place, step)
    if "steps" in step:
        for inner, child in checks.sections(step, f"{place}steps"):
            _check_step(checks, inner, child, depth + 1)


def _check_measurements(checks: Checks, place: str, step: JsonObject, kind: str | None) -> None:
    for name, kinds, check in _MEASUREMENTS:
        if name not in step and kind not in kinds:
            continue
        for inner, measurement in checks.sections(step, place + name, required=kind in kinds):
            _check_measurement(checks, inner, measurement, named=kind in _MULTIPLE)
            if check is not None:
                check(checks, inner, measurement)


def _check_sequence(checks: Checks, place: str, step: JsonObject) -> None:
    sequence = checks.section(step, f"{place}seqCall")
    if sequence is not None:
        checks.text(sequence, f"{place}seqCall.path", 500, required=False)
        checks.text(sequence, f"{place}seqCall.name", 200, required=False)
        checks.text(sequence, f"{place}seqCall.version", 30, required=False)


def _check_measurement(checks: Checks, place: str, measurement: JsonObject, *, named: bool) -> None:
    checks.choice(measurement, f"{place}status", MEASUREMENT_STATUSES)
    if named or "name" in measurement:
        checks.text(measurement, f"{place}name", required=named)


def _check_numeric(checks: Checks, place: str, measurement: JsonObject) -> None:
    checks.number(measurement, f"{place}value", required=True)
    checks.text(measurement, f"{place}unit", required=False)
    operator = checks.text(measurement, f"{place}compOp", required=False) or "LOG"
    if operator in _ONE_LIMIT or operator in _TWO_LIMITS:
        checks.number(measurement, f"{place}lowLimit", required=True)
        checks.number(measurement, f"{place}highLimit", required=operator in _TWO_LIMITS)
    elif operator != "LOG":
        known = ", ".join(["LOG", *sorted(_ONE_LIMIT), *sorted(_TWO_LIMITS)])
        checks.say(f"{place}compOp", f"expected one of {known}, got {operator!r}")


def _check_string(checks: Checks, place: str, measurement: JsonObject) -> None:
    checks.text(measurement, f"{place}value", required=False)
    operator = checks.text(measurement, f"{place}compOp", required=False) or "LOG"
    if operator not in _STRING_OPERATORS:
        checks.say(f"{place}compOp", f"expected one of {', '.join(sorted(_STRING_OPERATORS))}, got {operator!r}")
    checks.text(measurement, f"{place}limit", required=False)


_MEASUREMENTS = (
    ("numericMeas", frozenset({"ET_NLT", "ET_MNLT"}), _check_numeric),
    ("stringMeas", frozenset({"ET_SVT", "ET_MSVT"}), _check_string),
    ("booleanMeas", frozenset({"ET_PFT", "ET_MPFT"}), None),
)
"""Each list of measurements, the kinds of step that must have it, and what is asked of its entries beside the rest."""
