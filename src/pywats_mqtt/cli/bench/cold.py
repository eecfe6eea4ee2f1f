"""Files out of the system's cache, as after the machine was off; of one's own files, that takes no rights."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from pywats_mqtt.cli.bench.program import wait
from pywats_mqtt.errors import Fatal

DROP_S = 5.0
"""What that may take."""

STEP_BYTES = 16_777_216
"""How far apart a file is looked at, to see whether it has left the cache; each look may bring a page back."""


def drop_cached(path: Path) -> None:
    """Write what of a file is not on its disk yet, and drop it from the cache (posix_fadvise(2), POSIX_FADV_DONTNEED).

    Raises:
        Fatal: it stays there: its file system has no disk, another program uses it, or the system cannot do this.
    """
    if not hasattr(os, "posix_fadvise"):
        raise Fatal("this system has no posix_fadvise, so a file cannot be dropped from its cache")
    file = os.open(path, os.O_RDONLY)
    try:
        wait(partial(_drop, file), DROP_S, f"{path} stays in the cache, so TMPDIR should name a folder on a disk,")
    finally:
        os.close(file)


def _drop(file: int) -> bool:
    """Try to; what is being read ahead for a program that was killed stays until it is there."""
    os.fsync(file)  # what is not on the disk yet stays in the cache
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    return not is_cached(file)


def is_cached(file: int) -> bool:
    """Tell whether any of the places looked at can be read without the disk (preadv2(2), RWF_NOWAIT)."""
    page = bytearray(1)
    for place in range(os.fstat(file).st_size - 1, -1, -STEP_BYTES):
        try:
            os.preadv(file, [page], place, os.RWF_NOWAIT)
        except BlockingIOError:
            continue
        except OSError:  # a file system that cannot say is one in memory, such as tmpfs
            return True
        return True
    return False
