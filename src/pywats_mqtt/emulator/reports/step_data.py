"""What a step may carry beside measurements: chart, attachment, loop; and the files of a report itself."""

import base64
import binascii

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.checks import Checks

CHART_TYPES = ("Line", "LineLogXY", "LineLogX", "LineLogY")
LONGEST_FILE_NAME = 256
LONGEST_UNIT = 50


def check_step_data(checks: Checks, place: str, step: JsonObject) -> None:
    """Note what is wrong with chart, attachment and loop of the step at `place` (with its dot)."""
    if step.get("chart") is not None:
        _check_chart(checks, f"{place}chart", step)
    if step.get("attachment") is not None:
        attachment = checks.section(step, f"{place}attachment")
        if attachment is not None:
            check_file(checks, f"{place}attachment.", attachment)
    if step.get("loop") is not None:
        _check_loop(checks, f"{place}loop", step)


def check_file(checks: Checks, place: str, file: JsonObject) -> None:
    """Note what is wrong with an attachment: it needs a name and its bytes in base64."""
    checks.text(file, f"{place}name", LONGEST_FILE_NAME)
    checks.text(file, f"{place}contentType", required=False)
    data = file.get("data")
    if not isinstance(data, str) or file_bytes(file) is None:
        checks.say(f"{place}data", "expected a file's bytes in base64")


def file_bytes(file: JsonObject) -> bytes | None:
    """The bytes of an attachment; None where they are not in base64."""
    try:
        return base64.b64decode(str(file.get("data", "")), validate=True)
    except (binascii.Error, ValueError):
        return None


def _check_chart(checks: Checks, place: str, step: JsonObject) -> None:
    chart = checks.section(step, place)
    if chart is None:
        return
    kind = checks.text(chart, f"{place}.chartType")
    if kind is not None and kind not in CHART_TYPES:
        checks.say(f"{place}.chartType", f"expected one of {', '.join(CHART_TYPES)}, got {kind!r:.40}")
    for name in ("label", "xLabel", "yLabel"):
        checks.text(chart, f"{place}.{name}", required=False)
    for name in ("xUnit", "yUnit"):
        checks.text(chart, f"{place}.{name}", LONGEST_UNIT, required=False)
    for inner, series in checks.sections(chart, f"{place}.series"):
        checks.text(series, f"{inner}name")
        checks.text(series, f"{inner}dataType", required=False)
        points = {axis: _check_points(checks, series, f"{inner}{axis}") for axis in ("xdata", "ydata")}
        if points["ydata"] is None:
            checks.say(f"{inner}ydata", "required")
        elif points["xdata"] not in {None, points["ydata"]}:
            checks.say(f"{inner}xdata", f"{points['xdata']} values, but ydata has {points['ydata']}")


def _check_points(checks: Checks, series: JsonObject, place: str) -> int | None:
    """How many numbers with `;` between them; None where there are none."""
    value = series.get(place.rpartition(".")[2])
    if value is None:
        return None
    numbers = value.split(";") if isinstance(value, str) else []
    try:
        return len([float(number) for number in numbers]) or None
    except ValueError:
        checks.say(place, "expected numbers with ';' between them")
        return None


def _check_loop(checks: Checks, place: str, step: JsonObject) -> None:
    """`i` and `n` as clients send them, `idx` and `num` as exports name them."""
    loop = checks.section(step, place)
    if loop is not None:
        for name in ("i", "n", "idx", "num", "endingIndex", "passed", "failed"):
            checks.whole(loop, f"{place}.{name}")
