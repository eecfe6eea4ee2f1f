"""One step of a test: its status from value and limits, and the device's own verdict beside it."""

from __future__ import annotations

from pywats_mqtt.adapters.texts import Texts
from pywats_mqtt.adapters.verdicts import judge, verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Measurement, Step
from pywats_mqtt.schemas.report import StepMessage

TEXT = "string"
"""Type of a step whose value is meant to be a text."""

_TRUTH = "bool"
_MEASUREMENT = frozenset("PFS")
"""WATS knows no other status of a measurement; the others stand on the step alone."""


def step_of(sent: StepMessage, path: str, texts: Texts) -> tuple[Step, str]:
    """Turn a step into WATS' terms.

    Args:
        sent: the step as decoded.
        path: where it stands, such as `$.steps[0]`.
        texts: fits and keeps what is too long.

    Returns:
        The step, and what its limits say where that contradicts the device's verdict (`P` or `F`, else empty).

    Raises:
        Reject: its parts do not fit each other, or nothing tells its status.
    """
    value, unit = _measured(sent, path)
    low, high = sent.low, sent.high
    limited = low is not None or high is not None
    if low is not None and high is not None and low > high:
        raise Reject(f"the low limit {low:g} is above the high limit {high:g}", path=f"{path}.low")

    code, error = _error(sent)
    verdict = verdict_of(sent.status, f"{path}.status")
    by_limits = judge(value, low, high) if limited and isinstance(value, float) else ""
    if verdict is None:
        if limited and not by_limits:
            raise Reject("expected float: the step has limits and no status", path=f"{path}.value")
        verdict = by_limits or _unlimited(value, unit, failed=bool(code or error))
    if not sent.name:
        raise Reject("expected a name, got an empty text", path=f"{path}.name")

    step = Step(
        name=texts.fit(sent.name, f"{path}.name"),
        status=verdict,
        measurement=Measurement(
            value=texts.fit(value, f"{path}.value") if isinstance(value, str) else value,
            unit=texts.fit(unit, f"{path}.unit"),
            low=low,
            high=high,
            status=verdict if verdict in _MEASUREMENT else by_limits or ("P" if verdict == "D" else "S"),
        ),
        error_code=code,
        error_message=texts.fit(error, f"{path}.error_message"),
        report_text=texts.fit(sent.report_text or sent.message or "", f"{path}.report_text"),
        duration_s=seconds(sent.duration_ms, sent.duration_s),
    )
    contradicted = by_limits if verdict in {"P", "F"} and by_limits != verdict else ""
    return step, contradicted


def seconds(duration_ms: float | None, duration_s: float | None) -> float | None:
    """Give a duration in seconds, whichever way it was sent (milliseconds first), or None."""
    return duration_s if duration_ms is None else duration_ms / 1_000


def _measured(sent: StepMessage, path: str) -> tuple[float | str | None, str]:
    """Give value and unit; a truth value is 1 or 0 with the unit `bool`.

    A text is taken only where the step says so: a number in quotation marks would be shown, and never be trended.
    """
    unit = sent.unit or ""
    if isinstance(sent.value, bool):
        return float(sent.value), unit or _TRUTH
    if isinstance(sent.value, str) and (sent.type != TEXT or sent.low is not None or sent.high is not None):
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


def _error(sent: StepMessage) -> tuple[int | None, str]:
    """Give error number and text; WATS' number is an integer, so any other code goes before the text."""
    text = sent.error_message or ""
    if isinstance(sent.error_code, str):
        return None, f"{sent.error_code}: {text}" if sent.error_code and text else sent.error_code or text
    return sent.error_code, text
