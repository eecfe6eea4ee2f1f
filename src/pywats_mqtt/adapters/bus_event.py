"""What another transport put on an event bus: a `TEST_RESULT` as a report, an `ASSET_STATE_CHANGED` as a state.

A result is first said in the words of our own result message and then read as one, so that verdicts, limits, clocks
and long texts are treated alike whichever way a result came.
"""

from __future__ import annotations

import re

import msgspec

from pywats_mqtt.adapters import report
from pywats_mqtt.adapters.context import STATES, Context
from pywats_mqtt.adapters.measured import TEXT
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.adapters.verdicts import verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import AssetState, Identified, Identity, TestResult, payload_digest
from pywats_mqtt.schemas.bus_event import (
    EXTRAS_KEY,
    BusMeasurement,
    BusResult,
    BusState,
    BusStep,
    ResultCustom,
    ResultExtras,
    notes_decoder,
    result_decoder,
    state_decoder,
)
from pywats_mqtt.schemas.report import ResultMessage
from pywats_mqtt.schemas.scalars import any_text_of, is_sent, text_of
from pywats_mqtt.schemas.step import StepMessage

BUS_STATES = {**STATES, "busy": 1}
"""A state's word to the WATS asset state; pywats_events calls a running asset busy."""

_NO_UNIT = "?"
"""What a pywats_events measurement has where nobody named a unit."""

_WORSE = frozenset("FET")
_EMPTY = frozenset((b"", b"null", b'""', b"[]", b"{}"))
_STEP = re.compile(r"\$\.steps\[(\d+)\](.*)")
_NAMES = {
    "$.serial_number": "$.unit_id",
    "$.operator": "$.operator_id",
    ".low": ".low_limit",
    ".high": ".high_limit",
}
_STATUS_CHARACTERS = 100


def read_result(context: Context) -> tuple[Identified, ...]:
    """Decode the payload of a `TEST_RESULT` and tell what was tested.

    The station is the payload's; the topic's level is only what a topic can hold of it.

    Raises:
        Reject: it does not fit; the path is one in the event's payload.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such payload.
    """
    payload = context.message.payload
    sent = result_decoder.decode(payload)
    custom = sent.custom_data or ResultCustom()
    extras = custom.pywats_mqtt or ResultExtras()
    station = text_of(sent.station_id, "$.station_id") or context.device
    level = report.SELF_TEST if extras.kind == report.SELF_TEST else report.RESULTS
    steps, places = _steps([] if extras.steps else sent.steps or [])
    message = ResultMessage(
        test_type=extras.test_type or any_text_of(custom.test_method, "$.custom_data.test_method"),
        operation_code=extras.operation_code,
        start_time=sent.start_time,
        duration_s=_duration_s(sent) if extras.duration_s is None else extras.duration_s,
        serial_number=sent.unit_id,
        part_number=sent.part_number,
        revision=sent.revision,
        result=sent.result,
        operator=sent.operator_id,
        fixture=_raw(extras.fixture),
        batch=_raw(extras.batch),
        socket=extras.socket,
        steps=steps,
        sub_units=extras.sub_units,
        assets=extras.assets,
        error_code=extras.error_code,
        error_message=extras.error_message,
        misc=_notes(payload),
    )
    try:
        ((event, identity),) = _read(
            message,
            msgspec.structs.replace(context, device=station, level=level),
            dated=is_sent(sent.end_time),
        )
    except Reject as refused:
        raise Reject(refused.reason, path=_path(refused.path, places)) from refused
    misc = tuple(extras.misc or ())
    event = msgspec.structs.replace(
        event,
        by_steps=event.by_steps or extras.by_steps,
        shift_us=None if extras.undated else event.shift_us,
        misc=misc + tuple(pair for pair in event.misc if pair not in misc),
        attachments=tuple(extras.attachments or ()) + event.attachments,
    )
    if extras.steps:
        event = msgspec.structs.replace(event, steps=tuple(extras.steps))
    if extras.report_id is not None:
        event = msgspec.structs.replace(event, report_id=extras.report_id)
        identity = Identity(extras.report_id, payload_digest(payload))
    return (Identified(event, identity),)


