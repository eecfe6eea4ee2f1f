"""Our events in the words of pywats_events: the payload keys of its domain events, under the ids we derived.

| event | type | payload |
|---|---|---|
| test result | TEST_RESULT | as `TestResultEvent.to_dict`; what it has no key for in `custom_data["pywats_mqtt"]` |
| asset state | ASSET_STATE_CHANGED | as `AssetStateChangedEvent.to_dict`; the device's own word in `custom_data` |
| asset state that pywats_events has no word for | CUSTOM | kind `asset_state`: asset_id, status, timestamp |
| counters | CUSTOM | kind `asset_counters`: asset_id, running_count, total_count, increment, reset, timestamp |
| counters of the device's own | CUSTOM | kind `asset_own_counters`: asset_id, counters, timestamp |
| alert | ASSET_FAULT | as `AssetFaultEvent.to_dict` |
| repair | CUSTOM | kind `repair`: the fields of the event, as they are stored |
| utilization | CUSTOM | kind `utilization`: the fields of the event, as they are stored |
| calibration | CUSTOM | kind `asset_calibration`: asset_id, parameters, due, timestamp |
| calibrated | CUSTOM | kind `asset_calibrated`: asset_id, due, comment, timestamp |
| environment | CUSTOM | kind `asset_environment`: asset_id, environment, timestamp |
| unit entered | UNIT_ARRIVED | unit_id, part_number, revision, station_id, operator_id, timestamp |
| unit exited | UNIT_DEPARTED | the same |
| unit scanned | CUSTOM | kind `unit_scanned`: the same, and line_id |
| operator | CUSTOM | kind `operator`: action (login, logout, shift), station_id, operator_id, shift, timestamp |
| software | CUSTOM | kind `software`: device_id, software, config_version, request_id, part_number, timestamp |
| measurements | CUSTOM | kind `measurements`: the fields of the event, as they are stored |
| an update | CUSTOM | kind `software_update`: device_id, package, version, state, percent, text, timestamp |

The steps of a sequence stand in its place, named `sequence/step`: pywats_events has no steps within steps. Where a
result has those, or charts, files, loops, groups or starts, all its steps stand in `custom_data["pywats_mqtt"]` as
well. A value that was not sent is None. Times are ISO 8601 with their offset.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeAlias

import msgspec
from pywats_events import Event, EventMetadata, EventType

from pywats_mqtt.events import (
    AssetAlert,
    AssetCalibrated,
    AssetCounters,
    AssetCounts,
    AssetDrift,
    AssetEnvironment,
    AssetState,
    AssetUtilization,
    BatchReported,
    Measurement,
    MeasurementsReported,
    OperatorEvent,
    Relayed,
    Repair,
    SoftwareReported,
    Step,
    TestResult,
    UnitEvent,
    UpdateReported,
)
from pywats_mqtt.messages import from_us
from pywats_mqtt.schemas.bus_event import EXTRAS_KEY

Payload: TypeAlias = dict[str, object]

_RESULTS: Final = {"P": "pass", "F": "fail", "E": "error", "T": "aborted", "S": "skipped", "D": "pass"}
"""WATS' letters in the words of pywats_events; it has none for Done, so `wats_status` says it beside."""

_STATES: Final = {
    "running": "busy",
    "in operation": "busy",
    "busy": "busy",
    "fault": "error",
    "error": "error",
    "calibration": "maintenance",
    "calibrating": "maintenance",
    "maintenance": "maintenance",
    "online": "online",
    "offline": "offline",
    "idle": "idle",
}
"""A device's word to one of the six states of pywats_events."""

_WHOLE: Final[dict[type, str]] = {
    Repair: "repair",
    AssetUtilization: "utilization",
    MeasurementsReported: "measurements",
}
"""Events that are told with all their fields, and the kind they are told as."""


def event_of(relayed: Relayed, source: str) -> Event:
    """Make the bus's event of one of ours.

    Args:
        relayed: what happened, with its ids.
        source: name of the transport.
    """
    event_type, payload = _said(relayed)
    metadata = EventMetadata(
        event_id=str(relayed.id),
        correlation_id=str(relayed.correlation_id),
        timestamp=from_us(relayed.received_at_us),
        source=source,
        source_topic=relayed.topic,
    )
    return Event(event_type, payload, metadata)


