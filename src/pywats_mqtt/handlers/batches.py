"""What is known of the batches of a line, and what a message about one changes. Pure.

The newest message says how a batch stands; an older one that arrives late only fills in what nobody said since. A batch
that another one of its line follows without a word of its end has ended with the beginning of that.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from pywats_mqtt.events import BatchCounts, BatchReported

KEPT = 16
"""Batches of a line whose times are kept, for results that come late; the newest ones."""

IN_FULL = 4
"""Of these also what was said of them, to be corrected after their end."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One batch; times are microseconds since 1970 UTC.

    Attributes:
        number: its number.
        first_us: time of the earliest message that names it.
        at_us: time of the newest one.
        started_us: when it began, or 0 where nobody said.
        ended_us: when it ended; 0 while it is open.
        ended_by: the batch that began while nobody had said that this one ended; else empty.
        part_number, revision, size, counts, failures, result, misc, attachments: as in `BatchReported`.
        reported_us: `at_us` of the last report of it.
        owed: a report is to be written.
        saved_size: the size that WATS was given last, or None.
    """

    number: str
    first_us: int
    at_us: int
    started_us: int = 0
    ended_us: int = 0
    ended_by: str = ""
    part_number: str = ""
    revision: str = ""
    size: int | None = None
    counts: BatchCounts | None = None
    failures: tuple[tuple[str, int], ...] | None = None
    result: str = ""
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()
    reported_us: int = 0
    owed: bool = False
    saved_size: int | None = None

    @property
    def since_us(self) -> int:
        """When it began, as far as anybody knows."""
        return self.started_us or min(self.first_us, self.ended_us or self.first_us)

    @property
    def due_size(self) -> int | None:
        """The size that WATS is to have: what is planned, else how many were tested in the end; None for nothing."""
        if self.size is None and self.ended_us and self.counts is not None:
            return self.counts.total
        return self.size


Batches: TypeAlias = tuple[Batch, ...]
"""The batches of a line, in the order in which they began."""


def follow(batches: Batches, event: BatchReported, every_us: int) -> Batches:
    """Take what is said of a batch; those whose reports are to be written are `owed`.

    The same message again changes nothing.

    Args:
        batches: what is known.
        event: what is said.
        every_us: shortest time between two reports of a batch that goes on; 0 for none of those.
    """
    known = next((batch for batch in batches if batch.number == event.batch), None)
    merged = _merged(known, event)
    if known is None or msgspec.structs.replace(merged, owed=known.owed) != known:
        merged = msgspec.structs.replace(merged, owed=merged.owed or _is_due(merged, every_us))
    others = [batch for batch in batches if batch is not known]
    if known is None:
        others = [_ended_by(merged, batch) for batch in others]
    ordered = sorted([*others, merged], key=lambda batch: (batch.since_us, batch.first_us))[-KEPT:]
    return (*map(_brief, ordered[:-IN_FULL]), *ordered[-IN_FULL:])


def open_at(batches: Batches, at_us: int) -> str:
    """Name the batch that was open at a time; empty for none."""
    for batch in reversed(batches):
        if batch.since_us <= at_us and (not batch.ended_us or at_us < batch.ended_us):
            return batch.number
    return ""


def due(batches: Batches, event: BatchReported) -> Batches:
    """Give those that a message leads to a call for: its own, and those that ended because it began."""
    return tuple(
        batch
        for batch in batches
        if (batch.number == event.batch and (batch.owed or batch.due_size != batch.saved_size))
        or (batch.ended_by == event.batch and batch.owed)
    )


def paid(batches: Batches, done: Batch, saved_size: int | None) -> Batches:
    """Note that a batch was brought to WATS as it is, and which size it has there."""
    reported_us = done.at_us if done.owed else done.reported_us
    after = msgspec.structs.replace(done, owed=False, reported_us=reported_us, saved_size=saved_size)
    return tuple(after if batch is done else batch for batch in batches)


def _merged(known: Batch | None, event: BatchReported) -> Batch:
    """Merge a message into what is known: it says how things are, or, if it is an older one, what nobody said since."""
    batch = known or Batch(number=event.batch, first_us=event.at_us, at_us=event.at_us)
    is_newer = event.at_us >= batch.at_us
    said = {
        name: value
        for name in ("part_number", "revision", "size", "counts", "failures", "result", "misc", "attachments")
        if (value := getattr(event, name)) not in (None, "", ())
        and (is_newer or getattr(batch, name) in (None, "", ()))
    }
    started_us = event.started_us or (event.at_us if event.action == "opened" and not batch.started_us else 0)
    if started_us and (is_newer or not batch.started_us):
        said["started_us"] = started_us
    if event.action == "closed":
        if is_newer or not batch.ended_us or batch.ended_by:
            said |= {"ended_us": event.ended_us or event.at_us, "ended_by": ""}
    elif is_newer and (event.action == "opened" or batch.ended_by):
        said |= {"ended_us": 0, "ended_by": ""}  # it goes on, after all
    first_us, at_us = min(batch.first_us, event.at_us), max(batch.at_us, event.at_us)
    return msgspec.structs.replace(batch, first_us=first_us, at_us=at_us, **said)


def _is_due(batch: Batch, every_us: int) -> bool:
    if batch.ended_us:
        return True
    return every_us > 0 and batch.counts is not None and batch.at_us - batch.reported_us >= every_us


def _ended_by(following: Batch, batch: Batch) -> Batch:
    if batch.ended_us or batch.since_us >= following.since_us:
        return batch
    return msgspec.structs.replace(batch, ended_us=following.since_us, ended_by=following.number, owed=True)


def _brief(batch: Batch) -> Batch:
    """Keep of a batch its times alone, unless it is owed still."""
    if batch.owed:
        return batch
    return msgspec.structs.replace(batch, failures=None, misc=(), attachments=())


def note_name(line: str) -> str:
    """Name the note in which a line's batches are kept."""
    return f"batches/{line}"


def encode(batches: Batches) -> bytes:
    """Pack batches for their note."""
    return msgspec.msgpack.encode(batches)


def decode(note: bytes | None) -> Batches:
    """Read batches; none where there is no note.

    Raises:
        msgspec.DecodeError: the note is none of ours.
    """
    return () if note is None else msgspec.msgpack.decode(note, type=Batches)
