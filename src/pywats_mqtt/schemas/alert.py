"""The alert message: an asset asks for attention, or no longer does."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from pywats_mqtt.schemas.common import NOT_SENT, AssetHead, Text, Time


class AlertMessage(AssetHead, frozen=True, kw_only=True, gc=False):
    """What an asset sends on `assets/{id}/alerts`.

    An alert stays active under its code until it is cleared under it; sent again meanwhile it is counted.
    """

    timestamp: Annotated[
        Time, Meta(description="When it was raised or cleared, as in the asset message. Missing: time of reception.")
    ] = NOT_SENT
    code: Annotated[
        Text, Meta(description="Names the alert, such as `E42` or `bearing_wear`; 1 to 100 characters.")
    ] = NOT_SENT
    severity: Annotated[
        str | None,
        Meta(
            description="info, warning, error or critical, or a usual synonym (notice, minor, major, fault, fatal …)."
            " Missing: warning."
        ),
    ] = None
    text: Annotated[str | None, Meta(description="What a person should read.")] = None
    message: Annotated[str | None, Meta(description="The same as `text`.")] = None
    active: Annotated[bool | None, Meta(description="false clears the alert. Missing: true, but for `state`.")] = None
    state: Annotated[str | None, Meta(description="active or cleared, or a usual synonym; goes before `active`.")] = (
        None
    )


decoder: msgspec.json.Decoder[AlertMessage] = msgspec.json.Decoder(AlertMessage)
"""Decodes and validates an alert message."""
