"""A real Mosquitto on a free loopback port: the reference broker of the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.ports import free_port

HOST = "127.0.0.1"
START_S = 60.0
"""Seconds until it must say that it runs; it takes 20 ms."""
STOP_S = 60.0
"""Seconds it may take to write its store and end."""
SIGNAL_AGAIN_S = 1.0
SETTINGS = ("per_listener_settings false", "persistence true", "autosave_interval 0", "max_queued_messages 0")
INSTALL = "mosquitto is missing; install it with: apt-get install mosquitto mosquitto-clients"


def mosquitto_program() -> str:
    """Give the path of Mosquitto; skip the test where there is none, but fail in CI, where nothing may be skipped."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(INSTALL)
    pytest.skip(INSTALL)


class Mosquitto:
    """A Mosquitto with persistence, so that `stop` and `start` keep sessions and messages.

    Args:
        folder: for its configuration and its store; made if missing.
        port: to listen at; a free one by default. It stays the same over restarts.
        extra: further configuration lines. Those that belong to the listener go to `listener`.
        listener: lines that follow the `listener` line, such as certificates.
        anonymous: whether clients need no user name.
        settings: general configuration lines, in place of the fixture's.

    Attributes:
        port: where it listens at 127.0.0.1.
        log: what it printed, line by line.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        extra: Sequence[str] = (),
        listener: Sequence[str] = (),
        anonymous: bool = True,
        settings: Sequence[str] = SETTINGS,
    ) -> None:
        self.port = port or free_port()
        self.log: list[str] = []
        self._program = mosquitto_program()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._running = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        lines = [
            *settings,
            f"persistence_location {folder}/",
            "log_dest stderr",
            f"allow_anonymous {str(anonymous).lower()}",
            *(["user root"] if os.geteuid() == 0 else []),
            *extra,
            f"listener {self.port} {HOST}",
            *listener,
        ]
        self._config.write_text("\n".join(lines) + "\n")

    def start(self) -> Self:
        """Start it and return when it listens.

        Raises:
            RuntimeError: it does not run; the message holds what it printed.
        """
        self._running.clear()
        self._process = subprocess.Popen([self._program, "-c", str(self._config)], stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if not self._running.wait(START_S) or self._process.poll() is not None:
            self.kill()
            raise RuntimeError("mosquitto did not start:\n" + "\n".join(self.log[-20:]))
        return self

    def stop(self) -> None:
        """Stop it as an administrator would (SIGTERM): it keeps sessions and messages."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with -9: it loses sessions and messages since it last saved."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still (SIGSTOP), until `resume` or its end by `kill`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop it and start it again at the same port with the same store."""
        self.stop()
        self.start()

    def forget(self) -> None:
        """Take away the store of a stopped broker: sessions, queues and retained messages."""
        (self._config.parent / "mosquitto.db").unlink(missing_ok=True)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        deadline = time.monotonic() + STOP_S
        while process.poll() is None:
            # It forgets a SIGTERM that comes between its word that it runs and its main loop, so it is told again.
            process.send_signal(number)
            try:
                process.wait(SIGNAL_AGAIN_S)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    process.kill()
                    raise
        if self._reader is not None:
            self._reader.join(STOP_S)
        if process.stderr is not None:
            process.stderr.close()

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stderr is None:
            return
        for line in process.stderr:
            self.log.append(line.rstrip())
            if line.rstrip().endswith(" running"):
                self._running.set()
        self._running.set()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        self.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto that takes anybody, with persistence and no bound on its queues."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker
