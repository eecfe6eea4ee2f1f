"""Types that more than one message uses."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Raw, Struct, field

INT32_MAX = 2_147_483_647
"""WATS keeps its integers in 32 bits; a larger one is refused here with its reason."""

INT64_MAX = 9_223_372_036_854_775_807
"""What the spool can keep; a number that only orders messages has no other bound."""

Count: TypeAlias = (
    Annotated[int, Meta(ge=0, le=INT32_MAX)] | Annotated[float, Meta(ge=0, le=INT32_MAX, multiple_of=1)] | None
)
"""A whole number from 0 to 2,147,483,647. `45000.0` is one: PLC gateways send their integers so."""

Text: TypeAlias = Annotated[Raw, Meta(extra_json_schema={"type": ["string", "number", "null"]})]
"""A text that a device may send as a JSON number; `scalars.text_of` keeps its digits as they were written."""

Time: TypeAlias = Annotated[
    Raw,
    Meta(
        extra_json_schema={
            "type": ["string", "number", "null"],
            "examples": ["2026-01-26T10:30:00Z", 1769423400, 1769423400123],
        }
    ),
]
"""ISO 8601 with an offset, or seconds or milliseconds since 1970-01-01 UTC (from 1e11 on it is milliseconds)."""

Year: TypeAlias = Annotated[float, Meta(ge=0, le=31_536_000)]
"""Seconds; a test takes at most a year."""

YearMs: TypeAlias = Annotated[float, Meta(ge=0, le=31_536_000_000)]
"""Milliseconds; a test takes at most a year."""

NOT_SENT: Raw = field(default_factory=Raw)
"""Default of a `Text` or `Time`. A factory, since a `Raw` default could not be written into a JSON Schema."""


class AssetHead(Struct, frozen=True, kw_only=True, gc=False):
    """How a message of an asset begins: who sent it, and what tells a repeat. Each kind has its `timestamp` besides."""

    asset_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    device_id: Annotated[Text, Meta(description="The same as `asset_id`.")] = NOT_SENT
    message_id: Annotated[
        Text, Meta(description="Unique for each message of the device; a repeat is recognized by it.")
    ] = NOT_SENT
    sequence: Annotated[Text, Meta(description="Number of the message; with `timestamp` it tells a repeat.")] = NOT_SENT
