"""Steps of a test as WSJF has them, one function a kind. Pure.

The adapters cut texts and keep them whole in an attachment; cutting here keeps that one promise to WATS for events from
elsewhere.
"""

from __future__ import annotations

from base64 import b64encode
from math import isfinite
from typing import TypeAlias

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import Attachment, Chart, Measurement, Series, Step
from pywats_mqtt.wats.times import wire_time

Json: TypeAlias = "str | int | float | list[Json] | dict[str, Json]"
Report: TypeAlias = dict[str, Json]

TEXT = 100
"""Most characters of a name, a unit, a measured text or a misc info."""

SHORT_TEXT = 50
"""Most characters of a chart's unit, or of a sub-unit's type."""

LONG_TEXT = 5_000
"""Most characters of an error message or a report text, as of a comment."""

NO_VERSION = "-"
"""Version of the test program, which devices do not send; not blank, since nobody knows whether WATS takes that."""

_WITHOUT_VALUE = {"chart": "Chart", "action": "Action"}


def wire_steps(steps: tuple[Step, ...], path: str, most_bytes: int) -> list[Json]:
    """Write the steps of a sequence.

    Args:
        steps: in order.
        path: where they stood in the message, such as `$.steps`.
        most_bytes: size of the largest attachment that is sent.

    Raises:
        Reject: a number cannot be sent, or an attachment is larger.
    """
    return [_step(step, f"{path}[{place}]", most_bytes) for place, step in enumerate(steps)]


def _step(step: Step, path: str, most_bytes: int) -> Report:
    wire: Report = {"stepType": "", "name": step.name[:TEXT], "group": step.group, "status": step.status}
    wire |= _content(step, path, most_bytes)
    if step.start is not None:
        wire["start"] = wire_time(step.start)
    if step.duration_s is not None:
        wire["totTime"] = finite(step.duration_s, f"{path}.duration_ms")
    if step.error_code is not None:
        wire["errorCode"] = step.error_code
    if step.error_message:
        wire["errorMessage"] = step.error_message[:LONG_TEXT]
    if step.report_text:
        wire["reportText"] = step.report_text[:LONG_TEXT]
    if step.loop is not None:
        turns = {"i": step.loop.index, "n": step.loop.count}
        wire["loop"] = {name: number for name, number in turns.items() if number is not None}
    if step.chart is not None:
        wire["chart"] = _chart(step.chart, f"{path}.chart")
    if step.attachment is not None:
        wire["attachment"] = _attachment(step.attachment, most_bytes)
    return wire


def _content(step: Step, path: str, most_bytes: int) -> Report:
    """Give the type of a step and what it consists of."""
    if step.kind == "sequence":
        return {
            "stepType": "SequenceCall",
            "seqCall": {"path": "", "name": step.name[:TEXT], "version": NO_VERSION},
            "steps": wire_steps(step.steps, f"{path}.steps", most_bytes),
        }
    if step.kind == "many":
        return _many(step.measurements, f"{path}.measurements")
    if step.kind in _WITHOUT_VALUE:
        return {"stepType": _WITHOUT_VALUE[step.kind]}
    measured = step.measurement
    if measured.value is None:
        return {"stepType": "ET_PFT", "booleanMeas": [{"status": measured.status}]}
    if isinstance(measured.value, str):
        return {"stepType": "ET_SVT", "stringMeas": [_string(measured, measured.value)]}
    return {"stepType": "ET_NLT", "numericMeas": [_numeric(measured, measured.value, path)]}


def _many(measurements: tuple[Measurement, ...], path: str) -> Report:
    """Write several values of one kind, each with its name."""
    texts: list[Json] = []
    numbers: list[Json] = []
    truths: list[Json] = []
    for place, one in enumerate(measurements):
        named: Report = {"name": one.name[:TEXT]}
        if one.value is None:
            truths.append(named | {"status": one.status})
        elif isinstance(one.value, str):
            texts.append(named | _string(one, one.value))
        else:
            numbers.append(named | _numeric(one, one.value, f"{path}[{place}]"))
    if texts:
        return {"stepType": "ET_MSVT", "stringMeas": texts}
    if numbers:
        return {"stepType": "ET_MNLT", "numericMeas": numbers}
    return {"stepType": "ET_MPFT", "booleanMeas": truths}


def _string(measured: Measurement, value: str) -> Report:
    wire: Report = {"status": measured.status, "value": value[:TEXT], "compOp": measured.comp or "LOG"}
    if measured.limit is not None:
        wire["limit"] = measured.limit[:TEXT]
    return wire


def _numeric(measured: Measurement, value: float, path: str) -> Report:
    wire: Report = {"status": measured.status, "value": finite(value, f"{path}.value"), "compOp": "LOG"}
    if measured.unit:
        wire["unit"] = measured.unit[:TEXT]
    low, high = measured.low, measured.high
    if low is not None:
        wire["compOp"] = measured.comp or ("GE" if high is None else "GELE")
        wire["lowLimit"] = finite(low, f"{path}.low")
        if high is not None:
            wire["highLimit"] = finite(high, f"{path}.high")
    elif high is not None:
        wire["compOp"] = "LE"
        wire["lowLimit"] = finite(high, f"{path}.high")  # the operators with one limit read lowLimit only
    return wire


def _chart(chart: Chart, path: str) -> Report:
    return {
        "chartType": chart.type,
        "label": chart.label[:TEXT],
        "xLabel": chart.x_label[:TEXT],
        "xUnit": chart.x_unit[:SHORT_TEXT],
        "yLabel": chart.y_label[:TEXT],
        "yUnit": chart.y_unit[:SHORT_TEXT],
        "series": [_series(one, f"{path}.series[{place}]") for place, one in enumerate(chart.series)],
    }


def _series(series: Series, path: str) -> Report:
    wire: Report = {"dataType": "XYG", "name": series.name[:TEXT], "ydata": _points(series.y, f"{path}.y")}
    if series.x:
        wire["xdata"] = _points(series.x, f"{path}.x")
    return wire


def _points(numbers: tuple[float, ...], path: str) -> str:
    return ";".join(repr(finite(number, f"{path}[{place}]")) for place, number in enumerate(numbers))


def _attachment(file: Attachment, most_bytes: int) -> Report:
    if len(file.data) > most_bytes:
        raise Reject(
            f"has {len(file.data)} bytes; wats.max_attachment_bytes is {most_bytes}: send less, or raise it",
            path=file.path,
        )
    return {"name": file.name[:TEXT], "contentType": file.content_type, "data": b64encode(file.data).decode()}


def finite(number: float, path: str) -> float:
    """Refuse what JSON cannot carry."""
    if not isfinite(number):
        raise Reject(f"expected a finite number, got {number}", path=path)
    return number
