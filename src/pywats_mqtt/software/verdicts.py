"""Whether what runs on a station is what WATS has released: packages and an inventory in, a verdict out.

The convention: a package is named as its software, and its tag `SwVersion` says the version as devices write it, since
WATS itself counts packages in whole numbers (where it has no such tag, that number counts). `Hash` asks for a hash.
`StationName` and `PartNumber` narrow a package to one station or product. Of those that apply to a station, the
released one with the highest number of WATS is what has to run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from pywats_mqtt.events import Software
from pywats_mqtt.software.packages import RELEASED, REVOKED, Package

_SHOWN = 3
"""Pieces of software that a verdict names in words; all of them are listed beside."""
_NUMBERS = re.compile(r"\d{1,9}(\.\d{1,9})*", re.ASCII)


class Word(StrEnum):
    """What can be said; the later, the worse."""

    MATCH = "match"
    UNKNOWN = "unknown"
    OUTDATED = "outdated"
    HASH_MISMATCH = "hash mismatch"
    REVOKED = "revoked"


_ORDER = list(Word)


class Convention(msgspec.Struct, frozen=True, kw_only=True):
    """How packages are read.

    Attributes:
        version_tag, hash_tag, station_tag, part_number_tag: keys of the tags that say so.
        unchecked: names of software that no package is expected for.
    """

    version_tag: str = "SwVersion"
    hash_tag: str = "Hash"
    station_tag: str = "StationName"
    part_number_tag: str = "PartNumber"
    unchecked: Collection[str] = ()


class Judged(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of software and what is said of it."""

    name: Annotated[str, Meta(description="Its name, as reported.")]
    version: Annotated[str, Meta(description="Its version, as reported.")]
    hash: Annotated[str, Meta(description="Its hash, as reported.")]
    verdict: Annotated[Word, Meta(description="What is said of it.")]
    released: Annotated[str, Meta(description="The version that has to run; missing where none is released.")] = ""
    reason: Annotated[str, Meta(description="Why it does not match, in words; missing where it does.")] = ""


class Verdict(msgspec.Struct, frozen=True):
    """What is said of a station.

    Attributes:
        word: the worst of all.
        reason: why it is no match, in words; empty where it is.
        software: each piece that was judged.
    """

    word: Word
    reason: str = ""
    software: tuple[Judged, ...] = ()

    @property
    def text(self) -> str:
        """The word, and why."""
        return f"{self.word}: {self.reason}" if self.reason else str(self.word)


def judge(
    inventory: Sequence[Software] | None,
    packages: Iterable[Package],
    convention: Convention,
    *,
    station: str,
    part_number: str = "",
) -> Verdict:
    """Judge a station.

    Args:
        inventory: what runs on it, or None where it never said.
        packages: all of WATS, in any order.
        convention: how they are read.
        station: its name.
        part_number: what is tested there; empty where nobody knows; then packages for one product do not apply.
    """
    if inventory is None:
        return Verdict(Word.UNKNOWN, "the station never said what runs on it")
    by_name: dict[str, list[Package]] = {}
    for package in packages:
        if _applies(package, convention, station, part_number):
            by_name.setdefault(package.name, []).append(package)
    judged = tuple(
        _judged(software, by_name.get(software.name, []), convention)
        for software in inventory
        if software.name not in convention.unchecked
    )
    if not judged:
        return Verdict(Word.UNKNOWN, "the station says that nothing runs on it which could be checked")
    word = max((one.verdict for one in judged), key=_ORDER.index)
    worst_first = sorted(judged, key=lambda one: -_ORDER.index(one.verdict))
    reasons = [one.reason for one in worst_first if one.reason]
    more = f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return Verdict(word, "; ".join(reasons[:_SHOWN]) + more, judged)


def _applies(package: Package, convention: Convention, station: str, part_number: str) -> bool:
    wanted = package.tags.get(convention.station_tag, ""), package.tags.get(convention.part_number_tag, "")
    return all(
        not tag or tag.casefold() == own.casefold() for tag, own in zip(wanted, (station, part_number), strict=True)
    )


def _judged(software: Software, packages: Sequence[Package], convention: Convention) -> Judged:
    versions = {package.number: package.tags.get(convention.version_tag) or str(package.number) for package in packages}
    wanted = max((p for p in packages if p.status == RELEASED), key=lambda p: p.number, default=None)
    released = versions[wanted.number] if wanted is not None else ""
    same = [package for package in packages if versions[package.number] == software.version]
    if wanted is not None and software.version == released:
        word, reason = _by_hash(software, wanted.tags.get(convention.hash_tag, ""))
    elif any(package.status == REVOKED for package in same):
        word, reason = Word.REVOKED, "is revoked" + (f", released is {released}" if released else "")
    elif wanted is None:
        word, reason = Word.UNKNOWN, "is not released" if packages else "has no package in WATS for this station"
    elif not software.version:
        word, reason = Word.UNKNOWN, f"names no version, released is {released}"
    elif any(package.number > wanted.number for package in same) or _is_newer(software.version, released):
        word, reason = Word.UNKNOWN, f"is newer than the released {released}"
    else:
        word, reason = Word.OUTDATED, f"is not the released {released}"
    runs = f"{software.name} {software.version}".rstrip()
    return Judged(software.name, software.version, software.hash, word, released, f"{runs} {reason}" if reason else "")


def _by_hash(software: Software, wanted: str) -> tuple[Word, str]:
    """Compare the hash where the package has one; a device that names none cannot be told from a changed one."""
    if not wanted or wanted.casefold() == software.hash.casefold():
        return Word.MATCH, ""
    has = f"has the hash {software.hash}" if software.hash else "names no hash"
    return Word.HASH_MISMATCH, f"{has}, released is {wanted}"


def _is_newer(version: str, released: str) -> bool:
    """Compare dotted numbers; versions of any other form cannot be compared, and are not newer."""
    if not (_NUMBERS.fullmatch(version) and _NUMBERS.fullmatch(released)):
        return False
    return _numbers(version) > _numbers(released)


def _numbers(version: str) -> list[int]:
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return numbers
