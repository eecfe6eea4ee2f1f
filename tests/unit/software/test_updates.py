"""How an update goes from state to state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import UpdateReported
from pywats_mqtt.software.updates import ACTIVE, NEXT, State, Update, follow, timed_out

MINUTE_US = 60_000_000


def said(state: str, at: int = 1, *, version: str = "2.3.1", sequence: int | None = None) -> UpdateReported:
    """Give a message of some minute."""
    return UpdateReported(
        device="T1",
        package="fw",
        version=version,
        state=state,
        sequence=sequence,
        as_of_us=at * MINUTE_US,
        heard_us=at * MINUTE_US,
    )


def run(*messages: UpdateReported) -> Update:
    """Follow messages from nothing on."""
    update: Update | None = None
    for message in messages:
        update = follow(update, message) or update
    assert update is not None
    return update


def test_an_update_goes_its_way() -> None:
    """Each step follows the one before."""
    way = ["downloading", "installing", "rebooting", "succeeded"]
    for length in range(1, len(way) + 1):
        assert run(*(said(state, at) for at, state in enumerate(way[:length]))).state == way[length - 1]


def test_every_state_has_its_row() -> None:
    """And a row names itself, since repeats are no news."""
    assert set(NEXT) == set(State)
    assert all(state in NEXT[state] for state in State)


@pytest.mark.parametrize(
    ("before", "after"),
    [("succeeded", "failed"), ("failed", "succeeded"), ("rolled back", "succeeded"), ("succeeded", "timed out")],
)
def test_an_outcome_is_not_taken_back(before: str, after: str) -> None:
    """What cannot follow is refused, with what could."""
    with pytest.raises(Reject, match="expected") as refused:
        run(said(before, 1), said(after, 2))
    assert refused.value.path == "$.status"


def test_an_outcome_may_be_rolled_back_or_tried_again() -> None:
    """After success and failure alike."""
    assert run(said("succeeded", 1), said("rolled back", 2)).state is State.ROLLED_BACK
    assert run(said("failed", 1), said("downloading", 2)).state is State.DOWNLOADING


def test_another_version_begins_anew() -> None:
    """Whatever became of the one before."""
    assert run(said("succeeded", 1, version="2.3.0"), said("failed", 2)) == run(said("failed", 2))


def test_what_is_older_by_its_time_changes_nothing() -> None:
    """It was late on its way."""
    assert run(said("installing", 5), said("downloading", 4)).state is State.INSTALLING


def test_what_is_older_by_its_number_changes_nothing() -> None:
    """The number decides over the time, which a device may not have; a repeat is no news, either."""
    known = run(said("installing", 5, sequence=7))
    assert follow(known, said("downloading", 6, sequence=6)) is None
    assert follow(known, said("installing", 6, sequence=7)) is None
    assert run(said("installing", 5, sequence=7), said("rebooting", 4, sequence=8)).state is State.REBOOTING


def test_a_device_that_tries_again_may_count_from_the_beginning() -> None:
    """After an outcome, a beginning with a low number that is later is a new one."""
    known = run(said("failed", 5, sequence=7))
    again = follow(known, said("downloading", 6, sequence=1))
    assert again is not None
    assert again.state is State.DOWNLOADING
    assert follow(known, said("downloading", 4, sequence=1)) is None


def test_silence_ends_what_goes_on() -> None:
    """After the time that is set, not at it; an outcome needs no further word."""
    known = run(said("installing", 10))
    assert timed_out(known, 20 * MINUTE_US, 10 * MINUTE_US) is None
    ended = timed_out(known, 20 * MINUTE_US + 1, 10 * MINUTE_US)
    assert ended is not None
    assert (ended.state, ended.text) == (State.TIMED_OUT, "nothing was heard while installing")
    assert timed_out(ended, 99 * MINUTE_US, MINUTE_US) is None
    assert timed_out(run(said("succeeded", 1)), 99 * MINUTE_US, MINUTE_US) is None


@pytest.mark.parametrize("state", list(State))
def test_what_a_device_says_after_its_time_ran_out_counts(state: State) -> None:
    """It was only slow, or its messages were."""
    ended = timed_out(run(said("rebooting", 1)), 99 * MINUTE_US, MINUTE_US)
    later = follow(ended, said(state, 100))
    assert later is not None
    assert later.state is state


MESSAGES = st.builds(said, st.sampled_from(list(State)), st.integers(0, 9))


@given(st.lists(MESSAGES, max_size=12))
def test_a_run_said_twice_ends_where_it_ended(messages: list[UpdateReported]) -> None:
    """A delivery that is repeated does no harm: no state is left but by what is newer."""
    update: Update | None = None
    for message in messages:
        for _ in range(2):
            try:
                followed = follow(update, message)
            except Reject:
                continue
            if followed is not None and update is not None:
                assert followed.as_of_us >= update.as_of_us
                assert followed.state in NEXT[update.state]
            update = followed or update
    assert update is None or update.state in ACTIVE | (frozenset(State) - ACTIVE)
