"""Inventories, configuration versions and the progress of updates, as devices send them."""

from __future__ import annotations

import msgspec

from pywats_mqtt.adapters.context import Context, first_sent, message_id, speaker
from pywats_mqtt.adapters.texts import check_length, cut
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.adapters.unread import UNREAD, unread_names
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import (
    AssetSoftware,
    Identified,
    Identity,
    Software,
    SoftwareReported,
    UpdateReported,
    identify,
    kind_of_type,
    payload_digest,
)
from pywats_mqtt.schemas.scalars import is_sent, text_of
from pywats_mqtt.schemas.software import SoftwareItem, SoftwareMessage, UpdateMessage, decoder, update_decoder
from pywats_mqtt.software.updates import State, words

WORDS = {
    "downloading": State.DOWNLOADING,
    "download": State.DOWNLOADING,
    "started": State.DOWNLOADING,
    "installing": State.INSTALLING,
    "install": State.INSTALLING,
    "applying": State.INSTALLING,
    "verifying": State.INSTALLING,
    "rebooting": State.REBOOTING,
    "reboot": State.REBOOTING,
    "restarting": State.REBOOTING,
    "succeeded": State.SUCCEEDED,
    "success": State.SUCCEEDED,
    "completed": State.SUCCEEDED,
    "complete": State.SUCCEEDED,
    "done": State.SUCCEEDED,
    "installed": State.SUCCEEDED,
    "failed": State.FAILED,
    "failure": State.FAILED,
    "error": State.FAILED,
    "rolled back": State.ROLLED_BACK,
    "rollback": State.ROLLED_BACK,
    "timed out": State.TIMED_OUT,
    "timeout": State.TIMED_OUT,
}
"""A device's word for the state of an update, in lower case and with spaces for `_` and `-`."""

_REQUEST_ID_CHARACTERS = 200
_TEXT_CHARACTERS = 1_000
"""Of a device's own words, as much as an entry in the log of its asset holds; they are kept for 50 updates."""
_SAYS = "software, config_version or request_id"


def read(context: Context) -> tuple[Identified, ...]:
    """Decode an inventory, a configuration version or a question, and tell what it says.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    return adapt(decoder.decode(payload), context) if payload else ()  # empty: a retained message was cleared


def adapt(sent: SoftwareMessage, context: Context) -> tuple[Identified, ...]:
    """Turn a message into what the station said, and into what its tags become.

    Raises:
        Reject: a field does not fit, or it says nothing that we know.
    """
    device, other = speaker(context, sent.device_id, "$.device_id")
    as_of_us = _as_of_us(sent.timestamp, context)
    software = None if sent.software is None else _inventory(sent.software)
    config = text_of(sent.config_version, "$.config_version").strip() or None
    request_id = text_of(sent.request_id, "$.request_id")
    if len(request_id) > _REQUEST_ID_CHARACTERS:
        raise Reject(f"has {len(request_id)} characters; at most {_REQUEST_ID_CHARACTERS}", path="$.request_id")
    remarks = _remarks(context, SoftwareMessage, other)
    if software is None and config is None and not request_id:
        raise Reject(f"expected one of {_SAYS}" + (f"; {remarks}" if remarks else ""))
    said = SoftwareReported(
        device=device,
        software=software,
        config_version=config,
        part_number=check_length(text_of(sent.part_number, "$.part_number"), "$.part_number"),
        request_id=request_id,
        as_of_us=as_of_us,
        heard_us=context.message.received_at_us,
        remarks=remarks,
    )
    identified = Identified(
        said, _identity(kind_of_type(SoftwareReported), device, sent.message_id, sent.timestamp, context)
    )
    if software is None and config is None:
        return (identified,)
    tags = AssetSoftware(
        asset=device,
        software=software,
        config_version=config,
        as_of_us=0 if software is None else as_of_us,
        config_us=0 if config is None else as_of_us,
    )
    return identified, Identified(tags)


def read_update(context: Context) -> tuple[Identified, ...]:
    """Decode the progress of an update and tell what it says.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    return adapt_update(update_decoder.decode(payload), context) if payload else ()


