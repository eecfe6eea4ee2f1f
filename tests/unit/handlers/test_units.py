"""What an event makes of what is known of its unit."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.events import UnitEvent
from pywats_mqtt.events.production import UnitAction
from pywats_mqtt.handlers import units
from pywats_mqtt.handlers.units import UNITS_KEPT, InWats, KnownUnit, Stay, Verdict, Wish, judge, wish_of

CONFIG = ProductionConfig(processes={"B": "ICT", "LINE": 100}, phase_on_exit=16, location_on_exit="after {station}")


def event(action: UnitAction, station: str, at_us: int, line: str = "") -> UnitEvent:
    """Make an event of one unit."""
    return UnitEvent(action=action, serial_number="U1", at_us=at_us, station=station, line=line)


def told(*events: UnitEvent) -> tuple[KnownUnit | None, list[Verdict]]:
    """Tell what is known after events that arrive in this order, and what each of them meant."""
    known: KnownUnit | None = None
    verdicts = []
    for each in events:
        verdict = judge(each, known)
        verdicts.append(verdict)
        if verdict.judgement == "moves":
            known = KnownUnit(
                at_us=each.at_us,
                action=each.action,
                place=each.place,
                wats=InWats("P"),
                station=verdict.station,
                since_us=verdict.since_us,
                missed_station=verdict.missed_station,
                missed_since_us=verdict.missed_since_us,
            )
    return known, verdicts


def test_entered_and_exited_are_a_stay() -> None:
    """It took from one to the other, however often its barcode was read on the way in and out."""
    known, verdicts = told(
        event("entered", "A", 10), event("entered", "A", 12), event("exited", "A", 40), event("exited", "A", 41)
    )

    assert [verdict.ended for verdict in verdicts] == [None, None, Stay("A", 10, 40), None]
    assert not any(verdict.missing_entry for verdict in verdicts)
    assert known is not None
    assert known.station == ""


def test_who_enters_elsewhere_has_left_without_telling() -> None:
    """The stay ends without a known end; the new one goes on."""
    known, verdicts = told(event("entered", "A", 10), event("entered", "B", 20))

    assert verdicts[1].ended == Stay("A", 10, None)
    assert known is not None
    assert (known.station, known.since_us) == ("B", 20)


def test_a_scan_at_another_station_shows_a_missing_exit_and_one_of_the_line_does_not() -> None:
    """A line's scanner that names no station may be at the unit's own."""
    assert told(event("entered", "A", 10), event("scanned", "B", 20))[1][1].ended == Stay("A", 10, None)
    assert told(event("entered", "A", 10), event("scanned", "", 20, line="LINE"))[1][1].ended is None
    assert told(event("entered", "A", 10), event("scanned", "A", 20))[1][1].ended is None


def test_who_leaves_and_never_entered_has_a_missing_entry() -> None:
    """Also where it is somewhere else, which it has then left, too."""
    assert told(event("exited", "A", 10))[1][0].missing_entry
    verdict = told(event("entered", "A", 10), event("exited", "B", 20))[1][1]
    assert (verdict.missing_entry, verdict.ended) == (True, Stay("A", 10, None))
    assert not told(event("exited", "", 10, line="LINE"))[1][0].missing_entry


def test_a_late_exit_tells_the_end_of_the_stay_and_moves_nothing() -> None:
    """It arrives after the unit was seen elsewhere."""
    known, verdicts = told(event("entered", "A", 10), event("entered", "B", 30), event("exited", "A", 20))

    assert (verdicts[2].judgement, verdicts[2].ended) == ("older", Stay("A", 10, 20))
    assert verdicts[2].missed_station == ""
    assert known is not None
    assert known.station == "B"


def test_an_exit_from_before_a_stay_is_none_of_it() -> None:
    """Such as that of an earlier stay at the same station."""
    _, verdicts = told(event("entered", "A", 10), event("entered", "B", 30), event("exited", "A", 5))

    assert (verdicts[2].judgement, verdicts[2].ended, verdicts[2].missed_station) == ("older", None, "A")


def test_an_event_that_is_delivered_again_is_known() -> None:
    """After a crash between writing it down and settling it."""
    assert told(event("entered", "A", 10), event("entered", "A", 10))[1][1].judgement == "repeated"


EVENTS = st.lists(
    st.builds(event, st.sampled_from(["entered", "exited", "scanned"]), st.sampled_from("ABC"), st.integers(1, 50)),
    min_size=1,
    max_size=8,
    unique_by=lambda each: each.at_us,
)


@given(EVENTS, st.data())
def test_in_whatever_order_they_arrive_the_newest_event_says_where_a_unit_is(
    events: list[UnitEvent], data: st.DataObject
) -> None:
    """And repeats of them change nothing."""
    arrived = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=4))))
    known, _ = told(*arrived)
    newest = max(events, key=lambda each: each.at_us)

    assert known is not None
    assert (known.at_us, known.action, known.place) == (newest.at_us, newest.action, newest.place)


@given(EVENTS)
def test_each_stay_ends_once_and_after_it_began(events: list[UnitEvent]) -> None:
    """In the order of time there are as many ends as stays that are over."""
    ordered = sorted(events, key=lambda each: each.at_us)
    known, verdicts = told(*ordered)
    ended = [verdict.ended for verdict in verdicts if verdict.ended is not None]

    assert all(stay.left_us is None or stay.left_us > stay.since_us for stay in ended)
    assert len({(stay.station, stay.since_us) for stay in ended}) == len(ended)
    assert known is not None
    assert not any((stay.station, stay.since_us) == (known.station, known.since_us) for stay in ended)


def test_what_events_ask_for() -> None:
    """Location, phase and operation on entry; of a scan no phase; on exit what the configuration says."""
    at_a = KnownUnit(at_us=1, action="entered", place="A", wats=InWats("P"), station="A", since_us=1)

    assert wish_of(event("entered", "B", 2), None, CONFIG) == Wish("B", 2, "ICT")
    assert wish_of(event("scanned", "B", 2), None, CONFIG) == Wish("B", None, "ICT")
    assert wish_of(event("scanned", "", 2, line="LINE"), None, CONFIG) == Wish("LINE", None, 100)
    assert wish_of(event("scanned", "", 2, line="LINE"), at_a, CONFIG) == Wish(None, None, 100)
    assert wish_of(event("exited", "A", 2), at_a, CONFIG) == Wish("after A", 16)
    assert wish_of(event("exited", "A", 2), at_a, ProductionConfig()) == Wish()
    assert wish_of(event("exited", "A", 2), None, ProductionConfig()) == Wish("A")
    assert wish_of(event("entered", "A", 2), None, ProductionConfig(phase_on_entry=0)) == Wish("A")


def test_a_location_is_made_as_configured_and_fits() -> None:
    """At most 100 characters."""
    config = ProductionConfig(location="Hall 3/{line}/{station}")
    assert wish_of(event("scanned", "A", 1, line="L"), None, config).location == "Hall 3/L/A"
    long = wish_of(event("scanned", "s" * 100, 1), None, config).location
    assert long is not None
    assert (len(long), long[-1]) == (100, "…")


@given(st.lists(st.integers(0, 2 * UNITS_KEPT), max_size=200))
@example([*range(UNITS_KEPT + 8), 8])
def test_a_shelf_keeps_the_units_with_the_newest_events(numbers: list[int]) -> None:
    """Never more than its bound, and it survives its note."""
    shelf = units.decode(None)
    for at_us, number in enumerate(numbers):
        known = KnownUnit(at_us=at_us, action="scanned", place="A", wats=InWats("P"))
        units.put(shelf, str(number), known)
    newest_first = list(dict.fromkeys(map(str, reversed(numbers))))

    assert list(reversed(shelf)) == newest_first[:UNITS_KEPT]
    assert units.decode(units.encode(shelf)) == shelf
