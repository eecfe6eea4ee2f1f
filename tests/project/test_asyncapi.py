"""The AsyncAPI document: AsyncAPI's own parser takes it, and it names all topics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pywats_mqtt.asyncapi import SAID
from pywats_mqtt.cli.schema import schema as command
from pywats_mqtt.config.topics import TopicConfig
from tests.project.asyncapi_parser import parse
from tests.project.generate import ASYNCAPI

KNOWN = "asyncapi-latest-version"
"""There is a newer version of the specification; ours is 3.0, which more tools read."""


def test_its_parser_has_nothing_to_say() -> None:
    """No error and no warning: every reference, schema and binding fits. Examples are checked by `test_catalog`."""
    found = parse(ASYNCAPI.read_text())

    assert found.version == "3.0.0"
    assert [diagnostic for diagnostic in found.diagnostics if diagnostic.code != KNOWN] == []


def test_it_names_each_topic_we_subscribe_to_and_each_we_publish_on() -> None:
    """As the parser reads it, the defaults of `TopicConfig` and nothing else."""
    topics, found = TopicConfig(), parse(ASYNCAPI.read_text())

    assert sorted(re.sub(r"\{\w+\}", "+", address) for address in found.receives) == sorted(topics.filters())
    assert sorted(found.sends) == sorted(getattr(topics, said.template) + said.below for said in SAID.values())
    templates = {said.template for said in SAID.values()}
    assert templates == {name for name in TopicConfig.__struct_fields__ if name.endswith("_topic")}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"type": "string"', '"type": "text"'),
        ('"#/components/schemas/SoftwareItem"', '"#/components/schemas/Nothing"'),
        ('"action": "send"', '"action": "shout"'),
    ],
)
def test_the_check_finds_what_is_wrong(right: str, wrong: str) -> None:
    """A type that is none, a reference to nothing and an unknown word are errors: it is no empty check."""
    text = ASYNCAPI.read_text()
    assert right in text

    assert any(diagnostic.severity == 0 for diagnostic in parse(text.replace(right, wrong, 1)).diagnostics)


def test_the_command_writes_it(tmp_path: Path) -> None:
    """`schema asyncapi` prints the committed document, or writes it to a file."""
    shown = CliRunner().invoke(command, ["asyncapi"])
    written = CliRunner().invoke(command, ["asyncapi", "--out", str(tmp_path / "a.json")])

    assert (shown.exit_code, written.exit_code, written.stdout) == (0, 0, "")
    assert shown.stdout == (tmp_path / "a.json").read_text() == ASYNCAPI.read_text()
    assert json.loads(shown.stdout)["asyncapi"] == "3.0.0"


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """With exit code 2, and no traceback."""
    refused = CliRunner().invoke(command, ["asyncapi", "--out", str(tmp_path)])

    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
