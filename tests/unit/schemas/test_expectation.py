"""What a schema expects at a place, in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.schemas.asset import AssetMessage
from pywats_mqtt.schemas.expectation import expected
from pywats_mqtt.schemas.report import ResultMessage


@pytest.mark.parametrize(
    ("message", "path", "said"),
    [
        (AssetMessage, "$.counters.total_count", "a whole number"),
        (AssetMessage, "$.environment.temperature_c", "a number or an object or null"),
        (AssetMessage, '$.environment["a b"]', "a number or an object or null"),
        (AssetMessage, "$.status", "What the asset does now"),
        (ResultMessage, "$.steps", "a list"),
        (ResultMessage, "$.serial_number", "a text or a number or null: The unit"),
    ],
)
def test_the_place_is_found_through_objects_lists_and_maps(message: object, path: str, said: str) -> None:
    """Types and bounds come from the schema, the text from its description."""
    assert said in expected(message, path)


@pytest.mark.parametrize("path", ["", "$.no_such_field", "$.status.deeper", "$.counters[0]"])
def test_where_the_schema_says_nothing_nothing_is_said(path: str) -> None:
    """A path of another schema, or none."""
    assert expected(AssetMessage, path) == ""


@given(st.text(max_size=30))
def test_any_path_is_taken(path: str) -> None:
    """A path is text out of the spool, whatever wrote it."""
    assert isinstance(expected(ResultMessage, path), str)