def _said(relayed: Relayed) -> tuple[EventType, Payload]:
    match relayed.event:
        case TestResult() as result:
            return EventType.TEST_RESULT, _result(result)
        case Repair() | AssetUtilization() | MeasurementsReported() as whole:
            fields: Payload = msgspec.to_builtins(whole)
            return EventType.CUSTOM, {**fields, "kind": _WHOLE[type(whole)]}
        case UnitEvent() | OperatorEvent() | BatchReported() as happened:
            return _on_shop_floor(happened)
        case AssetState() as state:
            return _state(state)
        case AssetAlert() as alert:
            return EventType.ASSET_FAULT, {
                "asset_id": alert.asset,
                "fault_code": alert.code,
                "fault_message": alert.text,
                "severity": alert.severity,
                "timestamp": _time(alert.at_us),
                "cleared": not alert.active,
                "cleared_time": None if alert.active else _time(alert.at_us),
                "custom_data": {},
            }
        case (
            SoftwareReported()
            | UpdateReported()
            | AssetCounts()
            | AssetEnvironment()
            | AssetCounters()
            | AssetDrift()
            | AssetCalibrated() as other
        ):
            return EventType.CUSTOM, _custom(other, relayed.received_at_us)


def _custom(
    other: SoftwareReported
    | UpdateReported
    | AssetCounts
    | AssetEnvironment
    | AssetCounters
    | AssetDrift
    | AssetCalibrated,
    received_at_us: int,
) -> Payload:
    if isinstance(other, SoftwareReported | UpdateReported):
        return _software(other)
    if isinstance(other, AssetDrift | AssetCalibrated):
        return _calibration(other)
    return _telemetry(other, received_at_us)


def _calibration(said: AssetDrift | AssetCalibrated) -> Payload:
    due = None if said.due_us is None else _time(said.due_us)
    if isinstance(said, AssetCalibrated):
        return {
            "kind": "asset_calibrated",
            "asset_id": said.asset,
            "due": due,
            "comment": said.comment,
            "timestamp": _time(said.at_us),
        }
    parameters = {
        name: {
            "deviation": drift.points[-1][1] if drift.points else None,
            "limit": drift.limit and drift.limit[1],
            "unit": drift.unit[1] if drift.unit else "",
        }
        for name, drift in said.parameters.items()
    }
    return {
        "kind": "asset_calibration",
        "asset_id": said.asset,
        "parameters": parameters,
        "due": due,
        "timestamp": _time(said.as_of_us),
    }


def _telemetry(telemetry: AssetCounts | AssetEnvironment | AssetCounters, received_at_us: int) -> Payload:
    if isinstance(telemetry, AssetEnvironment):
        return {
            "kind": "asset_environment",
            "asset_id": telemetry.asset,
            "environment": dict(telemetry.channels),
            **({"units": dict(telemetry.units)} if telemetry.units else {}),
            "timestamp": _time(telemetry.as_of_us),
        }
    if isinstance(telemetry, AssetCounters):
        return {
            "kind": "asset_own_counters",
            "asset_id": telemetry.asset,
            "counters": dict(telemetry.counters),
            "timestamp": _time(telemetry.as_of_us),
        }
    return {
        "kind": "asset_counters",
        "asset_id": telemetry.asset,
        "running_count": telemetry.running,
        "total_count": telemetry.total,
        "increment": telemetry.added or None,
        "reset": "running" if telemetry.past else None,
        "timestamp": _time(telemetry.as_of_us or received_at_us),
    }


def _software(said: SoftwareReported | UpdateReported) -> Payload:
    if isinstance(said, UpdateReported):
        return {
            "kind": "software_update",
            "device_id": said.device,
            "package": said.package,
            "version": said.version or None,
            "state": said.state,
            "percent": said.percent,
            "text": said.text or None,
            "timestamp": _time(said.as_of_us),
        }
    software = None
    if said.software is not None:
        software = [{"name": one.name, "version": one.version, "hash": one.hash or None} for one in said.software]
    return {
        "kind": "software",
        "device_id": said.device,
        "software": software,
        "config_version": said.config_version,
        "request_id": said.request_id or None,
        "part_number": said.part_number or None,
        "timestamp": _time(said.as_of_us),
    }


def _result(result: TestResult) -> Payload:
    ended = None if result.duration_s is None else result.start + timedelta(seconds=result.duration_s)
    return {
        "unit_id": result.serial_number,
        "result": _RESULTS[result.result],
        "part_number": result.part_number or None,
        "revision": result.revision or None,
        "station_id": result.device,
        "operator_id": result.operator or None,
        "start_time": result.start.isoformat(),
        "end_time": None if ended is None else ended.isoformat(),
        "steps": [payload for step in result.steps for payload in _step(step, "")],
        "custom_data": {EXTRAS_KEY: _extras(result)},
    }


