"""Whatever a device, a broker or a server says, an operator's terminal only shows it."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pywats_mqtt.cli import logs, quarantine, terminal
from pywats_mqtt.cli.logs import configure
from pywats_mqtt.cli.spool import spool, spool_list
from pywats_mqtt.cli.tables import print_table
from pywats_mqtt.cli.terminal import json_lines, json_text, one_line, printable

HOSTILE = "\x1b[2J\x9b31m\u202e\r\b\x7f\n1 done\x1b]0;title\x07"
WORDS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    WORDS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=8
)


@given(WORDS)
@example(HOSTILE)
def test_a_line_is_one_printable_line(text: str) -> None:
    """Nothing steers, nothing adds a line, and what is printable stays as it is."""
    assert one_line(text).isprintable()
    assert text.isprintable() is (one_line(text) == text)


@given(WORDS)
@example(HOSTILE)
def test_a_text_keeps_its_lines_and_nothing_else_that_is_not_printable(text: str) -> None:
    """Line feeds and tabs are a payload's own form."""
    assert printable(text).replace("\n", "").replace("\t", "").isprintable()
    assert printable(text).count("\n") == text.count("\n")


@given(VALUES)
@example({HOSTILE: [HOSTILE]})
@example("\U000e0001")
def test_json_reads_back_the_same(value: object) -> None:
    """Escaped as JSON does it, so that a program reads what was sent."""
    assert json_text(value).isprintable()
    assert json.loads(json_text(value)) == json.loads(json_lines(value)) == value
    assert json_lines(value).replace("\n", "").isprintable()


def test_a_deep_payload_is_not_indented_out_of_memory() -> None:
    """With hundreds of blanks before each of its values."""
    deep: object = list(range(20_000))
    for _ in range(900):
        deep = [deep]
    assert len(json_lines(deep)) == len(json_text(deep)) > terminal.LONGEST_INDENTED


def test_a_cell_of_a_table_stays_in_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    """A topic cannot make up a row of the quarantine."""
    print_table(("id", "topic"), [("1", HOSTILE)], headed=True)
    written = capsys.readouterr().out
    assert written.count("\n") == 2
    assert written.replace("\n", "").isprintable()


def test_a_line_of_the_log_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a broker gives as its reason, and what an exception quotes, stand there as escapes."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(logs, "LIBRARIES", ())  # those of the tests to come are not silenced
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    configure("INFO", "text")
    logging.getLogger("x").warning("no broker: %s", HOSTILE)
    assert stream.getvalue().count("\n") == 1
    logging.getLogger("x").error("a defect", exc_info=ValueError(HOSTILE))
    assert stream.getvalue().replace("\n", "").isprintable()


def test_a_long_topic_does_not_widen_all_rows_of_a_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anyone may publish on 65,535 characters; `--json` has them all."""
    row = {"id": 1, "received_at": "now", "topic": "t" * 65_535, "path": "", "reason": "no"}
    monkeypatch.setattr(quarantine, "read_quarantine", lambda *_: [row])
    spool_list(Path("b.toml"))
    assert max(map(len, capsys.readouterr().out.splitlines())) < 400
    spool_list(Path("b.toml"), as_json=True)
    assert "t" * 65_535 in capsys.readouterr().out


@pytest.mark.parametrize("command", [["show"], ["retry"], ["discard", "--yes"]])
def test_a_number_that_no_row_can_have_is_refused_in_words(command: list[str]) -> None:
    """SQLite's integers have 64 bits."""
    done = CliRunner().invoke(spool, [*command, str(2**63), "-c", "b.toml"])
    assert done.exit_code == 2
    assert "Invalid value for" in done.output
