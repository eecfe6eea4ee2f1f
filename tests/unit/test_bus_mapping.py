from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pywats_events import Event, EventType
from pywats_events.models import domain_events as domain

from pywats_mqtt.bus.payloads import event_of
from pywats_mqtt.bus.relay import read_for_bus
from pywats_mqtt.bus.wats_handlers import ROUTES, message_of
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import AssetState, Identified, Identity, Measurement, Relayed, TestResult, identify
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.ports import Outcome, Rejection

RECEIVED_AT = datetime(2026, 1, 26, 12, 0, tzinfo=UTC)
RECEIVED_US = to_us(RECEIVED_AT)
MQTT_ROUTES = RouteTable(TopicConfig())
BUS_ROUTES = RouteTable(TopicConfig(), first=ROUTES)

SELF_TEST = {
    "device_id": "FIXTURE-001",
    "test_type": "self_test",
    "timestamp": "2026-01-26T06:00:00Z",
    "serial_number": "FIXTURE-001",
    "part_number": "TEST-FIXTURE-A",
    "result": "Passed",
    "duration_ms": 5230,
    "steps": [
        {"name": "Power Supply Check", "status": "P", "value": 5.02, "unit": "V", "low": 4.9, "high": 5.1},
        {"name": "Communication Test", "status": "P", "value": 1, "unit": "bool"},
        {"name": "Sensor Calibration", "status": "P", "value": 0.02, "unit": "offset"},
    ],
}
EVERYTHING = {
    "device_id": "another-id",
    "message_id": "m-17",
    "test_type": "ICT",
    "operation_code": 12,
    "timestamp": "2026-01-26T06:00:00.123456",
    "serial_number": 123456789012345678901234567890,
    "revision": "B",
    "result": "Passed",
    "duration_s": 0.1,
    "operator": "jane",
    "fixture": "FX-9",
    "batch": "B-1",
    "socket": 3,
    "steps": [
        {"name": "done", "status": "Done", "value": 3.5, "unit": "V"},
        {"name": "text", "type": "string", "value": "v1.2"},
        {"name": "skipped", "status": "S"},
        {"name": "error", "status": "E", "value": 1.0, "high": 2.0, "error_code": 7, "error_message": "no answer"},
        {"name": "contradicted", "status": "P", "value": 9.0, "low": 1.0, "high": 2.0, "report_text": "see log"},
        {"name": "skipped with limits", "status": "S", "low": 1.0, "duration_ms": 12.5},
        {"name": "n" * 150, "status": "F"},
    ],
    "misc": {"room": "4", "list": [1, 2]},
}
IN_FULL = json.loads((Path(__file__).parents[2] / "examples/result-in-full.json").read_bytes())
REPAIR = json.loads((Path(__file__).parents[2] / "examples/repair.json").read_bytes())
BARE = {"serial_number": "S1", "result": "F"}


def publish(payload: object, topic: str = "testers/T1/results") -> list[Relayed]:
    """What a message on MQTT becomes for a bus."""
    message = RawMessage(topic, msgspec.json.encode(payload), RECEIVED_US, qos=1)
    outcome = read_for_bus(message, MQTT_ROUTES)
    assert not isinstance(outcome, Rejection)
    return [identified.event for identified in outcome if isinstance(identified.event, Relayed)]


def received(event: Event) -> Outcome:
    """What an event on a bus becomes for WATS."""
    return interpret(message_of(event, RECEIVED_US), BUS_ROUTES)


def identity_of(outcome: Outcome) -> Identity:
    """The identity of the one event that came of a message."""
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert identified.identity is not None
    return identified.identity


def result_of(payload: dict[str, Any]) -> TestResult:
    """The one result in the payload of a TEST_RESULT."""
    outcome = received(Event.create(EventType.TEST_RESULT, payload, source="cfx:line-1"))
    assert not isinstance(outcome, Rejection), outcome
    (identified,) = outcome
    assert isinstance(identified.event, TestResult)
    assert identified.identity is not None
    assert identified.identity.id == identified.event.report_id
    return identified.event


def cfx(**changes: Any) -> dict[str, Any]:
    """A payload as CFX's adapter makes it: no part number, no revision."""
    event = domain.TestResultEvent(
        unit_id="UNIT-1",
        station_id="ICT-1",
        operator_id="joe",
        start_time=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
        end_time=datetime(2026, 1, 26, 6, 0, 2, tzinfo=UTC),
        steps=[
            domain.TestStep(name="power", measurements=[domain.TestMeasurement(name="5V rail", value=5.02, unit="V")])
        ],
        custom_data={"cfx_transaction_id": "T-1", "test_method": "ICT", "lane": None, "stage": 2, "defects": []},
    )
    return event.to_dict() | changes


