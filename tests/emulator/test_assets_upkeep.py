"""Calibration and maintenance, by the type's interval and by another system."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from pywats_mqtt.emulator import Settings, serve
from tests.emulator.conftest import READ_ONLY, TOKEN, client_of
from tests.emulator.examples import Json, days_from_now, log, make_type, save

KINDS = pytest.mark.parametrize(("name", "kind"), [("Calibration", 4), ("Maintenance", 5)])


def every(name: str, days: float) -> Json:
    """The interval of a type for one kind of upkeep."""
    return {f"{name.lower()}Interval": days}


async def asset(http: httpx.AsyncClient) -> Json:
    """The asset A."""
    found: Json = (await http.get("/api/Asset/A")).json()
    return found


@KINDS
async def test_the_next_date_follows_from_the_interval(http: httpx.AsyncClient, name: str, kind: int) -> None:
    """Last is the date given, next is so many days later; the log has the event with its comment, and the next date."""
    await save(http, serialNumber="A", typeId=await make_type(http, **every(name, 1.5)))
    query = {"serialNumber": "A", "dateTime": "2026-01-02T03:04:05+01:00", "comment": "lab 7"}
    answer = await http.post(f"/api/Asset/{name}", params=query)
    assert answer.json() == f"{name} of asset 1 is noted."
    read = await asset(http)
    assert read[f"last{name}Date"] == "2026-01-02T02:04:05.0000000Z"
    assert read[f"next{name}Date"] == "2026-01-03T14:04:05.0000000Z"
    rows = (await http.get("/api/Asset/Log")).json()
    assert [(row["type"], row["property"], row["value"], row["comment"]) for row in rows[:2]] == [
        (2, f"next{name}Date", read[f"next{name}Date"], f"next{name}Date: {read[f'next{name}Date']}"),
        (kind, f"last{name}Date", read[f"last{name}Date"], "lab 7"),
    ]


@KINDS
@pytest.mark.parametrize(("query", "days"), [("", -1), ("&dateTime=&comment=", 0)])
async def test_without_a_date_it_is_now(http: httpx.AsyncClient, name: str, kind: int, query: str, days: float) -> None:
    """The date is that of the request; a type without an interval in days leaves the next date alone."""
    type_id = await make_type(http, **every(name, days))
    await save(http, serialNumber="A", typeId=type_id, **{f"next{name}Date": "2030-01-01"})
    before = datetime.now(UTC)  # noqa: TID251 - the emulator's own clock
    assert (await http.post(f"/api/Asset/{name}?id=1{query}")).status_code == 200
    read = await asset(http)
    assert before <= datetime.fromisoformat(read[f"last{name}Date"]) <= datetime.now(UTC)  # noqa: TID251 - the same
    assert read[f"next{name}Date"] == "2030-01-01T00:00:00.0000000Z"
    assert await log(http) == [("1", 1, None), ("1", kind, f"last{name}Date")]


@KINDS
async def test_another_system_gives_both_dates(http: httpx.AsyncClient, name: str, kind: int) -> None:
    """With interval -2 the next date is what the other system says; `fromDate` may be left out for now."""
    await save(http, serialNumber="A", typeId=await make_type(http, **every(name, -2)))
    query = {"serialNumber": "A", "fromDate": "2026-01-01T00:00:00", "toDate": "2027-01-01", "comment": "lab 7"}
    assert (await http.post(f"/api/Asset/{name}/External", params=query)).json() == f"{name} of asset 1 is noted."
    read = await asset(http)
    assert (read[f"last{name}Date"], read[f"next{name}Date"]) == (
        "2026-01-01T00:00:00.0000000Z",
        "2027-01-01T00:00:00.0000000Z",
    )
    assert await log(http) == [("1", 1, None), ("1", kind, f"last{name}Date"), ("1", 2, f"next{name}Date")]
    later = {"serialNumber": "A", "toDate": days_from_now(1)}
    assert (await http.post(f"/api/Asset/{name}/External", params=later)).status_code == 200
    assert (await asset(http))[f"last{name}Date"] > read[f"last{name}Date"]


@KINDS
async def test_wrong_upkeep_is_refused(http: httpx.AsyncClient, name: str, kind: int) -> None:
    """Each mistake is told with its field, and neither dates nor log change."""
    plain = await make_type(http, "Plain", **every(name, 10))
    external = await make_type(http, "External", **every(name, -2))
    await save(http, serialNumber="A", typeId=plain)
    await save(http, serialNumber="E", typeId=external)
    both = "fromDate=2026-01-01&toDate=2027-01-01"
    refused = {
        f"{name}": (400, "id or serialNumber is required"),
        f"{name}?serialNumber=": (404, "There is no asset"),
        f"{name}?serialNumber=A&dateTime=yesterday": (400, "dateTime: expected an ISO 8601 time, got 'yesterday'"),
        f"{name}?serialNumber=A&dateTime=0001-01-01T00:00:00%2B23:00": (400, "dateTime"),
        f"{name}?serialNumber=A&dateTime=9999-12-31": (400, "dateTime: the next date, 10 days later, would be after"),
        f"{name}?serialNumber=A&dateTime={'1' * 101}": (400, "dateTime: 101 characters"),
        f"{name}?serialNumber=A&comment={'x' * 5_001}": (400, "comment: 5001 characters"),
        f"{name}/External?serialNumber=nobody&{both}": (404, "There is no asset"),
        f"{name}/External?serialNumber=A&{both}": (400, f"post to /api/Asset/{name}, or give the type"),
        f"{name}/External?serialNumber=E&fromDate=2026-01-01": (400, "toDate is required"),
        f"{name}/External?serialNumber=E&fromDate=x&toDate=2027-01-01": (400, "fromDate: expected"),
        f"{name}/External?serialNumber=E&fromDate=2027-01-01&toDate=2027-01-01": (400, "is not after fromDate"),
    }
    for route, (status, message) in refused.items():
        answer = await http.post(f"/api/Asset/{route}")
        assert (answer.status_code, message in answer.json()["Message"]) == (status, True), answer.text
    assert {row["type"] for row in (await http.get("/api/Asset/Log")).json()} == {1}
    assert kind not in {row[1] for row in await log(http)}
    assert f"last{name}Date" not in await asset(http)
    headers = {"Authorization": f"Basic {READ_ONLY}"}
    assert (await http.post(f"/api/Asset/{name}?serialNumber=A", headers=headers)).status_code == 403


@pytest.mark.parametrize("interval", [2**31 - 1, 1e-9])
async def test_extreme_intervals_are_no_error_of_the_server(http: httpx.AsyncClient, interval: float) -> None:
    """An interval beyond the calendar refuses the next date, one of no length is overdue at once."""
    await save(http, serialNumber="A", typeId=await make_type(http, calibrationInterval=interval))
    done = await http.post("/api/Asset/Calibration?serialNumber=A")
    assert done.status_code == (400 if interval > 1 else 200)
    status = await http.get("/api/Asset/Status?serialNumber=A")
    assert status.json()["alarmState"] == (0 if interval > 1 else 2)


@pytest.mark.parametrize("resets", [False, True])
async def test_a_calibration_may_reset_the_running_count(resets: bool) -> None:  # noqa: FBT001 - the switch itself
    """Where the settings say so, and the log tells; maintenance never does."""
    settings = Settings(port=0, rate_limit=0, calibration_resets=resets)
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        await save(http, serialNumber="A", typeId=await make_type(http, calibrationInterval=-2))
        for route, reset in (("Maintenance", False), ("Calibration", resets), ("Calibration/External", resets)):
            await http.put("/api/Asset/SetRunningCount?id=1&runningCount=5")
            await http.put("/api/Asset/SetTotalCount?id=1&totalCount=9")
            query = {"id": "1", "toDate": days_from_now(1)}
            assert (await http.post(f"/api/Asset/{route}", params=query)).status_code == 200
            read = await asset(http)
            assert (read["runningCount"], read["totalCount"]) == (0 if reset else 5, 9)
        assert [row[1] for row in await log(http)].count(3) == (2 if resets else 0)
