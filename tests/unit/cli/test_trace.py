"""What `trace` finds in a spool, by what names it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pywats_mqtt.cli.commands import app
from pywats_mqtt.cli.trace import trace
from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt, Rejection
from pywats_mqtt.spool import SqliteSpool
from tests.contract.spool_parts import START_US, SetClock


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration that names a spool."""
    path = tmp_path / "bridge.toml"
    path.write_text(f"[spool]\npath = '{tmp_path / 'spool.db'}'\n")
    return path


async def refuse(folder: Path, *messages: RawMessage) -> None:
    """Fill the quarantine of a spool."""
    async with SqliteSpool.open(folder / "spool.db", clock=SetClock()) as spool:
        batch = await spool.put(Receipt(messages))
        assert batch is not None
        await spool.route(batch, [Rejection("no such result", "$.result")] * len(messages))


async def test_a_refused_message_is_found_by_the_id_among_its_user_properties(config: Path, tmp_path: Path) -> None:
    """As by what its payload names; the next one has none."""
    named = (("message_id", "up-1"),)
    message = RawMessage("testers/T5/results", b'{"serial_number": "UP"}', START_US, 1, user_properties=named)
    await refuse(tmp_path, message, RawMessage("testers/T5/results", b"{", START_US + 1, 1))
    found = trace(config, "UP", 10)
    assert [(way.subject, way.message_id, way.state) for way in found] == [("UP", "up-1", "quarantined")]
    assert trace(config, "up-1", 10) == found


@pytest.mark.parametrize(("rows", "why"), [("", "it never came"), ("trace_rows = 0", "[spool] trace_rows is 0")])
def test_why_nothing_is_known_is_told(config: Path, tmp_path: Path, rows: str, why: str) -> None:
    """What nobody wanted to be remembered may well have come."""
    config.write_text(f"{config.read_text()}{rows}\n")
    asyncio.run(refuse(tmp_path, RawMessage("t", b"{}", START_US, 1)))
    done = CliRunner().invoke(app, ["trace", "SN1", "-c", str(config)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"nothing is known of SN1: {why}" in done.stderr


@pytest.mark.parametrize(("word", "why"), [("", "empty word"), (" ", "empty word"), ("S\udcff\udcfe", "no UTF-8 text")])
async def test_a_word_that_can_name_nothing_is_refused_in_words(
    config: Path, tmp_path: Path, word: str, why: str
) -> None:
    """An empty one would name all that names nothing; bytes that are no UTF-8 come from no message."""
    await refuse(tmp_path, RawMessage("t", b"{}", START_US, 1))
    with pytest.raises(Fatal, match=why):
        trace(config, word, 10)


def test_a_limit_that_no_spool_reaches_is_refused(config: Path) -> None:
    """SQLite has no number as large."""
    done = CliRunner().invoke(app, ["trace", "SN1", "-c", str(config), "--limit", str(1 << 63)])
    assert (done.exit_code, done.stdout) == (2, "")
