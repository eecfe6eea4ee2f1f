"""What `bench calls` finds, from what the fleet said and what the emulator was asked. Pure.

The age of a value is the time from its timestamp until WATS holds it or a newer one; of a change of state, until WATS
holds the state that the fixture is in by then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil, inf
from types import MappingProxyType
from typing import Final

import msgspec

IN_OPERATION: Final = 1
STATES: Final = MappingProxyType({"running": IN_OPERATION, "maintenance": 3})
"""What the words of a simulated fixture mean; others change no state."""

CHANNELS: Final = ("temperature_c", "humidity_pct", "vibration_g")
WINDOW_S: Final = 60.0
OK: Final = 200
TOO_MANY: Final = 429

_NAMES: Final = MappingProxyType(
    {
        "PUT /api/Asset/Count": "counts",
        "PUT /api/Asset/SetRunningCount": "running_counts",
        "PUT /api/Asset/State": "states",
        "PUT /api/Asset": "tags",
        "POST /api/Report/WSJF": "reports",
    }
)


class Fixture(msgspec.Struct):
    """What a fixture said, message by message.

    Attributes:
        at_s: timestamps, in seconds since 1970 UTC, growing.
        totals: total counts, never falling.
        readings: its environment, as `reading` writes it.
        words: its state.
    """

    at_s: list[float] = msgspec.field(default_factory=list)
    totals: list[int] = msgspec.field(default_factory=list)
    readings: list[str] = msgspec.field(default_factory=list)
    words: list[str] = msgspec.field(default_factory=list)


class Said(msgspec.Struct):
    """What a fleet said.

    Attributes:
        began_s, ended_s: when.
        fixtures: by serial number.
        results: `result_key` each result to when it was published.
    """

    began_s: float
    ended_s: float
    fixtures: dict[str, Fixture]
    results: dict[str, float]


class Call(msgspec.Struct, frozen=True):
    """A request in the emulator's log."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: object
    status: int | None

    @property
    def at_s(self) -> float:
        """When, in seconds since 1970 UTC."""
        return self.at.timestamp()

    @property
    def kind(self) -> str:
        """What it is for."""
        name = _NAMES.get(f"{self.method} {self.path}")
        return name or ("reads" if self.method == "GET" and self.path.startswith("/api/Asset/") else "others")


class _Asset(msgspec.Struct):
    serial_number: str = msgspec.field(name="serialNumber")
    tags: list[dict[str, str]] = []


class _Report(msgspec.Struct):
    sn: str
    start: datetime


def reading(channels: Mapping[str, float]) -> str:
    """Write the environment of a message as one text."""
    return "/".join(f"{channels[name]:.10g}" for name in CHANNELS)


def result_key(serial_number: str, start: datetime) -> str:
    """Name a test, as no other is named."""
    return f"{serial_number} {start.timestamp():.6f}"


def figures_of(said: Said, log: Iterable[Call]) -> dict[str, float]:
    """Give the figures by name; calls are those while the fleet spoke, ages those of all it said."""
    calls = [call for call in log if call.at_s >= said.began_s]
    during = [call for call in calls if call.at_s <= said.ended_s]
    kinds = Counter(call.kind for call in during)
    return {
        "messages": sum(len(fixture.at_s) for fixture in said.fixtures.values()),
        "results": len(said.results),
        "calls": len(during),
        "calls_telemetry": sum(kinds[kind] for kind in ("counts", "running_counts", "states", "tags", "reads")),
        "calls_per_minute_max": most_in_a_window([call.at_s for call in calls]),
        "calls_per_minute_mean": round(len(during) * WINDOW_S / (said.ended_s - said.began_s), 1),
        "throttled": sum(call.status == TOO_MANY for call in calls),
        **{f"calls_{kind}": count for kind, count in sorted(kinds.items())},
        **_ages(said, [call for call in calls if call.status == OK]),
    }


def _ages(said: Said, calls: Sequence[Call]) -> dict[str, float]:
    totals: dict[str, list[tuple[float, int]]] = {asset: [] for asset in said.fixtures}
    readings: dict[str, list[tuple[float, str]]] = {asset: [] for asset in said.fixtures}
    states: dict[str, list[tuple[float, int]]] = {asset: [] for asset in said.fixtures}
    reports: list[float] = []
    for call in calls:
        match call.kind:
            case "counts":
                totals[call.query["serialNumber"]].append((call.at_s, int(call.query["totalCount"])))
            case "states":
                states[call.query["serialNumber"]].append((call.at_s, int(call.query["state"])))
            case "tags":
                saved = msgspec.convert(call.body, _Asset)
                values = {tag["key"]: tag["value"] for tag in saved.tags}
                if values.keys() >= set(CHANNELS):  # else who is there was written before the first reading
                    readings[saved.serial_number].append((call.at_s, "/".join(values[name] for name in CHANNELS)))
            case "reports":
                report = msgspec.convert(call.body, _Report)
                reports.append(call.at_s - said.results[result_key(report.sn, report.start)])
    messages = sum(len(fixture.at_s) for fixture in said.fixtures.values())
    found = {"counts": list[float](), "tags": list[float](), "states": list[float](), "reports": reports}
    for asset, fixture in said.fixtures.items():
        found["counts"] += counts_ages(fixture, totals[asset])
        found["tags"] += tags_ages(fixture, readings[asset])
        found["states"] += states_ages(fixture, states[asset])
    never = {
        "counts_never_held": messages - len(found["counts"]),
        "tags_never_held": messages - len(found["tags"]),
        "reports_never_held": len(said.results) - len(reports),
    }
    return never | {name: figure for kind, ages in found.items() for name, figure in _summary(kind, ages).items()}


def most_in_a_window(times_s: Iterable[float]) -> int:
    """Count the most calls in any window."""
    window: deque[float] = deque()
    most = 0
    for at_s in sorted(times_s):
        window.append(at_s)
        while window[0] <= at_s - WINDOW_S:
            window.popleft()
        most = max(most, len(window))
    return most


def counts_ages(fixture: Fixture, writes: Sequence[tuple[float, int]]) -> list[float]:
    """Give the age at which WATS held each total, or a higher one; less where it never did."""
    ages: list[float] = []
    written = iter(writes)
    held_at_s, held = 0.0, -1
    for at_s, total in zip(fixture.at_s, fixture.totals, strict=True):
        while held < total:
            held_at_s, held = next(written, (inf, total))
        if held_at_s == inf:
            break
        ages.append(max(0.0, held_at_s - at_s))
    return ages


def tags_ages(fixture: Fixture, writes: Sequence[tuple[float, str]]) -> list[float]:
    """Give the age at which WATS held each reading, or a later one; less where it never did."""
    ages: list[float] = []
    for at_s, written in writes:
        newest = bisect_right(fixture.at_s, at_s)
        place = next((place for place in range(newest - 1, -1, -1) if fixture.readings[place] == written), -1)
        ages += [at_s - fixture.at_s[earlier] for earlier in range(len(ages), place + 1)]
    return ages


def states_ages(fixture: Fixture, writes: Sequence[tuple[float, int]]) -> list[float]:
    """Give how long after each change of its state WATS held the state it was in then; less where it never did.

    WATS holds the first one from the start.
    """
    said = [(at_s, 0, STATES[word]) for at_s, word in zip(fixture.at_s, fixture.words, strict=True) if word in STATES]
    ages: list[float] = []
    wrong: list[float] = []
    is_in = held = IN_OPERATION
    for at_s, who, state in sorted([*said, *((at_s, 1, state) for at_s, state in writes)]):
        if who:
            held = state
        elif state != is_in:
            is_in = state
            wrong.append(at_s)
        if held == is_in:
            ages += [at_s - since_s for since_s in wrong]
            wrong.clear()
    return ages


def _summary(kind: str, ages: list[float]) -> dict[str, float]:
    if not ages:
        return {}
    ages.sort()
    parts = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return {f"age_{kind}_{name}_s": round(ages[ceil(part * len(ages)) - 1], 2) for name, part in parts.items()}
