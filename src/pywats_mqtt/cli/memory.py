"""How a long-running process treats its memory, and what it leaves out of it."""

from __future__ import annotations

import gc
import sys

YOUNG = 50_000
"""Containers made before the collector looks at the young ones. Messages come by the thousand and hold no cycles, so
the default of 700 has it look a hundred times a second for nothing: a tenth of the CPU time of ingest."""


def load_leanly() -> None:
    """Import from here on without what a daemon does not use, and without collections until `collect_seldom`.

    httpx imports its own command line where click and rich are installed, as they are for ours, and goes on without it
    where they are not. Of a start's imports that is a tenth. The collector finds nothing to free in modules.
    """
    sys.modules["httpx._main"] = None  # type: ignore[assignment] # as `import` documents it: it is not to be found
    gc.disable()


def collect_seldom() -> None:
    """Leave what was loaded at start out of all collections, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
    gc.enable()