@pytest.mark.parametrize(
    "sent", [SELF_TEST, EVERYTHING, BARE, IN_FULL], ids=["self-test", "everything", "bare", "in full"]
)
@pytest.mark.parametrize("topic", ["testers/T1/results", "devices/D1/selftest"])
def test_a_result_from_mqtt_comes_back_from_a_bus_unchanged_under_the_same_report_id(
    sent: dict[str, Any], topic: str
) -> None:
    """What the transport publishes and the WATS handlers of the same bus take is the same report in every field."""
    (relayed,) = publish(sent, topic)
    outcome = received(event_of(relayed, "mqtt-iot"))
    assert not isinstance(outcome, Rejection), outcome
    assert [identified.event for identified in outcome] == [relayed.event]
    assert identity_of(outcome).id == relayed.id


def test_a_result_has_the_keys_of_a_test_result_event_and_no_others() -> None:
    """Handlers written for CFX read a result from MQTT."""
    (relayed,) = publish(SELF_TEST)
    event = event_of(relayed, "mqtt-iot")
    contract = cfx()
    assert event.event_type is EventType.TEST_RESULT
    assert event.payload.keys() == contract.keys()
    assert event.payload["steps"][0].keys() == contract["steps"][0].keys()
    assert event.payload["steps"][0]["measurements"][0].keys() == contract["steps"][0]["measurements"][0].keys()
    assert event.payload["result"] == "pass"
    assert event.payload["start_time"] == "2026-01-26T06:00:00+00:00"
    assert event.payload["end_time"] == "2026-01-26T06:00:05.230000+00:00"
    assert (event.event_id, event.metadata.source_topic) == (str(relayed.id), "testers/T1/results")


def test_steps_within_steps_stand_in_their_place_with_the_names_of_both() -> None:
    """Handlers written for CFX see every value, named after its sequence."""
    (relayed,) = publish(IN_FULL)
    steps = event_of(relayed, "mqtt-iot").payload["steps"]
    assert [step["name"] for step in steps][:4] == ["Clamp", "Power/Rails", "Power/Resonance", "Firmware"]
    assert [(each["name"], each["value"], each["status"]) for each in steps[1]["measurements"]] == [
        ("3V3", 3.31, "pass"),
        ("5V", 5.62, "fail"),
    ]


def test_a_repair_is_published_as_custom_under_its_report_id() -> None:
    """pywats_events has no event for it."""
    (relayed,) = publish(REPAIR, "testers/REPAIR-1/repairs")
    event = event_of(relayed, "mqtt-iot")
    assert (event.event_type, event.payload["kind"]) == (EventType.CUSTOM, "repair")
    assert event.payload["failures"][0]["code"] == "Defect Component"
    assert event.event_id == event.payload["report_id"]


def test_utilization_is_published_as_custom_with_what_was_said() -> None:
    """pywats_events has no event for it; the accounts of shifts are WATS' and not the bus'."""
    sent = {"timestamp": "2026-01-26T10:30:00Z", "states": {"running": 55.0}, "total_added": 12}
    (relayed,) = publish(sent, "assets/PRESS-7/utilization")
    event = event_of(relayed, "mqtt-iot")
    assert (event.event_type, event.payload["kind"]) == (EventType.CUSTOM, "utilization")
    assert (event.payload["asset"], event.payload["states"]) == ("PRESS-7", {"running": 55.0})
    assert event.payload["added"] == {"total": 12}


def test_measurements_are_published_as_custom_and_what_only_concerns_streams_is_not() -> None:
    """The bus hears of a unit once, and not of the tester at its station."""
    payload = {"serial_number": "U", "message_id": "m", "measurements": [{"path": "A", "value": 1}]}
    (relayed,) = publish(payload, "testers/T/measurements")
    event = event_of(relayed, "mqtt-iot")
    assert (event.event_type, event.payload["kind"]) == (EventType.CUSTOM, "measurements")
    assert event.payload["channels"] == ({"path": "A", "times_us": (RECEIVED_US,), "values": (1.0,)},)
    (unit,) = publish({"serial_number": "U", "event": "unit_exited"}, "stations/T/unit")
    assert event_of(unit, "mqtt-iot").event_type is EventType.UNIT_DEPARTED


