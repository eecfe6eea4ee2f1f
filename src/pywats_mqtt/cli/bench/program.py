"""The bridge as a bench runs it: the program of its own process, with a configuration file, asked over its socket."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pywats_mqtt.app.local_socket import Silent, ask
from pywats_mqtt.cli.bench import peers
from pywats_mqtt.errors import Fatal
from pywats_mqtt.observe import Status

TOKEN = "c2VjcmV0"  # noqa: S105 - the emulator's example token, no secret
START_S = 30.0
LOOK_EVERY_S = 0.1


class Program(msgspec.Struct, frozen=True):
    """A running bridge."""

    pid: int
    spool: Path

    def status(self) -> Status:
        """Ask it how it stands.

        Raises:
            Fatal: it has ended.
        """
        answer = ask(self.spool)
        if answer is None:
            raise Fatal("the bridge has ended; start it by hand with the settings of the bench to see why")
        return msgspec.json.decode(answer, type=Status)

    def rss_mb(self) -> float:
        """Give its resident memory now, in MiB."""
        return self._kib("VmRSS") / 1024

    def peak_rss_mb(self) -> float:
        """Give the most it ever had resident, in MiB."""
        return self._kib("VmHWM") / 1024

    def _kib(self, name: str) -> int:
        """Read a line of proc_pid_status(5)."""
        try:
            text = Path(f"/proc/{self.pid}/status").read_text()
        except FileNotFoundError as error:
            raise Fatal("the bridge has ended, or this is not Linux, where memory is read off /proc") from error
        found = re.search(rf"^{name}:\s+([0-9]+) kB$", text, re.MULTILINE)
        if found is None:
            raise Fatal("the bridge has just ended; start it by hand with the settings of the bench to see why")
        return int(found[1])


def write_config(folder: Path, port: int, url: str, *, wats: str = "", spool: str = "") -> Path:
    """Write a configuration with the defaults and these lines of its sections; its spool is `spool.db` beside it."""
    config = folder / "bridge.toml"
    config.write_text(
        f'[mqtt]\nbroker = "127.0.0.1"\nport = {port}\n'
        f'[wats]\nurl = "{url}"\ntoken = "{TOKEN}"\n{wats}\n'
        f'[spool]\npath = "{folder / "spool.db"}"\ndrain_s = 0\n{spool}\n'
    )
    return config


def run_words(config: Path, *options: str) -> list[str]:
    """Give the command line of a bridge that says nothing but errors."""
    return [*peers.PROGRAM, "run", "-c", str(config), "--log-level", "ERROR", *options]


@contextmanager
def bridge(config: Path, *options: str) -> Iterator[Program]:
    """Run the bridge while the block runs; gives it once it is connected."""
    spool = config.with_name("spool.db")
    with peers.running(run_words(config, *options)) as pid:
        wait(lambda: _is_connected(spool), START_S, "the bridge has no connection")
        yield Program(pid, spool)


def wait(condition: Callable[[], object], seconds: float, problem: str) -> None:
    """Wait until something holds.

    Raises:
        Fatal: it does not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Fatal(f"{problem} after {seconds:g} s")
        time.sleep(LOOK_EVERY_S)


def _is_connected(spool: Path) -> bool:
    try:
        answer = ask(spool)
    except Silent:  # it is busy with what it found at its start
        return False
    return answer is not None and msgspec.json.decode(answer, type=Status).connected


def with_bytecode(folder: Path) -> dict[str, str]:
    """Give an environment in which modules are compiled once, into a folder, as an installed program's are.

    What is set here may keep Python from that: a start would then measure the compiler.
    """
    others = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**others, "PYTHONPYCACHEPREFIX": str(folder)}
