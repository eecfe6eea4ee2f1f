"""The JSON Schemas of the messages, for those who write a device's firmware or check a payload before it is sent.

Each message has a version, the last part of its schema's `$id`. A change that no device notices keeps it: a new field
that may be missing, a wider range, one more type. What would break a device (a field that is required, narrowed, taken
away or given another meaning) is a new message beside the old one, named `….v2` and with a last level of topic of its
own; the old one is read as before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from inspect import cleandoc

import msgspec

from pywats_mqtt.schemas.alert import AlertMessage
from pywats_mqtt.schemas.asset import AssetMessage
from pywats_mqtt.schemas.batch import BatchMessage
from pywats_mqtt.schemas.calibration import CalibrationMessage
from pywats_mqtt.schemas.measurements import MeasurementsMessage
from pywats_mqtt.schemas.production import OperatorMessage, UnitMessage
from pywats_mqtt.schemas.published import AlarmMessage, AnswerMessage, VerdictMessage
from pywats_mqtt.schemas.repair import RepairMessage
from pywats_mqtt.schemas.report import ResultMessage
from pywats_mqtt.schemas.software import SoftwareMessage, UpdateMessage
from pywats_mqtt.schemas.utilization import UtilizationMessage

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MESSAGES: dict[str, type[msgspec.Struct]] = {
    "alert-message": AlertMessage,
    "asset-message": AssetMessage,
    "batch-message": BatchMessage,
    "calibration-message": CalibrationMessage,
    "measurements-message": MeasurementsMessage,
    "operator-message": OperatorMessage,
    "result-message": ResultMessage,
    "repair-message": RepairMessage,
    "unit-message": UnitMessage,
    "software-message": SoftwareMessage,
    "update-message": UpdateMessage,
    "utilization-message": UtilizationMessage,
}
"""Name of each message that devices send to its declaration."""

PUBLISHED: dict[str, type[msgspec.Struct]] = {
    "alarm-message": AlarmMessage,
    "answer-message": AnswerMessage,
    "verdict-message": VerdictMessage,
}
"""The same of each message that the bridge publishes."""


def json_schema(name: str) -> dict[str, object]:
    """Give the JSON Schema of a message.

    Args:
        name: one of `MESSAGES` or `PUBLISHED`.
    """
    declared = {**MESSAGES, **PUBLISHED}[name]
    message, _, version = name.partition(".v")
    return {
        "$schema": DIALECT,
        "$id": f"urn:pywats-mqtt:{message}:{version or 1}",
        "$ref": f"#/$defs/{declared.__name__}",
        "$defs": components([declared], "#/$defs/{name}"),
    }


def components(declared: Iterable[type[msgspec.Struct]], reference: str) -> dict[str, dict[str, object]]:
    """Give the schemas of messages and of all they consist of, by name of the type.

    Args:
        declared: the messages.
        reference: what a `$ref` to `{name}` looks like.
    """
    _, found = msgspec.json.schema_components(declared, ref_template=reference)
    return {title: _flowing(component) for title, component in found.items()}


def _flowing(component: dict[str, object]) -> dict[str, object]:
    """Write a docstring as one line a paragraph; how far it is indented differs between versions of Python."""
    paragraphs = cleandoc(str(component["description"])).split("\n\n")
    return component | {"description": "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)}


def files() -> dict[str, str]:
    """Give all schemas as file name to text, as they are kept in `docs/schemas`."""
    return {
        f"{name}.schema.json": json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
        for name in (*MESSAGES, *PUBLISHED)
    }
