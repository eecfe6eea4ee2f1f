"""Packages of software as WATS distributes them."""

from __future__ import annotations

import msgspec

RELEASED = "Released"
REVOKED = "Revoked"


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a package.

    Attributes:
        name: the name; by convention that of the software.
        number: WATS' version, which counts per name; the highest one that is released is what has to run.
        status: `Draft`, `Pending`, `Released` or `Revoked`.
        tags: tag key to value.
    """

    name: str
    number: int
    status: str
    tags: dict[str, str] = {}
