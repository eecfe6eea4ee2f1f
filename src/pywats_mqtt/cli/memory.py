"""How a long-running process treats its memory, and what it leaves out of it."""

from __future__ import annotations

import gc
import sys

YOUNG = 50_000
"""Containers made before the collector looks at the young ones. Messages come by the thousand and hold no cycles, so
the default of 700 has it look a hundred times a second for nothing: a tenth of the CPU time of ingest."""


def leave_out_command_lines() -> None:
    """Import from here on without the command line that httpx has: a daemon has no use for it.

    httpx imports it, and click, rich and pygments with it, where those are installed, as they are for our own; where
    they are not it goes on without. They take 4.6 MB.
    """
    sys.modules["httpx._main"] = None  # type: ignore[assignment] # as `import` documents it: it is not to be found


def collect_seldom() -> None:
    """Leave what was loaded at start out of all collections, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
