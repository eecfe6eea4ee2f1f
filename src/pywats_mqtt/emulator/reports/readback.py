"""What a server adds to a report before it gives it back. Pure."""

from collections.abc import Iterator
from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.fields import JsonObject

ORIGIN = "pywats-mqtt emulator"
_BAD = frozenset("FET")


def readback(report: JsonObject, row: Row) -> JsonObject:
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
    root = report.get("root")
    if isinstance(root, dict):
        _number_steps(root)
    return report


def _both_names(asset: JsonObject) -> JsonObject:
    """An asset with its serial number also as `sn`, without which pywats cannot read a report."""
    return {"sn": asset.get("assetSN"), **asset}


def _number_steps(root: JsonObject) -> None:
    """Number all steps; the first bad step with no step below it is the one that failed the unit."""
    blamed = False
    for number, step in enumerate(_steps(root), 1):
        guilty = not blamed and step.get("status") in _BAD and not step.get("steps")
        blamed = blamed or guilty
        step["id"] = number
        step["causedUUTFailure"] = guilty
        step.setdefault("totTime", 0)


def _steps(step: JsonObject) -> Iterator[JsonObject]:
    yield step
    children = step.get("steps")
    for child in children if isinstance(children, list) else []:
        yield from _steps(child)
