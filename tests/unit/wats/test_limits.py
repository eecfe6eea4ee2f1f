"""What WATS says of limits is read in either of its public descriptions, and odd answers are no values."""

from __future__ import annotations

from typing import Any

import pytest

from pywats_mqtt.errors import Retry
from pywats_mqtt.limits.values import AssetStatus, Level
from pywats_mqtt.wats.assets import asset_of
from pywats_mqtt.wats.limits import status_of, types_of

WIRE: dict[str, Any] = {"assetId": 7, "serialNumber": "A"}


@pytest.mark.parametrize(
    ("wire", "level"),
    [
        ({"alarmState": 0}, Level.OK),
        ({"alarmState": 1}, Level.WARNING),
        ({"alarmState": 2}, Level.ALARM),
        ({"alarmState": 1, "status": 0}, Level.WARNING),
        ({"status": 0}, Level.OK),
        ({"status": 2}, Level.WARNING),
        ({"status": 3}, Level.ALARM),
        ({"status": 1}, None),
        ({"status": 4}, None),
        ({"alarmState": 9}, None),
        ({}, None),
        ({"alarmState": None, "status": None, "message": None}, None),
    ],
)
def test_either_description_of_a_status_is_read(wire: object, level: Level | None) -> None:
    """That of pywats goes first; what says nothing of limits is no level."""
    assert status_of(wire) == AssetStatus(level=level)


@pytest.mark.parametrize("answer", [None, 3, "OK", [], [{"typeName": "x"}], {"alarmState": "bad"}])
def test_what_is_no_such_answer_is_tried_again(answer: object) -> None:
    """It says nothing about the asset."""
    with pytest.raises(Retry):
        status_of(answer)
    with pytest.raises(Retry):
        types_of([answer])


def test_a_type_with_nulls_and_capital_letters() -> None:
    """Ids compare whatever their case; null is no limit."""
    (kind,) = types_of([{"typeId": "ABC", "typeName": "x", "runningCountLimit": 5.0, "totalCountLimit": None}])
    assert (kind.id, kind.running_limit, kind.total_limit) == ("abc", 5, None)
    assert asset_of({**WIRE, "typeId": "ABC"}).schedule.type_id == "abc"


@pytest.mark.parametrize(
    ("sent", "expected_us"),
    [
        ("2026-01-26T10:30:00Z", 1_769_423_400_000_000),
        ("2026-01-26T10:30:00.1234567Z", 1_769_423_400_123_456),
        ("2026-01-26T11:30:00+01:00", 1_769_423_400_000_000),
        ("2026-01-26T10:30:00", 1_769_423_400_000_000),
        ("0001-01-01T00:00:00", None),
        ("soon", None),
        (5, None),
        (None, None),
    ],
)
def test_dates_of_an_asset(sent: object, expected_us: int | None) -> None:
    """With up to seven digits of a second, with or without a zone; what is no date keeps nothing from being read."""
    assert asset_of({**WIRE, "lastCalibrationDate": sent}).schedule.calibrated_us == expected_us
