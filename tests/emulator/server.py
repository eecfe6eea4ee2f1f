"""A running emulator for tests: `with running_emulator(...) as wats:`, its own process on a free port."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from pywats_mqtt.cli.parent import WITH_PARENT

START_LIMIT_S = 60
STOP_LIMIT_S = 60
PAGE = 10_000
_LINE = re.compile(r"WATS emulator listening on (http://\S+) \(token (.+)\)")

Json = dict[str, Any]


class RunningEmulator:
    """An emulator in a process of its own, and what a test asks of it.

    Attributes:
        url: Base URL.
        token: The first token it takes.
        process: The process, for its pid and exit code.
    """

    def __init__(self, process: subprocess.Popen[str], url: str, token: str) -> None:
        self.process = process
        self.url = url
        self.token = token
        self._http = httpx.Client(base_url=url, timeout=START_LIMIT_S, trust_env=False)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return httpx.URL(self.url).port or 80

    def requests(self, *, after: int = 0, limit: int | None = None) -> list[Json]:
        """API requests numbered above `after`, oldest first; all of them without `limit`."""
        if limit is not None:
            return self._array("/_emulator/requests", after=after, limit=limit)
        found: list[Json] = []
        while page := self._array("/_emulator/requests", after=after, limit=PAGE):
            found += page
            after = page[-1]["seq"]
        return found

    def state(self) -> Json:
        """What it stored: assets, types, asset_log, reports in order of first reception, counts."""
        state: Json = self._http.get("/_emulator/state").raise_for_status().json()
        return state

    def fault(self, kind: str, **options: object) -> None:
        """Misbehave from now on: `fault("status", path="/api/Report", status=503, times=3)`."""
        self._http.post("/_emulator/faults", json={"kind": kind, **options}).raise_for_status()

    def faults(self) -> list[Json]:
        """The faults posted, with how often each hit."""
        return self._array("/_emulator/faults")

    def clear_faults(self) -> None:
        """Behave."""
        self._http.delete("/_emulator/faults").raise_for_status()

    def reset(self) -> None:
        """Forget everything."""
        self._http.post("/_emulator/reset").raise_for_status()

    def stop(self) -> int:
        """End it with SIGTERM; its exit code."""
        self.process.terminate()
        return self.close()

    def kill(self) -> int:
        """End it with SIGKILL, if it still runs; its exit code."""
        self.process.kill()
        return self.close()

    def close(self) -> int:
        """Wait for its end and let go of it; its exit code."""
        code = self.process.wait(STOP_LIMIT_S)
        self._http.close()
        _close_pipes(self.process)
        return code

    def _array(self, path: str, **query: int) -> list[Json]:
        found: list[Json] = self._http.get(path, params=query).raise_for_status().json()
        return found


def _close_pipes(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def start_emulator(
    *arguments: str, port: int = 0, token: str | None = None, state: Path | None = None, rate_limit: int = 0
) -> RunningEmulator:
    """Start an emulator and wait until it listens; the caller ends it.

    Args:
        *arguments: More options of `pywats-mqtt emulate`.
        port: 0 takes a free one; name one to come back where it was.
        token: None leaves it at the default.
        state: File to keep its state in; None for memory.
        rate_limit: Requests a minute and token; 0 for none.
    """
    command = [sys.executable, "-m", "pywats_mqtt", "emulate", "--port", str(port), "--rate-limit", str(rate_limit)]
    command += ["--token", token] if token else []
    command += ["--state", str(state)] if state else []
    process = subprocess.Popen(
        [*command, *arguments, WITH_PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    # Ends with the process if it cannot start, so it waits no longer than a start takes.
    line = process.stdout.readline()
    found = _LINE.match(line)
    if found is None:
        process.kill()
        process.wait(STOP_LIMIT_S)
        _close_pipes(process)
        raise AssertionError(f"the emulator did not start: {line!r}")
    return RunningEmulator(process, found[1], found[2].split(", ")[0])


@contextmanager
def running_emulator(
    *arguments: str, port: int = 0, token: str | None = None, state: Path | None = None, rate_limit: int = 0
) -> Iterator[RunningEmulator]:
    """An emulator for the length of a block; see `start_emulator`."""
    emulator = start_emulator(*arguments, port=port, token=token, state=state, rate_limit=rate_limit)
    try:
        yield emulator
    finally:
        emulator.kill()
