"""What a demo came to: figures of both ends, and whether they agree."""

from __future__ import annotations

import msgspec

from pywats_mqtt.observe import Status
from pywats_mqtt.simulator.held import Held
from pywats_mqtt.simulator.reconcile import Comparison
from pywats_mqtt.simulator.runner import Summary

MOST_PROBLEMS = 20
"""Problems that are named; more say nothing new, and their number is in the figures."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `demo --json`; those up to `seconds` are a contract.

    Attributes:
        published: messages the fleet published.
        stored: messages the bridge committed to its spool.
        acknowledged: of the published ones, those the broker acknowledged to the fleet.
        delivered: messages whose effect is in WATS.
        quarantined: messages and deliveries the bridge put aside.
        reports: reports of tests and batches in WATS.
        assets: assets in WATS.
        lost: acknowledged results, repairs and batches without a report, fixtures whose last counts are not in WATS,
            and units, entries in logs and tags that are not there.
        duplicates: results with more than one report, fixtures counted too often, entries that a log has twice.
        seconds: how long the fleet published.
        units: units in WATS.
        alerts: entries about alerts in the logs of assets.
        repairs: reports of repairs in WATS.
        software: assets whose tags say what software they run.
        unanswered: published messages that the broker had not acknowledged at the end.
        refused: published messages that the broker refused.
        waiting: stored messages that were not delivered when the bridge ended.
        retried: tries of the bridge that failed and were put off.
        reordered: reports that WATS received after a later one of the same device.
        foreign: reports that nobody sent.
        changed: reports with another verdict, and running counts, places of units and tags that no message stated.
        by_kind: published messages of each kind.
        devices: size of the fleet.
        problems: what is wrong, in words.
        ok: whether nothing is.
    """

    published: int
    stored: int
    acknowledged: int
    delivered: int
    quarantined: int
    reports: int
    assets: int
    lost: int
    duplicates: int
    seconds: float
    units: int
    alerts: int
    repairs: int
    software: int
    unanswered: int
    refused: int
    waiting: int
    retried: int
    reordered: int
    foreign: int
    changed: int
    by_kind: dict[str, int]
    devices: int
    problems: tuple[str, ...]
    ok: bool


def outcome_of(fleet: Summary, bridge: Status, held: Held, comparison: Comparison, *, bridge_code: int) -> Outcome:
    """Put the figures of both ends together.

    Args:
        fleet: what the fleet published.
        bridge: what its spool says after it ended.
        held: what WATS holds.
        comparison: of the fleet's journal and `held`.
        bridge_code: exit code of the bridge, negative where a signal ended it.
    """
    tally = held.tally()
    problems = [
        *(f"lost: {text}" for text in comparison.lost),
        *(f"doubled: {text}" for text in comparison.doubled),
        *(f"out of order: {text}" for text in comparison.reordered),
        *(f"sent by nobody: {text}" for text in comparison.foreign),
        *(f"changed: {text}" for text in comparison.changed),
    ]
    if bridge.quarantined:
        problems.append(f"the bridge put {bridge.quarantined} messages in quarantine")
    if bridge.waiting:
        problems.append(f"the bridge ended with {bridge.waiting} messages not delivered yet")
    if fleet.refused:
        problems.append(f"the broker refused {fleet.refused} messages")
    if bridge_code:
        problems.append(f"the bridge ended with exit code {bridge_code}")
    return Outcome(
        published=fleet.published,
        stored=bridge.stored,
        acknowledged=fleet.acknowledged,
        delivered=bridge.delivered,
        quarantined=bridge.quarantined,
        reports=tally.reports,
        assets=tally.assets,
        lost=len(comparison.lost),
        duplicates=len(comparison.doubled),
        seconds=fleet.seconds,
        units=tally.units,
        alerts=tally.alerts,
        repairs=tally.repairs,
        software=tally.software,
        unanswered=fleet.unanswered,
        refused=fleet.refused,
        waiting=bridge.waiting,
        retried=bridge.retried,
        reordered=len(comparison.reordered),
        foreign=len(comparison.foreign),
        changed=len(comparison.changed),
        by_kind=fleet.by_kind,
        devices=fleet.devices,
        problems=tuple(problems[:MOST_PROBLEMS]),
        ok=not problems,
    )


def verdict(outcome: Outcome) -> str:
    """Say in one line whether both ends agree."""
    if outcome.ok:
        return "Nothing was lost and nothing doubled: both ends agree to the last count."
    figures = (
        (outcome.lost, "lost"),
        (outcome.duplicates, "doubled"),
        (outcome.reordered, "out of order"),
        (outcome.foreign, "sent by nobody"),
        (outcome.changed, "changed"),
        (outcome.quarantined, "in quarantine"),
        (outcome.waiting, "not delivered yet"),
        (outcome.refused, "refused by the broker"),
    )
    found = ", ".join(f"{count} {what}" for count, what in figures if count)
    return f"The two ends do not agree: {found or outcome.problems[0]}."
