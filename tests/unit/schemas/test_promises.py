"""A version of a schema is a promise: what it took once, it takes for good."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.schemas.promises import broken, present, promised

RESULT = "urn:pywats-mqtt:result-message:1"
NOW: dict[str, Any] = present()


@pytest.mark.parametrize("name", promised())
def test_what_was_taken_is_taken(name: str) -> None:
    """A device built for the schema of a release is not refused by the next one; else it is a new message."""
    assert name in NOW, "a message is gone"
    assert broken(promised()[name], NOW[name]) == []


def test_every_message_is_promised() -> None:
    """`python -m tests.unit.schemas.promises` adds a new message, and new fields."""
    assert promised() == NOW


@pytest.mark.parametrize(
    ("definition", "field", "change", "problem"),
    [
        ("ResultMessage", "test_type", None, "$.test_type: is gone"),
        ("ResultMessage", "test_type", {"type": "integer"}, "$.test_type: string is no longer taken"),
        ("ResultMessage", "serial_number", {"type": ["string", "null"]}, "$.serial_number: number is no longer taken"),
        ("ResultMessage", "socket", {"type": "number", "maximum": 7}, "$.socket: null is no longer taken"),
        (
            "StepMessage",
            "low",
            {"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]},
            "$.steps[].low: minimum",
        ),
        ("StepMessage", "name", {"type": "string", "maxLength": 9}, "$.steps[].name: maxLength was None, is 9"),
    ],
)
def test_what_breaks_a_device_is_named_with_its_place(
    definition: str, field: str, change: dict[str, Any] | None, problem: str
) -> None:
    """A field that is gone, narrowed, or of another type."""
    changed = copy.deepcopy(NOW[RESULT])
    properties = changed["$defs"][definition]["properties"]
    del properties[field]
    if change is not None:
        properties[field] = change

    assert any(text.startswith(problem) for text in broken(NOW[RESULT], changed))


def test_a_field_that_becomes_required_breaks_a_device() -> None:
    """It sent none."""
    changed = copy.deepcopy(NOW[RESULT])
    changed["$defs"]["ResultMessage"]["required"] = ["serial_number"]

    assert broken(NOW[RESULT], changed) == ["$.serial_number: is required now"]


def test_what_is_added_or_widened_breaks_nothing() -> None:
    """A new field, one more type, a field that is no longer required."""
    changed = copy.deepcopy(NOW[RESULT])
    fields = changed["$defs"]["ResultMessage"]["properties"]
    fields["mood"] = {"type": "string"}
    fields["socket"]["anyOf"].append({"type": "string"})
    changed["$defs"]["StepMessage"]["required"] = []

    assert broken(NOW[RESULT], changed) == []
