"""A shift of an asset as one report, and as tags. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.adapters.unread import UNREAD
from pywats_mqtt.events import Measurement, Step, TestResult, identify, payload_digest
from pywats_mqtt.messages import from_us
from pywats_mqtt.utilization.accounts import Account
from pywats_mqtt.utilization.oee import Figures

KIND = "utilization"

UNKNOWN = "unknown"
"""Tag of a figure that is not known: an older value must not stay in its place."""


def tags_of(account: Account, figures: Figures) -> dict[str, str]:
    """Give the tags of a running shift: the four figures from 0 to 1, and which shift they are of."""
    named = {name: UNKNOWN if value is None else f"{value:.3f}" for name, value in _named(figures).items()}
    start = from_us(account.period.start_us).isoformat(timespec="minutes")
    return {**named, "shift": cut(f"{account.period.name} {start}")}


def report_of(asset: str, account: Account, figures: Figures, part_number: str) -> TestResult:
    """Give the report of a shift: every figure a numeric LOG step, times in seconds.

    Its id is derived from the asset and the start of the shift: sent again it overwrites itself.
    """
    period = account.period
    lasts_s = (period.end_us - period.start_us) / 1e6
    return TestResult(
        report_id=identify((KIND, asset, str(period.start_us)), b"").id,
        device=asset,
        kind=KIND,
        test_type=KIND,
        serial_number=asset,
        part_number=part_number,
        result="P",
        start=from_us(period.start_us),
        duration_s=lasts_s,
        steps=(
            *(_step(name, value, "") for name, value in _named(figures).items() if value is not None),
            _sequence(
                "times",
                {
                    "shift": lasts_s,
                    "planned": figures.planned_s,
                    "production": account.producing_s,
                    "production outside planned time": account.producing_s - account.in_plan_s,
                    "unknown": figures.unknown_s,
                },
                "s",
            ),
            *_states(account),
            *_parts(account),
        ),
        misc=tuple(_misc(account, figures)),
    )


def digest(report: TestResult) -> bytes:
    """Digest a report, to tell whether WATS has the same."""
    return payload_digest(msgspec.json.encode(report))


def _named(figures: Figures) -> dict[str, float | None]:
    return {
        "availability": figures.availability,
        "performance": figures.performance,
        "quality": figures.quality,
        "oee": figures.oee,
    }


def _states(account: Account) -> Iterator[Step]:
    if account.states:
        yield _sequence("states", dict(sorted(account.states.items())), "s")


def _parts(account: Account) -> Iterator[Step]:
    total, good = account.parts.total, account.parts.good
    counts = {"total": total, "good": good}
    if total is not None and good is not None and good <= total:
        counts["rejected"] = total - good
    known = {name: float(count) for name, count in counts.items() if count is not None}
    if known:
        yield _sequence("parts", known, "")


def _misc(account: Account, figures: Figures) -> Iterator[tuple[str, str]]:
    yield "shift", cut(account.period.name)
    yield "shift_end", from_us(account.period.end_us).isoformat()
    if account.planned_s is not None:
        yield "planned_time", "as the device said"
    if account.back:
        yield "counter_reset", "once" if account.back == 1 else f"{account.back} times"
    for number, remark in enumerate(figures.remarks, 1):
        yield f"remark_{number}", cut(remark)
    if account.unread:
        yield UNREAD, account.unread


def _sequence(name: str, values: Mapping[str, float], unit: str) -> Step:
    return Step(name=name, status="P", kind="sequence", steps=tuple(_step(n, v, unit) for n, v in values.items()))


def _step(name: str, value: float, unit: str) -> Step:
    return Step(name=cut(name), status="P", measurement=Measurement(value=round(value, 6), unit=unit))
