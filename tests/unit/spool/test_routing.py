"""What becomes of a batch."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_mqtt.events import AssetCounts, AssetState, AssetUpdate, Identified, Identity, Latest, Past
from pywats_mqtt.folding import fold
from pywats_mqtt.folding.updates import gathered
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Gathered, Outcome, Rejection
from pywats_mqtt.spool.routing import Pair, Plan, decide, identities

OUTCOMES = st.one_of(
    st.just(Rejection("no")),
    st.lists(
        st.builds(
            Identified,
            st.builds(AssetCounts, asset=st.sampled_from("XY"), added=st.integers(1, 3)),
            st.none()
            | st.builds(Identity, st.integers(0, 4).map(lambda number: UUID(int=number)), st.sampled_from([b"", b"d"])),
        ),
        max_size=3,
    ).map(tuple),
)


KNOWN: dict[Pair, Latest] = {}
"""No asset yet."""


def plan(outcomes: list[Outcome], known: dict[bytes, bytes] | None = None) -> Plan:
    """Decide for one message for each outcome."""
    messages = [RawMessage(f"t/{number}", b"", number) for number in range(len(outcomes))]
    return decide(messages, gathered(messages, outcomes), known or {}, KNOWN.get)


@given(st.lists(OUTCOMES, max_size=8))
def test_every_message_counts_in_exactly_one_place(outcomes: list[Outcome]) -> None:
    """Carried by a delivery, held, duplicate or ignored: the counts add up to the messages."""
    made = plan(outcomes)
    carried = sum(entry.messages for entry in made.folded.values()) + sum(new.messages for new in made.ordered)
    assert carried + len(made.held) + made.duplicates + made.ignored == len(outcomes)


@given(st.lists(OUTCOMES, max_size=8), st.integers(0, 8))
def test_two_batches_come_to_the_same_as_one(outcomes: list[Outcome], cut: int) -> None:
    """What is known from a batch before is known as if it had come in the same batch."""
    whole, first = plan(outcomes), plan(outcomes[:cut])
    second = plan(outcomes[cut:], first.identities)
    assert whole.identities == first.identities | second.identities
    assert whole.duplicates == first.duplicates + second.duplicates
    assert whole.conflicts == first.conflicts + second.conflicts
    assert added(whole) == added(first) + added(second)


def added(made: Plan) -> int:
    """Sum all increments a plan takes."""
    return sum(entry.event.added for entry in made.folded.values() if isinstance(entry.event, AssetCounts))


@pytest.mark.parametrize("place", range(3))
def test_an_identity_counts_wherever_it_stands(place: int) -> None:
    """First, last or between events without one: the message that comes again is a duplicate."""
    outcome = [Identified(AssetState(asset="X", status="idle")) for _ in range(2)]
    outcome.insert(place, Identified(AssetCounts(asset="X", added=1), Identity(UUID(int=1), b"d")))
    made = plan([tuple(outcome), tuple(outcome)])
    assert (made.duplicates, made.events_folded) == (1, 3)


def test_identities_are_found_in_all_events() -> None:
    """The store looks up every id of a batch."""
    one, two = Identity(UUID(int=1), b"a"), Identity(UUID(int=2), b"b")
    event = AssetState(asset="X", status="idle")
    outcomes: list[Gathered] = [(Identified(event, one), Identified(event)), Rejection("no"), (Identified(event, two),)]
    assert list(identities(outcomes)) == [one, two]


@pytest.mark.parametrize("cut", [0, 1])
def test_a_clock_that_was_ahead_hides_nothing_that_comes_later(cut: int) -> None:
    """A value taken while our clock was ahead gives way to the next one, in the same batch or a later one."""
    messages = [RawMessage("t", b"", 1_000, 1), RawMessage("t", b"", 10, 1)]
    outcomes = [
        (Identified(AssetState(asset="X", status="idle", as_of_us=1_000)),),
        (Identified(AssetState(asset="X", status="error", as_of_us=10)),),
    ]
    known: dict[Pair, Latest] = {}
    for part in (slice(0, cut), slice(cut, 2)):
        made = decide(messages[part], outcomes[part], {}, known.get)
        known |= {pair: entry.event for pair, entry in made.folded.items()}
    assert list(known.values()) == [AssetState(asset="X", status="error", as_of_us=10)]


UPDATES = st.builds(
    AssetUpdate,
    asset=st.sampled_from("XY"),
    as_of_us=st.integers(1, 4),  # 0 is no time
    total=st.none() | st.integers(0, 3),
    running=st.none() | st.integers(0, 3),
    status=st.sampled_from(["", "idle", "running"]),
    state=st.sampled_from([None, 1, 3]),
    channels=st.dictionaries(st.sampled_from("ab"), st.sampled_from([1.0, 2.0])),
    untimed=st.booleans(),
).filter(lambda update: bool(update.events()))
RISING = st.lists(st.integers(0, 9), min_size=2, max_size=6).map(
    lambda steps: [
        (
            2 + sum(steps[:n]),
            AssetUpdate("X", 1 + sum(steps[:n]) // 3, sum(steps[:n]) // 4, None, "", None, {}, untimed=False),
        )
        for n in range(1, len(steps) + 1)
    ]
)
"""A device that counts on, whatever was known of it before."""
OTHERS = st.lists(
    st.builds(
        Identified,
        st.builds(
            AssetCounts,
            asset=st.sampled_from("XY"),
            total=st.none() | st.just(9),
            added=st.integers(0, 3),
            past=st.none() | st.builds(Past, resets=st.just(1), reset_us=st.integers(0, 4)),
        )
        | st.builds(AssetState, asset=st.sampled_from("XY"), status=st.just("error"), as_of_us=st.integers(1, 4)),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
ARRIVALS = st.lists(st.tuples(st.integers(4, 7), UPDATES | UPDATES | OTHERS), max_size=8)
BEFORE = st.dictionaries(
    st.tuples(st.sampled_from("XY"), st.just("asset_state")),
    st.builds(AssetState, asset=st.just("X"), status=st.just("before"), as_of_us=st.integers(1, 9)),
) | st.dictionaries(
    st.tuples(st.sampled_from("XY"), st.just("asset_counts")),
    st.builds(
        AssetCounts,
        asset=st.just("X"),
        total=st.none() | st.integers(0, 6),
        running=st.none() | st.integers(0, 3),
        as_of_us=st.integers(1, 6),
        past=st.none()
        | st.builds(
            Past,
            peak=st.integers(0, 6),
            ends=st.just((2,)),
            carried=st.just(2),
            drops=st.just(1),
            end_us=st.integers(0, 3),
            begun_us=st.integers(2, 6),
            resets=st.integers(0, 1),
            reset_us=st.integers(0, 6),
            reset_total=st.none() | st.just(2),
            behind=st.integers(0, 2),
        ),
    ),
)


def counted(before: AssetCounts, *steps: tuple[int, int]) -> AssetCounts:
    """Give what is known of an asset after its totals at these times, which came in one batch."""
    messages = [RawMessage("t", b"", 20, 1) for _ in steps]
    updates = [AssetUpdate("X", as_of_us, total, None, "", None, {}, untimed=False) for as_of_us, total in steps]
    known: dict[Pair, Latest] = {("X", "asset_counts"): before}
    (entry,) = decide(messages, gathered(messages, updates), {}, known.get).folded.values()
    assert isinstance(entry.event, AssetCounts)
    return entry.event


def test_a_total_that_steps_back_is_seen_though_the_next_one_of_its_batch_is_higher() -> None:
    """From 100 to 20 and on to 150 a counter was replaced, also where all of it came at once."""
    assert counted(AssetCounts(asset="X", total=100, as_of_us=1), (2, 20), (3, 150)).counted == 250


def test_a_step_back_is_seen_behind_a_message_that_was_late() -> None:
    """The first is older than what is known and says nothing; the second is another counter, at 20."""
    before = AssetCounts(asset="X", total=100, as_of_us=5)
    assert counted(before, (4, 10), (6, 20), (7, 150)).counted == 250


def test_late_totals_of_a_replaced_counter_are_seen_before_one_of_its_successor() -> None:
    """It ended at 6 instead of 5, and what counts since was at 8."""
    past = Past(ends=(5,), carried=5, drops=1, end_us=1, begun_us=10)
    assert counted(AssetCounts(asset="X", total=3, as_of_us=11, past=past), (2, 4), (3, 6), (12, 8)).counted == 14


def test_late_totals_from_before_a_reset_are_seen_before_one_from_behind_it() -> None:
    """The running count began anew when 12 were counted, not 10."""
    before = AssetCounts(asset="X", total=10, as_of_us=5, past=Past(resets=1, reset_us=8, reset_total=10))
    known = counted(before, (6, 11), (7, 12), (9, 13))
    assert known.past is not None
    assert (known.total, known.past.reset_total) == (13, 12)


def test_a_state_is_not_lost_where_a_word_that_means_none_comes_in_the_same_batch() -> None:
    """Running and idle at once: what is owed is the state of running."""
    messages = [RawMessage("t", b"", 9, 1) for _ in range(2)]
    updates = [
        AssetUpdate("X", 1, None, None, "running", 1, {}, untimed=False),
        AssetUpdate("X", 2, None, None, "idle", None, {}, untimed=False),
    ]
    before: dict[Pair, Latest] = {}
    (entry,) = decide(messages, gathered(messages, updates), {}, before.get).folded.values()
    assert entry.event == AssetState(asset="X", status="idle", state=1, state_us=1, as_of_us=2)


def test_a_running_count_from_before_a_reset_comes_again_and_again_without_a_trace() -> None:
    """It says nothing, the first time and each time after, alone and with what came before it in the batch."""
    known = AssetCounts(asset="X", as_of_us=4, past=Past(resets=1, reset_us=4))
    late = AssetCounts(asset="X", running=7, as_of_us=1)
    assert fold(known, late) == fold(fold(known, late), late) == known


@settings(max_examples=500)  # a fault may need two clocks that are wrong
@given(ARRIVALS | RISING, BEFORE)
def test_an_update_is_folded_as_the_events_it_stands_for(
    arrivals: list[tuple[int, AssetUpdate | tuple[Identified, ...]]], before: dict[Pair, Latest]
) -> None:
    """Whatever comes between updates, and however clocks jump: what is owed and what is counted are the same."""
    messages = [RawMessage(f"t/{number}", b"", received_us) for number, (received_us, _) in enumerate(arrivals)]
    short = decide(messages, gathered(messages, [outcome for _, outcome in arrivals]), {}, before.get)
    long = decide(messages, [tuple(outcome) for _, outcome in arrivals], {}, before.get)
    assert short.routed == long.routed
    assert short.folded == long.folded
