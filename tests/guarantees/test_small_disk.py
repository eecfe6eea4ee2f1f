"""A small disk of its own that gets full. Where none can be mounted, `test_full` alone tells the same by a quota."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pywats_mqtt.app.standing import NOTE
from tests.guarantees.fleet import Fleet, settle
from tests.guarantees.line import BOUND_S, Line
from tests.guarantees.reconcile import EXACT, compare
from tests.guarantees.test_broker import listening
from tests.guarantees.test_full import PART, await_level, fill_and_publish, made, told
from tests.waiting import block_until

__all__ = ["made"]

pytestmark = pytest.mark.slow

DISK_BYTES = 24 << 20


def mount(folder: Path) -> None:
    """Mount the disk; root may, outside of most containers."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
    subprocess.run(words, capture_output=True, check=True)


def unmount(folder: Path) -> None:
    """Take it away."""
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - Debian's


def can_mount() -> bool:
    """Try it."""
    with tempfile.TemporaryDirectory() as name:
        try:
            mount(Path(name))
        except (OSError, subprocess.CalledProcessError):
            return False
        unmount(Path(name))
        return True


__test__ = can_mount()


class SmallDisk:
    """A small file system of its own, which another file fills."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave so many bytes free."""
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                told = os.statvfs(self._ballast.parent)
                free = told.f_bavail * told.f_frsize
                if leave and free <= leave:
                    return
                file.write(bytes(min(PART, free - leave or PART)))

    def empty(self) -> None:
        """Make room again."""
        self._ballast.unlink()


@pytest.fixture
def small(made: Line) -> Iterator[SmallDisk]:
    """A disk of 24 MB that has the spool."""
    folder = made.folder / "disk"
    folder.mkdir()
    mount(folder)
    config = folder / "bridge.toml"
    config.write_text(made.bridge.config.read_text())
    made.bridge.config, made.bridge.log = config, made.folder / "bridge.log"
    try:
        yield SmallDisk(folder)
    finally:
        made.bridge.kill()
        unmount(folder)


def test_a_disk_that_gets_full_while_storing(made: Line, small: SmallDisk) -> None:
    """Nothing is acknowledged that is not stored; with room it goes on by itself, and both ends agree."""
    made.set_spool("min_free_bytes = 0\n")
    made.bridge.start()
    made.await_session()
    fleet = Fleet(made.mosquitto.port)
    with listening(made.mosquitto.port, "wats/alarms/spool_full") as heard:
        fill_and_publish(made, small, fleet, heard)
        held = settle(made, fleet.sent)
    fleet.close()
    assert compare(fleet.sent, held) == EXACT
    warnings = [text for text in made.bridge.lines() if "cannot be written" in text]
    assert warnings, "nobody was told"


def test_a_disk_that_others_fill_is_told_of_before_it_is_full(made: Line, small: SmallDisk) -> None:
    """Below `min_free_bytes` reading stops before a write fails; what is stored is delivered; then it goes on."""
    made.set_spool("min_free_bytes = 8_000_000\n")
    made.bridge.start()
    made.await_session()
    fleet = Fleet(made.mosquitto.port)
    with (
        listening(made.mosquitto.port, "wats/alarms/spool_filling") as filling,
        listening(made.mosquitto.port, "wats/alarms/spool_full/bridge") as kept,
    ):
        fleet.publish(2)
        fleet.wait()
        made.await_reports(14)
        small.fill(leave=9_000_000)
        await_level(made, "filling")
        small.fill(leave=4_000_000)
        room = await_level(made, "full")
        assert room["free_bytes"] < 8_000_000
        assert "spool.min_free_bytes" in room["problem"]
        block_until(lambda: kept and kept[-1], bound_s=BOUND_S, what="the alarm that the broker keeps")
        fleet.publish(3)
        fleet.wait()
        before = made.bridge.status()
        small.empty()
        await_level(made, "")
        block_until(lambda: told(filling)[-1:] == [("spool_filling", False)], bound_s=BOUND_S, what="its end")
        block_until(lambda: kept[-1] == b"", bound_s=BOUND_S, what="the broker keeps it no more")
        fleet.publish(1)
        held = settle(made, fleet.sent)
    fleet.close()
    assert before["waiting"] <= before["stored"] < len(fleet.sent.numbers())
    assert compare(fleet.sent, held) == EXACT
    assert not [text for text in made.bridge.lines() if "cannot be written" in text]


def test_room_that_there_is_again_after_a_kill_ends_the_alarm(made: Line, small: SmallDisk) -> None:
    """The next run of the bridge says that it is over: to who listens, and to who comes later."""
    made.set_spool("min_free_bytes = 8_000_000\n")
    made.bridge.start()
    made.await_session()
    with (
        listening(made.mosquitto.port, "wats/alarms/spool_full") as heard,
        listening(made.mosquitto.port, "wats/alarms/spool_full/bridge") as kept,
    ):
        small.fill(leave=4_000_000)
        await_level(made, "full")
        block_until(lambda: heard and kept and kept[-1], bound_s=BOUND_S, what="the alarm")
        block_until(lambda: b"spool_full" in (made.bridge.note(NOTE) or b""), bound_s=BOUND_S, what="the note of it")
        made.bridge.kill()
        small.empty()
        made.bridge.start()
        block_until(lambda: len(heard) > 1, bound_s=BOUND_S, what="its end")
        block_until(lambda: kept[-1] == b"", bound_s=BOUND_S, what="the broker keeps it no more")
    assert told(heard) == [("spool_full", True), ("spool_full", False)]