def test_a_reset_and_counters_of_the_devices_own() -> None:
    """Both are custom events."""
    payload = {"timestamp": "2026-01-26T10:30:00Z", "counters": {"reset": "running", "good_count": 7}}
    said = [event_of(relayed, "mqtt-iot").payload for relayed in publish(payload, "assets/FIXTURE-001/counters")]
    assert [(fields["kind"], fields.get("reset"), fields.get("counters")) for fields in said] == [
        ("asset_counters", "running", None),
        ("asset_own_counters", None, {"good_count": 7}),
    ]


def test_telemetry_is_published_event_by_event_and_counters_and_environment_as_custom() -> None:
    """One asset message gives a state change, counters and environment, with one correlation id and own event ids."""
    payload = {
        "timestamp": "2026-01-26T10:30:00Z",
        "counters": {"running_count": 1523, "total_count": 45000},
        "environment": {"temperature_c": 23.5},
        "status": "running",
    }
    events = [event_of(relayed, "mqtt-iot") for relayed in publish(payload, "assets/FIXTURE-001/status")]
    said = {(event.event_type, event.payload.get("kind")): event.payload for event in events}
    at = "2026-01-26T10:30:00+00:00"
    assert said == {
        (EventType.CUSTOM, "asset_counters"): {
            "kind": "asset_counters",
            "asset_id": "FIXTURE-001",
            "running_count": 1523,
            "total_count": 45000,
            "increment": None,
            "reset": None,
            "timestamp": at,
        },
        (EventType.CUSTOM, "asset_environment"): {
            "kind": "asset_environment",
            "asset_id": "FIXTURE-001",
            "environment": {"temperature_c": 23.5},
            "timestamp": at,
        },
        (EventType.ASSET_STATE_CHANGED, None): domain.AssetStateChangedEvent(
            asset_id="FIXTURE-001",
            new_state=domain.AssetState.BUSY,
            timestamp=datetime.fromisoformat(at),
            custom_data={"pywats_mqtt": {"status": "running"}},
        ).to_dict(),
    }
    assert len({event.metadata.correlation_id for event in events}) == 1
    assert len({event.event_id for event in events}) == 3


def test_a_calibration_is_published_as_custom_with_its_newest_values() -> None:
    """pywats_events has no word for it; what was measured and that it was calibrated are events of their own."""
    payload = {
        "timestamp": "2026-01-26T10:30:00Z",
        "parameters": {"gain": {"deviation": 0.1, "limit": 0.5, "unit": "dB"}, "offset": 0.2},
        "due": "2027-01-26",
        "calibrated": True,
        "comment": "in the lab",
    }
    at, due = "2026-01-26T10:30:00+00:00", "2027-01-26T00:00:00+00:00"
    calibrated, measured = (event_of(relayed, "mqtt-iot") for relayed in publish(payload, "assets/F1/calibration"))
    assert calibrated.event_type is measured.event_type is EventType.CUSTOM
    assert calibrated.payload == {
        "kind": "asset_calibrated",
        "asset_id": "F1",
        "due": due,
        "comment": "in the lab",
        "timestamp": at,
    }
    assert measured.payload == {
        "kind": "asset_calibration",
        "asset_id": "F1",
        "parameters": {
            "gain": {"deviation": 0.1, "limit": 0.5, "unit": "dB"},
            "offset": {"deviation": 0.2, "limit": None, "unit": ""},
        },
        "due": due,
        "timestamp": at,
    }


def test_the_shop_floor_is_published_as_units_that_come_and_go_and_the_rest_as_custom() -> None:
    """pywats_events has words for a unit at a station, and none for a scan, an operator or a batch."""
    sent = {"serial_number": "U1", "part_number": "P", "operator": "jane", "timestamp": "2026-01-26T10:30:00Z"}
    at = {"operator_id": "jane", "timestamp": "2026-01-26T10:30:00+00:00"}
    unit = {"unit_id": "U1", "part_number": "P", "revision": None, **at}

    def said(payload: Mapping[str, str | int], topic: str) -> tuple[EventType, dict[str, Any]]:
        (relayed,) = publish(payload, topic)
        event = event_of(relayed, "mqtt-iot")
        return event.event_type, event.payload

    arrived = said({**sent, "event": "unit_entered"}, "stations/S1/unit")
    assert arrived == (EventType.UNIT_ARRIVED, {**unit, "station_id": "S1"})
    departed = said({**sent, "event": "unit_exited"}, "stations/S1/unit")
    assert departed == (EventType.UNIT_DEPARTED, {**unit, "station_id": "S1"})
    scanned = said(sent, "lines/L1/scan")
    assert scanned == (EventType.CUSTOM, {"kind": "unit_scanned", **unit, "station_id": None, "line_id": "L1"})
    assert said({**sent, "event": "shift", "shift": "late"}, "stations/S1/operator") == (
        EventType.CUSTOM,
        {"kind": "operator", "action": "shift", "station_id": "S1", "shift": "late", **at},
    )
    kind, batch = said({"batch_id": "B1", "total": 5, "failed": 1, "timestamp": at["timestamp"]}, "lines/L1/batch")
    assert (kind, batch["kind"], batch["line"], batch["batch"]) == (EventType.CUSTOM, "batch", "L1", "B1")
    assert (batch["counts"], batch["timestamp"]) == ([5, 4, 1], at["timestamp"])


