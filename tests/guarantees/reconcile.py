"""Both ends compared: what devices sent, and what WATS and the quarantine hold, as one value that lists what is wrong.

Every message has a number, as in `T3-000017`, by which it is known at both ends.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Sent:
    """What devices sent, each in the order it was sent.

    Attributes:
        results: tester to the numbers of its results.
        refused: numbers of messages that do not fit, which belong into quarantine.
        totals: asset to (number, total) of its absolute statements: the last one counts.
        increments: asset to (number, how many) of its increments: all of them count.
        readings: asset to (number, value) of its channel: the last one counts.
    """

    results: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    refused: list[str] = field(default_factory=list)
    totals: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    increments: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    readings: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))

    def numbers(self) -> set[str]:
        """Give the number of every message."""
        told = [
            pair for kind in (self.totals, self.increments, self.readings) for pairs in kind.values() for pair in pairs
        ]
        results = (number for numbers in self.results.values() for number in numbers)
        return {*results, *self.refused, *(number for number, _ in told)}

    def only(self, numbers: Container[str]) -> Sent:
        """Give the part with these numbers."""

        def kept(told: Mapping[str, list[tuple[str, int]]]) -> dict[str, list[tuple[str, int]]]:
            return {asset: [pair for pair in pairs if pair[0] in numbers] for asset, pairs in told.items()}

        return Sent(
            results={tester: [one for one in sent if one in numbers] for tester, sent in self.results.items()},
            refused=[number for number in self.refused if number in numbers],
            totals=kept(self.totals),
            increments=kept(self.increments),
            readings=kept(self.readings),
        )

    def counts(self) -> dict[str, int]:
        """Give each asset's total use: what it said last, or the sum of what it added."""
        added = {asset: sum(count for _, count in pairs) for asset, pairs in self.increments.items()}
        return {asset: pairs[-1][1] for asset, pairs in self.totals.items() if pairs} | {
            asset: count for asset, count in added.items() if count
        }

    def newest(self) -> dict[str, int]:
        """Give each asset's last reading."""
        return {asset: pairs[-1][1] for asset, pairs in self.readings.items() if pairs}


@dataclass(frozen=True)
class Held:
    """What is there afterwards.

    Attributes:
        results: tester to the numbers of its reports in WATS, in order of their first reception.
        refused: numbers in quarantine.
        counts: asset to its total in WATS.
        newest: asset to its channel's value in WATS.
    """

    results: Mapping[str, Sequence[str]]
    refused: Sequence[str]
    counts: Mapping[str, int]
    newest: Mapping[str, int]


@dataclass(frozen=True)
class Difference:
    """What is wrong, sorted; an empty one is the promise kept.

    Attributes:
        missing: numbers that are neither in WATS nor in quarantine.
        doubled: numbers that are in WATS more than once, or there and in quarantine.
        refused_again: numbers that are in quarantine more than once.
        disordered: numbers that WATS received after a later one of the same tester.
        foreign: numbers that nobody sent.
        inexact: counts and readings that are not as they were sent, as `I0: 41, sent 42`.
    """

    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    refused_again: tuple[str, ...] = ()
    disordered: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    inexact: tuple[str, ...] = ()


EXACT = Difference()


def compare(sent: Sent, held: Held) -> Difference:
    """Compare the two ends."""
    refused = Counter(held.refused)
    arrived = Counter(number for numbers in held.results.values() for number in numbers) + Counter(set(refused))
    expected = {number for numbers in sent.results.values() for number in numbers} | set(sent.refused)
    misplaced = {
        number
        for tester, numbers in held.results.items()
        for number in set(numbers) - set(sent.results.get(tester, ()))
        if number in expected
    }
    misplaced |= set(held.refused) & (expected - set(sent.refused))
    return Difference(
        missing=tuple(sorted(expected - set(arrived))),
        doubled=tuple(sorted(number for number, count in arrived.items() if count > 1)),
        refused_again=tuple(sorted(number for number, count in refused.items() if count > 1)),
        disordered=tuple(
            sorted(
                one for tester, numbers in held.results.items() for one in _late(numbers, sent.results.get(tester, ()))
            )
        ),
        foreign=tuple(sorted((set(arrived) - expected) | misplaced)),
        inexact=(*_inexact(sent.counts(), held.counts), *_inexact(sent.newest(), held.newest)),
    )


def _late(arrived: Sequence[str], sent: Sequence[str]) -> Iterable[str]:
    """Name what arrived after something that was sent later."""
    place = {number: index for index, number in enumerate(sent)}
    furthest = -1
    for number in dict.fromkeys(arrived):
        if number in place:
            if place[number] < furthest:
                yield number
            furthest = max(furthest, place[number])


def _inexact(sent: Mapping[str, int], held: Mapping[str, int]) -> Iterable[str]:
    for asset in sorted({*sent, *held}):
        if sent.get(asset) != held.get(asset):
            yield f"{asset}: {held.get(asset)}, sent {sent.get(asset)}"
