"""The stores that the guarantees are proved on: each scenario that takes a line runs on every one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Store:
    """Where a bridge keeps what it has taken.

    Attributes:
        name: for the test's id.
        settings: the lines of `[spool]`.
        files: names of the files beside the configuration that must outlive a power cut; none where a server has them.
    """

    name: str
    settings: str
    files: tuple[str, ...] = ()


SQLITE = Store("sqlite", 'path = "spool.db"\n', ("spool.db", "spool.db-wal", "spool.db-journal"))

STORES = (SQLITE,)
"""A second store joins here."""
