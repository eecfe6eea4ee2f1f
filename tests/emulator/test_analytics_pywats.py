"""What the real client gets computed from stored reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.domains.report.models import WATSFilter

from tests.emulator.examples import repair, report
from tests.emulator.test_reports import numbered, send

# Unit, station, result of each run, in order; B passes in its second run, C in its fourth, D never.
RUNS = [
    *[("A", "ST1", "P")],
    *[("B", "ST1", "F"), ("B", "ST2", "P")],
    *[("C", "ST1", "F"), ("C", "ST1", "E"), ("C", "ST1", "T"), ("C", "ST1", "P")],
    *[("D", "ST2", "P"), ("D", "ST2", "F")],
]


@pytest.fixture(autouse=True)
async def runs(http: httpx.AsyncClient) -> None:
    """All runs, a minute apart, and a repair, which no yield counts."""
    for number, (serial, station, result) in enumerate(RUNS):
        start = f"2026-01-02T03:{number:02}:00Z"
        await send(http, report(id=numbered(number), sn=serial, machineName=station, result=result, start=start))
    await send(http, repair(id=numbered(99), sn="B", start="2026-01-02T04:00:00Z"))


async def test_yields_are_those_of_units(pywats: AsyncWATS) -> None:
    """A unit counts once, in the group of its first run; first, second, third and last pass as they add up."""
    (row,) = await pywats.analytics.get_volume_yield()
    assert (row.part_number, row.test_operation, row.unit_count) == ("PN-1", "End of line test", 4)
    assert (row.fp_count, row.sp_count, row.tp_count, row.lp_count) == (2, 3, 3, 3)
    assert (row.fpy, row.spy, row.tpy, row.lpy) == (50.0, 75.0, 75.0, 75.0)
    by_station = await pywats.analytics.get_dynamic_yield(WATSFilter(dimensions="unitCount desc;stationName"))
    assert [(row.station_name, row.unit_count, row.fp_count) for row in by_station] == [("ST1", 3, 1), ("ST2", 1, 1)]
    (total,) = await pywats.analytics.get_dynamic_yield({})
    assert total.unit_count == 4


async def test_yields_are_filtered(pywats: AsyncWATS) -> None:
    """Texts take several values and wildcards; a time limits what is a first run; nothing found is no row."""

    async def units(**filters: Any) -> list[tuple[int | None, int | None]]:
        rows = await pywats.analytics.get_volume_yield(WATSFilter(**filters))
        return [(row.unit_count, row.fp_count) for row in rows]

    assert await units(serial_number="A;B") == [(2, 1)]
    assert await units(station_name="ST_", part_number="pn%") == [(4, 2)]
    assert await units(date_from=datetime(2026, 1, 2, 3, 2, tzinfo=UTC), serial_number="B") == [(1, 1)]
    assert await units(date_to=datetime(2026, 1, 1, tzinfo=UTC)) == []
    assert await units(test_operation="ICT") == []
    assert await units(max_count=0) == []
    for wrong in ({"level": "PCBA"}, {"product_group": "x"}, {"misc_description": "Lot"}, {"period_count": 7}):
        with pytest.raises(exceptions.ValidationError, match="the emulator has no such filter; use serialNumber"):
            await units(**wrong)
    for periods in (pywats.analytics.get_yield_summary("PN-1"), pywats.analytics.get_station_yield("ST1")):
        with pytest.raises(exceptions.ValidationError, match="periodCount: the emulator has no such filter"):
            await periods
    for dimensions in ("partNumber;period", "partNumber up", "partNumber;partNumber", "1;DROP TABLE reports"):
        with pytest.raises(exceptions.ValidationError, match="dimensions: "):
            await pywats.analytics.get_dynamic_yield({"dimensions": dimensions})


async def test_quarantined_reports_do_not_count(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """A test from the future is in no yield and in no history."""
    await send(http, report(id=numbered(50), sn="Z", start="9999-01-01T00:00:00Z"))
    (row,) = await pywats.analytics.get_volume_yield()
    assert row.unit_count == 4
    assert await pywats.analytics.get_serial_number_history(WATSFilter(serial_number="Z")) == []


async def test_histories_are_headers(pywats: AsyncWATS) -> None:
    """All of a unit, oldest first; tests and repairs, newest first."""
    history = await pywats.analytics.get_serial_number_history(WATSFilter(serial_number="B"))
    assert [(header.report_type, header.result) for header in history] == [
        ("T", "Failed"),
        ("T", "Passed"),
        ("R", "Passed"),
    ]
    with pytest.raises(exceptions.ValidationError, match="serialNumber: required"):
        await pywats.analytics.get_serial_number_history({})
    failed = await pywats.analytics.get_uut_reports(status="Failed")
    assert [header.serial_number for header in failed] == ["D", "C", "B"]
    assert len(await pywats.analytics.get_uut_reports(top_count=2)) == 2
    found = await pywats.analytics.get_uut_reports(WATSFilter(serial_number="C", top_count=3))
    assert [header.run for header in found] == [4, 3, 2]
    assert [str(header.uuid) for header in await pywats.analytics.get_uur_reports({"partNumber": "PN-1"})] == [
        numbered(99)
    ]


async def test_no_text_in_a_filter_breaks_anything(http: httpx.AsyncClient) -> None:
    """Quotes, NUL, null, numbers and lists: found nothing, or refused."""
    nasty: list[object] = ["'", '"', "\0", "%", ";", "", None, 1, [], {"a": 1}, "x" * 2_000, "a;" * 500]
    for value in nasty:
        for path in ("DynamicYield", "VolumeYield", "UutReport", "UurReport", "SerialNumberHistory"):
            body = {"serialNumber": value, "dimensions": value, "dateFrom": value, "topCount": value}
            for name in body:
                answer = await http.post(f"/api/App/{path}", json={name: value})
                assert answer.status_code in {200, 400}, (path, name, value)
