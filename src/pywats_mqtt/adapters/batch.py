"""What a line says of a batch: that it began, how far it is, or its summary."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pywats_mqtt.adapters.context import Context, first_sent, speaker
from pywats_mqtt.adapters.heads import Notes, identity_of, misc_of, whole
from pywats_mqtt.adapters.texts import Texts, check_length, check_number
from pywats_mqtt.adapters.times import is_plausible, time_of
from pywats_mqtt.adapters.unread import UNREAD, unread_fields
from pywats_mqtt.adapters.verdicts import verdict_of
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import BatchCounts, BatchReported, Identified
from pywats_mqtt.events.batches import BatchAction
from pywats_mqtt.schemas.batch import BatchMessage, decoder
from pywats_mqtt.schemas.scalars import is_sent, text_of

BATCH = "batch"
"""Last level of the topic."""

_SPELLINGS: Mapping[BatchAction, tuple[str, ...]] = {
    "opened": ("opened", "open", "started", "start", "begun", "begin", "batch_opened", "batch_started", "batch_start"),
    "progressed": ("progressed", "progress", "updated", "update", "running", "batch_progress", "batch_update"),
    "closed": (
        "closed",
        "close",
        "ended",
        "end",
        "completed",
        "complete",
        "finished",
        "done",
        "summary",
        "batch_closed",
        "batch_ended",
        "batch_end",
        "batch_completed",
    ),
}
WORDS: Mapping[str, BatchAction] = {word: action for action, words in _SPELLINGS.items() for word in words}
"""A line's word, in lower case and with `_` for `-` and blanks, to what happened to the batch."""

_CHARACTERS_SHOWN = 60


def read(context: Context) -> tuple[Identified, ...]:
    """Decode what is said of a batch; an empty payload clears a retained one, and says nothing.

    Raises:
        Reject: it does not fit.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no such message.
    """
    payload = context.message.payload
    if not payload:
        return ()
    sent = decoder.decode(payload)
    line, other = speaker(context, *first_sent((sent.line_id, "$.line_id"), (sent.device_id, "$.device_id")))
    notes = Notes(texts=Texts(), misc=misc_of(sent.misc))
    if other:
        notes.misc.append(("reported_device", other))
    unread = unread_fields(payload, BatchMessage)
    if unread:
        notes.misc.append((UNREAD, unread))
    batch = _number(first_sent((sent.batch_id, "$.batch_id"), (sent.batch, "$.batch")))
    if not batch:
        raise Reject("expected the number of the batch, got none", path="$.batch_id")
    product = first_sent((sent.product, "$.product"), (sent.part_number, "$.part_number"))
    received_us = context.message.received_at_us
    counts = _counts(sent)
    started_us = _time(sent.started, "$.started", received_us, notes)
    ended_us = _time(sent.ended, "$.ended", received_us, notes)
    if ended_us and ended_us < started_us:
        raise Reject("the batch ended before it started", path="$.ended")
    event = BatchReported(
        line=line,
        batch=batch,
        action=_action(sent, counts),
        at_us=_time(sent.timestamp, "$.timestamp", received_us, notes) or ended_us or received_us,
        started_us=started_us,
        ended_us=ended_us,
        part_number=_number(product),
        revision=check_length(text_of(sent.revision, "$.revision"), "$.revision"),
        size=whole(sent.size),
        counts=counts,
        failures=_failures(sent, notes),
        result=_result(sent),
        misc=notes.fitted(),
        attachments=(),
    )
    attachments = notes.texts.attachments()
    if attachments:
        event = msgspec.structs.replace(event, attachments=attachments)
    moments = (
        text_of(sent.sequence, "$.sequence"),
        text_of(sent.timestamp, "$.timestamp"),
        text_of(sent.ended, "$.ended"),
    )
    identity = identity_of(context, (BATCH, line), sent.message_id, (batch, *moments), tells=any(moments))
    return (Identified(event, identity),)


def _number(field: tuple[msgspec.Raw, str]) -> str:
    text = text_of(*field)
    return check_number(text, field[1]) if text.strip() else ""


def _action(sent: BatchMessage, counts: BatchCounts | None) -> BatchAction:
    if not sent.event:
        return "closed" if counts is not None or is_sent(sent.ended) else "opened"
    action = WORDS.get(sent.event.strip().lower().replace("-", "_").replace(" ", "_"))
    if action is None:
        known = ", ".join(_SPELLINGS)
        got = repr(sent.event[:_CHARACTERS_SHOWN])
        raise Reject(f"expected what happened ({known}, or a usual synonym), got {got}", path="$.event")
    return action


def _counts(sent: BatchMessage) -> BatchCounts | None:
    """Give the counts, with the third of them where two are sent.

    Raises:
        Reject: they contradict each other.
    """
    total, good, failed = whole(sent.total), whole(sent.good), whole(sent.failed)
    if total is None:
        if good is None and failed is None:
            return None
        return BatchCounts(None if good is None or failed is None else good + failed, good, failed)
    for name, part in (("failed", failed), ("good", good)):
        if part is not None and part > total:
            raise Reject(f"{part} {name} of {total} tested", path=f"$.{name}")
    if good is not None and failed is not None and good + failed > total:
        raise Reject(f"{good} good and {failed} failed of {total} tested", path="$.total")
    if good is None and failed is not None:
        good = total - failed
    elif failed is None and good is not None:
        failed = total - good
    return BatchCounts(total, good, failed)


def _failures(sent: BatchMessage, notes: Notes) -> tuple[tuple[str, int], ...] | None:
    if sent.failures is None:
        return None
    failures: list[tuple[str, int]] = []
    for number, (name, count) in enumerate(sent.failures.items()):
        if not name.strip():
            raise Reject("expected the name of a step, got none", path="$.failures")
        failures.append((notes.texts.fit(name, f"$.failures name {number}"), int(count)))
    return tuple(failures)


def _result(sent: BatchMessage) -> str:
    """Give the line's verdict, empty where it has none."""
    result = verdict_of(sent.result, "$.result")
    if result == "S":
        raise Reject("a report is passed, failed, error or terminated, never skipped", path="$.result")
    return "" if result in {None, "D"} else str(result)


def _time(raw: msgspec.Raw, path: str, received_us: int, notes: Notes) -> int:
    """Give a time that can be true, else 0; that one is not used is noted."""
    if not is_sent(raw):
        return 0
    moment_us, _ = time_of(raw, path)
    if is_plausible(moment_us, received_us):
        return moment_us
    notes.misc.append(("time_ignored", f"{path.removeprefix('$.')}: {text_of(raw, path)}"))
    return 0
