"""A spool damaged while the bridge is away: nothing is acknowledged into it, and what it has is rescued."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pywats_mqtt.spool.checking import AT_ONCE_BYTES
from pywats_mqtt.spool.pages import Pages
from pywats_mqtt.spool.records import TABLE_LEAF
from tests.cli.test_by_hand import command
from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import BOUND_S, STOP_S, Line, line
from tests.guarantees.reconcile import compare
from tests.guarantees.test_broker import listening
from tests.waiting import block_until

pytestmark = pytest.mark.slow

PAGE = 4_096
LOG_HEADER = 32
FRAME = PAGE + 24


def last_leaf(spool: Path) -> int:
    """Give where the last page of a table's rows begins."""
    with Pages(spool) as pages:
        return PAGE * (max(number for number in pages.in_use() if pages.page(number)[0] == TABLE_LEAF) - 1)


def change(file: Path, offset: int, size: int) -> None:
    """Turn each bit of some bytes."""
    with file.open("r+b") as opened:
        opened.seek(offset)
        turned = bytes(byte ^ 0xFF for byte in opened.read(size))
        opened.seek(offset)
        opened.write(turned)


def flip_a_page(spool: Path) -> None:
    """Turn each bit of a page."""
    change(spool, last_leaf(spool), PAGE)


def destroy_the_header(spool: Path) -> None:
    """Turn each bit of it."""
    change(spool, 0, 100)


def cut_the_log(spool: Path) -> None:
    """Cut off the second half of the log."""
    log = Path(f"{spool}-wal")
    os.truncate(log, log.stat().st_size // 2)


def flip_a_bit_of_the_log(spool: Path) -> None:
    """Change one byte in its middle."""
    log = Path(f"{spool}-wal")
    change(log, LOG_HEADER + log.stat().st_size // FRAME // 2 * FRAME + 200, 1)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Line]:
    """A line whose bridge has a session, without WATS."""
    with line(tmp_path) as made:
        made.write_at_once()
        made.mosquitto.start()
        made.bridge.start()
        made.await_session()
        yield made


@pytest.mark.parametrize("damage", [flip_a_page, destroy_the_header, cut_the_log, flip_a_bit_of_the_log])
def test_a_damaged_file_is_refused_and_what_it_has_is_rescued(made: Line, damage: Callable[[Path], None]) -> None:
    """`run` ends with 2 and one line that names the rescue, however often it is started; what comes meanwhile is kept.

    After the rescue all that was not on the lost pages arrives once, in order, and all that came later does.
    """
    fleet = Fleet(made.mosquitto.port)
    fleet.publish(6)
    fleet.wait()
    everything = len(fleet.sent.numbers())
    block_until(lambda: made.bridge.status().get("acknowledged", 0) >= everything, bound_s=BOUND_S, what="all acked")
    spool, new = made.folder / "spool.db", made.folder / "new.db"
    if damage in {flip_a_page, destroy_the_header}:
        assert made.bridge.stop() == 0  # or its log would have these pages once more
    else:
        made.bridge.kill()
    damage(spool)
    before = fleet.sent.numbers()
    fleet.publish(4)
    fleet.wait()
    config = str(made.bridge.config)
    refusing = ["run", "run"]
    if damage in {destroy_the_header, cut_the_log}:
        refusing = ["status", "run", "run", "status"]  # it does not look at each page
    for word in refusing:
        done = command(word, "-c", config)
        (told,) = [text for text in done.stderr.splitlines() if "spool salvage" in text]
        assert done.returncode == 2, told
        assert f"spool salvage {spool} --to" in told
    done = command("spool", "salvage", str(spool), "--to", str(new), "--json")
    assert done.returncode == 0, done.stderr
    for end in ("", "-wal", "-shm"):
        Path(f"{spool}{end}").unlink(missing_ok=True)
    new.rename(spool)
    made.start_wats()
    made.bridge.start()
    made.await_session()
    fleet.publish(1)
    held = settle(made, fleet.sent)
    fleet.close()
    found = compare(fleet.sent, held)
    assert (found.doubled, found.refused_again, found.disordered, found.foreign) == ((), (), (), ())
    assert set(found.missing) <= before


def test_a_large_damaged_file_delivers_what_it_can_and_acknowledges_nothing(made: Line) -> None:
    """Its check takes longer than the start: an alarm says what it found, and the bridge ends with one line."""
    fleet = Fleet(made.mosquitto.port)
    padding = "x" * 100_000
    number = AT_ONCE_BYTES // len(padding) + 50
    for each in range(number):
        fleet.send("testers/T9/results", padded(each, padding))
    block_until(lambda: made.bridge.status().get("stored", 0) >= number, bound_s=BOUND_S, what="all stored")
    assert made.bridge.stop() == 0
    spool = made.folder / "spool.db"
    assert spool.stat().st_size > AT_ONCE_BYTES
    with closing(sqlite3.connect(spool)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'packet'").fetchone()
    change(spool, PAGE * (root - 1), PAGE)  # of a table that nobody reads before a message is stored
    made.start_wats()
    with listening(made.mosquitto.port, "wats/alarms/spool_damaged") as heard:
        fleet.send("testers/T9/results", padded(number, padding))
        fleet.wait()
        made.bridge.start()
        assert made.bridge.process.wait(STOP_S) == 2
        block_until(lambda: heard, bound_s=BOUND_S, what="the alarm")
    assert "spool salvage" in json.loads(heard[0])["problem"]
    assert made.reports(), "deliveries wait for the check"
    assert f"P-{number:06d}" not in {report["sn"] for report in made.reports()}
    assert b"".join(line for line in made.bridge.log.read_bytes().splitlines() if b"Traceback" in line) == b""
    fleet.close()


def padded(number: int, padding: str) -> dict[str, object]:
    """Make a large result."""
    return {
        "serial_number": f"P-{number:06d}",
        "part_number": "GUARANTEE",
        "timestamp": "2026-01-26T00:00:00Z",
        "result": "Passed",
        "padding": padding,
    }