def test_ids_repeat_for_the_same_reception_and_differ_for_the_next() -> None:
    """A hand-over after a crash can be told from a second heartbeat of the same content."""
    payload = msgspec.json.encode({"status": "idle"})
    first, again, later = (
        read_for_bus(RawMessage("assets/A/status", payload, at_us), MQTT_ROUTES) for at_us in (1, 1, 2)
    )
    assert first == again
    assert first != later


def test_what_is_refused_is_refused_for_the_bus_too() -> None:
    """Wrapping changes nothing about a message that does not fit."""
    message = RawMessage("testers/T1/results", b'{"serial_number": "S", "result": "perhaps"}', RECEIVED_US)
    assert read_for_bus(message, MQTT_ROUTES) == interpret(message, MQTT_ROUTES)
    assert isinstance(interpret(message, MQTT_ROUTES), Rejection)


def test_an_unknown_state_is_published_as_custom_with_the_devices_word() -> None:
    """pywats_events has six states; a device's own word is not forced into one of them."""
    (relayed,) = publish({"status": "Warming Up"}, "assets/A/status")
    event = event_of(relayed, "mqtt-iot")
    assert event.event_type is EventType.CUSTOM
    assert (event.payload["kind"], event.payload["status"]) == ("asset_state", "warming up")


def test_a_result_of_another_transport_becomes_a_report() -> None:
    """A CFX result keeps unit, station, operator, times and values; what is left of its custom data is noted."""
    result = result_of(cfx())
    assert result == TestResult(
        report_id=result.report_id,
        device="ICT-1",
        kind="results",
        serial_number="UNIT-1",
        result="P",
        start=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
        test_type="ICT",
        duration_s=2.0,
        operator="joe",
        steps=result.steps,
        misc=(("cfx_transaction_id", "T-1"), ("stage", "2"), ("test_method", "ICT")),
    )
    (step,) = result.steps
    assert (step.name, step.status) == ("power: 5V rail", "P")
    assert step.measurement == Measurement(value=5.02, unit="V", status="P")


def test_identity_comes_from_the_payload_and_not_from_the_event() -> None:
    """Published again, with another event id and its keys in another order, a result is the same; changed it is not."""
    payload = cfx()
    assert result_of(payload).report_id == result_of(dict(reversed(payload.items()))).report_id
    assert result_of(payload).report_id != result_of(cfx(result="fail")).report_id


def test_a_step_with_several_measurements_becomes_one_step_for_each() -> None:
    """Each value keeps its limits and verdict; a verdict of the step that none of them shows stands before them."""
    measured = [
        domain.TestMeasurement(name="a", value=1.0, unit="?", low_limit=0.0, high_limit=2.0),
        domain.TestMeasurement(name="b", value=3.0, unit="V", status=domain.TestResult.FAIL, high_limit=2.0),
    ]
    steps = [
        domain.TestStep(name="shown", status=domain.TestResult.FAIL, measurements=measured),
        domain.TestStep(name="not shown", status=domain.TestResult.ERROR, measurements=measured),
        domain.TestStep(name="none", status=domain.TestResult.SKIPPED),
    ]
    event = domain.TestResultEvent(
        unit_id="U", station_id="S", result=domain.TestResult.FAIL, steps=steps, start_time=RECEIVED_AT
    )
    found = [(step.name, step.status, step.measurement.unit) for step in result_of(event.to_dict()).steps]
    assert found == [
        ("shown: a", "P", ""),
        ("shown: b", "F", "V"),
        ("not shown", "E", ""),
        ("not shown: a", "P", ""),
        ("not shown: b", "F", "V"),
        ("none", "S", ""),
    ]


