"""How a demo looks in a terminal of 80 columns, and in one line where there is none: values in, pictures out."""

from __future__ import annotations

from datetime import datetime

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pywats_mqtt.cli.demo_outcome import Outcome, verdict
from pywats_mqtt.observe import Status

LAST_REPORTS = 6
"""Rows of the table below the figures: the whole picture stays below the 24 lines of a plain terminal."""
WIDTH = 78


class LastReport(msgspec.Struct, frozen=True):
    """A report in WATS, as a row of the table."""

    serial_number: str = msgspec.field(name="sn")
    part_number: str = msgspec.field(name="pn")
    tester: str = msgspec.field(name="machineName")
    result: str
    start: datetime


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A demo at one moment.

    Attributes:
        phase: what it does, such as `the bridge drains`.
        elapsed_s: since the fleet began.
        devices: size of the fleet.
        published: messages published so far.
        acknowledged: messages the broker acknowledged.
        bridge: what the bridge says; None while it does not answer.
        reports: number of reports in WATS.
        assets: number of assets in WATS.
        last: the newest reports, the newest last.
    """

    phase: str
    elapsed_s: float
    devices: int
    published: int
    acknowledged: int
    bridge: Status | None
    reports: int
    assets: int
    last: tuple[LastReport, ...] = ()


def draw(scene: Scene) -> RenderableType:
    """Draw a scene: the way of the messages from left to right, and the newest reports below."""
    flow = Table(box=None, expand=True, padding=(0, 0, 0, 1))
    for title, share in (("Fleet", 3), ("Broker", 4), ("Bridge", 3), ("WATS", 3)):
        flow.add_column(title, header_style="bold cyan", ratio=share, no_wrap=True)
    bridge = scene.bridge
    connected = _light(bridge is not None and bridge.connected, "connected", "away")
    reachable = _light(bridge is not None and bridge.wats_reachable, "reachable", "not reached")
    flow.add_row(Text(f"{scene.devices} devices"), connected, _light(bridge is not None, "running", "away"), reachable)
    stored, delivered, waiting, aside = (
        ("-", "-", "-", "-")
        if bridge is None
        else (str(bridge.stored), str(bridge.delivered), str(bridge.waiting), str(bridge.quarantined))
    )
    flow.add_row(
        _figure(str(scene.published), "published"),
        _figure(str(scene.acknowledged), "acknowledged"),
        _figure(stored, "stored"),
        _figure(str(scene.reports), "reports"),
    )
    flow.add_row("", "", _figure(delivered, "delivered"), _figure(str(scene.assets), "assets"))
    flow.add_row("", "", _figure(waiting, "waiting"), "")
    flow.add_row("", "", _figure(aside, "quarantined", bad=aside not in {"0", "-"}), "")
    minutes, seconds = divmod(int(scene.elapsed_s), 60)
    return Panel(
        Group(flow, Text(), _table(scene.last)),
        title="pywats-mqtt demo",
        subtitle=f"{minutes:02d}:{seconds:02d}  {scene.phase}",
        width=WIDTH,
        box=box.ROUNDED,
        border_style="cyan",
    )


def one_line(scene: Scene) -> str:
    """Tell a scene in one line, for a log."""
    bridge = scene.bridge
    middle = (
        "the bridge does not answer"
        if bridge is None
        else f"stored {bridge.stored}, delivered {bridge.delivered}, waiting {bridge.waiting},"
        f" quarantined {bridge.quarantined}"
    )
    return (
        f"{scene.elapsed_s:5.0f} s {scene.phase}: published {scene.published}, acknowledged {scene.acknowledged},"
        f" {middle}, reports {scene.reports}, assets {scene.assets}"
    )


def draw_outcome(outcome: Outcome) -> RenderableType:
    """Draw what a demo came to: both ends side by side, and the verdict below."""
    figures = Table(box=box.SIMPLE_HEAD, width=WIDTH)
    for title in ("Fleet", "", "Bridge", "", "WATS", ""):
        figures.add_column(title, justify="left" if title else "right", no_wrap=True)
    figures.add_row("published", str(outcome.published), "stored", str(outcome.stored), "reports", str(outcome.reports))
    figures.add_row(
        "acknowledged", str(outcome.acknowledged), "delivered", str(outcome.delivered), "assets", str(outcome.assets)
    )
    figures.add_row(
        "unanswered", str(outcome.unanswered), "quarantined", str(outcome.quarantined), "lost", str(outcome.lost)
    )
    figures.add_row("seconds", f"{outcome.seconds:.1f}", "", "", "doubled", str(outcome.duplicates))
    parts: list[RenderableType] = [figures, Text(verdict(outcome), style="bold green" if outcome.ok else "bold red")]
    parts += [Text(f"  {problem}") for problem in outcome.problems]
    return Group(*parts)


def _light(on: bool, good: str, bad: str) -> Text:  # noqa: FBT001 - read as what it lights up for
    return Text.assemble(("● ", "green" if on else "yellow"), good if on else bad)


def _figure(number: str, what: str, *, bad: bool = False) -> Text:
    return Text.assemble((number, "bold red" if bad else "bold"), f" {what}")


def _table(reports: tuple[LastReport, ...]) -> RenderableType:
    if not reports:
        return Text(" no report in WATS yet", style="dim")
    table = Table(box=None, expand=True, padding=(0, 1), header_style="dim")
    for title in ("Last reports", "Part", "Tester", "Result", "Start"):
        table.add_column(title, no_wrap=True, overflow="ellipsis")
    for report in reports[-LAST_REPORTS:]:
        result = Text(report.result, style="green" if report.result == "Passed" else "red")
        start = report.start.strftime("%H:%M:%S")
        table.add_row(Text(report.serial_number), Text(report.part_number), Text(report.tester), result, start)
    return table
