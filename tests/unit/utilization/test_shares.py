"""What messages tell of each shift: times and parts are split, none is lost, none counts twice."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import NO_PARTS, AssetUtilization, Parts
from pywats_mqtt.messages import to_us
from pywats_mqtt.utilization.accounts import MOST_STATES, OTHER, Account, add, with_open_state
from pywats_mqtt.utilization.calendar import Calendar, Shift
from pywats_mqtt.utilization.shares import Head, Rules, Share, follow

NOON = to_us(datetime(2026, 1, 26, 12, 0, tzinfo=UTC))
SECOND, HOUR = 1_000_000, 3_600_000_000
RULES = Rules(producing=frozenset({"running"}), longest_us=HOUR, from_zero=True)
MORNING = Shift(name="morning", start=6 * 60, end=12 * 60)
EVENING = Shift(name="evening", start=12 * 60, end=20 * 60, breaks=((12 * 60, 12 * 60 + 30),))
CALENDAR = Calendar(UTC, [MORNING, EVENING])
OSLO = Calendar(ZoneInfo("Europe/Oslo"), [Shift(name=str(n), start=n * 480, end=n * 480 + 480) for n in range(3)])


def event(at_us: int, **told: object) -> AssetUtilization:
    """An event of a press."""
    return msgspec.convert(
        {"type": "asset_utilization", "id": UUID(int=at_us), "asset": "P", "at_us": at_us, **told}, AssetUtilization
    )


def follow_all(
    events: list[AssetUtilization], rules: Rules = RULES, calendar: Calendar = CALENDAR
) -> tuple[Head, list[Share]]:
    """Take them one after the other."""
    head, found = Head(), list[Share]()
    for one in events:
        head, shares = follow(head, one, rules, calendar, 0)
        found += shares
    return head, found


def seconds(shares: list[Share]) -> dict[tuple[str, str], float]:
    """Seconds by shift and state."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for share in shares:
        for state, lasts_s in share.states.items():
            found[share.period.name, state] += lasts_s
    return dict(found)


def made(shares: list[Share]) -> dict[str, tuple[int | None, int | None]]:
    """Total and good by shift, of shares that tell of parts."""
    return {share.period.name: (share.parts.total, share.parts.good) for share in shares if share.parts != NO_PARTS}


def test_times_that_span_the_end_of_a_shift_are_split() -> None:
    """A minute that ends 15 seconds after noon: a quarter of each state is the evening's."""
    _, shares = follow_all([event(NOON + 15 * SECOND, states={"running": 40.0, "idle": 20.0}, planned_s=60.0)])
    assert seconds(shares) == {
        ("morning", "running"): 30.0,
        ("morning", "idle"): 15.0,
        ("evening", "running"): 10.0,
        ("evening", "idle"): 5.0,
    }
    assert [(share.producing_s, share.in_plan_s, share.planned_s) for share in shares] == [(30, 30, 45), (10, 0, 15)]


def test_what_ends_with_a_shift_is_all_of_it() -> None:
    """A message at noon itself tells of the morning."""
    _, shares = follow_all([event(NOON, states={"running": 60.0}, added={"total": 5})])
    assert {share.period.name for share in shares} == {"morning"}


def test_a_state_lasts_until_the_next_message() -> None:
    """Also over the end of the shift, and also where that message tells of parts alone."""
    events = [
        event(NOON - 600 * SECOND, state="running"),
        event(NOON - 300 * SECOND, counted={"total": 5}),
        event(NOON + 60 * SECOND, state="idle"),
        event(NOON + 90 * SECOND, state="running"),
    ]
    _, shares = follow_all(events)
    assert seconds(shares) == pytest.approx(
        {("morning", "running"): 600.0, ("evening", "running"): 60.0, ("evening", "idle"): 30.0}
    )


def test_a_state_lasts_no_longer_than_the_longest() -> None:
    """A device that is silent for a day was running for an hour; of the rest nothing is known."""
    _, shares = follow_all([event(NOON, state="running"), event(NOON + 24 * HOUR, state="idle")])
    assert seconds(shares) == {("evening", "running"): 3_600.0}


def test_a_message_that_names_times_itself_ends_a_state_and_counts_once() -> None:
    """A device that changes its ways is not counted twice."""
    _, shares = follow_all([event(NOON, state="running"), event(NOON + 60 * SECOND, states={"running": 60.0})])
    head, more = follow_all(
        [
            event(NOON, state="running"),
            event(NOON + 60 * SECOND, states={"running": 60.0}),
            event(NOON + 120 * SECOND, counted={"total": 1}),
        ]
    )
    assert seconds(shares) == seconds(more) == {("evening", "running"): 60.0}
    assert not head.state


