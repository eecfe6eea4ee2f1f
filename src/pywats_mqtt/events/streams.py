"""Streams of measurements: samples while a test runs, what begins and what ends a stream."""

from __future__ import annotations

from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

StreamEnding: TypeAlias = Literal["timeout", "left", "late", "forget"]


class Samples(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Samples of one channel, in the order sent.

    Attributes:
        path: names with `/` between them, such as `Temperature/DUT`.
        times_us: of each sample, in microseconds since 1970 UTC.
        values: as many, finite.
        unit: as sent, or empty.
        low, high, comp: as in `Measurement`; all three unset where the message names no limits.
    """

    path: str
    times_us: tuple[int, ...]
    values: tuple[float, ...]
    unit: str = ""
    low: float | None = None
    high: float | None = None
    comp: str = ""

    @property
    def limited(self) -> bool:
        """Whether the message names limits."""
        return bool(self.comp) or self.low is not None or self.high is not None


class MeasurementsReported(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="measurements_reported"
):
    r"""A tester measured something of a unit while its test runs.

    Attributes:
        id: derived; the same when the message is read or delivered again.
        device: the id in the topic; the order key and the machine name.
        serial_number: 1 to 100 characters, none of `* % ? [ ] ^ ! / \`.
        heard_us: when the message came, in microseconds since 1970 UTC.
        at_us: its own time, else that of reception.
        channels: what was measured, in the order of the message; empty where it only ends the stream.
        ends: whether it is the last of its stream.
        result: the device's verdict where it ends the stream; else empty.
        part_number, revision, test_type, operation_code, operator, fixture, batch: as in `TestResult`.
        misc, attachments: as in `TestResult`.
    """

    id: UUID
    device: str
    serial_number: str
    heard_us: int
    at_us: int
    channels: tuple[Samples, ...] = ()
    ends: bool = False
    result: str = ""
    part_number: str = ""
    revision: str = ""
    test_type: str = ""
    operation_code: int | None = None
    operator: str = ""
    fixture: str = ""
    batch: str = ""
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The line of its tester, so that a result that was sent after it is delivered after it."""
        return self.device


class UnitAtTester(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="unit_at_tester"):
    """A unit entered or left the station a tester stands at; it begins or ends the stream of the unit.

    Attributes:
        device: the tester.
        serial_number: of the unit.
        action: what happened.
        at_us: when, in microseconds since 1970 UTC.
    """

    device: str
    serial_number: str
    action: Literal["entered", "exited"]
    at_us: int

    @property
    def key(self) -> str:
        """The line of the tester."""
        return self.device


class StreamDue(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="stream_due"):
    """Something is due about a stream, the bridge itself says so; it takes its turn in the line of the tester.

    Attributes:
        device: the tester.
        stream: its id.
        why: it was silent for too long, its unit left, it has late samples to send, or is of no use any more.
        heard_us: when the stream was heard last, as far as was known; a silent or late one that was heard since is left
            alone.
    """

    device: str
    stream: UUID
    why: StreamEnding
    heard_us: int

    @property
    def key(self) -> str:
        """The line of the tester."""
        return self.device
