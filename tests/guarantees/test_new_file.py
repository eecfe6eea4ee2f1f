"""The power goes after a spool was made and its log moved into it: nothing of its making may come back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.spool.sqlite import SqliteSpool
from tests.guarantees.power import Power

MAKE = """
import asyncio, os, sqlite3, sys
from pathlib import Path
from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool.sqlite import SqliteSpool

async def make(path):
    async with SqliteSpool.open(path, clock=SystemClock()) as spool:
        await spool.put(Receipt((RawMessage("t", b"stored", 1, 1),)))
        sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        os._exit(0)

asyncio.run(make(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("seed", range(6))
def test_a_journal_of_the_first_start_does_not_come_back(tmp_path: Path, seed: int) -> None:
    """SQLite takes a journal for the end of a transaction that failed, and puts the file back to one page."""
    path, folder = tmp_path / "spool.db", tmp_path / "power"
    folder.mkdir()
    power = Power(path, folder)
    subprocess.run([sys.executable, "-c", MAKE, str(path)], env=os.environ | power.environment, check=True)
    power.cut(seed)

    async def stored() -> list[bytes]:
        async with SqliteSpool.open(path, clock=SystemClock()) as spool:
            return [message.payload for batch in await spool.unrouted(0, 9) for message in batch.messages]

    assert asyncio.run(stored()) == [b"stored"]