def test_older_events_tell_their_own_times_and_nothing_of_states_and_counters() -> None:
    """What a device kept while it was offline comes after what it sends now."""
    events = [
        event(NOON + 600 * SECOND, state="idle", counted={"total": 100}),
        event(NOON + 60 * SECOND, states={"running": 60.0}, added={"total": 3}),
        event(NOON + 120 * SECOND, state="running", counted={"total": 40}),
        event(NOON + 700 * SECOND, state="idle", counted={"total": 102}),
    ]
    _, shares = follow_all(events)
    assert seconds(shares) == {("evening", "running"): 60.0, ("evening", "idle"): 100.0}
    assert sum(share.parts.total or 0 for share in shares) == 5


def test_the_first_counter_is_where_counting_begins() -> None:
    """What a counter grew by since then was made, spread over the time between."""
    _, shares = follow_all(
        [
            event(NOON - 60 * SECOND, counted={"total": 1_000, "good": 990}),
            event(NOON + 20 * SECOND, counted={"total": 1_008, "good": 997}),
        ]
    )
    assert made(shares[:1]) == {}
    assert made(shares[1:]) == {"morning": (6, 5), "evening": (2, 2)}


@pytest.mark.parametrize(("from_zero", "parts"), [(True, 7), (False, 0)])
def test_a_counter_that_went_back(*, from_zero: bool, parts: int) -> None:
    """Set to zero, it shows what was made since; another one is where counting begins anew. Never less than nothing."""
    rules = msgspec.structs.replace(RULES, from_zero=from_zero)
    _, shares = follow_all([event(NOON, counted={"total": 1_000}), event(NOON + SECOND, counted={"total": 7})], rules)
    assert shares[-1].parts.total == parts
    assert shares[-1].went_back
    _, more = follow_all([event(NOON, counted={"total": 7}), event(NOON + SECOND, counted={"total": 9})], rules)
    assert not more[-1].went_back


def test_what_is_closed_is_left_out_and_its_parts_belong_to_what_follows() -> None:
    """A counter that comes after weeks: no account of then is opened again, and no part is lost."""
    head, _ = follow(Head(), event(NOON, state="running", counted={"total": 10}), RULES, CALENDAR, 0)
    late = event(NOON + 240 * HOUR, state="running", counted={"total": 25})
    open_us = NOON + 144 * HOUR
    _, shares = follow(head, late, RULES, CALENDAR, open_us)
    assert min(share.period.start_us for share in shares) == open_us
    assert sum(share.parts.total or 0 for share in shares) == 15
    assert seconds(shares) == {}


def test_times_that_begin_before_what_is_open_are_cut() -> None:
    """A message of three hours, of which the first one is closed: two thirds of each state, and all of its parts."""
    told = event(NOON + HOUR, states={"running": 5_400.0, "idle": 5_400.0}, added={"total": 10})
    _, shares = follow(Head(), told, RULES, CALENDAR, NOON - HOUR)
    assert sum(share.states["running"] for share in shares) == 3_600.0
    assert made(shares) == {"morning": (5, None), "evening": (5, None)}


def test_no_shift_has_more_good_parts_than_parts() -> None:
    """Three parts in ten shifts, two of them good: dealt out alone, a good one would come before its part."""
    hours = Calendar(UTC, [Shift(name=str(n), start=n * 60, end=n * 60 + 60) for n in range(24)])
    told = event(NOON, states={"running": 36_000.0}, added={"total": 3, "good": 2})
    _, shares = follow(Head(), told, RULES, hours, 0)
    assert all((share.parts.good or 0) <= (share.parts.total or 0) for share in shares)


def test_the_ideal_cycle_that_was_sent_last_counts() -> None:
    """Until another one is sent; before the first there is none."""
    events = [
        event(NOON + n * SECOND, added={"total": 1}, **told)
        for n, told in enumerate([{}, {"ideal_cycle_s": 2.0}, {}, {"ideal_cycle_s": 3.0}])
    ]
    _, shares = follow_all(events)
    assert [share.ideal_cycle_s for share in shares] == [None, 2.0, 2.0, 3.0]


words = st.sampled_from(["running", "idle", "down"])
parts = st.none() | st.integers(0, 50)


