"""What is known of a station, and what its log is owed."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import Software, SoftwareReported, UpdateReported
from pywats_mqtt.software.stations import (
    LOG_CHARACTERS,
    OWED,
    UPDATES,
    Station,
    decode,
    encode,
    overdue,
    progress,
    report,
)
from pywats_mqtt.software.updates import State

AT_US = 1_769_423_400_000_000
MINUTE_US = 60_000_000


def inventory(at: int, *software: Software, config: str | None = None) -> SoftwareReported:
    """Give an inventory of some minute."""
    moment_us = AT_US + at * MINUTE_US
    return SoftwareReported(
        device="T1", software=software, config_version=config, as_of_us=moment_us, heard_us=moment_us + 9 * MINUTE_US
    )


def heard(said: SoftwareReported) -> SoftwareReported:
    """Give a message that says no time of its own."""
    return msgspec.structs.replace(said, heard_us=said.as_of_us)


def update(state: str, at: int, package: str = "fw", *, percent: float | None = None, text: str = "") -> UpdateReported:
    """Give the progress of some minute."""
    moment_us = AT_US + at * MINUTE_US
    return UpdateReported(
        device="T1",
        package=package,
        version="2",
        state=state,
        percent=percent,
        text=text,
        as_of_us=moment_us,
        heard_us=moment_us,
    )


def test_the_first_inventory_is_an_entry() -> None:
    """With its time, its software and its configuration."""
    known = report(Station(), inventory(0, Software("fw", "2.3.1", "abc"), Software("os"), config="prod-v5"))
    assert known.owed == ("2026-01-26T10:30:00.000Z software: fw 2.3.1;abc; os; configuration prod-v5",)


def test_each_change_is_an_entry_and_nothing_else_is() -> None:
    """Added, changed, removed; the same again is no news."""
    known = report(Station(), inventory(0, Software("fw", "1"), Software("old", "1"), config="a"))
    known = report(known, inventory(1, Software("fw", "1"), Software("old", "1"), config="a"))
    assert len(known.owed) == 1
    known = report(known, inventory(2, Software("fw", "2"), Software("new", "1"), config="b"))
    assert known.owed[1] == (
        "2026-01-26T10:32:00.000Z software: fw 1 -> 2; new 1 added; old removed; configuration a -> b"
    )


def test_what_comes_late_changes_nothing() -> None:
    """Software and configuration each have their own time."""
    known = report(Station(), inventory(5, Software("fw", "2")))
    assert report(known, inventory(4, Software("fw", "1"))) == known
    late = report(known, SoftwareReported(device="T1", config_version="a", as_of_us=AT_US, heard_us=known.as_of_us))
    assert late.config_version == "a"


def test_a_time_of_ours_that_was_ahead_hides_nothing_that_comes() -> None:
    """The clock was put back: what is heard now is newer than what was heard in the future."""
    day = 24 * 60
    known = report(Station(), heard(inventory(day, Software("fw", "1"), config="a")))
    known = report(progress(known, update("installing", day)), heard(inventory(0, Software("fw", "2"), config="b")))
    assert known.software == (Software("fw", "2"),)
    assert known.config_version == "b"
    assert progress(known, update("failed", 10)).updates["fw"].state is State.FAILED
    assert overdue(known, AT_US + 90 * MINUTE_US, 60 * MINUTE_US).updates["fw"].state is State.TIMED_OUT


def test_progress_within_a_state_is_no_entry() -> None:
    """Only a state, and what the device says of it, is."""
    known = progress(Station(), update("downloading", 0, percent=1.0))
    known = progress(known, update("downloading", 1, percent=50.0))
    known = progress(known, update("failed", 2, text="no space left"))
    assert known.owed == (
        "2026-01-26T10:30:00.000Z update of fw: downloading 2 (1 %)",
        "2026-01-26T10:32:00.000Z update of fw: failed 2: no space left",
    )


def test_a_silent_update_ends_with_an_entry() -> None:
    """It says since when; asked again it says nothing."""
    known = progress(Station(), update("installing", 0))
    ended = overdue(known, AT_US + 61 * MINUTE_US, 60 * MINUTE_US)
    assert ended.updates["fw"].state is State.TIMED_OUT
    assert ended.owed[1] == (
        "2026-01-26T11:31:00.000Z update of fw: timed out 2: nothing was heard while installing, "
        "since 2026-01-26T10:30:00.000Z"
    )
    assert overdue(ended, AT_US + 99 * MINUTE_US, 60 * MINUTE_US) is ended


def test_a_long_entry_is_cut() -> None:
    """The inventory itself is kept whole."""
    software = tuple(Software(f"module_{number}", "1") for number in range(200))
    known = report(Station(), inventory(0, *software))
    assert len(known.owed[0]) == LOG_CHARACTERS
    assert known.software == software


def test_what_is_owed_and_remembered_is_bounded() -> None:
    """The one that is perhaps being written stays; the newest updates stay."""
    known = Station()
    for number in range(2 * UPDATES):
        known = progress(known, update("failed", number, package=f"p{number}"))
    assert len(known.owed) == OWED
    assert "p0:" in known.owed[0]
    assert f"p{2 * UPDATES - 1}:" in known.owed[-1]
    assert list(known.updates) == [f"p{number}" for number in range(UPDATES, 2 * UPDATES)]


SOFTWARE = st.builds(Software, st.sampled_from("abc"), st.sampled_from("12"), st.sampled_from(["", "x"]))
REPORTS = st.builds(inventory, st.integers(0, 5), config=st.none() | st.sampled_from("vw")).flatmap(
    lambda empty: st.lists(SOFTWARE, max_size=3, unique_by=lambda one: one.name).map(
        lambda software: SoftwareReported(
            device="T1",
            software=tuple(software),
            config_version=empty.config_version,
            as_of_us=empty.as_of_us,
            heard_us=AT_US + 9 * MINUTE_US,
        )
    )
)


@given(st.lists(REPORTS, max_size=6))
def test_a_report_taken_twice_changes_nothing_more_and_a_note_keeps_it_all(reports: list[SoftwareReported]) -> None:
    """A delivery that is repeated owes no second entry; what is read back is what was written."""
    known = Station()
    for said in reports:
        known = report(known, said)
        assert report(known, said) == known
        assert decode(encode(known)) == known
    newest = max(reports, key=lambda said: said.as_of_us, default=None)
    assert newest is None or known.as_of_us == newest.as_of_us
