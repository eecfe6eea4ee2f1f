"""What other transports put on an event bus: the payloads of pywats_events, as declared types.

The keys are those that the `to_dict` of pywats_events' domain events gives. What WATS can keep and they have no key for
stands in `custom_data` under `pywats_mqtt`; our own transport fills it, and any other may.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Raw, Struct

from pywats_mqtt.events import Step
from pywats_mqtt.schemas.common import NOT_SENT, Count, Text, Time, Year
from pywats_mqtt.schemas.report import AssetUseMessage, SubUnitMessage
from pywats_mqtt.schemas.step import MAX_STEPS, Verdict

EXTRAS_KEY = "pywats_mqtt"
"""Key in `custom_data` of what the contract has no key for."""


class BusMeasurement(Struct, frozen=True, kw_only=True):
    """One measured value of a step; `status` in the words of pywats_events."""

    name: str | None = None
    value: float | str | bool | None = None
    unit: str | None = None
    status: Verdict = None
    low_limit: float | None = None
    high_limit: float | None = None


class BusStep(Struct, frozen=True, kw_only=True):
    """One step with its measurements; the last five keys are ours, and may be left out."""

    name: str
    status: Verdict = None
    measurements: Annotated[list[BusMeasurement], Meta(max_length=MAX_STEPS)] | None = None
    wats_status: Annotated[Verdict, Meta(description="Goes before `status`, which has no word for Done.")] = None
    error_code: int | str | None = None
    error_message: str | None = None
    report_text: str | None = None
    duration_s: Year | None = None


class ResultExtras(Struct, frozen=True, kw_only=True):
    """What a WATS report has beyond the contract of a `TEST_RESULT`."""

    report_id: Annotated[
        UUID | None, Meta(description="Id of the report; the same id with the same payload is the same result.")
    ] = None
    kind: str | None = None
    by_steps: bool = False
    undated: Annotated[bool, Meta(description="The start is none of the device's, which sent no time.")] = False
    test_type: str | None = None
    operation_code: Count = None
    fixture: str | None = None
    batch: str | None = None
    socket: Count = None
    duration_s: Year | None = None
    misc: list[tuple[str, str]] | None = None
    attachments: list[tuple[str, str]] | None = None
    error_code: int | str | None = None
    error_message: str | None = None
    sub_units: list[SubUnitMessage] | None = None
    assets: list[AssetUseMessage] | None = None
    steps: Annotated[
        list[Step] | None, Meta(description="All steps where the contract has no place for some; go before its own.")
    ] = None


class ResultCustom(Struct, frozen=True, kw_only=True):
    """The part of a result's `custom_data` that has a type; all else in it is a note on the report."""

    pywats_mqtt: ResultExtras | None = None
    test_method: Annotated[Text, Meta(description="Kind of test, as CFX names it.")] = NOT_SENT


class BusResult(Struct, frozen=True, kw_only=True):
    """Payload of a `TEST_RESULT`."""

    unit_id: Text = NOT_SENT
    result: Verdict = None
    part_number: Text = NOT_SENT
    revision: Text = NOT_SENT
    station_id: Text = NOT_SENT
    operator_id: Text = NOT_SENT
    start_time: Time = NOT_SENT
    end_time: Time = NOT_SENT
    steps: Annotated[list[BusStep], Meta(max_length=MAX_STEPS)] | None = None
    custom_data: ResultCustom | None = None


class ResultNotes(Struct, frozen=True, kw_only=True):
    """All of a result's `custom_data`, as it was written."""

    custom_data: dict[str, Raw] | None = None


class StateExtras(Struct, frozen=True, kw_only=True):
    """What we know of a state beyond the contract."""

    status: Annotated[str | None, Meta(description="The device's own word; goes before `new_state`.")] = None


class StateCustom(Struct, frozen=True, kw_only=True):
    """The part of a state's `custom_data` that has a type."""

    pywats_mqtt: StateExtras | None = None


class BusState(Struct, frozen=True, kw_only=True):
    """Payload of an `ASSET_STATE_CHANGED`."""

    asset_id: Text = NOT_SENT
    new_state: str | None = None
    timestamp: Time = NOT_SENT
    custom_data: StateCustom | None = None


result_decoder: msgspec.json.Decoder[BusResult] = msgspec.json.Decoder(BusResult)
"""Decodes and validates the payload of a `TEST_RESULT`."""

notes_decoder: msgspec.json.Decoder[ResultNotes] = msgspec.json.Decoder(ResultNotes)
"""Decodes what else its `custom_data` holds."""

state_decoder: msgspec.json.Decoder[BusState] = msgspec.json.Decoder(BusState)
"""Decodes and validates the payload of an `ASSET_STATE_CHANGED`."""