@given(
    st.integers(0, 40 * 3_600),
    st.dictionaries(words, st.floats(0.001, 20_000), min_size=1),
    parts,
    st.floats(0, 1),
    st.sampled_from([CALENDAR, OSLO]),
)
def test_nothing_is_lost_or_made_twice_by_splitting(
    after_s: int, states: dict[str, float], total: int | None, yielded: float, calendar: Calendar
) -> None:
    """Times add up to what was told, parts to what was made, and no shift has more good parts than parts."""
    good = None if total is None else int(total * yielded)
    told = event(NOON + after_s * SECOND, states=states, added={"total": total, "good": good})
    _, shares = follow(Head(), told, RULES, calendar, 0)
    for state, lasts_s in states.items():
        assert sum(share.states.get(state, 0.0) for share in shares) == pytest.approx(lasts_s)
    assert sum(share.producing_s for share in shares) == pytest.approx(states.get("running", 0.0))
    if total is not None:
        assert sum(share.parts.total or 0 for share in shares) == total
        assert sum(share.parts.good or 0 for share in shares) == good
        assert all((share.parts.good or 0) <= (share.parts.total or 0) for share in shares)
    for share in shares:
        assert share.in_plan_s <= share.producing_s + 1e-6
        shift_s = (share.period.end_us - share.period.start_us) / SECOND
        assert sum(share.states.values()) <= shift_s + 1e-3
    assert len({share.period.start_us for share in shares}) == len(shares)


@given(st.lists(st.tuples(st.integers(1, 3_600), words), min_size=2, max_size=30))
def test_states_add_up_as_a_watch_would_tell(changes: list[tuple[int, str]]) -> None:
    """Whatever changes when: each second between the first and the last message is in the state that was said."""
    at_us, events = NOON - 6 * HOUR, list[AssetUtilization]()
    for lasts_s, word in changes:
        events.append(event(at_us, state=word))
        at_us += lasts_s * SECOND
    _, shares = follow_all(events)
    expected: dict[str, float] = defaultdict(float)
    for before, after in pairwise(events):
        expected[before.state] += (after.at_us - before.at_us) / SECOND
    found: dict[str, float] = defaultdict(float)
    for (_, state), told_s in seconds(shares).items():
        found[state] += told_s
    assert found == pytest.approx(expected)


def test_a_share_is_added_once() -> None:
    """The same event again changes nothing; another one does."""
    told = event(NOON + 60 * SECOND, states={"running": 60.0}, added={"total": 3}, ideal_cycle_s=2.0)
    (share,) = follow_all([told])[1]
    once = add(Account(period=share.period), share, "a", 1)
    assert add(once, share, "a", 2) == once
    twice = add(once, share, "b", 2)
    assert (twice.states, twice.parts, twice.ideal_s, twice.changed_us) == ({"running": 120.0}, Parts(6), 12.0, 2)
    assert twice.owed


def test_states_beyond_the_most_are_added_up() -> None:
    """A device that invents states fills no note."""
    account = Account(period=CALENDAR.period(NOON))
    for number in range(MOST_STATES + 10):
        (share,) = follow_all([event(NOON + 60 * SECOND, states={f"s{number}": 1.0})])[1]
        account = add(account, share, str(number), 1)
    assert len(account.states) == MOST_STATES + 1
    assert account.states[OTHER] == 10.0


@pytest.mark.parametrize(("before_end_s", "told_s"), [(600, 600.0), (2 * 3_600, 3_600.0)])
def test_a_state_goes_on_to_the_end_of_a_shift_that_is_over(before_end_s: int, told_s: float) -> None:
    """As its device is silent since; no longer than a state may last, and not where it tells times itself."""
    period = CALENDAR.period(NOON)
    said = event(period.end_us - before_end_s * SECOND, state="running")
    head, _ = follow(Head(), said, RULES, CALENDAR, 0)
    told = with_open_state(Account(period=period), head, RULES)
    assert (told.states, told.producing_s, told.in_plan_s) == ({"running": told_s}, told_s, told_s)
    silent, _ = follow(Head(), msgspec.structs.replace(said, state="", states={"running": 5.0}), RULES, CALENDAR, 0)
    assert with_open_state(Account(period=period), silent, RULES) == Account(period=period)
    earlier = CALENDAR.period(NOON - SECOND)
    assert with_open_state(Account(period=earlier), head, RULES) == Account(period=earlier)
