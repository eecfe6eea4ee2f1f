"""Measured values: one of a step, or several, each with its limits and its status."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import msgspec

from pywats_mqtt.adapters.comparisons import Comparison, comparison_of, means_text
from pywats_mqtt.adapters.texts import Texts
from pywats_mqtt.adapters.verdicts import verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Measurement
from pywats_mqtt.schemas.step import MeasurementMessage, StepMessage

TEXT = "string"
"""Type of a step whose value is meant to be a text."""

PASS_FAIL = "pass_fail"  # noqa: S105 - no password
"""Type of a step whose truth is its verdict, and no number."""

_TRUTH = "bool"
_MEASUREMENT = frozenset("PFS")
"""WATS knows no other status of a measurement; the others stand on the step alone."""


class Measured(msgspec.Struct, frozen=True):
    """What was measured, and what follows for the step.

    Attributes:
        measurement: the value with its limits.
        verdict: the status, any that a step may have.
        by_limits: what the limits say where that contradicts the device's verdict (`P` or `F`, else empty).
    """

    measurement: Measurement
    verdict: str
    by_limits: str


def measured_in_step(sent: StepMessage, path: str, texts: Texts, *, failed: bool) -> Measured:
    """Read the one value of a step, or its lack.

    Args:
        sent: the step.
        path: where it stands, such as `$.steps[0]`.
        texts: fits and keeps what is too long.
        failed: whether it names an error.

    Raises:
        Reject: its parts do not fit each other, or nothing tells its status.
    """
    value, unit = _value(sent, path)
    if sent.type == PASS_FAIL and isinstance(sent.value, bool):
        value, unit = None, ""
    compared = comparison_of(sent, value, path)
    verdict = verdict_of(sent.status, f"{path}.status")
    if verdict is None and sent.type == PASS_FAIL and isinstance(sent.value, bool):
        verdict = "P" if sent.value else "F"
    if verdict is None:
        if compared.limited and not compared.verdict:
            kind = "float" if compared.limit is None else "str"
            raise Reject(f"expected {kind}: the step has limits and no status", path=f"{path}.value")
        verdict = compared.verdict or _unlimited(value, unit, failed=failed)
    return _measured(value, unit, compared, verdict, lambda text, name: texts.fit(text, f"{path}.{name}"))


def measured_in_list(sent: StepMessage, path: str, texts: Texts) -> list[Measured]:
    """Read the several values of a step.

    Raises:
        Reject: they are not all of one kind, or one of them does not fit.
    """
    found = [
        _one(one, f"{path}.measurements[{index}]", texts, is_text=sent.type == TEXT)
        for index, one in enumerate(sent.measurements or ())
    ]
    first = type(found[0].measurement.value)
    for index, one in enumerate(found):
        if type(one.measurement.value) is not first:
            raise Reject(
                "the measurements of a step are all numbers, all texts, or all truths; make it another step",
                path=f"{path}.measurements[{index}].value",
            )
    return found


def _one(sent: MeasurementMessage, path: str, texts: Texts, *, is_text: bool) -> Measured:
    if not sent.name.strip():
        raise Reject("expected a name, got an empty text", path=f"{path}.name")
    value = None if isinstance(sent.value, bool) else sent.value
    if isinstance(value, str) and not (is_text or means_text(sent, path)) and _reads_as_number(value):
        raise Reject('expected float, got str; type "string" makes the step one of texts', path=f"{path}.value")
    compared = comparison_of(sent, value, path)
    verdict = verdict_of(sent.status, f"{path}.status")
    if verdict is None and isinstance(sent.value, bool):
        verdict = "P" if sent.value else "F"
    if verdict is None and value is None:
        raise Reject("expected a value or a status, got neither", path=f"{path}.value")
    if value is None and compared.limited:
        raise Reject("required beside limits, but missing", path=f"{path}.value")

    def fit(text: str, field: str) -> str:
        return texts.fit(text, f"{path}.{field}")

    name = fit(sent.name, "name")
    measured = _measured(value, sent.unit or "", compared, verdict or compared.verdict or "P", fit)
    return msgspec.structs.replace(measured, measurement=msgspec.structs.replace(measured.measurement, name=name))


def _measured(
    value: float | str | None, unit: str, compared: Comparison, verdict: str, fit: Callable[[str, str], str]
) -> Measured:
    measurement = Measurement(
        value=fit(value, "value") if isinstance(value, str) else value,
        unit=fit(unit, "unit"),
        low=compared.low,
        high=compared.high,
        status=verdict if verdict in _MEASUREMENT else compared.verdict or ("P" if verdict == "D" else "S"),
        comp=compared.comp,
        limit=None if compared.limit is None else fit(compared.limit, "limit"),
    )
    contradicted = compared.verdict if verdict in {"P", "F"} and compared.verdict != verdict else ""
    return Measured(measurement, verdict, contradicted)


def _value(sent: StepMessage, path: str) -> tuple[float | str | None, str]:
    """Give value and unit; a truth value is 1 or 0 with the unit `bool`.

    A text is taken only where the step says so: a number in quotation marks would be shown, and never be trended.
    """
    unit = sent.unit or ""
    if isinstance(sent.value, bool):
        return float(sent.value), unit or _TRUTH
    if isinstance(sent.value, str):
        limited = sent.low is not None or sent.high is not None
        if limited or not (sent.type == TEXT or means_text(sent, path)):
            raise Reject("expected float, got str", path=f"{path}.value")
    return sent.value, unit


def _unlimited(value: float | str | None, unit: str, *, failed: bool) -> str:
    """Give the status of a step without status and limits."""
    if failed:
        return "E"
    if value is None:
        return "D"
    if unit.lower() == _TRUTH:
        return "P" if value else "F"
    return "P"


def _reads_as_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