def test_a_failed_measurement_shows_in_a_step_that_nobody_judged() -> None:
    """CFX's adapter says pass for a test without a result; its failed measurement counts."""
    step = domain.TestStep(
        name="m", measurements=[domain.TestMeasurement(name="m", value=1.0, status=domain.TestResult.FAIL)]
    )
    payload = cfx(steps=domain.TestResultEvent(unit_id="U", steps=[step]).to_dict()["steps"])
    assert [(step.name, step.status) for step in result_of(payload).steps] == [("m", "F")]


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        (cfx(unit_id=None), "$.unit_id", "expected a serial number"),
        (cfx(unit_id="50%"), "$.unit_id", "WATS refuses the character '%'"),
        (cfx(operator_id=["joe"]), "$.operator_id", "expected str, got array"),
        (cfx(result="skipped"), "$.result", "never skipped"),
        (cfx(start_time="yesterday"), "$.start_time", "expected"),
        (cfx(end_time="2026-01-26T05:59:00Z"), "$.end_time", "lies before start_time"),
        (cfx(steps=[{"name": "a", "status": "odd"}]), "$.steps[0].status", "unknown verdict"),
        (cfx(steps=[{"name": "a", "measurements": {}}]), "$.steps[0].measurements", "expected array, got object"),
        (
            cfx(steps=[{"name": "a", "status": "pass", "measurements": [{"value": "x", "low_limit": 1}]}]),
            "$.steps[0].measurements[0].value",
            "expected float, got str",
        ),
        (
            cfx(steps=[{"name": "a", "status": "pass", "measurements": [{"low_limit": 2, "high_limit": 1}]}]),
            "$.steps[0].measurements[0].low_limit",
            "above the high limit",
        ),
        (cfx(steps=[{"name": "a", "measurements": [{"value": float("nan")}]}]), "", "not JSON"),
        ({"unit_id": {1, 2}, 3: "mixed keys"}, "", "expected object, got str"),
    ],
)
def test_a_bad_result_is_refused_with_its_path_in_the_events_payload(
    payload: dict[str, Any], path: str, reason: str
) -> None:
    """Who reads the quarantine sees the keys that the transport wrote."""
    outcome = received(Event.create(EventType.TEST_RESULT, payload, source="cfx"))
    assert isinstance(outcome, Rejection)
    assert outcome.path == path
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("payload", "status", "state"),
    [
        ({"new_state": "busy"}, "busy", 1),
        ({"new_state": "maintenance"}, "maintenance", 3),
        ({"new_state": "error"}, "error", 3),
        ({"new_state": "idle"}, "idle", None),
        ({"new_state": "maintenance", "custom_data": {"pywats_mqtt": {"status": "calibration"}}}, "calibration", 4),
    ],
)
def test_a_state_change_becomes_the_state_of_the_asset(payload: dict[str, Any], status: str, state: int | None) -> None:
    """Busy is in operation; the device's own word, where our transport sent it, says more than the six states."""
    when = RECEIVED_AT - timedelta(hours=1)
    sent = payload | {"asset_id": "A/1", "timestamp": when.isoformat()}
    assert received(Event.create(EventType.ASSET_STATE_CHANGED, sent)) == (
        Identified(AssetState(asset="A/1", status=status, state=state, as_of_us=to_us(when))),
    )


@pytest.mark.parametrize(
    ("payload", "path"),
    [({"new_state": "busy"}, "$.asset_id"), ({"asset_id": "A"}, "$.new_state"), ({"asset_id": True}, "$.asset_id")],
)
def test_a_state_change_without_asset_or_state_is_refused(payload: dict[str, Any], path: str) -> None:
    """It would be a state of nothing, or none."""
    outcome = received(Event.create(EventType.ASSET_STATE_CHANGED, payload))
    assert isinstance(outcome, Rejection)
    assert outcome.path == path


def test_a_station_that_no_topic_can_hold_keeps_its_name() -> None:
    """The topic is only where the event stands in quarantine; the report carries the payload's station."""
    event = Event.create(EventType.TEST_RESULT, cfx(station_id="LINE 1/ST+3"))
    assert message_of(event, RECEIVED_US).topic == "bus/LINE 1_ST_3/test.result"
    assert result_of(cfx(station_id="LINE 1/ST+3")).device == "LINE 1/ST+3"
    assert result_of(cfx(station_id=None)).device == "cfx:line-1"


