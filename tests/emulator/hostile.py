"""Markup in place of every text: what a page must show as it is."""

from __future__ import annotations

from typing import Any

from tests.emulator.examples import numeric_step, report

HOSTILE = '<img src=x onerror="window.hacked=1">'


def hostile(value: Any) -> Any:
    """The same with every text that may be any text made hostile."""
    if isinstance(value, dict):
        fixed = {"id", "type", "result", "start", "stepType", "status", "group", "compOp", "refUUT", "chartType"}
        fixed |= {"confirmDate", "finalizeDate", "data", "xdata", "ydata", "category", "code", "dataType"}
        return {key: item if key in fixed else hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def hostile_report() -> dict[str, Any]:
    """A report with markup in every field that may hold any text."""
    chart = {
        "chartType": "Line",
        "label": "",
        "xLabel": "",
        "xUnit": "",
        "yLabel": "",
        "yUnit": "",
        "series": [{"name": "", "xdata": "1;2", "ydata": "3;4"}],
    }
    strings = {"name": "", "status": "F", "value": "", "compOp": "EQ", "limit": ""}
    more = {
        "errorMessage": "",
        "reportText": "",
        "seqCall": {"path": "", "name": "", "version": ""},
        "callExe": {"exitCode": ""},
        "messagePopup": {"buttonFormat": "", "response": ""},
        "attachment": {"name": "", "contentType": "", "data": "eA=="},
        "stringMeas": [strings, strings],
    }
    plain = report(result="F")
    plain["root"]["steps"] = [
        numeric_step("n", **more),
        {"stepType": "Chart", "name": "c", "status": "D", "chart": chart},
    ]
    sent: dict[str, Any] = hostile(plain)
    sent["subUnits"][0]["partType"] = "P"
    for place in (sent["root"]["seqCall"], sent["root"]["steps"][0]["seqCall"]):
        place["version"] = HOSTILE[:30]
    sent["root"]["steps"][1]["stepType"] = HOSTILE
    sent["assets"] = [{"assetSN": HOSTILE, "usageCount": 1}]
    return sent
