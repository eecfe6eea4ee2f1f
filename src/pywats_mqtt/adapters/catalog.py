"""What each topic of the defaults carries and what becomes of it: for the README and the AsyncAPI document.

The topics stand in the order in which they are documented; those with the same text share a row of the README's table.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of the defaults.

    Attributes:
        message: name of its message in `schemas.export.MESSAGES`.
        becomes: what becomes of it in WATS; in Markdown, without links.
        example: a payload a device could send.
        decisions: words of a link to the name of its page in `docs/decisions`, which says how.
    """

    message: str
    becomes: str
    example: dict[str, object]
    decisions: dict[str, str] = {}


_RESULT = "a UUT report with its steps, limits, units and statuses; sequences, charts, files, sub-units"
_ASSET = "running and total count, asset state, tags; where it is asked for, history and alarms of the environment"
_ASSET_DECISIONS = {
    "the environment over time": "19-environment",
    "who is there": "27-presence",
    "counters that go backwards or are reset": "15-counters",
}
_UNIT = "a unit's location, phase and operation"
_SOFTWARE = (
    "tags `sw_…` and `config_version`, an entry in the asset's log on each change, misc infos on the reports of that"
    " station"
)
_AT = "2026-01-26T10:30:00Z"

CATALOG: Mapping[str, Topic] = {
    "testers/+/results": Topic(
        message="result-message",
        becomes=_RESULT,
        example={
            "message_id": "T1/42",
            "timestamp": _AT,
            "serial_number": "UNIT-12345",
            "part_number": "WIDGET-001",
            "result": "Passed",
            "duration_ms": 5230,
            "steps": [{"name": "Supply", "status": "P", "value": 5.02, "unit": "V", "low": 4.9, "high": 5.1}],
        },
    ),
    "devices/+/selftest": Topic(
        message="result-message",
        becomes=_RESULT,
        example={
            "device_id": "FIXTURE-001",
            "test_type": "self_test",
            "timestamp": "2026-01-26T06:00:00Z",
            "serial_number": "FIXTURE-001",
            "part_number": "TEST-FIXTURE-A",
            "result": "Passed",
            "duration_ms": 5230,
            "steps": [{"name": "Communication Test", "status": "P", "value": 1, "unit": "bool"}],
        },
    ),
    "testers/+/measurements": Topic(
        message="measurements-message",
        becomes="steps and charts in the report of the result that follows, or a report of its own",
        example={
            "device_id": "SENSOR-ARRAY-01",
            "timestamp": "2026-01-26T10:30:00.123Z",
            "serial_number": "UNIT-12345",
            "measurements": [
                {"path": "Temperature/DUT", "value": 42.1, "unit": "°C"},
                {"path": "Current/Main", "value": 1.234, "unit": "A"},
            ],
        },
        decisions={"how": "26-measurement-streams"},
    ),
    "testers/+/repairs": Topic(
        message="repair-message",
        becomes="a UUR report with its failures, linked to the failed test",
        example={
            "message_id": "REPAIR-1/17",
            "timestamp": _AT,
            "serial_number": "UNIT-12345",
            "tester": "T1",
            "test_message_id": "T1/42",
            "failures": [{"category": "Component", "code": "Defect Component", "com_ref": "C12"}],
        },
    ),
    "assets/+/counters": Topic(
        message="asset-message",
        becomes=_ASSET,
        decisions=_ASSET_DECISIONS,
        example={"timestamp": _AT, "counters": {"running_count": 1523, "total_count": 45000}},
    ),
    "assets/+/status": Topic(
        message="asset-message",
        becomes=_ASSET,
        decisions=_ASSET_DECISIONS,
        example={
            "asset_id": "FIXTURE-001",
            "timestamp": _AT,
            "counters": {"running_count": 1523, "total_count": 45000},
            "environment": {"temperature_c": 23.5, "humidity_pct": 45.2, "vibration_g": 0.02},
            "status": "running",
        },
    ),
    "assets/+/environment": Topic(
        message="asset-message",
        becomes=_ASSET,
        decisions=_ASSET_DECISIONS,
        example={"timestamp": _AT, "environment": {"temperature_c": 23.5, "pressure": {"value": 6.1, "unit": "bar"}}},
    ),
    "assets/+/alerts": Topic(
        message="alert-message",
        becomes="lines in the asset's log, and In maintenance for a grave one",
        example={"timestamp": _AT, "code": "E42", "severity": "error", "text": "Bearing is worn", "active": True},
    ),
    "assets/+/calibration": Topic(
        message="calibration-message",
        becomes="tags `calibration_…`, a calibration noted in WATS, alarms before drift or date reach their limit",
        example={
            "timestamp": _AT,
            "parameters": {"gain": {"deviation": 0.12, "limit": 0.5, "unit": "%"}},
            "due": "2026-07-01",
        },
        decisions={"how": "21-limits"},
    ),
    "assets/+/utilization": Topic(
        message="utilization-message",
        becomes="availability, performance, quality and OEE: tags of the running shift, one report a shift",
        example={
            "timestamp": _AT,
            "states": {"running": 52.0, "idle": 5.5, "down": 2.5},
            "total_count": 45000,
            "good_count": 44210,
            "ideal_cycle_s": 2.5,
        },
        decisions={"how": "23-utilization"},
    ),
    "lines/+/scan": Topic(
        message="unit-message",
        becomes=_UNIT,
        decisions={"how": "17-shop-floor"},
        example={"timestamp": _AT, "serial_number": "UNIT-12345", "station_id": "LINE1-STATION3"},
    ),
    "stations/+/unit": Topic(
        message="unit-message",
        becomes=_UNIT,
        decisions={"how": "17-shop-floor"},
        example={
            "station_id": "LINE1-STATION3",
            "timestamp": _AT,
            "event": "unit_entered",
            "serial_number": "UNIT-12345",
            "part_number": "WIDGET-001",
            "operator": "john.doe",
        },
    ),
    "lines/+/batch": Topic(
        message="batch-message",
        becomes="a report of the batch, its size, and its number on the reports of its line",
        example={
            "message_id": "LINE-1/88",
            "batch_id": "LOT-9",
            "part_number": "WIDGET-001",
            "started": "2026-01-26T06:00:00Z",
            "ended": _AT,
            "good": 487,
            "failed": 13,
            "failures": {"Supply": 9, "Leakage": 4},
        },
        decisions={"how": "24-batches"},
    ),
    "stations/+/operator": Topic(
        message="operator-message",
        becomes="the operator, and the shift, on the reports of the station",
        example={"timestamp": _AT, "event": "login", "operator": "john.doe", "shift": "early"},
    ),
    "devices/+/software": Topic(
        message="software-message",
        becomes=_SOFTWARE,
        example={
            "device_id": "TESTER-042",
            "timestamp": _AT,
            "software": [{"name": "test_firmware", "version": "2.3.1", "hash": "abc123"}],
            "config_version": "prod-v5",
        },
    ),
    "devices/+/config": Topic(
        message="software-message", becomes=_SOFTWARE, example={"timestamp": _AT, "config_version": "prod-v5"}
    ),
    "devices/+/updates": Topic(
        message="update-message",
        becomes="an entry in the asset's log for each state of an update, a tag; a silent one times out",
        example={
            "timestamp": _AT,
            "package": "test_firmware",
            "version": "2.4.0",
            "status": "downloading",
            "progress_pct": 40,
        },
    ),
}
"""Topic filter of `TopicConfig`'s defaults to what it carries."""
