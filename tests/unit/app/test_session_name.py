"""Which session a bridge has, and which one it leaves behind with another spool file."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.app.session_name import client_id_of, is_new, left_behind
from pywats_mqtt.config.model import BridgeConfig, MQTTConfig, SpoolConfig
from pywats_mqtt.spool.migrate import APPLICATION_ID
from pywats_mqtt.spool.sqlite import SqliteSpool
from tests.contract.spool_parts import SetClock

SESSION = b"pywats-mqtt-1f@broker:1883"
NOBODY = 2**31 - 1
"""No process has this id (Linux: at most 2**22)."""
MQTT = MQTTConfig(broker="broker", port=1883)


def config(folder: Path, mqtt: MQTTConfig = MQTT) -> BridgeConfig:
    """A bridge whose spool is a new file in a folder."""
    return BridgeConfig(mqtt=mqtt, spool=SpoolConfig(path=str(folder / "new.db")))


def die(path: Path) -> None:
    """Let the owner of a spool file be another process than this one, which lives."""
    path.with_name(f"{path.name}.lock").write_text(f"process {NOBODY}, since 2026\n")


@pytest.fixture
async def former(tmp_path: Path) -> Path:
    """A spool that was connected, among files that are none."""
    path = tmp_path / "former.db"
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await spool.set_note("session", SESSION)
    die(path)
    (tmp_path / "short").write_bytes(b"SQLite")
    with closing(sqlite3.connect(tmp_path / "others.db")) as db:
        db.execute("CREATE TABLE one (id)")
    (tmp_path / "folder.db").mkdir()
    return path


async def test_a_session_beside_is_named_with_what_to_do(tmp_path: Path, former: Path) -> None:
    """The file, and the key that takes the session over."""
    said = left_behind(config(tmp_path), time.time())
    assert str(former) in said
    assert 'set mqtt.client_id = "pywats-mqtt-1f"' in said


async def test_one_that_was_killed_or_is_of_an_older_version_is_named_too(tmp_path: Path) -> None:
    """What it wrote last may be in its log alone, all of it in that of a new spool; what it was is a note in all."""
    path = tmp_path / "killed.db"
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await spool.set_note("session", SESSION)
        files = {each: each.read_bytes() for each in (path, path.with_name("killed.db-wal"))}
    for each, content in files.items():
        each.write_bytes(content)
    die(path)
    os.utime(path, (0, 0))
    assert APPLICATION_ID.to_bytes(4, "big") not in path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("PRAGMA user_version = 1")
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        assert str(path) in left_behind(config(tmp_path), time.time())


@pytest.mark.usefixtures("former")
async def test_other_sessions_are_none_of_its_business(tmp_path: Path) -> None:
    """At another broker, over by now, or of no one."""
    assert left_behind(config(tmp_path, MQTTConfig(broker="broker", port=8883)), time.time()) == ""
    assert left_behind(config(tmp_path), time.time() + MQTT.session_expiry_s + 1) == ""
    assert left_behind(config(tmp_path / "nowhere"), time.time()) == ""


async def test_a_bridge_that_runs_has_its_session_itself(tmp_path: Path, former: Path) -> None:
    """Two bridges may have their spools in one folder."""
    async with SqliteSpool.open(former, clock=SetClock()):
        assert left_behind(config(tmp_path), time.time()) == ""


async def test_a_client_id_is_made_once_and_the_configured_one_counts(tmp_path: Path) -> None:
    """Of a spool that has one nothing is new."""
    made = config(tmp_path)
    assert is_new(made)
    async with SqliteSpool.open(tmp_path / "new.db", clock=SetClock()) as spool:
        assert is_new(made)
        first = await client_id_of(spool, made)
        assert first.startswith("pywats-mqtt-")
        assert await client_id_of(spool, made) == first
        named = config(tmp_path, MQTTConfig(client_id="line-3"))
        assert await client_id_of(spool, named) == "line-3"
    assert not is_new(made)
    assert not is_new(config(tmp_path / "nowhere", MQTTConfig(client_id="line-3")))
