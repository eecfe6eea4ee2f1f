"""The JSON Schemas of the messages, for those who write a device's firmware or check a payload before it is sent."""

from __future__ import annotations

import json
from inspect import cleandoc

import msgspec

from pywats_mqtt.schemas.alert import AlertMessage
from pywats_mqtt.schemas.asset import AssetMessage
from pywats_mqtt.schemas.batch import BatchMessage
from pywats_mqtt.schemas.calibration import CalibrationMessage
from pywats_mqtt.schemas.measurements import MeasurementsMessage
from pywats_mqtt.schemas.production import OperatorMessage, UnitMessage
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
"""Name of each message to its declaration. A change that breaks a device gets a new name, never another meaning."""


def json_schema(name: str) -> dict[str, object]:
    """Give the JSON Schema of a message.

    Args:
        name: one of `MESSAGES`.
    """
    components: dict[str, dict[str, object]] = msgspec.json.schema(MESSAGES[name])["$defs"]
    return {
        "$schema": DIALECT,
        "$id": f"urn:pywats-mqtt:{name}",
        "$ref": f"#/$defs/{MESSAGES[name].__name__}",
        "$defs": {title: _flowing(component) for title, component in components.items()},
    }


def _flowing(component: dict[str, object]) -> dict[str, object]:
    """Write a docstring as one line a paragraph; how far it is indented differs between versions of Python."""
    paragraphs = cleandoc(str(component["description"])).split("\n\n")
    return component | {"description": "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)}


def files() -> dict[str, str]:
    """Give all schemas as file name to text, as they are kept in `docs/schemas`."""
    return {
        f"{name}.schema.json": json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n" for name in MESSAGES
    }
