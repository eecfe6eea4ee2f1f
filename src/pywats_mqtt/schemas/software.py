"""What devices say of their software: the inventory, the configuration, and how far an update is."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from pywats_mqtt.schemas.common import INT64_MAX, NOT_SENT, Text, Time

Percent: TypeAlias = Annotated[float, Meta(ge=0, le=100)]
Number: TypeAlias = Annotated[int, Meta(ge=0, le=INT64_MAX)]


class SoftwareItem(Struct, frozen=True, kw_only=True, gc=False):
    """One piece of software on a device."""

    name: Annotated[
        Text, Meta(description="Its name, 1 to 100 characters; the package in WATS that holds it has the same.")
    ]
    version: Annotated[Text, Meta(description="Its version; compared with the tag `SwVersion` of the package.")] = (
        NOT_SENT
    )
    hash: Annotated[Text, Meta(description="Its hash; compared with the tag `Hash` where the package has one.")] = (
        NOT_SENT
    )


class SoftwareMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a device sends on `devices/{id}/software` and `devices/{id}/config`.

    With a `request_id` it asks at the same time whether it may test; without `software` and `config_version` it asks
    about what it said before.
    """

    device_id: Annotated[
        Text, Meta(description="The sender's own id. The topic's id is who speaks; see `strict_ids`.")
    ] = NOT_SENT
    timestamp: Annotated[
        Time,
        Meta(
            description="When this was true: ISO 8601 (without an offset: UTC), or seconds or milliseconds since"
            " 1970 UTC. Missing: time of reception. A time ahead of reception or before 2000 counts as missing."
        ),
    ] = NOT_SENT
    message_id: Annotated[
        Text, Meta(description="Unique for each message of the device; a repeat is recognized by it.")
    ] = NOT_SENT
    software: Annotated[
        list[SoftwareItem] | None, Meta(description="All software of the device; what is not named is not there.")
    ] = None
    config_version: Annotated[Text, Meta(description="Version of the configuration it works with.")] = NOT_SENT
    part_number: Annotated[
        Text, Meta(description="What is to be tested; packages for one product apply to that product alone.")
    ] = NOT_SENT
    request_id: Annotated[Text, Meta(description="Asks for the verdict on `wats/responses/{request_id}`.")] = NOT_SENT


class UpdateMessage(Struct, frozen=True, kw_only=True, gc=False):
    """What a device sends on `devices/{id}/updates` while one of its packages is updated, at each step."""

    package: Annotated[Text, Meta(description="Name of the software that is updated, 1 to 100 characters.")] = NOT_SENT
    name: Annotated[Text, Meta(description="The same as `package`.")] = NOT_SENT
    version: Annotated[Text, Meta(description="The version it becomes.")] = NOT_SENT
    status: Annotated[
        str | None,
        Meta(
            description="What the update does: `downloading`, `installing`, `rebooting`, `succeeded`, `failed` or"
            " `rolled_back`."
        ),
    ] = None
    state: Annotated[str | None, Meta(description="The same as `status`.")] = None
    progress_pct: Annotated[Percent | None, Meta(description="How much is done, in percent.")] = None
    progress: Annotated[Percent | None, Meta(description="The same as `progress_pct`.")] = None
    message: Annotated[str | None, Meta(description="The device's own words, such as why it failed.")] = None
    error: Annotated[str | None, Meta(description="The same as `message`.")] = None
    sequence: Annotated[
        Number | None, Meta(description="Number of the message; a lower one that comes late changes nothing.")
    ] = None
    device_id: Annotated[Text, Meta(description="As in the software message.")] = NOT_SENT
    timestamp: Annotated[Time, Meta(description="When this was true, as in the software message.")] = NOT_SENT
    message_id: Annotated[Text, Meta(description="As in the software message.")] = NOT_SENT


decoder: msgspec.json.Decoder[SoftwareMessage] = msgspec.json.Decoder(SoftwareMessage)
update_decoder: msgspec.json.Decoder[UpdateMessage] = msgspec.json.Decoder(UpdateMessage)
