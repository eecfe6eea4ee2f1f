"""Samples become windows, and windows are closed: nothing is lost or counts twice; order and batches do not matter."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from math import isfinite

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import (
    AssetCounts,
    AssetHistory,
    AssetSamples,
    Identified,
    Latest,
    Stats,
    Window,
    counts_twice,
    decode,
    encode,
    identify,
)
from pywats_mqtt.folding import capped
from pywats_mqtt.folding.windows import MOST_OPEN, MOST_STATS, gather
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.spool.routing import Pair, decide

LENGTH = 10
LATE = 3
NEVER = 10_000
"""A time after all others."""

Sample = tuple[int, str, float, str]
"""Time, channel, value and unit."""

SAMPLES = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from("ab"), st.integers(-9, 9).map(float), st.sampled_from(["", "V"])),
    max_size=12,
)


def event(sample: Sample, length: int = LENGTH) -> AssetSamples:
    """Make the event of one value."""
    at, channel, value, unit = sample
    window = Window(at - at % length, length, {channel: (Stats(unit, 1, value, value, value),)})
    return AssetSamples(asset="A", windows=(window,), as_of_us=at, late_us=LATE)


def tick(until: int = NEVER) -> AssetSamples:
    """Make the event that closes windows."""
    return AssetSamples(asset="A", until_us=until, late_us=LATE)


def gathered(events: list[AssetSamples]) -> tuple[AssetSamples | None, list[AssetHistory]]:
    """Fold events from the first on; give what is open at the end, and all that was closed."""
    known: AssetSamples | None = None
    closed: list[AssetHistory] = []
    for one in events:
        known, said = gather(known, one)
        closed += said
    return known, closed


def contents(windows: list[Window]) -> dict[tuple[int, str, str], list[float]]:
    """Add up windows: count, least, most and sum by begin, channel and unit."""
    found: dict[tuple[int, str, str], list[float]] = {}
    for window in windows:
        for channel, stats in window.channels.items():
            for one in stats:
                place = (window.start_us, channel, one.unit)
                count, least, most, total = found.get(place, [0, one.least, one.most, 0.0])
                total = round(total + one.mean * one.count, 6) + 0.0
                found[place] = [count + one.count, min(least, one.least), max(most, one.most), total]
    return found


def expected(samples: list[Sample]) -> dict[tuple[int, str, str], list[float]]:
    """Give the same, worked out from the samples."""
    values: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    for at, channel, value, unit in samples:
        values[at - at % LENGTH, channel, unit].append(value)
    return {place: [len(some), min(some), max(some), sum(some)] for place, some in values.items()}


@given(SAMPLES)
def test_every_value_is_in_the_reports_of_its_window_once(samples: list[Sample]) -> None:
    """In whatever order they come, however late: count, least, most and mean are those of all values of the window."""
    known, closed = gathered([*map(event, samples), tick(), tick(2 * NEVER)])
    assert known is not None
    assert known.windows == ()
    assert contents([history.window for history in closed]) == expected(samples)


@given(SAMPLES)
def test_no_report_overwrites_another_and_one_window_has_one_that_is_no_supplement(samples: list[Sample]) -> None:
    """A late value makes a report of its own, which says so."""
    _, closed = gathered([*map(event, samples), tick()])
    assert len({history.report_id for history in closed}) == len(closed)
    starts = [history.window.start_us for history in closed if not history.is_supplement]
    assert len(starts) == len(set(starts))


@given(st.lists(SAMPLES, max_size=3), st.data())
def test_batches_make_no_difference(parts: list[list[Sample]], data: st.DataObject) -> None:
    """Cut into transactions anywhere, the same is open and the same is told, in the same order."""
    events = [event(sample) for part in parts for sample in part]
    messages = [RawMessage("t", b"", NEVER) for _ in events]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    known: dict[Pair, Latest] = {}
    told: list[object] = []
    for begin, end in pairwise([0, *cuts, len(events)]):
        outcomes = [(Identified(one),) for one in events[begin:end]]
        made = decide(messages[begin:end], outcomes, {}, known.get)
        known |= {pair: entry.event for pair, entry in made.folded.items()}
        told += [new.event for new in made.ordered]
        assert sum(new.messages for new in made.ordered) == 0
        assert sum(entry.messages for entry in made.folded.values()) == end - begin
    whole, closed = gathered(events)
    assert told == closed
    assert list(known.values()) == ([] if whole is None else [whole])


@given(st.data())
def test_order_makes_no_difference_while_windows_are_open(data: st.DataObject) -> None:
    """Samples no farther apart than the time for late ones may come in any order."""
    near = st.tuples(st.integers(38, 42), st.sampled_from("ab"), st.integers(-9, 9).map(float), st.just("V"))
    samples = data.draw(st.lists(near, min_size=1, max_size=8))
    shuffled = data.draw(st.permutations(samples))
    (one, closed), (other, closed_too) = gathered([*map(event, samples)]), gathered([*map(event, shuffled)])
    assert one is not None
    assert other is not None
    assert closed == closed_too == []
    assert one.as_of_us == other.as_of_us
    assert contents([*one.windows]) == contents([*other.windows])


def test_a_window_is_closed_by_the_first_value_that_is_late_enough_for_it() -> None:
    """Its end and the time for late ones have passed, by the times of the values."""
    known, closed = gathered([event((5, "a", 1.0, "V")), event((12, "a", 2.0, "V")), event((9, "a", 4.0, "V"))])
    assert closed == []
    assert known is not None
    known, (history,) = gather(known, event((13, "a", 8.0, "V")))
    assert history.window == Window(0, LENGTH, {"a": (Stats("V", 2, 1.0, 4.0, 2.5),)})
    assert [window.start_us for window in known.windows] == [10]


def test_a_value_that_is_too_late_waits_for_the_next_window_that_ends() -> None:
    """So a device that often is late costs one more report a window, not one a value."""
    known, closed = gathered([event((at, "a", 1.0, "")) for at in (5, 13, 6, 7, 14, 8, 22)])
    assert [(history.window.start_us, history.is_supplement) for history in closed] == [(0, False)]
    assert known is not None
    _, closed_then = gather(known, event((23, "a", 1.0, "")))
    assert [(history.window.start_us, history.is_supplement) for history in closed_then] == [(0, True), (10, False)]
    assert closed_then[0].window.channels["a"][0].count == 3


def test_late_values_of_a_silent_asset_are_reported_all_the_same() -> None:
    """No window of its ends any more; the silence closes what is left."""
    known, _ = gathered([event((5, "a", 1.0, "")), event((13, "a", 1.0, "")), tick(50), event((6, "a", 2.0, ""))])
    assert known is not None
    known, (history,) = gather(known, tick(100))
    assert (history.window.start_us, history.is_supplement, known.windows) == (0, True, ())


def test_an_asset_that_was_heard_is_not_closed_by_mistake() -> None:
    """Its clock is behind, and who thought it silent did not know yet that it was heard."""
    behind = msgspec.structs.replace(event((5, "a", 1.0, "")), heard_us=100)
    known, closed = gathered([behind, tick(112)])
    assert closed == []
    assert known is not None
    assert gather(known, tick(113))[1] != ()


def test_a_unit_that_changes_is_shown() -> None:
    """Values in different units are not mixed into one mean."""
    _, closed = gathered([event((1, "t", 20.0, "°C")), event((2, "t", 68.0, "°F")), tick()])
    assert [one.unit for one in closed[0].window.channels["t"]] == ["°C", "°F"]


def test_what_is_kept_open_is_bounded() -> None:
    """A device that sends what it kept for weeks has its oldest windows closed at once, and loses none."""
    samples: list[Sample] = [(NEVER, "a", 1.0, "V"), *((at, "a", 1.0, "V") for at in range(0, 1_000, LENGTH))]
    known: AssetSamples | None = None
    closed: list[AssetHistory] = []
    for sample in samples:
        known, said = gather(known, event(sample))
        closed += said
        assert len(known.windows) <= MOST_OPEN
    assert len(closed) == len(samples) - MOST_OPEN
    assert known is not None
    assert contents([*known.windows, *(history.window for history in closed)]) == expected(samples)


def test_a_window_of_ever_new_channels_is_closed_before_it_is_huge() -> None:
    """As of a device that writes a serial number into the name of a channel, or a time into its unit."""
    samples = [(5, f"c{number}", 1.0, "") for number in range(3_000)]
    samples += [(6, "a", 1.0, f"u{number}") for number in range(3_000)]
    known: AssetSamples | None = None
    closed: list[AssetHistory] = []
    for sample in samples:
        known, said = gather(known, event(sample))
        closed += said
        assert sum(len(stats) for window in known.windows for stats in window.channels.values()) <= MOST_STATS
    assert known is not None
    assert contents([*known.windows, *(history.window for history in closed)]) == expected(samples)
    assert len({history.report_id for history in closed}) == len(closed)
    assert [history.is_supplement for history in closed] == [False, *[True] * (len(closed) - 1)]


def test_windows_of_a_former_length_are_closed_as_they_were_opened() -> None:
    """The configuration changed while they were open."""
    known, closed = gathered([event((5, "a", 1.0, "V")), event((6, "a", 2.0, "V"), length=4), tick(13)])
    assert [(history.window.start_us, history.window.length_us) for history in closed] == [(0, 10), (4, 4)]
    assert known is not None
    assert known.windows == ()


@pytest.mark.parametrize("values", [[1.7e308, -1.7e308, 1.7e308], [1.7e308] * 3, [5e-324, 0.0]])
def test_a_mean_is_finite_and_between_its_extremes(values: list[float]) -> None:
    """The sum of the largest numbers is none, and JSON has no word for it."""
    _, closed = gathered([*(event((1, "a", value, "V")) for value in values), tick()])
    stats = closed[0].window.channels["a"][0]
    assert isfinite(stats.mean)
    assert stats.least <= stats.mean <= stats.most


def test_samples_that_nothing_tells_from_their_repetition_are_counted() -> None:
    """So `status` says of their route that it is not exactly-once; what closes windows may come twice."""
    one = event((1, "a", 1.0, "V"))
    assert counts_twice((Identified(AssetCounts(asset="A", total=1)), Identified(one)))
    assert not counts_twice((Identified(one, identify(("a",), b"")),))
    assert not counts_twice((Identified(tick()),))


@given(SAMPLES, st.integers(0, 120))
def test_a_clock_that_was_ahead_ends_nothing_for_good(samples: list[Sample], at_us: int) -> None:
    """What is known keeps all its values, and no time later than the next reception."""
    known, _ = gathered([event((0, "a", 0.0, "")), *map(event, samples)])
    assert known is not None
    result = capped(known, at_us)
    assert isinstance(result, AssetSamples)
    assert result.windows == known.windows
    assert (result is known) == (max(known.as_of_us, known.closed_us, known.heard_us) <= at_us)
    assert max(result.as_of_us, result.closed_us) <= at_us
    assert capped(result, at_us) is result


@given(SAMPLES)
def test_what_is_open_and_what_is_closed_survives_the_spool(samples: list[Sample]) -> None:
    """Packing and unpacking gives the same."""
    known, closed = gathered([*map(event, samples), tick()])
    for one in (known, *closed):
        if one is not None:
            assert decode(encode(one)) == one
