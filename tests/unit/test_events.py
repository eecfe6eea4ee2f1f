"""How latest events are folded, and what identifies an event."""

from __future__ import annotations

from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.events import (
    LATEST_KINDS,
    OFFLINE,
    AssetCounters,
    AssetCounts,
    AssetDrift,
    AssetEnvironment,
    AssetSoftware,
    AssetState,
    Drift,
    Event,
    Identified,
    Latest,
    Software,
    SoftwareReported,
    UpdateReported,
    counts_twice,
    decode,
    encode,
    identify,
    is_latest,
    kind_of,
    order_key,
)
from pywats_mqtt.folding import capped, fold

TIMES = st.integers(1, 6)
COUNTS = st.builds(
    AssetCounts,
    asset=st.just("A"),
    total=st.none() | st.integers(0, 99),
    running=st.none() | st.integers(0, 99),
    added=st.integers(0, 9),
    as_of_us=TIMES,
)
STATES = st.builds(AssetState, asset=st.just("A"), status=st.sampled_from(["idle", "running"]), as_of_us=TIMES)
ENVIRONMENTS = st.builds(
    lambda sent, at: AssetEnvironment(
        asset="A",
        channels={name: float(value) for name, (value, _) in sent.items()},
        units={name: unit for name, (_, unit) in sent.items() if unit},
        as_of_us=at,
    ),
    st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 99), st.sampled_from(["", "V", "K"])), min_size=1),
    TIMES,
)
SOFTWARE = st.builds(
    lambda software, config, packages, at: AssetSoftware(
        asset="A",
        software=None if software is None else (Software("fw", software),),
        config_version=config,
        updates=packages,
        as_of_us=0 if software is None else at,
        config_us=0 if config is None else at,
        updates_us={package: at for package in packages},  # noqa: C420 - dict.fromkeys has no type here
    ),
    st.none() | st.sampled_from("12"),
    st.none() | st.sampled_from("vw"),
    st.dictionaries(st.sampled_from("pq"), st.sampled_from(["installing", "failed"])),
    TIMES,
)
DRIFTS = st.builds(
    lambda values, limit, due, calibrated, at: AssetDrift(
        asset="A",
        parameters={
            name: Drift(((at, value),), None if limit is None else (at, limit)) for name, value in values.items()
        },
        due_us=due,
        due_as_of_us=0 if due is None else at,
        calibrated_us=at if calibrated else 0,
        as_of_us=at,
    ),
    st.dictionaries(st.sampled_from("ab"), st.floats(-1, 1)),
    st.none() | st.floats(1, 2),
    st.none() | st.integers(1, 9),
    st.booleans(),
    TIMES,
)
COUNTERS = st.builds(
    AssetCounters,
    asset=st.just("A"),
    counters=st.dictionaries(st.sampled_from("abc"), st.integers(0, 99), min_size=1),
    as_of_us=TIMES,
)
KINDS = (STATES, ENVIRONMENTS, SOFTWARE, COUNTERS, DRIFTS)
MERGING = st.one_of(*(st.lists(kind, min_size=1, max_size=8) for kind in KINDS))
RUNS = MERGING | st.lists(COUNTS, min_size=1, max_size=8)


def newest_us(event: Latest) -> int:
    """Give the newest time that an event has."""
    if isinstance(event, AssetSoftware):
        return max(event.as_of_us, event.config_us, *event.updates_us.values())
    if isinstance(event, AssetDrift):
        return max(event.as_of_us, event.calibrated_us, event.due_as_of_us)
    return event.as_of_us


def folded(events: list[Latest]) -> Latest:
    """Fold a run of events from its first on."""
    return reduce(fold, events[1:], events[0])


@given(MERGING, st.data())
def test_parts_make_no_difference(events: list[Latest], data: st.DataObject) -> None:
    """Folding a run in any two parts gives what folding it one by one gives.

    Not so counts, which may step back at the seam: the spool folds each onto what is known.
    """
    cut = data.draw(st.integers(0, len(events) - 1))
    head, tail = events[:cut], folded(events[cut:])
    assert (fold(folded(head), tail) if head else tail) == folded(events)


@given(st.lists(COUNTS, min_size=1, max_size=8))
def test_each_count_is_the_newest_one_sent(events: list[AssetCounts]) -> None:
    """Total and running each come from the message with the newest time that had one, the later of equal ones."""
    result = folded([*events])
    assert isinstance(result, AssetCounts)
    totals = [(event.as_of_us, number, event.total) for number, event in enumerate(events) if event.total is not None]
    runs = [(event.as_of_us, number, event.running) for number, event in enumerate(events) if event.running is not None]
    assert result.total == (max(totals)[2] if totals else None)
    assert result.running == (max(runs)[2] if runs else None)


