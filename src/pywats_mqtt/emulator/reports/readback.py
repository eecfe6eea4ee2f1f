"""What a server adds to a report before it gives it back, and what a reader may leave out. Pure."""

from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.steps import failing_step, walk

ORIGIN = "pywats-mqtt emulator"
HIGHEST_DETAIL = 7


class Detail(msgspec.Struct, frozen=True):
    """How much of a report a reader wants.

    Attributes:
        level: 0 to 7. What each level shows is not public; here 0 leaves out all steps below the root, others nothing.
        charts: Whether charts have their series.
        files: Whether steps and the report have their attachments.
    """

    level: int = HIGHEST_DETAIL
    charts: bool = True
    files: bool = True


ALL = Detail()


def readback(report: JsonObject, row: Row, detail: Detail = ALL) -> JsonObject:
    """`report` (changed in place) with what `row` of the reports table knows, its steps numbered depth-first from 1."""
    stats = [_both_names(stat) for stat in msgspec.json.decode(row["assetStats"] or "[]")]
    report |= {
        "id": row["uuid"],
        "startUTC": row["start"],
        "processName": row["processName"],
        "processCodeFormat": "",
        "productName": "",
        "origin": ORIGIN,
        "assetStats": stats,
    }
    used = report.get("assets")
    if isinstance(used, list):
        report["assets"] = [_both_names(asset) for asset in used]
    _number_steps(report)
    _leave_out(report, detail)
    return report


def _both_names(asset: JsonObject) -> JsonObject:
    """An asset with its serial number also as `sn`, without which pywats cannot read a report."""
    serial = asset.get("assetSN") or asset.get("sn")
    return {**asset, "sn": serial, "assetSN": serial}


def _number_steps(report: JsonObject) -> None:
    failing = failing_step(report)
    for number, _, step in walk(report):
        step["id"] = number
        step["causedUUTFailure"] = failing is not None and number == failing[0]
        step.setdefault("totTime", 0)


def _leave_out(report: JsonObject, detail: Detail) -> None:
    root = report.get("root")
    if detail.level == 0 and isinstance(root, dict):
        root.pop("steps", None)
    if not detail.files:
        report.pop("binaryData", None)
    if detail.files and detail.charts:
        return
    for _, _, step in walk(report):
        if not detail.files:
            step.pop("attachment", None)
        chart = step.get("chart")
        if not detail.charts and isinstance(chart, dict):
            chart["series"] = []
