"""The hidden option of programs that another one starts: they end with it, also where it is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

WITH_PARENT: Final = "--with-parent"
"""Ends as by SIGTERM when the standard input does, whose other end the parent holds."""


def end_with_parent() -> None:
    """Send this process SIGTERM when its standard input ends: a pipe's other end is closed however its holder ends."""
    threading.Thread(target=_await_end, args=(sys.stdin.fileno(),), name="end with parent", daemon=True).start()


def _await_end(descriptor: int) -> None:
    while os.read(descriptor, 4096):  # not by sys.stdin, whose lock would be held when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