def read_state(context: Context) -> tuple[Identified, ...]:
    """Decode the payload of an `ASSET_STATE_CHANGED` and tell the asset's state.

    Raises:
        Reject: it names no asset or no state, or its time is none.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such payload.
    """
    sent: BusState = state_decoder.decode(context.message.payload)
    asset = text_of(sent.asset_id, "$.asset_id")
    if not asset.strip():
        raise Reject("expected the id of an asset, got none", path="$.asset_id")
    extras = sent.custom_data.pywats_mqtt if sent.custom_data else None
    word = ((extras.status if extras else None) or sent.new_state or "").strip().lower()[:_STATUS_CHARACTERS]
    if not word:
        raise Reject("expected a state such as busy, got none", path="$.new_state")
    as_of_us = received_us = context.message.received_at_us
    if is_sent(sent.timestamp):
        sent_us, _ = time_of(sent.timestamp, "$.timestamp")
        as_of_us = sent_us if is_plausible(sent_us, received_us) else received_us
    return (Identified(AssetState(asset=asset, status=word, state=BUS_STATES.get(word), as_of_us=as_of_us)),)


def _read(message: ResultMessage, context: Context, *, dated: bool) -> list[tuple[TestResult, Identity | None]]:
    return [
        (identified.event, identified.identity)
        for identified in report.adapt(message, context, dated=dated)
        if isinstance(identified.event, TestResult)
    ]


def _steps(sent: list[BusStep]) -> tuple[list[StepMessage], list[str]]:
    """Give a step of ours for each measurement, and for each of them its place in the event's payload."""
    steps: list[StepMessage] = []
    places: list[str] = []
    for number, step in enumerate(sent):
        place = f"$.steps[{number}]"
        verdict = verdict_of(step.status if step.wats_status is None else step.wats_status, f"{place}.status")
        measured = [
            (one, verdict_of(one.status, f"{place}.measurements[{index}].status"))
            for index, one in enumerate(step.measurements or [])
        ]
        shown = {None, "P", *(found for _, found in measured)}
        if not measured or (len(measured) > 1 and (verdict not in shown or _has_texts(step))):
            steps.append(_with_texts(StepMessage(name=step.name, status=verdict), step))
            places.append(place)
        for index, (one, found) in enumerate(measured):
            single = len(measured) == 1
            status = _graver(verdict, found) if single else found
            made = _measured(_name(step.name, one.name), status, one)
            steps.append(_with_texts(made, step) if single else made)
            places.append(f"{place}.measurements[{index}]")
    return steps, places


def _name(step: str, measurement: str | None) -> str:
    return step if not measurement or measurement == step else f"{step}: {measurement}"


def _graver(step: str | None, measured: str | None) -> str | None:
    """Let a bad measurement show in a step that passed, or says nothing; else the step's own verdict stands."""
    return measured if step is None or (step == "P" and measured in _WORSE) else step


def _measured(name: str, verdict: str | None, one: BusMeasurement) -> StepMessage:
    return StepMessage(
        name=name,
        status=verdict,
        type=TEXT if isinstance(one.value, str) else None,
        value=one.value,
        unit=None if one.unit == _NO_UNIT else one.unit,
        low=one.low_limit,
        high=one.high_limit,
    )


def _has_texts(step: BusStep) -> bool:
    return any((step.error_code, step.error_message, step.report_text, step.duration_s))


def _with_texts(made: StepMessage, step: BusStep) -> StepMessage:
    return msgspec.structs.replace(
        made,
        error_code=step.error_code,
        error_message=step.error_message,
        report_text=step.report_text,
        duration_s=step.duration_s,
    )


def _duration_s(sent: BusResult) -> float | None:
    if not is_sent(sent.start_time) or not is_sent(sent.end_time):
        return None
    start_us, _ = time_of(sent.start_time, "$.start_time")
    end_us, _ = time_of(sent.end_time, "$.end_time")
    if end_us < start_us:
        raise Reject("lies before start_time", path="$.end_time")
    return (end_us - start_us) / 1_000_000


def _notes(payload: bytes) -> dict[str, msgspec.Raw]:
    """Give what is noted on the report: all of `custom_data` that says anything and is not ours."""
    custom = notes_decoder.decode(payload).custom_data or {}
    return {name: value for name, value in custom.items() if name != EXTRAS_KEY and bytes(value) not in _EMPTY}


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))


def _path(path: str, places: list[str]) -> str:
    """Say a path in our result message as one in the event's payload."""
    step = _STEP.fullmatch(path)
    if step is not None:
        return places[int(step[1])] + _NAMES.get(step[2], step[2])
    if path.startswith("$.misc"):
        return path.replace("$.misc", "$.custom_data", 1)
    return _NAMES.get(path, path)
