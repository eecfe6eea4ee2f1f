"""What the limits of a type say of an asset, and who reads it in which shape."""

from __future__ import annotations

import httpx
import pytest

from pywats_mqtt.emulator import AlarmShape, CountReply, Settings, serve
from tests.emulator.conftest import TOKEN, client_of
from tests.emulator.examples import Json, days_from_now, make_type, save


async def status(http: httpx.AsyncClient, serial: str = "A") -> Json:
    """What GET /api/Asset/Status answers."""
    answer = await http.get("/api/Asset/Status", params={"serialNumber": serial})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_an_asset_without_limits_is_in_order(http: httpx.AsyncClient) -> None:
    """Counts are shown, and nothing that has no limit is exceeded."""
    await save(http, serialNumber="A", typeId=await make_type(http, runningCountLimit=0, calibrationInterval=0))
    await http.put("/api/Asset/Count?serialNumber=A&incrementBy=7")
    assert await status(http) == {"status": 0, "alarmState": 0, "message": "OK", "runningCount": 7, "totalCount": 7}


@pytest.mark.parametrize(
    ("thresholds", "levels"),
    [
        ({}, {7: 0, 8: 1, 9: 1, 10: 2, 11: 2}),
        ({"warningThreshold": 60, "alarmThreshold": 90}, {5: 0, 6: 1, 8: 1, 9: 2}),
        ({"alarmThreshold": 50}, {4: 0, 5: 2}),
        ({"warningThreshold": 120}, {11: 0, 12: 2}),
        ({"warningThreshold": 0}, {0: 1}),
    ],
)
async def test_thresholds_count_when_they_are_reached(
    http: httpx.AsyncClient, thresholds: Json, levels: dict[int, int]
) -> None:
    """80 and 100 percent where a type has none; an alarm is never before the warning, nor a warning after the alarm."""
    await save(http, serialNumber="A", typeId=await make_type(http, runningCountLimit=10, **thresholds))
    found = {}
    for count in levels:
        await http.put(f"/api/Asset/SetRunningCount?serialNumber=A&runningCount={count}")
        found[count] = (await status(http))["alarmState"]
    assert found == levels


async def test_the_worst_monitor_wins_and_the_message_says_which(http: httpx.AsyncClient) -> None:
    """Every monitor in warning or alarm is named, alarms first; each limit has by how much it is exceeded."""
    counts: Json = {"runningCountLimit": 10, "totalCountLimit": 2_000_000_000}
    type_id = await make_type(http, **counts, calibrationInterval=100, maintenanceInterval=30)
    await save(http, serialNumber="A", typeId=type_id)
    await http.put("/api/Asset/Count?serialNumber=A&totalCount=9")
    await http.post("/api/Asset/Calibration", params={"serialNumber": "A", "dateTime": days_from_now(-112.5)})
    await http.post("/api/Asset/Maintenance", params={"serialNumber": "A", "dateTime": days_from_now(-3.5)})
    assert await status(http) == {
        "status": 3,
        "alarmState": 2,
        "message": "Alarm: calibration 112 of 100 days; Warning: running count 9 of 10 uses",
        "runningCount": 9,
        "runningCountExceeded": -1,
        "totalCount": 9,
        "totalCountExceeded": 9 - 2_000_000_000,
        "calibrationDaysOverdue": 12,
        "maintenanceDaysOverdue": -27,
        "daysSinceCalibration": 112,
        "daysSinceMaintenance": 3,
    }
    await http.put("/api/Asset/SetTotalCount?serialNumber=A&totalCount=1900000000")
    assert (await status(http))["message"].endswith("; Warning: total count 1900000000 of 2000000000 uses")


