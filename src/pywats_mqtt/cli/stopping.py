"""How a program that runs until it is told to stop is told."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Final

ENDED_AT_ONCE: Final = 130
"""Exit code of a stop that was not waited for; what was acknowledged is stored all the same."""


def told_to_stop() -> asyncio.Event:
    """Give what SIGTERM and Ctrl-C set from now on; a second one of them ends the process at once."""
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            os._exit(ENDED_AT_ONCE)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopping
