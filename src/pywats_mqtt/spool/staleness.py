"""How long what WATS lacks of each kind of telemetry has been owed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from pywats_mqtt.ports import Staleness


def staleness_of(owed: Iterable[tuple[str, str, int]], now_us: int) -> dict[str, Staleness]:
    """Summarise what is owed by kind.

    Args:
        owed: asset, kind, and since when it is owed, in microseconds since 1970 UTC.
        now_us: the present; what is owed since later, by a clock that was put back, is owed since now.
    """
    by_kind: dict[str, list[tuple[int, str]]] = {}
    for asset, kind, since_us in owed:
        by_kind.setdefault(kind, []).append((max(0, now_us - since_us), asset))
    return {kind: _summary(sorted(ages)) for kind, ages in sorted(by_kind.items())}


def _summary(ages: list[tuple[int, str]]) -> Staleness:
    def at(part: float) -> float:
        return round(ages[ceil(part * len(ages)) - 1][0] / 1e6, 3)

    return Staleness(owed=len(ages), p50_s=at(0.5), p95_s=at(0.95), max_s=at(1.0), longest=ages[-1][1])
