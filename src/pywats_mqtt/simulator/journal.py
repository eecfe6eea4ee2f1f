"""What a fleet published and what the broker acknowledged: the one end of the comparison.

A journal on disk has one JSON object a line, written before a message is published and after it was acknowledged, so
that a reader finds every message that may have left, also when the fleet was killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeAlias

import msgspec

from pywats_mqtt.simulator.outgoing import Entry


class Published(msgspec.Struct, frozen=True, tag="published", tag_field="what"):
    """A message is about to be published."""

    entry: Entry


class Acknowledged(msgspec.Struct, frozen=True, tag="acknowledged", tag_field="what"):
    """The broker has it."""

    message_id: str
    device: str
    number: int


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="what"):
    """The broker will never take it."""

    message_id: str
    reason: str


Line: TypeAlias = Published | Acknowledged | Refused


class Record(msgspec.Struct, frozen=True):
    """A whole journal.

    Attributes:
        entries: what was published, in order.
        acknowledged: ids of what the broker acknowledged.
        refused: ids of what it refused, with its reason.
    """

    entries: tuple[Entry, ...]
    acknowledged: frozenset[str]
    refused: dict[str, str] = {}

    @property
    def open(self) -> tuple[Entry, ...]:
        """What was published and never answered: it may have arrived or not."""
        return tuple(e for e in self.entries if e.message_id not in self.acknowledged | self.refused.keys())


class Sink(Protocol):
    """Where the lines of a journal go: a file opened unbuffered, so that each is with the system when it returns."""

    def write(self, line: bytes, /) -> object:
        """Append a line."""
        ...


class Journal:
    """Counts, and writes each step to `sink` where there is one; holds only what is not answered yet."""

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink = sink
        self._open: dict[str, Entry] = {}
        self._counts: Counter[str] = Counter()
        self._by_kind: Counter[str] = Counter()

    def published(self, entry: Entry) -> None:
        """Note that a message is published now; call it before the first byte leaves."""
        self._open[entry.message_id] = entry
        self._counts["published"] += 1
        self._by_kind[entry.kind] += 1
        self._write(Published(entry))

    def acknowledged(self, entry: Entry) -> None:
        """Note that the broker acknowledged a message."""
        del self._open[entry.message_id]
        self._counts["acknowledged"] += 1
        self._write(Acknowledged(entry.message_id, entry.device, entry.number))

    def refused(self, entry: Entry, reason: str) -> None:
        """Note that the broker refused a message for good."""
        del self._open[entry.message_id]
        self._counts["refused"] += 1
        self._write(Refused(entry.message_id, reason))

    @property
    def counts(self) -> dict[str, int]:
        """How many messages were published, acknowledged and refused."""
        return {what: self._counts[what] for what in ("published", "acknowledged", "refused")}

    @property
    def by_kind(self) -> dict[str, int]:
        """How many messages of each kind were published."""
        return dict(sorted(self._by_kind.items()))

    @property
    def open(self) -> tuple[Entry, ...]:
        """What is published and not answered, in order."""
        return tuple(self._open.values())

    def _write(self, line: Line) -> None:
        if self._sink is not None:
            self._sink.write(msgspec.json.encode(line) + b"\n")


def read_record(lines: Iterable[bytes]) -> Record:
    """Read a journal; a last line that a crash cut off is left out.

    Raises:
        msgspec.DecodeError: another line is no line of a journal.
    """
    decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
    entries: list[Entry] = []
    acknowledged: set[str] = set()
    refused: dict[str, str] = {}
    for line in lines:
        if not line.endswith(b"\n"):
            break
        match decoder.decode(line):
            case Published(entry):
                entries.append(entry)
            case Acknowledged(message_id):
                acknowledged.add(message_id)
            case Refused(message_id, reason):
                refused[message_id] = reason
    return Record(tuple(entries), frozenset(acknowledged), refused)