@pytest.mark.parametrize("name", ["Calibration", "Maintenance"])
async def test_days_count_to_the_next_date(http: httpx.AsyncClient, name: str) -> None:
    """From the first sight of an asset, to the next date where a save or an external system gave one."""
    interval, following = f"{name.lower()}Interval", f"next{name}Date"
    plain = await make_type(http, "Plain", **{interval: 10})
    await save(http, serialNumber="new", typeId=plain)
    await save(http, serialNumber="overdue", typeId=plain, **{following: days_from_now(-0.5)})
    unlimited = await make_type(http, "Unlimited", **{interval: -1})
    await save(http, serialNumber="unlimited", typeId=unlimited, **{following: days_from_now(-0.5)})
    external = await make_type(http, "External", **{interval: -2})
    await save(http, serialNumber="unknown", typeId=external)
    await save(http, serialNumber="due", typeId=external)
    query = {"serialNumber": "due", "fromDate": days_from_now(-9), "toDate": days_from_now(1)}
    await http.post(f"/api/Asset/{name}/External", params=query)
    serials = ("new", "overdue", "unlimited", "unknown", "due")
    found = {serial: await status(http, serial) for serial in serials}
    levels = {serial: body["alarmState"] for serial, body in found.items()}
    assert levels == {"new": 0, "overdue": 2, "unlimited": 0, "unknown": 0, "due": 1}
    overdue = {serial: body.get(f"{name.lower()}DaysOverdue") for serial, body in found.items()}
    assert overdue == {"new": -10, "overdue": 0, "unlimited": None, "unknown": None, "due": -1}


CSHARP_ONLY = {"status", "runningCountExceeded"}
PYWATS_ONLY = {"alarmState", "daysSinceCalibration"}
SHARED = {"message", "runningCount", "totalCount"}


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        (AlarmShape.CSHARP, SHARED | CSHARP_ONLY),
        (AlarmShape.PYWATS, SHARED | PYWATS_ONLY),
        (AlarmShape.BOTH, SHARED | CSHARP_ONLY | PYWATS_ONLY),
    ],
)
async def test_the_shape_is_chosen(shape: AlarmShape, keys: set[str]) -> None:
    """Each of the vendor's two clients finds its own fields, or both do."""
    settings = Settings(port=0, rate_limit=0, alarm_shape=shape)
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        await save(http, serialNumber="A", typeId=await make_type(http, runningCountLimit=10))
        await http.post("/api/Asset/Calibration?serialNumber=A")
        assert (await status(http)).keys() == keys


@pytest.mark.parametrize("reply", list(CountReply))
async def test_a_changed_count_answers_the_status(reply: CountReply) -> None:
    """All four monitors decide it; it is a number, or the body of the status."""
    settings = Settings(port=0, rate_limit=0, count_reply=reply)
    async with serve(settings) as running, client_of(running, TOKEN) as http:
        await save(http, serialNumber="A", typeId=await make_type(http, maintenanceInterval=10))
        await http.post("/api/Asset/Maintenance", params={"serialNumber": "A", "dateTime": days_from_now(-9)})
        for route in ("Count?incrementBy=1", "SetRunningCount?runningCount=1", "SetTotalCount?totalCount=1"):
            answer = (await http.put(f"/api/Asset/{route}&serialNumber=A")).json()
            assert answer == (2 if reply is CountReply.NUMBER else await status(http))


async def test_a_status_needs_an_asset(http: httpx.AsyncClient) -> None:
    """400 without one, 404 for an unknown one; languages are taken, nonsense is not."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    assert (await http.get("/api/Asset/Status")).status_code == 400
    assert (await http.get("/api/Asset/Status?id=2")).status_code == 404
    assert (await http.get("/api/Asset/Status?id=1&translate=false&cultureCode=nb-NO")).status_code == 200
    assert "translate" in (await http.get("/api/Asset/Status?id=1&translate=no")).json()["Message"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"calibrationInterval": -3},
            "calibrationInterval: expected days, -1 for unlimited or -2 for external, got -3",
        ),
        ({"maintenanceInterval": -1.5}, "maintenanceInterval: expected days"),
        ({"warningThreshold": -1}, "warningThreshold: expected a percentage of 0 or more, got -1"),
        ({"alarmThreshold": -0.5}, "alarmThreshold: expected a percentage"),
        ({"runningCountLimit": -1}, "runningCountLimit: expected a whole number 0 to"),
    ],
)
async def test_limits_that_mean_nothing_are_refused(http: httpx.AsyncClient, fields: Json, message: str) -> None:
    """400 says which field of the type, and nothing is saved."""
    answer = await http.put("/api/Asset/Types", json={"typeName": "Fixture", **fields})
    assert answer.status_code == 400
    assert message in answer.json()["Message"]
    assert (await http.get("/api/Asset/Types")).json() == []
