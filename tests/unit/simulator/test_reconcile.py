from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pywats_mqtt.simulator.fleet import Fleet
from pywats_mqtt.simulator.held import Held, HeldAsset, HeldEntry, HeldReport, HeldUnit, Tally, read_held
from pywats_mqtt.simulator.journal import Record
from pywats_mqtt.simulator.outgoing import Entry
from pywats_mqtt.simulator.reconcile import Comparison, compare

NOW = datetime(2026, 1, 26, 10, 30, tzinfo=UTC)


def run_of(count: int = 400) -> Record:
    """A run in which all was acknowledged."""
    fleet = Fleet(size=9, seed=7, now=NOW)
    entries = tuple(fleet.next(NOW + timedelta(seconds=2 * tick)).entry for tick in range(count))
    return Record(entries, frozenset(entry.message_id for entry in entries))


def report_of(entry: Entry, first: int) -> HeldReport:
    """The report WATS must hold for a result."""
    return HeldReport(
        id=f"uuid-{entry.message_id}",
        device=entry.machine or entry.device,
        serial_number=entry.serial_number,
        start=datetime.fromisoformat(entry.start),
        first=first,
        passed=entry.passed is True,
        is_repair=entry.kind == "repair",
    )


def faultless(record: Record) -> Held:
    """What WATS holds when all went well."""
    reports = tuple(report_of(entry, place) for place, entry in enumerate(record.entries) if entry.is_result)
    last = {entry.device: entry for entry in record.entries if entry.total is not None}
    tags: dict[str, dict[str, str]] = {}
    for entry in record.entries:
        tags.setdefault(entry.device, {}).update(entry.tags)
    fixtures = tuple(HeldAsset(e.device, e.running or 0, e.total or 0) for e in last.values())
    stations = tuple(HeldAsset(device, 0, 0, said) for device, said in tags.items() if said)
    places = {entry.serial_number: entry.place for entry in record.entries if entry.place}
    units = tuple(HeldUnit(serial_number, place) for serial_number, place in places.items())
    log = tuple(HeldEntry(e.device, f"Alert x: [{e.message_id}]") for e in record.entries if e.logged)
    return Held(reports, fixtures + stations, units, log)


RECORD = run_of()
HELD = faultless(RECORD)
RESULTS = [entry for entry in RECORD.entries if entry.is_result]


def with_reports(*reports: HeldReport) -> Held:
    """Other reports, the same assets."""
    return msgspec.structs.replace(HELD, reports=reports)


def with_asset(running: int = 0, total: int = 0) -> Held:
    """The first fixture's counts are off by this much."""
    first, *others = HELD.assets
    changed = HeldAsset(first.serial_number, first.running + running, first.total + total)
    return msgspec.structs.replace(HELD, assets=(changed, *others))


def test_equal_ends_are_clean() -> None:
    """Nothing to say where every result is one report, in order, and counts are what was stated last."""
    assert compare(RECORD, HELD) == Comparison()
    assert compare(RECORD, HELD).clean


def test_a_missing_report_is_lost() -> None:
    """An acknowledged result without a report is named with its number."""
    found = compare(RECORD, with_reports(*HELD.reports[:5], *HELD.reports[6:]))
    assert found == Comparison(lost=(f"{RESULTS[5].message_id} (serial number {RESULTS[5].serial_number})",))


def test_a_second_report_is_doubled() -> None:
    """The same result under two report ids counts twice in every yield figure."""
    twice = msgspec.structs.replace(HELD.reports[5], id="other", first=9_999)
    found = compare(RECORD, with_reports(*HELD.reports, twice))
    assert len(found.doubled) == 1
    assert RESULTS[5].message_id in found.doubled[0]
    assert not found.lost


def test_reports_in_another_order_are_reordered() -> None:
    """First receptions of one tester go by its numbers; of two testers they may mix."""
    same = [place for place, entry in enumerate(RESULTS) if entry.device == "SIM-7-T1"]
    early, late = HELD.reports[same[3]], HELD.reports[same[4]]
    others = [report for report in HELD.reports if report not in (early, late)]
    swapped = (
        msgspec.structs.replace(early, first=late.first),
        msgspec.structs.replace(late, first=early.first),
    )
    found = compare(RECORD, with_reports(*others, *swapped))
    assert len(found.reordered) == 1
    assert RESULTS[same[3]].message_id in found.reordered[0]
    assert not found.lost + found.doubled + found.foreign


def test_a_report_nobody_sent_is_foreign() -> None:
    """Also one of a known unit with a start that no message stated."""
    stranger = msgspec.structs.replace(HELD.reports[0], id="stranger", start=NOW + timedelta(hours=9))
    found = compare(RECORD, with_reports(*HELD.reports, stranger))
    assert len(found.foreign) == 1
    assert "stranger" in found.foreign[0]


def test_a_report_that_sums_up_a_fixture_is_not_foreign() -> None:
    """A fixture sends no results; what WATS has of it the bridge made of its telemetry, such as a shift's figures."""
    shift = msgspec.structs.replace(HELD.reports[0], id="shift", device="SIM-7-F1", serial_number="SIM-7-F1")
    assert compare(RECORD, with_reports(*HELD.reports, shift)).clean


def test_another_verdict_is_changed() -> None:
    """A unit that failed must not stand as passed."""
    first, *others = HELD.reports
    found = compare(RECORD, with_reports(msgspec.structs.replace(first, passed=not first.passed), *others))
    assert len(found.changed) == 1


