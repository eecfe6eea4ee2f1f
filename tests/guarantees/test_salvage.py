"""A spool file that was damaged while the bridge was away: it is refused, and what is readable of it is delivered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_by_hand import command
from tests.guarantees.line import BOUND_S, TESTERS, Testers, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow


def test_a_damaged_spool_is_refused_and_salvaged(tmp_path: Path) -> None:
    """Its header is gone: `run`, `status` and `spool list` name the rescue, after which all of it arrives once."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.bridge.start()
        made.await_session()
        testers = Testers(made.mosquitto.port)
        testers.publish(30)
        testers.wait()
        count = 30 * TESTERS
        block_until(lambda: made.bridge.status().get("stored") == count, bound_s=BOUND_S, what="all of it stored")
        assert made.bridge.stop() == 0  # killed, its log would have the header once more
        spool, new = tmp_path / "spool.db", tmp_path / "new.db"
        with spool.open("r+b") as file:
            file.write(bytes(100))
        config = str(made.bridge.config)
        for words in (("run", "-c", config), ("status", "-c", config), ("spool", "list", "-c", config)):
            done = command(*words)
            assert (done.returncode, f"spool salvage {spool}" in done.stderr) == (2, True), done.stderr
        done = command("spool", "salvage", str(spool), "--to", str(new), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["damaged_pages"] == 0
        for file_name in ("spool.db", "spool.db-wal", "spool.db-shm"):
            (tmp_path / file_name).unlink(missing_ok=True)
        new.rename(spool)
        made.start_wats()
        made.bridge.start()
        made.assert_complete(testers.published)
        testers.close()


def test_a_spool_in_use_or_none_is_not_salvaged(tmp_path: Path) -> None:
    """Exit code 2, in one line."""
    with line(tmp_path) as made:
        made.mosquitto.start()
        made.bridge.start()
        made.await_session()
        new = str(tmp_path / "new.db")
        used = command("spool", "salvage", str(tmp_path / "spool.db"), "--to", new)
        none = command("spool", "salvage", str(tmp_path / "nothing.db"), "--to", new)
        assert (used.returncode, "is in use by process" in used.stderr) == (2, True), used.stderr
        assert (none.returncode, "there is no file" in none.stderr) == (2, True), none.stderr
        assert not (tmp_path / "new.db").exists()
