"""The calibration message: how far an asset is off, when its calibration is due, and that it was calibrated."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from pywats_mqtt.schemas.common import NOT_SENT, AssetHead, Text, Time

Limit: TypeAlias = Annotated[float, Meta(gt=0)] | None

Date: TypeAlias = Annotated[
    Raw,
    Meta(
        extra_json_schema={
            "type": ["string", "number", "null"],
            "examples": ["2026-07-01", "2026-07-01T00:00:00Z", 1782864000],
        }
    ),
]
"""As `Time`, or a date alone, which means its beginning in UTC."""

Calibrated: TypeAlias = Annotated[
    Raw,
    Meta(
        extra_json_schema={
            "type": ["boolean", "string", "number", "null"],
            "examples": [True, "2026-01-26T09:00:00Z", "2026-01-26"],
        }
    ),
]
"""A boolean, or when, as `Date`."""


class Measured(Struct, frozen=True, kw_only=True, gc=False):
    """What was measured of one parameter."""

    deviation: Annotated[
        float | None, Meta(description="How far the value is off, with its sign; in the unit of the limit.")
    ] = None
    drift: Annotated[float | None, Meta(description="The same as `deviation`.")] = None
    limit: Annotated[Limit, Meta(description="The deviation that may not be exceeded, up or down.")] = None
    unit: Annotated[str | None, Meta(description="Unit of both.")] = None


class CalibrationMessage(AssetHead, frozen=True, kw_only=True, gc=False):
    """What an asset sends on `assets/{id}/calibration`: what was measured, when it is due, that it was calibrated.

    Each part may stand alone. Where a message says that the asset was calibrated, its deviations are those after it.
    """

    timestamp: Annotated[
        Time, Meta(description="When it was measured, as in the asset message. Missing: time of reception.")
    ] = NOT_SENT
    parameter: Annotated[
        Text,
        Meta(description="What `deviation` was measured of, such as `gain`; 1 to 50 characters, no `/`, `+`, `#`."),
    ] = NOT_SENT
    deviation: Annotated[float | None, Meta(description="As in `parameters`, of one alone.")] = None
    drift: Annotated[float | None, Meta(description="The same as `deviation`.")] = None
    limit: Annotated[Limit, Meta(description="As in `parameters`, of one alone.")] = None
    unit: Annotated[str | None, Meta(description="As in `parameters`, of one alone.")] = None
    parameters: Annotated[
        dict[str, float | Measured | None] | None,
        Meta(description="Parameter to its deviation, or to `{deviation, limit, unit}`; null is no value."),
    ] = None
    due: Annotated[Date, Meta(description="When the next calibration is due.")] = NOT_SENT
    due_date: Annotated[Date, Meta(description="The same as `due`.")] = NOT_SENT
    calibrated: Annotated[
        Calibrated,
        Meta(description="true: it was calibrated at `timestamp`; or when it was. Recorded in WATS, once."),
    ] = NOT_SENT
    comment: Annotated[str | None, Meta(description="What a person should read beside the calibration.")] = None
    certificate: Annotated[Text, Meta(description="Number of the certificate; in the comment.")] = NOT_SENT
    calibrated_by: Annotated[Text, Meta(description="Who calibrated it; in the comment.")] = NOT_SENT


decoder: msgspec.json.Decoder[CalibrationMessage] = msgspec.json.Decoder(CalibrationMessage)
"""Decodes and validates a calibration message."""