def test_times_and_enum_members_in_a_payload_are_written_as_the_contract_has_them() -> None:
    """A transport that forgot `to_dict` is understood."""
    raw = cfx(start_time=datetime(2026, 1, 26, 6, 0, tzinfo=UTC), result=domain.TestResult.FAIL)
    assert (result_of(raw).result, result_of(raw).start) == ("F", datetime(2026, 1, 26, 6, 0, tzinfo=UTC))


def test_any_payload_becomes_a_message() -> None:
    """Nothing a transport publishes raises: what cannot be written as JSON is kept as text."""

    class Odd(Enum):
        THING = object()

    circular: dict[str, Any] = {"unit_id": "U"}
    circular["self"] = circular
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    payloads: list[Any] = [
        None,
        [],
        "text",
        circular,
        {"deep": deep},
        {"a": Odd.THING},
        {"station_id": "\ud800", "unit_id": "\ud800"},
    ]
    for payload in payloads:
        message = message_of(Event(EventType.TEST_RESULT, payload), RECEIVED_US)
        assert message.topic.encode()
        assert isinstance(interpret(message, BUS_ROUTES), Rejection)


def test_a_report_id_that_comes_with_another_content_is_another_digest() -> None:
    """The spool takes it for an identity conflict, and not for a repeat."""
    (relayed,) = publish(SELF_TEST)
    event = event_of(relayed, "mqtt-iot")
    changed = Event(event.event_type, event.payload | {"result": "fail"}, event.metadata)
    ours, other = received(event), received(changed)
    assert identity_of(ours).id == identity_of(other).id == relayed.id
    assert identity_of(ours).digest != identity_of(other).digest


def test_the_id_of_an_increment_is_that_of_its_identity() -> None:
    """Sent again with the same sequence, it is published under the same id."""
    payload = {"increment": 5, "sequence": 9, "timestamp": "2026-01-26T06:00:00Z"}
    (relayed,) = publish(payload, "assets/A/counters")
    expected = identify(("asset_counts", "A", "9", "2026-01-26T06:00:00Z"), b"").id
    assert relayed.id == expected
    assert event_of(relayed, "mqtt-iot").payload["increment"] == 5


def test_an_alert_is_an_asset_fault_with_the_keys_of_one() -> None:
    """Raised and cleared; what pywats_events makes itself has the same keys."""
    sent = {"code": "E42", "severity": "critical", "text": "worn", "timestamp": "2026-01-26T10:30:00Z"}
    (raised,), (cleared,) = (publish(sent | more, "assets/A/alerts") for more in ({}, {"active": False}))
    event = event_of(raised, "mqtt-iot")
    assert event.event_type is EventType.ASSET_FAULT
    assert event.payload.keys() == domain.AssetFaultEvent(asset_id="A", fault_code="E42").to_dict().keys()
    assert (event.payload["severity"], event.payload["cleared"]) == ("critical", False)
    assert event_of(cleared, "mqtt-iot").payload["cleared_time"] == "2026-01-26T10:30:00+00:00"
    assert raised.id != cleared.id


def test_what_devices_say_of_software_comes_once_and_in_words() -> None:
    """An inventory and an update are one event each: what becomes tags in WATS says nothing more."""
    inventory = {
        "software": [{"name": "fw", "version": "2.3.1", "hash": "abc"}, {"name": "os"}],
        "config_version": "prod-v5",
        "timestamp": "2026-01-26T10:30:00Z",
    }
    (relayed,) = publish(inventory, "devices/T1/software")
    said = event_of(relayed, "mqtt")
    assert (said.event_type, said.payload) == (
        EventType.CUSTOM,
        {
            "kind": "software",
            "device_id": "T1",
            "software": [
                {"name": "fw", "version": "2.3.1", "hash": "abc"},
                {"name": "os", "version": "", "hash": None},
            ],
            "config_version": "prod-v5",
            "request_id": None,
            "part_number": None,
            "timestamp": "2026-01-26T10:30:00+00:00",
        },
    )
    failed = {"package": "fw", "status": "failed", "message": "no space left"}
    (relayed,) = publish(failed, "devices/T1/updates")
    update = event_of(relayed, "mqtt")
    assert update.payload == {
        "kind": "software_update",
        "device_id": "T1",
        "package": "fw",
        "version": None,
        "state": "failed",
        "percent": None,
        "text": "no space left",
        "timestamp": RECEIVED_AT.isoformat(),
    }
