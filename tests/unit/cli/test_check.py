"""What `check` says of the spool, which it does not make."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.cli.check import check_all
from pywats_mqtt.spool.migrate import migrate, migrations


def said(tmp_path: Path, mqtt: str = "") -> list[tuple[bool, str]]:
    """Check a configuration whose broker and WATS are nowhere; gives what is said of the spool, and if it is ok."""
    config = tmp_path / "bridge.toml"
    config.write_text(
        f'[mqtt]\nbroker = "127.0.0.1"\nport = 1\n{mqtt}\n[wats]\nurl = "http://127.0.0.1:9"\ntoken = "c2VjcmV0"\n'
        '[spool]\npath = "spool.db"\n'
    )
    return [(each.ok, f"{each.what}: {each.fix}") for each in check_all(config) if each.what.startswith("spool.path")]


def test_a_new_one_is_a_new_session(tmp_path: Path) -> None:
    """And nothing is made of it."""
    ((ok, text),) = said(tmp_path)
    assert ok
    assert "is new, and with it the session at the broker" in text
    assert not (tmp_path / "spool.db").exists()


@pytest.mark.parametrize("refused", ["", "spool.db"], ids=["the folder", "the file"])
def test_one_that_cannot_be_written_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    """The start would say it too, when it is too late."""
    (tmp_path / "spool.db").touch()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path / refused)
    ((ok, text),) = said(tmp_path)
    assert not ok
    assert "cannot be written: let the bridge's user" in text


@pytest.mark.parametrize("mqtt", ["", 'client_id = "line-3"'])
def test_what_is_no_spool_fails(tmp_path: Path, mqtt: str) -> None:
    """Another file at its place; also where the session has a name."""
    (tmp_path / "spool.db").write_text("not a database, but long enough to have been one")
    ((ok, text),) = said(tmp_path, mqtt)
    assert not ok
    assert "no spool" in text


def test_one_that_is_damaged_fails(tmp_path: Path) -> None:
    """Also where its head is whole; what to do is named, as the start would."""
    path = tmp_path / "spool.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as new:
        migrate(new, str(path), migrations())
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert [ok for ok, _ in said(tmp_path)] == [True]
    with path.open("r+b") as file:
        for page in range(4, path.stat().st_size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    ((ok, text),) = said(tmp_path)
    assert not ok
    assert "spool salvage" in text


def test_one_of_an_older_program_is_no_fault(tmp_path: Path) -> None:
    """The start brings it up to date."""
    path = tmp_path / "spool.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        migrate(old, str(path), migrations()[:1])
    assert said(tmp_path) == []
