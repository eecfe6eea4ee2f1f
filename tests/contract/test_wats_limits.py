"""Limits of assets and their calibrations, over the server in memory, and over pywats and the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pywats_mqtt.errors import Reject
from pywats_mqtt.limits.values import Level
from pywats_mqtt.messages import to_us
from tests.contract.wats_servers import Server

AT = datetime(2026, 1, 26, 9, 30, 15, 250_000, tzinfo=UTC)
LIMITS = {"running_limit": 100, "total_limit": 1000, "warning_percent": 60.0, "alarm_percent": 90.0}


async def test_types_have_their_limits(server: Server) -> None:
    """The type of an asset is found under the id that the asset names; what is not limited is None."""
    async with server.client() as wats:
        asset = await wats.asset("FIXTURE-001")
        await server.limit(**LIMITS, calibration_days=30.0)
        types = {kind.id: kind for kind in await wats.asset_types()}
    kind = types[asset.schedule.type_id]
    assert kind.name == "MQTT device"
    assert (kind.running_limit, kind.total_limit, kind.warning_percent, kind.alarm_percent) == (100, 1000, 60.0, 90.0)
    assert (kind.calibration_days, kind.maintenance_days) == (30.0, None)


@pytest.mark.parametrize(("count", "level"), [(59, Level.OK), (60, Level.WARNING), (90, Level.ALARM)])
async def test_the_status_of_an_asset(server: Server, count: int, level: Level) -> None:
    """The worst of its limits, and the counts it is said about."""
    async with server.client() as wats:
        await wats.asset("FIXTURE-001")
        await server.limit(**LIMITS)
        await wats.set_total_count("FIXTURE-001", count)
        status = await wats.asset_status("FIXTURE-001")
    assert (status.level, status.running, status.total) == (level, count, count)
    assert status.message


async def test_the_status_of_an_asset_that_is_not_there(server: Server) -> None:
    """It is not made for being asked about."""
    async with server.client() as wats:
        with pytest.raises(Reject):
            await wats.asset_status("NOBODY")
    assert server.assets() == {}


async def test_a_calibration_is_noted(server: Server) -> None:
    """When it was, and when the next one is due by the interval of the type."""
    async with server.client() as wats:
        await wats.asset("FIXTURE-001")
        await server.limit(calibration_days=30.0)
        await wats.record_calibration("FIXTURE-001", AT, "certificate 4711; by jané")
        asset = await wats.asset("FIXTURE-001")
    assert asset.schedule.calibrated_us == to_us(AT)
    assert asset.schedule.calibration_due_us == to_us(AT + timedelta(days=30))
    assert server.calibrations() == [("FIXTURE-001", AT, "certificate 4711; by jané")]


async def test_a_calibration_whose_next_date_another_system_tells(server: Server) -> None:
    """The date goes with it; for other types it is refused."""
    due = AT + timedelta(days=400)
    async with server.client() as wats:
        await wats.asset("FIXTURE-001")
        with pytest.raises(Reject):
            await wats.record_calibration("FIXTURE-001", AT, "", external_due=due)
        await server.limit(calibration_days=-2.0)
        await wats.record_calibration("FIXTURE-001", AT, "", external_due=due)
        asset = await wats.asset("FIXTURE-001")
    assert (asset.schedule.calibrated_us, asset.schedule.calibration_due_us) == (to_us(AT), to_us(due))


async def test_a_calibration_of_no_asset_is_refused(server: Server) -> None:
    """The asset is to be made before."""
    async with server.client() as wats:
        with pytest.raises(Reject):
            await wats.record_calibration("NOBODY", AT, "")


async def test_a_new_asset_has_no_dates_but_its_first(server: Server) -> None:
    """What never happened is None."""
    async with server.client() as wats:
        schedule = (await wats.asset("FIXTURE-001")).schedule
    assert schedule.type_id
    assert schedule.first_seen_us is not None
    assert (schedule.calibrated_us, schedule.calibration_due_us) == (None, None)
    assert (schedule.maintained_us, schedule.maintenance_due_us) == (None, None)
