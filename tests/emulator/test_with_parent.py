"""An emulator that a program started for itself ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import block_until

ROOT = Path(__file__).parents[2]
STARTER = """
import signal
from tests.emulator.server import start_emulator
print(start_emulator().process.pid, flush=True)
signal.pause()
"""


def running(pid: int) -> bool:
    """Tell whether it runs; what ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def test_it_ends_where_who_started_it_is_killed() -> None:
    """As of a test run that is killed: nobody is left to end it."""
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        emulator = int(starter.stdout.readline())
        assert running(emulator)
        starter.kill()
        try:
            block_until(lambda: not running(emulator), what="the end of the emulator")
        finally:
            if running(emulator):
                os.kill(emulator, signal.SIGKILL)


def test_it_ends_at_once_where_it_has_no_standard_input() -> None:
    """A closed one is none of a parent that lives."""
    words = 'exec "$0" -m pywats_mqtt emulate --port 0 --with-parent <&-'
    ended = subprocess.run(
        ["/bin/sh", "-c", words, sys.executable], cwd=ROOT, timeout=60, capture_output=True, text=True, check=False
    )
    assert ended.returncode in {0, -signal.SIGTERM}
    assert ended.stderr == ""