def adapt_update(sent: UpdateMessage, context: Context) -> tuple[Identified, ...]:
    """Turn a message into how far an update is, and into what the tag of its package becomes.

    Raises:
        Reject: a field does not fit, or is missing.
    """
    device, other = speaker(context, sent.device_id, "$.device_id")
    name, path = first_sent((sent.package, "$.package"), (sent.name, "$.name"))
    package = check_length(text_of(name, path).strip(), path)
    if not package:
        raise Reject("required, but missing", path="$.package")
    word_path, word = ("$.status", sent.status) if sent.status else ("$.state", sent.state)
    if not word:
        raise Reject("required, but missing", path="$.status")
    state = WORDS.get(" ".join(word.lower().replace("_", " ").replace("-", " ").split()))
    if state is None:
        raise Reject(f"expected one of {', '.join(State)}, got {word[:100]!r}", path=word_path)
    as_of_us = _as_of_us(sent.timestamp, context)
    said = UpdateReported(
        device=device,
        package=package,
        version=text_of(sent.version, "$.version").strip(),
        state=state,
        percent=sent.progress if sent.progress_pct is None else sent.progress_pct,
        text=cut((sent.message or sent.error or "").strip(), _TEXT_CHARACTERS),
        sequence=sent.sequence,
        as_of_us=as_of_us,
        heard_us=context.message.received_at_us,
        remarks=_remarks(context, UpdateMessage, other),
    )
    tags = AssetSoftware(
        asset=device,
        updates={package: words(state, said.version, said.percent, said.text)},
        updates_us={package: as_of_us},
    )
    identity = _identity(kind_of_type(UpdateReported), device, sent.message_id, sent.timestamp, context)
    return Identified(said, identity), Identified(tags)


def _inventory(sent: list[SoftwareItem]) -> tuple[Software, ...]:
    """Read the list; a name that comes twice with the same version and hash is one piece of software."""
    known: dict[str, Software] = {}
    for place, item in enumerate(sent):
        path = f"$.software[{place}]"
        name = check_length(text_of(item.name, f"{path}.name").strip(), f"{path}.name")
        if not name:
            raise Reject("expected a name, got an empty text", path=f"{path}.name")
        version, digest = text_of(item.version, f"{path}.version"), text_of(item.hash, f"{path}.hash")
        software = Software(name, version.strip(), digest.strip())
        if known.setdefault(name, software) != software:
            raise Reject(f"{name!r} is named twice, with another version or hash", path=f"{path}.name")
    return tuple(known.values())


def _as_of_us(timestamp: msgspec.Raw, context: Context) -> int:
    received_us = context.message.received_at_us
    if not is_sent(timestamp):
        return received_us
    moment_us, _ = time_of(timestamp, "$.timestamp")
    return moment_us if is_plausible(moment_us, received_us) else received_us


def _identity(kind: str, device: str, own: msgspec.Raw, timestamp: msgspec.Raw, context: Context) -> Identity | None:
    """Tell by the message id, else by the time sent and the content; without either, a repeat says the same twice."""
    payload = context.message.payload
    named = message_id(context, own)
    if named:
        return identify((kind, device, named), payload)
    if is_sent(timestamp):
        return identify((kind, device, text_of(timestamp, "$.timestamp"), payload_digest(payload).hex()), payload)
    return None


def _remarks(context: Context, schema: type[SoftwareMessage | UpdateMessage], other: str) -> str:
    """Name what the message says beside its fields: another id, and keys that nobody reads."""
    found = [f"reported_device: {other}"] if other else []
    unread = sorted(unread_names(context.message.payload, schema))
    if unread:
        found.append(f"{UNREAD}: {', '.join(unread)}")
    return cut("; ".join(found))
