"""Devices of all kinds that number what they send, and a line's two ends put side by side."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from typer.testing import CliRunner

from pywats_mqtt.cli.commands import app
from tests.guarantees.line import BOUND_S, TESTERS, Line, Testers, result, said_at
from tests.guarantees.reconcile import Held, Sent
from tests.waiting import block_until

COUNTING, ADDING, MEASURING = 3, 3, 2
"""How many assets state a total, state what was added, and measure."""

ASSETS = COUNTING + ADDING + MEASURING

REFUSED_EVERY = 5
"""After so many results a tester sends one that does not fit."""

ALL = 1_000_000
"""Rows of the quarantine: more than any scenario has; the command shows a hundred by itself."""

EXTRA = 500_000
"""What further messages that do not fit are numbered from."""

NUMBER = re.compile(rb'"(?:serial_number|message_id|sequence|result)": ?"([TBAIE]\d+-\d{6})"')
"""How a number stands in a payload."""


Message: TypeAlias = tuple[str, dict[str, object]]
"""Topic and payload."""


class Numbering:
    """What the devices say, in order; all of their messages have numbers.

    Attributes:
        sent: what was said so far.
    """

    def __init__(self) -> None:
        self.sent = Sent()
        self._round = 0
        self._extra = 0

    def turn(self) -> Iterator[Message]:
        """Give a message of each device, in turn; the results come last, and after some of them what does not fit."""
        yield from self.of_assets()
        number = len(self.sent.results["T0"])
        for place in range(TESTERS):
            tester = f"T{place}"
            self.sent.results[tester].append(f"{tester}-{number:06d}")
            yield f"testers/{tester}/results", result(tester, number)
            if (number + 1) % REFUSED_EVERY == 0:
                yield self._misfit(place, number + 1)

    def misfits(self, count: int, padding: int = 0) -> Iterator[Message]:
        """Give so many more messages that do not fit, of the testers in turn, with so many characters more."""
        for _ in range(count):
            self._extra += 1
            topic, payload = self._misfit(self._extra % TESTERS, EXTRA + self._extra)
            yield topic, {**payload, "padding": "." * padding}

    def of_assets(self) -> Iterator[Message]:
        """Give a message of each asset."""
        number = self._round
        self._round += 1
        at = said_at(number)
        for place in range(COUNTING):
            name = f"A{place}-{number:06d}"
            total = 100 + (number + 1) * (place + 1)
            self.sent.totals[f"A{place}"].append((name, total))
            yield f"assets/A{place}/counters", {"timestamp": at, "message_id": name, "total_count": total}
        for place in range(ADDING):
            name = f"I{place}-{number:06d}"
            added = 1 + (number + place) % 3
            self.sent.increments[f"I{place}"].append((name, added))
            # Odd ones name a sequence, even ones a message_id.
            by = "sequence" if place % 2 else "message_id"
            yield f"assets/I{place}/counters", {"timestamp": at, by: name, "increment": added}
        for place in range(MEASURING):
            name = f"E{place}-{number:06d}"
            self.sent.readings[f"E{place}"].append((name, number))
            reading = {"temperature_c": number}
            yield f"assets/E{place}/environment", {"timestamp": at, "message_id": name, "environment": reading}

    def _misfit(self, place: int, number: int) -> Message:
        name = f"B{place}-{number:06d}"
        self.sent.refused.append(name)
        return f"testers/T{place}/results", {"serial_number": "MISFIT", "part_number": "GUARANTEE", "result": name}


class Fleet(Testers):
    """Testers, and assets beside them, on one connection; all of their messages have numbers."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._numbering = Numbering()
        self.sent = self._numbering.sent

    def publish(self, count: int) -> None:
        """Publish so many messages of each device, in turn; of the last turn the results come last."""
        for _ in range(count):
            self._send_all(self._numbering.turn())

    def flood(self, count: int, padding: int = 0) -> None:
        """Publish so many messages that do not fit, with so many characters more."""
        self._send_all(self._numbering.misfits(count, padding))

    def _send_all(self, messages: Iterable[Message]) -> None:
        for topic, payload in messages:
            self.send(topic, payload)


def held_by(line: Line) -> Held:
    """Give what WATS and the quarantine hold."""
    assert line.emulator is not None
    state = line.emulator.state()
    results: dict[str, list[str]] = defaultdict(list)
    for report in state["reports"]:
        results[report["machineName"]].append(report["sn"])
    assets = {asset["serialNumber"]: asset for asset in state["assets"]}
    counts = {name: asset["totalCount"] for name, asset in assets.items() if name[0] in "AI"}
    tags = {
        name: {tag["key"]: tag["value"] for tag in asset["tags"]} for name, asset in assets.items() if name[0] == "E"
    }
    newest = {name: int(found["temperature_c"]) for name, found in tags.items() if "temperature_c" in found}
    return Held(results=results, refused=quarantined(line), counts=counts, newest=newest)


def quarantined(line: Line) -> list[str]:
    """Give the number of each message in quarantine, from its reason; the reason itself where it names none."""
    words = ["spool", "list", "-c", str(line.bridge.config), "--json", "--limit", str(ALL)]
    rows = json.loads(CliRunner().invoke(app, words, catch_exceptions=False).stdout)  # a process costs a second
    found = ((re.search(r"B\d+-\d{6}", row["reason"]), row["reason"]) for row in rows)
    return [match[0] if match else reason for match, reason in found]


def await_stored(line: Line, sent: Sent) -> None:
    """Wait until all of it is stored by a bridge that lost nothing before."""
    everything = len(sent.numbers())
    block_until(lambda: line.bridge.status().get("stored", 0) >= everything, bound_s=BOUND_S, what="all is stored")


def await_grown(line: Line, figure: str, before: int) -> None:
    """Wait until a figure of the bridge has grown."""
    block_until(lambda: line.bridge.status().get(figure, 0) > before, bound_s=BOUND_S, what=f"more {figure}")


def settle(line: Line, sent: Sent) -> Held:
    """Wait until the last result of each tester is in WATS and nothing waits; give what is held then.

    What was sent before those results was received before them, as all came by one connection.
    """
    last = {numbers[-1] for numbers in sent.results.values() if numbers}

    def is_idle() -> bool:
        return line.bridge.status().get("waiting") == 0

    block_until(
        # The cheap question first: of a long run WATS has much to tell.
        lambda: is_idle() and last <= {report["sn"] for report in line.reports()},
        bound_s=BOUND_S,
        what="the last results in WATS",
    )
    block_until(is_idle, bound_s=BOUND_S, what="nothing waits")
    return held_by(line)
