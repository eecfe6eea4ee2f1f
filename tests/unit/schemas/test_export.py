"""The exported JSON Schemas say what the bridge accepts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pywats_mqtt.cli.schema import schema as command
from pywats_mqtt.schemas.export import MESSAGES, PUBLISHED, files, json_schema
from tests.cases.runner import CASES, expected, folders
from tests.unit.schemas.validation import is_valid

DOCS = Path(__file__).parents[3] / "docs" / "schemas"
SCHEMA_OF = {
    "asset": "asset-message",
    "report": "result-message",
    "repair": "repair-message",
    "production": "unit-message",
}
BY_LEVEL = {"calibration": "calibration-message", "operator": "operator-message", "utilization": "utilization-message"}
"""Last level of a topic to its schema, where that is another one than its domain's."""

SHAPE = {
    "report/refused_limit_is_text",
    "report/refused_operation_code_is_text",
    "report/refused_step_without_name",
    "report/refused_value_is_array",
    "report/refused_misc_is_text",
    "report/refused_duration_is_negative",
    "report/refused_loop_index_is_text",
    "report/refused_measurement_without_name",
    "repair/refused_failure_without_code",
    "asset/refused_array",
    "asset/refused_calibration_deviation_is_text",
    "asset/refused_calibration_limit_is_negative",
    "asset/refused_calibration_parameter_is_text",
    "asset/refused_calibration_calibrated",
    "asset/refused_count_is_a_fraction",
    "asset/refused_count_is_negative",
    "asset/refused_count_is_text",
    "asset/refused_count_is_too_large",
    "asset/refused_environment_is_text",
    "asset/refused_reading_is_text",
    "asset/refused_status_is_number",
    "asset/refused_utilization_count_is_a_fraction",
    "asset/refused_utilization_ideal_cycle_of_nothing",
    "asset/refused_utilization_negative",
    "asset/refused_utilization_wrong_type",
    "asset/refused_reset_of_the_total",
    "production/refused_event_is_number",
}
"""Cases that are refused for their shape alone; the others need more than a schema can say."""


def fits(folder: Path) -> bool:
    """Tell whether a case's payload is valid by the schema of its adapter."""
    level = (folder / "topic.txt").read_text().split("\n", 1)[0].rpartition("/")[2]
    document = json_schema(BY_LEVEL.get(level, SCHEMA_OF[folder.parent.name]))
    definitions = document["$defs"]
    assert isinstance(definitions, dict)
    payload: object = json.loads((folder / "message.json").read_bytes())
    return is_valid(payload, {"$ref": document["$ref"]}, definitions)


def accepted(folder: Path) -> bool:
    """Tell whether a case with an object as its payload is accepted by an adapter; a status alone has no schema."""
    found = expected(folder)
    assert isinstance(found, dict)
    is_object = (folder / "message.json").read_bytes().startswith(b"{")
    return folder.parent.name in SCHEMA_OF and "events" in found and is_object


def test_committed_schemas_are_the_exported_ones() -> None:
    """Whoever changes a message commits its schema: `pywats-mqtt schema export --out docs/schemas`."""
    assert {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.schema.json")} == files()


@pytest.mark.parametrize(
    "folder", [each for each in folders() if accepted(each)], ids=lambda path: str(path.relative_to(CASES))
)
def test_what_is_accepted_fits_its_schema(folder: Path) -> None:
    """A device that holds on to what the bridge takes holds on to the schema, the proposal's examples first."""
    assert fits(folder)


@pytest.mark.parametrize("case", sorted(SHAPE))
def test_what_is_refused_for_its_shape_does_not_fit(case: str) -> None:
    """A payload checked against the schema before it is sent is not refused for its shape."""
    assert not fits(CASES / case)


@pytest.mark.parametrize("name", [*MESSAGES, *PUBLISHED])
def test_each_field_is_described(name: str) -> None:
    """Nobody has to read our source to know what a field means."""
    definitions = json_schema(name)["$defs"]
    assert isinstance(definitions, dict)
    bare = [
        f"{title}.{field}"
        for title, definition in definitions.items()
        for field, schema in definition.get("properties", {}).items()
        if not schema.get("description")
    ]
    assert not bare


def test_export_writes_one_file_a_message(tmp_path: Path) -> None:
    """`schema export --out DIR` makes the folder and names what it wrote."""
    result = CliRunner().invoke(command, ["export", "--out", str(tmp_path / "new"), "--json"])
    assert result.exit_code == 0
    assert [Path(name).name for name in json.loads(result.stdout)] == list(files())
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()} == files()


def test_export_prints_all_schemas_by_name() -> None:
    """Without a folder the schemas go to standard output as one object."""
    result = CliRunner().invoke(command, ["export"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {name: json_schema(name) for name in (*MESSAGES, *PUBLISHED)}


def test_export_to_a_file_says_so(tmp_path: Path) -> None:
    """A folder that cannot be written to is one line and exit code 2, no traceback."""
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(command, ["export", "--out", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", [*MESSAGES, *PUBLISHED])
def test_each_schema_names_its_version(name: str) -> None:
    """A message without a version in its name is of version 1."""
    assert json_schema(name)["$id"] == f"urn:pywats-mqtt:{name}:1"