@given(
    st.lists(st.tuples(st.sampled_from(["idle", "running", OFFLINE, ""]), TIMES, st.booleans()), min_size=1, max_size=8)
)
def test_the_last_arrival_tells_whether_an_asset_is_there(said: list[tuple[str, int, bool]]) -> None:
    """The word is the newest by its time; what arrives after `offline` shows that it is there, however old it is.

    A retained `offline` counts where it is newer than the word that is known.
    """
    result, word, gone = None, ("", 0), False
    for place, (status, sent_us, retained) in enumerate(said):
        if retained and not word[0]:
            continue
        gone_us = (sent_us if retained else 10 + place) if status == OFFLINE else 0
        event = AssetState(asset="A", status=status, as_of_us=gone_us or (sent_us if status else 0), gone_us=gone_us)
        result = fold(result, event)
        if not gone_us:
            gone = False
            if status and (not word[0] or sent_us >= word[1]):
                word = (status, sent_us)
        elif gone_us >= word[1]:
            gone = True
    if result is None:
        return
    assert isinstance(result, AssetState)
    assert (result.status.replace(OFFLINE, ""), result.gone_us > 0) == (word[0], gone)


@given(st.lists(ENVIRONMENTS, min_size=1, max_size=8))
def test_each_channel_is_the_newest_one_sent(events: list[AssetEnvironment]) -> None:
    """A channel's value and unit come from the newest message that had it, by its time, whatever others did."""
    result = folded([*events])
    assert isinstance(result, AssetEnvironment)
    for name in "abc":
        sent = [(e.as_of_us, number, e.channels[name]) for number, e in enumerate(events) if name in e.channels]
        assert result.channels.get(name) == (max(sent)[2] if sent else None)
        units = [(e.as_of_us, number, e.units.get(name)) for number, e in enumerate(events) if name in e.channels]
        assert result.units.get(name) == (max(units)[2] if units else None)


