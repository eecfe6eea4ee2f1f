"""What the bridge itself publishes: answers, verdicts and alarms, as declared types."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pywats_mqtt.software.verdicts import Judged


class AnswerMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device hears on `wats/responses/{request_id}` of the result or repair it asked about."""

    request_id: Annotated[str, Meta(description="As the device sent it.")]
    status: Annotated[Literal["delivered", "refused"], Meta(description="It is in WATS, or in quarantine.")]
    report_id: Annotated[str, Meta(description="Id of the report in WATS; missing where there can be none.")] = ""
    reason: Annotated[str, Meta(description="Why it was refused.")] = ""
    path: Annotated[str, Meta(description="Where in the payload it is wrong, such as `$.steps[0].value`.")] = ""


class ConfigVerdict(Struct, frozen=True):
    """The version of a station's configuration."""

    verdict: Annotated[Literal["match", "differs", "unknown"], Meta(description="What is said of it.")]
    reported: Annotated[str | None, Meta(description="The version the station reported last.")]
    wanted: Annotated[str | None, Meta(description="The version it has to report.")]


class VerdictMessage(Struct, frozen=True, omit_defaults=True):
    """What the bridge keeps on `wats/software/{device}`; with its last four fields, the answer to who asked."""

    device: Annotated[str, Meta(description="The station.")]
    verdict: Annotated[str, Meta(description="match, unknown, outdated, hash mismatch or revoked: the worst of all.")]
    reason: Annotated[str, Meta(description="Why it is no match, in words; empty where it is.")]
    software: Annotated[tuple[Judged, ...], Meta(description="Each piece of software with its own verdict.")]
    config: Annotated[ConfigVerdict, Meta(description="What is said of the configuration.")]
    as_of: Annotated[str | None, Meta(description="When the station reported; null where it never did.")]
    request_id: Annotated[str, Meta(description="Of an answer: as the device sent it.")] = ""
    status: Annotated[str, Meta(description="Of an answer: `checked`.")] = ""
    part_number: Annotated[str, Meta(description="Of an answer: the product that was asked about.")] = ""
    remarks: Annotated[str, Meta(description="Of an answer: what of the message was not read.")] = ""


class AlarmMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the bridge says on `wats/alarms/{alarm_type}`; of an asset's alarm also below it, under the asset's id.

    An alarm of an asset is said when it is raised, when its level changes and when it is cleared. The one under the
    asset's id is retained while it stands, and emptied when it is cleared. So are `spool_filling`, `spool_full` and
    `token_refused` under the bridge's client id, and `call_refused` below that under the kind of delivery. What else is
    known of an alarm stands beside these fields.
    """

    alarm: Annotated[str, Meta(description="The alarm's type, as in the topic.")]
    bridge: Annotated[str, Meta(description="Client id of the bridge that says it.")]
    asset: Annotated[str, Meta(description="Of an asset's alarm: serial number of the asset.")] = ""
    active: Annotated[bool | None, Meta(description="Of an alarm that ends: whether it stands.")] = None
    level: Annotated[str, Meta(description="Of an alarm that ends: how grave; `cleared` of one that ended.")] = ""
    since: Annotated[str, Meta(description="Of an alarm that ends: when it was raised, ISO 8601.")] = ""
    at: Annotated[str, Meta(description="Of an alarm that ends: when its level became this, ISO 8601.")] = ""