def _extras(result: TestResult) -> Payload:
    return {
        "report_id": str(result.report_id),
        "kind": result.kind,
        "test_type": result.test_type or None,
        "operation_code": result.operation_code,
        "fixture": result.fixture or None,
        "batch": result.batch or None,
        "socket": result.socket,
        "duration_s": result.duration_s,
        "misc": [list(pair) for pair in result.misc],
        "attachments": [list(pair) for pair in result.attachments],
    } | _parts(result)


def _parts(result: TestResult) -> Payload:
    """Give what few results have."""
    parts: Payload = {
        "by_steps": result.by_steps or None,
        "undated": (result.shift_us is None) or None,
        "error_code": result.error_code,
        "error_message": result.error_message,
        "sub_units": [msgspec.to_builtins(unit) for unit in result.sub_units],
        "assets": [msgspec.to_builtins(use) for use in result.assets],
        "steps": [] if all(map(_is_plain, result.steps)) else [msgspec.to_builtins(step) for step in result.steps],
    }
    return {name: value for name, value in parts.items() if value not in (None, "", [])}


def _is_plain(step: Step) -> bool:
    """Tell whether the contract has a place for all of a step."""
    special = (step.kind, step.measurement.comp, step.chart, step.attachment, step.loop, step.start)
    return step.group == "M" and not any(special)


def _step(step: Step, above: str) -> list[Payload]:
    name = above + step.name
    if step.kind == "sequence":
        return [payload for inner in step.steps for payload in _step(inner, f"{name}/")]
    said: Payload = {"name": name, "status": _RESULTS[step.status], "measurements": _measurements(step)}
    if step.status == "D":
        said["wats_status"] = step.status
    further = {
        "error_code": step.error_code,
        "error_message": step.error_message or None,
        "report_text": step.report_text or None,
        "duration_s": step.duration_s,
    }
    return [said | {name: value for name, value in further.items() if value is not None}]


def _measurements(step: Step) -> list[Payload]:
    if step.measurements:
        return [_measurement(one, one.name) for one in step.measurements]
    measured = step.measurement
    if measured.value is None and measured.low is None and measured.high is None:
        return []  # a step that only passes or fails
    return [_measurement(measured, step.name)]


def _measurement(measured: Measurement, name: str) -> Payload:
    return {
        "name": name,
        "value": measured.value,
        "unit": measured.unit,
        "status": _RESULTS[measured.status],
        "low_limit": measured.low,
        "high_limit": measured.high,
    }


def _on_shop_floor(happened: UnitEvent | OperatorEvent | BatchReported) -> tuple[EventType, Payload]:
    if isinstance(happened, BatchReported):
        fields: Payload = msgspec.to_builtins(happened)
        return EventType.CUSTOM, {**fields, "kind": "batch", "timestamp": _time(happened.at_us)}
    if isinstance(happened, OperatorEvent):
        return EventType.CUSTOM, {
            "kind": "operator",
            "action": happened.action,
            "station_id": happened.station,
            "operator_id": happened.operator or None,
            "shift": happened.shift or None,
            "timestamp": _time(happened.at_us),
        }
    unit = happened
    payload: Payload = {
        "unit_id": unit.serial_number,
        "part_number": unit.part_number or None,
        "revision": unit.revision or None,
        "station_id": unit.station or None,
        "operator_id": unit.operator or None,
        "timestamp": _time(unit.at_us),
    }
    if unit.action == "scanned":
        return EventType.CUSTOM, {"kind": "unit_scanned", **payload, "line_id": unit.line or None}
    return EventType.UNIT_ARRIVED if unit.action == "entered" else EventType.UNIT_DEPARTED, payload


def _state(state: AssetState) -> tuple[EventType, Payload]:
    new_state = _STATES.get(state.status)
    if new_state is None:
        return EventType.CUSTOM, {
            "kind": "asset_state",
            "asset_id": state.asset,
            "status": state.status,
            "timestamp": _time(state.as_of_us),
        }
    return EventType.ASSET_STATE_CHANGED, {
        "asset_id": state.asset,
        "new_state": new_state,
        "previous_state": None,
        "timestamp": _time(state.as_of_us),
        "reason": None,
        "custom_data": {EXTRAS_KEY: {"status": state.status}},
    }


def _time(moment_us: int) -> str:
    return from_us(moment_us).isoformat()