@pytest.mark.parametrize(
    ("running", "total", "field"), [(0, -1, "lost"), (0, 1, "doubled"), (1, 0, "changed"), (-1, 0, "changed")]
)
def test_counts_must_be_the_last_stated(running: int, total: int, field: str) -> None:
    """A total below was lost, one above was counted twice, a running count nobody stated is wrong."""
    found = compare(RECORD, with_asset(running, total))
    assert [name for name in msgspec.structs.asdict(found) if getattr(found, name)] == [field]


def test_a_missing_fixture_is_lost() -> None:
    """A fixture whose statements were acknowledged is an asset."""
    found = compare(RECORD, msgspec.structs.replace(HELD, assets=HELD.assets[1:]))
    assert found.lost == (f"{HELD.assets[0].serial_number} is no asset in WATS",)


def test_a_missing_unit_is_lost_and_one_elsewhere_is_changed() -> None:
    """Where a unit is goes by its last message."""
    first, second, *others = HELD.units
    moved = msgspec.structs.replace(second, location="elsewhere")
    found = compare(RECORD, msgspec.structs.replace(HELD, units=(moved, *others)))
    assert found == Comparison(
        lost=(f"unit {first.serial_number} is not in WATS",),
        changed=(f"unit {second.serial_number} is at 'elsewhere' in WATS, stated was {second.location!r}",),
    )


def test_an_alert_stands_in_the_log_once() -> None:
    """A message that has no entry is lost, one that has two is doubled; so are the steps of an update."""
    first, second, *others = HELD.log
    found = compare(RECORD, msgspec.structs.replace(HELD, log=(second, *others, second)))
    (lost,), (doubled,) = found.lost, found.doubled
    assert lost.partition(" ")[0] in first.text
    assert doubled.partition(" ")[0] in second.text
    assert found == Comparison(lost=(lost,), doubled=(doubled,))


def test_tags_are_those_stated_last() -> None:
    """A tag that is not there is lost, one that says something else is changed."""
    *fixtures, station = HELD.assets
    tags = {"sw_test_sequence": "0", "sw_operating_system": station.tags["sw_operating_system"]}
    wrong = msgspec.structs.replace(station, tags=tags)
    found = compare(RECORD, msgspec.structs.replace(HELD, assets=(*fixtures, wrong)))
    assert found.lost == (f"{station.serial_number} has no tag config_version in WATS",)
    (changed,) = found.changed
    assert changed.startswith(f"{station.serial_number} has sw_test_sequence = '0' in WATS")


def test_all_is_counted() -> None:
    """Tests apart from repairs; assets with software apart from all."""
    results = [entry for entry in RESULTS if entry.kind != "repair"]
    assert HELD.tally() == Tally(
        reports=len(results),
        repairs=len(RESULTS) - len(results),
        assets=len(HELD.assets),
        units=len(HELD.units),
        alerts=len(HELD.log),
        software=sum(bool(asset.tags) for asset in HELD.assets),
    )


def test_what_was_never_acknowledged_may_be_there_or_not() -> None:
    """A stop leaves messages on their way: neither end is wrong, whichever way it went."""
    half = frozenset(entry.message_id for entry in RECORD.entries[:200])
    stopped = Record(RECORD.entries, half)
    received = faultless(Record(RECORD.entries[:200], half))
    assert len(stopped.open) == 200
    assert compare(stopped, HELD).clean
    assert compare(stopped, received).clean


def test_a_refused_statement_counts_for_nothing() -> None:
    """The broker refused the last counters of a fixture: WATS holds those before."""
    counting = [entry for entry in RECORD.entries if entry.total is not None]
    last = counting[-1]
    acknowledged = RECORD.acknowledged - {last.message_id}
    record = Record(RECORD.entries, acknowledged, {last.message_id: "not authorised"})
    assert not compare(record, HELD).clean
    kept = tuple(entry for entry in RECORD.entries if entry != last)
    assert compare(record, faultless(Record(kept, acknowledged))).clean


def test_the_emulators_state_is_read() -> None:
    """Reports and assets come as `GET /_emulator/state` gives them; what WATS quarantined it does not hold."""
    report = {
        "id": "0f1b", "sn": "S1", "machineName": "T1", "result": "Passed", "start": "2026-01-26T10:30:00.1230000Z",
        "first_seq": 3, "quarantined": False, "receiveCount": 1,
    }  # fmt: skip
    state = {
        "reports": [report, {**report, "id": "0f1c", "quarantined": True}],
        "assets": [
            {"serialNumber": "F1", "runningCount": 5, "totalCount": 9, "state": 1, "tags": [{"key": "a", "value": "b"}]}
        ],
        "units": [{"serialNumber": "S1", "currentLocation": "T1"}, {"serialNumber": "S2", "currentLocation": None}],
        "asset_log": [
            {"serialNumber": "F1", "type": 0, "comment": "Alert x"},
            {"serialNumber": "F1", "type": 1, "comment": "registered"},
        ],
    }
    held = read_held(msgspec.json.encode(state))
    start = datetime(2026, 1, 26, 10, 30, 0, 123_000, tzinfo=UTC)
    expected = HeldReport(id="0f1b", device="T1", serial_number="S1", start=start, first=3, passed=True)
    units = (HeldUnit("S1", "T1"), HeldUnit("S2", ""))
    assert held == Held((expected,), (HeldAsset("F1", 5, 9, {"a": "b"}),), units, (HeldEntry("F1", "Alert x"),))
