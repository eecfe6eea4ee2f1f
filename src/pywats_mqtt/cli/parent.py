"""The hidden option of programs that another one starts: they end with it, also where it is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Final

WITH_PARENT: Final = "--with-parent"
"""Ends as by SIGTERM when the standard input does, whose other end the parent holds."""


def end_with_parent() -> None:
    """Send this process SIGTERM when its standard input ends: a pipe's other end is closed however its holder ends."""
    descriptor = None if sys.stdin is None else sys.stdin.fileno()  # None: it was closed at the start
    threading.Thread(target=_await_end, args=(descriptor,), name="end with parent", daemon=True).start()


def _await_end(descriptor: int | None) -> None:
    with suppress(OSError):  # what cannot be read tells nothing of a parent any more
        while descriptor is not None and os.read(descriptor, 4096):  # not sys.stdin: its lock would be held at the end
            pass
    os.kill(os.getpid(), signal.SIGTERM)
