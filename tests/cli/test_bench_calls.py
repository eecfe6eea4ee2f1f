"""What `bench calls` finds is read off rightly; the figures themselves are looked at by people."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.cli.bench.calls_figures import (
    WINDOW_S,
    Call,
    Fixture,
    Said,
    counts_ages,
    figures_of,
    most_in_a_window,
    result_key,
    states_ages,
    tags_ages,
)


def fixture(*, totals: list[int] | None = None, readings: list[str] | None = None, words: str = "") -> Fixture:
    """Make what a fixture said once a second, from second 100 on; words by their first letters."""
    count = len(totals or readings or words)
    known = {"r": "running", "m": "maintenance", "i": "idle"}
    return Fixture(
        at_s=[100.0 + second for second in range(count)],
        totals=totals or [0] * count,
        readings=readings or [""] * count,
        words=[known[letter] for letter in words] or ["running"] * count,
    )


def test_a_total_is_as_old_as_the_time_until_it_or_a_higher_one_is_written() -> None:
    """A write carries all totals up to its own; what no write reaches has no age."""
    said = fixture(totals=[5, 6, 6, 8, 9])

    assert counts_ages(said, [(101.0, 5), (110.0, 8)]) == [1.0, 9.0, 8.0, 7.0]
    assert counts_ages(said, [(150.0, 9)]) == [50.0, 49.0, 48.0, 47.0, 46.0]
    assert counts_ages(said, []) == []


def test_a_reading_is_as_old_as_the_time_until_it_or_a_later_one_is_written() -> None:
    """A write is of the newest reading said before that has its values, since a value may come again."""
    said = fixture(readings=["a", "b", "a", "c"])

    assert tags_ages(said, [(100.5, "a"), (102.5, "a")]) == [0.5, 1.5, 0.5]
    assert tags_ages(said, [(200.0, "c")]) == [100.0, 99.0, 98.0, 97.0]
    assert tags_ages(said, [(200.0, "x")]) == []


def test_a_state_is_as_old_as_the_time_for_which_wats_holds_another() -> None:
    """Also where the fixture itself goes back to what WATS holds; words that change no state do not count."""
    said = fixture(words="rrmmirr")

    assert states_ages(said, [(103.5, 3), (109.0, 1)]) == [1.5, 4.0]
    assert states_ages(said, []) == [3.0, 0.0]
    assert states_ages(fixture(words="rm"), []) == []


@given(times=st.lists(st.integers(0, 1_000), max_size=60))
def test_the_most_calls_in_a_window_are_those_of_the_fullest(times: list[int]) -> None:
    """A window begins with one of them."""
    most = max((sum(begin <= at_s < begin + WINDOW_S for at_s in times) for begin in times), default=0)

    assert most_in_a_window(times) == most


def call(at_s: float, method: str, path: str, body: object = None, **query: str) -> Call:
    """Make a request of the log."""
    return Call(datetime.fromtimestamp(at_s, UTC), method, path, query, body, 200)


def test_the_figures_are_of_what_the_bridge_asked_since_the_fleet_began() -> None:
    """What made the assets before does not count; what came after the end counts for the ages alone."""
    start = datetime(2026, 1, 26, 6, 0, tzinfo=UTC)
    said = Said(
        began_s=100.0,
        ended_s=160.0,
        fixtures={"F1": fixture(totals=[7], readings=["23.5/45.2/0.02"])},
        results={result_key("U1", start): 101.0},
    )
    tags = [{"key": "temperature_c", "value": "23.5"}, {"key": "humidity_pct", "value": "45.2"}]
    asset = {"serialNumber": "F1", "tags": [*tags, {"key": "vibration_g", "value": "0.02"}]}
    figures = figures_of(
        said,
        [
            call(50.0, "PUT", "/api/Asset/Count", serialNumber="F1", totalCount="3"),
            call(102.0, "GET", "/api/Asset/F1"),
            call(102.5, "POST", "/api/Report/WSJF", {"sn": "U1", "start": start.isoformat()}),
            call(103.0, "PUT", "/api/Asset/Count", serialNumber="F1", totalCount="7"),
            call(170.0, "PUT", "/api/Asset", asset),
        ],
    )

    assert figures["calls"] == 3
    assert figures["calls_telemetry"] == 2
    assert figures["calls_per_minute_mean"] == 3.0
    assert figures["calls_per_minute_max"] == 3
    assert (figures["calls_counts"], figures["calls_reads"], figures["calls_reports"]) == (1, 1, 1)
    assert figures["age_counts_max_s"] == 3.0
    assert figures["age_tags_p95_s"] == 70.0
    assert figures["age_reports_p50_s"] == 1.5
    assert figures["counts_never_held"] == figures["tags_never_held"] == figures["reports_never_held"] == 0
    assert "age_states_max_s" not in figures


@pytest.mark.slow
def test_a_small_fleet_is_measured_from_end_to_end() -> None:
    """All is held at the end, no call was refused by the server, and steps are told on stderr."""
    words = ["--fixtures", "4", "--testers", "2", "--results-per-minute", "20", "--minutes", "3", "--rate", "20"]
    run = subprocess.run(
        [sys.executable, "-m", "pywats_mqtt", "bench", "calls", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    figures: dict[str, Any] = json.loads(run.stdout)
    assert (figures["fixtures"], figures["throttled"]) == (4, 0)
    assert figures["messages"] > 600
    assert figures["results"] > 50
    assert figures["calls_reports"] > 0
    assert figures["calls_per_minute_max"] <= 450
    assert figures["counts_never_held"] == figures["reports_never_held"] == 0
    assert len(run.stderr.splitlines()) == 2
