"""How a demo looks in a terminal of 80 columns, and in one line where there is none: values in, pictures out."""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pywats_mqtt.cli.demo_outcome import Outcome, verdict
from pywats_mqtt.observe import Status
from pywats_mqtt.simulator.held import Tally

LAST_REPORTS = 6
"""Rows of the table below the figures: the whole picture stays below the 24 lines of a plain terminal."""
WIDTH = 78
IN_WATS = ("reports", "repairs", "assets", "software", "units", "alerts")
"""What is counted in WATS, in the order shown."""


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
        wats: how much there is in WATS.
        last: the newest reports, the newest last.
    """

    phase: str
    elapsed_s: float
    devices: int
    published: int
    acknowledged: int
    bridge: Status | None
    wats: Tally
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
    rows = zip_longest(
        (_figure(str(scene.published), "published"),),
        (_figure(str(scene.acknowledged), "acknowledged"),),
        (
            _figure(stored, "stored"),
            _figure(delivered, "delivered"),
            _figure(waiting, "waiting"),
            _figure(aside, "quarantined", bad=aside not in {"0", "-"}),
        ),
        [_figure(str(getattr(scene.wats, name)), name) for name in IN_WATS],
        fillvalue="",
    )
    for row in rows:
        flow.add_row(*row)
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
        f" {middle}, reports {scene.wats.reports}, assets {scene.wats.assets}, units {scene.wats.units},"
        f" alerts {scene.wats.alerts}, repairs {scene.wats.repairs}, software {scene.wats.software}"
    )


def draw_outcome(outcome: Outcome) -> RenderableType:
    """Draw what a demo came to: both ends side by side, and the verdict below."""
    figures = Table(box=box.SIMPLE_HEAD, width=WIDTH)
    for title in ("Fleet", "", "Bridge", "", "WATS", ""):
        figures.add_column(title, justify="left" if title else "right", no_wrap=True)
    wats = (*IN_WATS, "lost", "doubled")
    held = [str(getattr(outcome, "duplicates" if name == "doubled" else name)) for name in wats]
    fleet = ("published", "acknowledged", "unanswered", "seconds")
    sent = [outcome.published, outcome.acknowledged, outcome.unanswered, f"{outcome.seconds:.1f}"]
    bridge = ("stored", "delivered", "quarantined")
    done = [outcome.stored, outcome.delivered, outcome.quarantined]
    rows = zip_longest(fleet, map(str, sent), bridge, map(str, done), wats, held, fillvalue="")
    for row in rows:
        figures.add_row(*row)
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
