"""A program's wall clock that is set while it runs: a preloaded library (wall_clock.c) reads how far it is ahead."""

from __future__ import annotations

from pathlib import Path

from tests.guarantees.preload import built

SOURCE = Path(__file__).with_name("wall_clock.c")


class WallClock:
    """The clock of a program that has `environment`; as the machine's until it is set.

    Args:
        folder: for the library and what it reads.
    """

    def __init__(self, folder: Path) -> None:
        library = built(SOURCE, folder)
        self._file = folder / "ahead"
        self._file.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(self._file)}

    def set(self, *, ahead_s: int) -> None:
        """Set it, at once: so far ahead of the machine's, or behind."""
        with self._file.open("r+b") as file:
            file.write((ahead_s * 1_000_000_000).to_bytes(8, "little", signed=True))
