"""Steps of a WSXF report as steps of a WSJF report. Pure.

What cannot be read as a number or a status stays the text that it is, so that the rules of WSJF can name it.
"""

from collections.abc import Mapping

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.step_rules import DEEPEST
from pywats_mqtt.emulator.reports.xml import Element

_LETTERS = {
    word.lower(): word[0] for word in ("Passed", "Failed", "Skipped", "Done", "Error", "Terminated", "Undefined")
}
_STEP = {"StepType": "stepType", "Name": "name", "Group": "group", "ErrorMessage": "errorMessage"}
_CALL = {"Filename": "name", "Filepath": "path", "Version": "version"}
_NUMERIC = {"Name": "name", "Units": "unit", "CompOperator": "compOp"}
_STRING = {"Name": "name", "CompOperator": "compOp", "StringValue": "value", "StringLimit": "limit"}
_FILE = {"Name": "name", "ContentType": "contentType"}


def step_of(element: Element, depth: int) -> JsonObject:
    """A step with all below it, down to one level more than the rules take."""
    sent = element.attributes
    step = texts(element, _STEP) | {"status": letter(sent.get("Status"))}
    if sent.get("total_time"):
        step["totTime"] = decimal(sent["total_time"])
    if sent.get("ErrorCode"):
        step["errorCode"] = whole(sent["ErrorCode"])
    if text := element.one("ReportText"):
        step["reportText"] = text.text
    if called := element.one("SequenceCall"):
        step["seqCall"] = texts(called, _CALL)
    if file := element.one("Attachment"):
        step["attachment"] = texts(file, _FILE) | {"data": "".join(file.text.split())}
    measured = {
        "numericMeas": [_numeric(found, step) for found in element.all("NumericLimit")],
        "booleanMeas": [_measurement(found, {"Name": "name"}, step) for found in element.all("PassFail")],
        "stringMeas": [_measurement(found, _STRING, step) for found in element.all("StringValue")],
    }
    step |= {name: found for name, found in measured.items() if found}
    children = [step_of(child, depth + 1) for child in element.all("Step")] if depth <= DEEPEST else []
    return step | {"steps": children} if children else step


def texts(element: Element, names: Mapping[str, str]) -> JsonObject:
    """The attributes of `names` that the element has, under their names in WSJF."""
    return {name: element.attributes[key] for key, name in names.items() if key in element.attributes}


def letter(word: str | None) -> str | None:
    """The letter for a result or a status in words."""
    return None if word is None else _LETTERS.get(word.lower(), word)


def whole(text: str | None) -> int | str | None:
    """A whole number; the text where it is none."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return text


def decimal(text: str | None) -> float | str | None:
    """A number; the text where it is none."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _numeric(element: Element, step: JsonObject) -> JsonObject:
    sent = element.attributes
    numbers = {"value": "NumericValue", "lowLimit": "LowLimit", "highLimit": "HighLimit"}
    found = {name: decimal(sent[key]) for name, key in numbers.items() if key in sent}
    return _measurement(element, _NUMERIC, step) | found


def _measurement(element: Element, names: Mapping[str, str], step: JsonObject) -> JsonObject:
    """A measurement; one that has no status has that of its step."""
    return texts(element, names) | {"status": letter(element.attributes.get("Status")) or step["status"]}
