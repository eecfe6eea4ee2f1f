"""The programs a demo starts: each is watched, and ended by its own pid whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator

from pywats_mqtt.cli.parent import WITH_PARENT

LAST_LINES = 15
"""Lines of a program that died that are shown: a traceback's end and what led to it."""
END_S = 5.0
"""Seconds a program gets to end on SIGTERM before it is killed."""
LONGEST_LINE = 65_536


class DemoError(Exception):
    """The demo cannot go on; its message says why, for the person who started it."""


class Child:
    """One program with its last lines."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self._process = process
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._changed = asyncio.Event()
        self._ending = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def watch(self) -> None:
        """Read what it says until it ends.

        Raises:
            DemoError: it ended without being told to.
        """
        output = self._process.stdout
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:  # longer than the reader's limit: not ours to show
                continue
            if not line:
                break
            self._lines.append(line.decode(errors="replace").rstrip())
            self._changed.set()
        code = await self._process.wait()
        self._changed.set()
        if not self._ending:
            raise DemoError(self._obituary(code))

    async def said(self, pattern: str, *, within_s: float) -> str:
        """Wait for a line that matches, and give the pattern's first group.

        Raises:
            DemoError: it did not say so in time.
        """
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for line in self._lines:
                        if found := re.search(pattern, line):
                            return found[1]
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as exc:
            raise DemoError(f"the {self.name} did not start within {within_s:g} s; {self._last_lines()}") from exc

    async def end(self, *, within_s: float = END_S) -> int:
        """Tell it to end (SIGTERM), kill it where it does not, and give its exit code."""
        self._ending = True
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(within_s):
                return await self._process.wait()
        except TimeoutError:
            await self.kill()
            return await self._process.wait()

    async def kill(self) -> None:
        """End it at once; nothing to do where it has ended."""
        self._ending = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _obituary(self, code: int) -> str:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"the {self.name} {how}; {self._last_lines()}"

    def _last_lines(self) -> str:
        if not self._lines:
            return "it said nothing"
        return "its last lines:\n" + "\n".join(f"  {line}" for line in self._lines)


@contextlib.asynccontextmanager
async def running(name: str, *arguments: str, group: asyncio.TaskGroup) -> AsyncIterator[Child]:
    """Run `pywats-mqtt ARGUMENTS` while the block runs; `group` watches it.

    It gets a session of its own, so that a Ctrl-C in the terminal reaches the demo alone, which ends all in order.
    Where the demo is killed, the pipe at its standard input ends, and it with that.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pywats_mqtt",
        *arguments,
        WITH_PARENT,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
        limit=LONGEST_LINE,
    )
    child = Child(name, process)
    try:
        group.create_task(child.watch(), name=f"watch {name}")
        yield child
    finally:
        await child.kill()
