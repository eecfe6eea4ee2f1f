"""How a long-running process treats its memory."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Containers made before the collector looks at the young ones. Messages come by the thousand and hold no cycles, so
the default of 700 has it look a hundred times a second for nothing: a tenth of the CPU time of ingest."""


def collect_seldom() -> None:
    """Leave what was loaded at start out of all collections, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