@given(RUNS, st.data())
def test_a_repeat_changes_no_absolute_value(events: list[Latest], data: st.DataObject) -> None:
    """A message that arrives again right after, or later, leaves the newest absolute values as they were."""
    distinct = list({newest_us(event): event for event in events}.values())  # one device sends one message at a time
    once = folded(distinct)
    repeat = data.draw(st.sampled_from(distinct))
    twice = fold(once, repeat)
    if isinstance(once, AssetCounts) and isinstance(twice, AssetCounts):
        assert (twice.total, twice.running) == (once.total, once.running)
    else:
        assert twice == once


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=8, unique_by=lambda pair: pair[0]), st.data()
)
def test_an_increment_counts_once_however_often_it_arrives(
    increments: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Increments told apart by identity add up to their sum, in any order and with any repeats."""
    sent = [
        Identified(AssetCounts(asset="A", added=added), identify(("asset_counts", "A", str(number)), b""))
        for number, added in increments
    ]
    arrived = data.draw(st.permutations(sent + [event for event in sent if data.draw(st.booleans())]))
    known: set[bytes] = set()
    result: Latest | None = AssetCounts(asset="A", total=7, as_of_us=5)
    for arrival in arrived:
        assert arrival.identity is not None
        assert isinstance(arrival.event, AssetCounts)
        if arrival.identity.key not in known:
            known.add(arrival.identity.key)
            result = fold(result, arrival.event)
    assert result == AssetCounts(asset="A", total=7, added=sum(added for _, added in increments), as_of_us=5)


def test_the_first_event_of_an_asset_is_kept_as_it_is() -> None:
    """Nothing is known before the first one."""
    event = AssetState(asset="A", status="idle", as_of_us=3)
    assert fold(None, event) is event


@given(RUNS)
def test_a_folded_event_survives_the_spool(events: list[Latest]) -> None:
    """Packing and unpacking gives the same event, times of single values included."""
    event: Event = folded(events)
    assert decode(encode(event)) == event
    assert is_latest(event)
    assert order_key(event) == "A"
    assert kind_of(event) in LATEST_KINDS


@given(RUNS, st.integers(0, 7))
def test_no_capped_time_is_later_and_no_value_is_lost(events: list[Latest], at_us: int) -> None:
    """What is known stays the same object where no time is ahead; else whatever comes at the cap is taken."""
    known = folded(events)
    result = capped(known, at_us)
    assert (result is known) or max(newest_us(event) for event in events) > at_us
    assert capped(result, at_us) is result
    if isinstance(known, AssetCounts) and isinstance(result, AssetCounts):
        assert (result.total, result.running, result.added) == (known.total, known.running, known.added)
        new: Latest = AssetCounts(asset="A", total=100, running=100, as_of_us=at_us)
        after = fold(result, new)
        assert isinstance(after, AssetCounts)
        assert (after.total, after.running) == (100, 100)
    elif isinstance(known, AssetEnvironment) and isinstance(result, AssetEnvironment):
        assert result.channels == known.channels
        assert all(time_us < result.as_of_us for time_us in result.older_us.values())
        new = AssetEnvironment(asset="A", channels=dict.fromkeys("abc", 100.0), as_of_us=at_us)
        assert fold(result, new) == new
    elif isinstance(known, AssetSoftware) and isinstance(result, AssetSoftware):
        assert newest_us(result) <= at_us
        assert (result.software, result.config_version, result.updates) == (
            known.software,
            known.config_version,
            known.updates,
        )
        new = AssetSoftware(
            asset="A",
            software=(),
            config_version="z",
            updates={"p": "done", "q": "done"},
            as_of_us=at_us,
            config_us=at_us,
            updates_us={"p": at_us, "q": at_us},
        )
        assert fold(result, new) == new
    elif isinstance(known, AssetDrift) and isinstance(result, AssetDrift):
        assert newest_us(result) <= at_us
        assert result.parameters.keys() == known.parameters.keys()
        new = AssetDrift(asset="A", parameters={"a": Drift(((at_us, 5.0),))}, as_of_us=at_us)
        after = fold(result, new)
        assert isinstance(after, AssetDrift)
        assert after.parameters["a"].points[-1] == (at_us, 5.0)
    elif isinstance(known, AssetCounters) and isinstance(result, AssetCounters):
        assert result.counters == known.counters
        new = AssetCounters(asset="A", counters=dict.fromkeys("abc", 100), as_of_us=at_us)
        assert fold(result, new) == new
    else:
        new = AssetState(asset="A", status="error", as_of_us=at_us)
        assert fold(result, new) is new


def test_only_the_times_that_are_ahead_are_capped() -> None:
    """Total and running, and each channel, keep a time that is not ahead."""
    ahead = AssetCounts(asset="A", total=1, running=2, as_of_us=3, running_as_of_us=9)
    assert capped(ahead, 5) == AssetCounts(asset="A", total=1, running=2, as_of_us=3, running_as_of_us=5)
    assert capped(ahead, 2) == AssetCounts(asset="A", total=1, running=2, as_of_us=2)
    channels = {"a": 1.0, "b": 2.0, "c": 3.0}
    environment = AssetEnvironment(asset="A", channels=channels, as_of_us=9, older_us={"b": 8, "c": 3})
    assert capped(environment, 5) == AssetEnvironment(asset="A", channels=channels, as_of_us=5, older_us={"c": 3})


FIELDS = st.lists(st.text(max_size=5), max_size=4)


@given(FIELDS, FIELDS)
def test_only_equal_fields_give_equal_ids(first: list[str], second: list[str]) -> None:
    """No separator in a field makes two different field lists the same event."""
    assert (identify(first, b"").id == identify(second, b"").id) == (first == second)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("results", "T1", "42"), "c027cf88-8707-5297-9434-0564216896ee"),
        (("results", "T1", "SN1", "", "", ""), "e5da02d3-c045-59f0-879a-fec2e4557f65"),
    ],
)
def test_ids_stay_the_same_for_ever(fields: tuple[str, ...], expected: str) -> None:
    """A version that derived other ids would store old results a second time."""
    assert identify(fields, b"").id == UUID(expected)


def test_what_is_said_of_software_counts_no_more_when_it_is_said_twice() -> None:
    """So a route that names no ids is exactly-once for it."""
    said = SoftwareReported(device="A", request_id="r")
    update = UpdateReported(device="A", package="fw", state="failed")
    assert not counts_twice((Identified(said), Identified(AssetSoftware(asset="A"))))
    assert not counts_twice((Identified(update),))


@given(st.lists(SOFTWARE, min_size=1, max_size=8))
def test_software_configuration_and_each_update_are_the_newest_ones_sent(events: list[AssetSoftware]) -> None:
    """Each comes from the message with the newest time that had it, the later of equal ones."""
    result = folded([*events])
    assert isinstance(result, AssetSoftware)
    software = [(e.as_of_us, number, e.software) for number, e in enumerate(events) if e.software is not None]
    configs = [(e.config_us, number, e.config_version) for number, e in enumerate(events) if e.config_version]
    assert result.software == (max(software)[2] if software else None)
    assert result.config_version == (max(configs)[2] if configs else None)
    for package in "pq":
        sent = [
            (e.updates_us[package], number, e.updates[package])
            for number, e in enumerate(events)
            if package in e.updates
        ]
        assert result.updates.get(package) == (max(sent)[2] if sent else None)


def test_the_newest_updates_of_a_device_are_kept_and_no_more() -> None:
    """A device that names a new package each time fills no row of the spool; order of arrival makes no difference."""
    sent: list[Latest] = [
        AssetSoftware(asset="A", updates={f"p{at}": "installing"}, updates_us={f"p{at}": at}) for at in range(200)
    ]
    for events in (sent, sent[::-1]):
        result = folded(events)
        assert isinstance(result, AssetSoftware)
        assert result.updates.keys() == {f"p{at}" for at in range(150, 200)} == result.updates_us.keys()
