"""A channel leaves its limits, and is back: each excursion is told once, whatever the batches."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import (
    AssetAlert,
    AssetCrossing,
    AssetWatch,
    Identified,
    Latest,
    Ordered,
    Watched,
    decode,
    encode,
)
from pywats_mqtt.folding import capped
from pywats_mqtt.folding.watching import watch
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.spool.routing import Pair, decide

LIMITS = Watched(0.0, "V", 0, 10.0, 20.0, 2.0, "warning")


def event(at: int, value: float, limits: Watched = LIMITS, channel: str = "t") -> AssetWatch:
    """Make the event of one value."""
    seen = msgspec.structs.replace(limits, value=value, at_us=at)
    return AssetWatch(asset="A", channels={channel: seen}, as_of_us=at)


def all_told(events: list[AssetWatch]) -> tuple[AssetWatch | None, list[Ordered]]:
    """Fold events from the first on; give what is known at the end, and all that was told."""
    known: AssetWatch | None = None
    told: list[Ordered] = []
    for one in events:
        known, said = watch(known, one)
        told += said
    return known, told


def watched(events: list[AssetWatch]) -> tuple[AssetWatch | None, list[AssetCrossing]]:
    """Give the same without alerts."""
    known, told = all_told(events)
    return known, [one for one in told if isinstance(one, AssetCrossing)]


def words(told: list[AssetCrossing]) -> list[str]:
    """Say what was told in short: side, out or back, and the value."""
    return [f"{one.side} {'out' if one.outside else 'back'} {one.value:g}" for one in told]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([15, 20, 10], []),
        ([21], ["high out 21"]),
        ([15, 21, 22, 21], ["high out 21"]),
        ([21, 19, 18.1], ["high out 21"]),
        ([21, 18], ["high out 21", "high back 18"]),
        ([21, 18, 20, 20.1], ["high out 21", "high back 18", "high out 20.1"]),
        ([9, 11.9], ["low out 9"]),
        ([9, 12], ["low out 9", "low back 12"]),
        ([21, 9, 15], ["high out 21", "high back 9", "low out 9", "low back 15"]),
    ],
)
def test_a_channel_is_back_when_it_is_inside_by_the_hysteresis(values: list[float], expected: list[str]) -> None:
    """Beyond a limit it is outside; what trembles around the limit is told once."""
    assert words(watched([event(at, value) for at, value in enumerate(values)])[1]) == expected


def test_a_switch_without_hysteresis_is_back_at_its_limit() -> None:
    """An open door sends 1 and then 0, and is never less."""
    door = Watched(0.0, "", 0, None, 0.0, 0.0, "warning")
    assert words(watched([event(1, 1.0, door), event(2, 0.0, door)])[1]) == ["high out 1", "high back 0"]


VALUES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([5.0, 11.0, 15.0, 19.0, 25.0, 30.0])), max_size=12)


@given(VALUES, st.data())
def test_batches_make_no_difference(values: list[tuple[int, float]], data: st.DataObject) -> None:
    """Cut into transactions anywhere, the same is known and the same is told: also what is over within one."""
    events = [event(at, value) for at, value in values]
    messages = [RawMessage("t", b"", 100) for _ in events]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    known: dict[Pair, Latest] = {}
    told: list[object] = []
    for begin, end in pairwise([0, *cuts, len(events)]):
        made = decide(messages[begin:end], [(Identified(one),) for one in events[begin:end]], {}, known.get)
        known |= {pair: entry.event for pair, entry in made.folded.items()}
        told += [new.event for new in made.ordered]
    whole, crossings = watched(events)
    assert told == crossings
    assert list(known.values()) == ([] if whole is None else [whole])


@given(VALUES)
def test_out_and_back_take_turns_and_the_last_one_is_where_the_newest_value_is(
    values: list[tuple[int, float]],
) -> None:
    """Whatever the order of arrival; the farthest value of an excursion is among those that came in it."""
    known, told = watched([event(at, value) for at, value in values])
    for before, after in pairwise(told):
        assert before.outside is not after.outside
        assert before.at_us <= after.at_us
    for one in told:
        if not one.outside:
            assert one.extreme in {value for _, value in values}
            assert one.extreme > one.limit if one.side == "high" else one.extreme < one.limit
    assert bool(told and told[-1].outside) == bool(known and known.channels["t"].side)


def test_an_older_value_moves_nothing() -> None:
    """It came late; the newer one is what is true."""
    assert watched([event(5, 15.0), event(4, 25.0)])[1] == []


def test_the_end_of_an_excursion_says_how_far_it_was_and_since_when() -> None:
    """So that one line tells it."""
    _, (out, back) = watched([event(1, 21.0), event(2, 29.0), event(3, 22.0), event(4, 15.0)])
    assert (out.since_us, out.extreme, out.limit, out.at_us) == (1, 21.0, 20.0, 1)
    assert (back.since_us, back.extreme, back.limit, back.at_us) == (1, 29.0, 20.0, 4)


def test_other_limits_hold_from_the_next_value_on() -> None:
    """A wider limit ends an excursion; another level tells it anew."""
    wider = msgspec.structs.replace(LIMITS, high=30.0)
    assert words(watched([event(1, 25.0), event(2, 25.0, wider)])[1]) == ["high out 25", "high back 25"]
    graver = msgspec.structs.replace(LIMITS, level="alarm")
    told = watched([event(1, 25.0), event(2, 26.0, graver)])[1]
    assert [(one.level, one.outside) for one in told] == [("warning", True), ("warning", False), ("alarm", True)]


def test_a_crossing_at_the_level_of_an_alarm_is_an_alert_too() -> None:
    """It follows the crossing, says how far it is, and ends with it; other levels tell none."""
    grave = msgspec.structs.replace(LIMITS, level="alarm")
    _, told = all_told([event(1, 25.0, grave), event(2, 15.0, grave), event(3, 9.0, grave), event(4, 8.0, grave)])
    assert [type(one) for one in told] == [AssetCrossing, AssetAlert] * 3
    alerts = [one for one in told if isinstance(one, AssetAlert)]
    assert [(one.code, one.active, one.text) for one in alerts] == [
        ("environment_t", True, "t is 25 V, above 20 V"),
        ("environment_t", False, "t is 15 V, highest 25 V"),
        ("environment_t", True, "t is 9 V, below 10 V"),
    ]
    assert not [one for one in all_told([event(1, 25.0)])[1] if isinstance(one, AssetAlert)]


def test_what_is_no_longer_watched_is_back_and_forgotten() -> None:
    """Its limits were taken out of the configuration; the value is the last one known."""
    none = msgspec.structs.replace(LIMITS, low=None, high=None)
    known, told = watched([event(1, 25.0), event(2, 15.0, channel="u"), event(3, 0.0, none), event(4, 0.0, none, "u")])
    assert words(told) == ["high out 25", "high back 25"]
    assert known is not None
    assert known.channels == {}


@given(VALUES, st.integers(0, 31))
def test_a_clock_that_was_ahead_hides_no_crossing(values: list[tuple[int, float]], at_us: int) -> None:
    """What is known has no time later than the next reception, and stays where it is."""
    known, _ = watched([event(0, 15.0), *(event(at, value) for at, value in values)])
    assert known is not None
    result = capped(known, at_us)
    assert isinstance(result, AssetWatch)
    assert (result is known) == (known.as_of_us <= at_us)
    assert result.as_of_us <= at_us
    assert all(channel.at_us <= at_us for channel in result.channels.values())
    assert [one.side for one in result.channels.values()] == [one.side for one in known.channels.values()]


@given(VALUES)
def test_what_is_known_and_told_survives_the_spool(values: list[tuple[int, float]]) -> None:
    """Packing and unpacking gives the same."""
    known, told = watched([event(at, value) for at, value in values])
    for one in (known, *told):
        if one is not None:
            assert decode(encode(one)) == one
