"""Packages of software as WATS writes them, read into values. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pywats_mqtt.software.packages import Package


class _Tag(msgspec.Struct):
    key: str
    value: str | int | float | None = None


class _Package(msgspec.Struct):
    name: str
    version: int
    status: str
    tags: list[_Tag] | None = None


_STATUSES = {"draft": "Draft", "pending": "Pending", "released": "Released", "revoked": "Revoked"}


def packages_of(listed: object) -> Iterator[Package]:
    """Read the answer of `GET /api/Software/Packages`.

    Raises:
        msgspec.ValidationError: it is no list of packages.
    """
    for wire in msgspec.convert(listed, list[_Package]):
        yield Package(
            name=wire.name,
            number=wire.version,
            status=_STATUSES.get(wire.status.lower(), wire.status),
            tags={tag.key: "" if tag.value is None else str(tag.value) for tag in wire.tags or ()},
        )
