from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from pywats_mqtt.cli.demo_outcome import Outcome, outcome_of, verdict
from pywats_mqtt.cli.demo_screen import LAST_REPORTS, LastReport, Scene, draw, draw_outcome, one_line
from pywats_mqtt.observe import Status, status_of
from pywats_mqtt.ports import Figures
from pywats_mqtt.simulator.held import Held, Tally
from pywats_mqtt.simulator.reconcile import Comparison
from pywats_mqtt.simulator.runner import Summary

START = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)
REPORT = LastReport("SIM-123456-T12-000042", "SENSOR-NODE-L", "SIM-123456-T12", "Failed", START)
FIGURES = Figures(received=123_456, stored=123_456, acknowledged=123_456, delivered=123_400, waiting=56)


def bridge(figures: Figures = FIGURES) -> Status:
    """A bridge that ended."""
    return status_of(figures, None)


def scene(status: Status | None) -> Scene:
    """A busy demo."""
    return Scene(
        phase="the fleet publishes, Ctrl-C ends it",
        elapsed_s=83.4,
        devices=8,
        published=123_457,
        acknowledged=123_450,
        bridge=status,
        wats=Tally(reports=54_321, repairs=1_234, assets=1_007, software=1_004, units=49_876, alerts=12_345),
        last=(REPORT,) * 20,
    )


def text_of(picture: RenderableType) -> str:
    """What a plain terminal of 80 columns shows."""
    console = Console(file=io.StringIO(), width=80, force_terminal=False, highlight=False)
    with console.capture() as captured:
        console.print(picture)
    return captured.get()


def summary(*, refused: int = 0) -> Summary:
    """A fleet that ended."""
    return Summary(
        published=60,
        acknowledged=60 - refused,
        refused=refused,
        unanswered=0,
        by_kind={"result": 60},
        devices=8,
        connections=8,
        seconds=3.0,
        seed=1,
    )


def ended(comparison: Comparison, figures: Figures | None = None, *, refused: int = 0, code: int = 0) -> Outcome:
    """What a demo with these findings comes to."""
    status = bridge(figures or Figures(received=60, stored=60, acknowledged=60, delivered=60))
    return outcome_of(summary(refused=refused), status, Held((), ()), comparison, bridge_code=code)


def test_the_picture_fits_a_plain_terminal() -> None:
    """80 columns, 24 lines, every figure whole, also with large ones."""
    text = text_of(draw(scene(bridge())))
    lines = text.splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    for figure in ("123457 published", "123450 acknowledged", "123456 stored", "123400 delivered", "54321 reports"):
        assert figure in text
    for figure in ("1234 repairs", "1007 assets", "1004 software", "49876 units", "12345 alerts"):
        assert figure in text
    assert "01:23" in text
    assert text.count("SIM-123456-T12-000042") == LAST_REPORTS


def test_a_bridge_that_does_not_answer_is_said_so() -> None:
    """No figure is made up for it."""
    assert "away" in text_of(draw(scene(None)))
    assert "the bridge does not answer" in one_line(scene(None))


def test_a_line_says_the_same_figures() -> None:
    """Where there is no terminal, a scene is one line."""
    line = one_line(scene(bridge()))
    assert "published 123457" in line
    assert "delivered 123400" in line
    assert "\n" not in line


def test_agreement_is_one_line() -> None:
    """The verdict of a clean demo fits the terminal in one line, below the figures of both ends."""
    outcome = ended(Comparison())
    assert outcome.ok
    lines = text_of(draw_outcome(outcome)).splitlines()
    assert verdict(outcome) in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (ended(Comparison(lost=("SIM-1-T1-7", "SIM-1-T1-8"))), "2 lost"),
        (ended(Comparison(doubled=("SIM-1-T1-7",))), "1 doubled"),
        (ended(Comparison(reordered=("SIM-1-T1-7",))), "1 out of order"),
        (ended(Comparison(foreign=("report 5",))), "1 sent by nobody"),
        (ended(Comparison(changed=("SIM-1-T1-7",))), "1 changed"),
        (ended(Comparison(), Figures(stored=60, quarantined=4)), "4 in quarantine"),
        (ended(Comparison(), Figures(stored=60, waiting=3)), "3 not delivered yet"),
        (ended(Comparison(), refused=2), "2 refused by the broker"),
        (ended(Comparison(), code=-9), "the bridge ended with exit code -9"),
    ],
)
def test_whatever_is_wrong_is_said_with_its_number(outcome: Outcome, words: str) -> None:
    """Each finding makes the demo fail, and is named."""
    assert not outcome.ok
    assert outcome.problems
    assert words in verdict(outcome)
    assert outcome.problems[0] in text_of(draw_outcome(outcome))
