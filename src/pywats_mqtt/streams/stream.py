"""One stream: what a tester measured of a unit in one test, as it grows."""

from __future__ import annotations

from uuid import UUID

import msgspec

from pywats_mqtt.config.streams import StreamConfig
from pywats_mqtt.errors import Reject
from pywats_mqtt.events import MeasurementsReported, Samples, identify
from pywats_mqtt.streams.channel import Channel

NOTES_KEPT = 20
"""Misc infos of a stream: a device that names ever new ones must not fill the store."""

NOBODY = UUID(int=0)


class Stream(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of a stream; changed by `take`.

    Attributes:
        channels: path to channel, in the order they came.
        number: messages taken.
        last_id: id of the last of them.
        heard_us: when it came, in microseconds since 1970 UTC.
        first_us, last_us: time of the earliest and of the latest sample.
        samples: how many there are.
        result, part_number, revision, test_type, operation_code, operator, fixture, batch: the last that were named, as
            in `MeasurementsReported`.
        misc: what is noted on the report, by name.
        attachments: the first that a message had, as in `TestResult`.
    """

    channels: dict[str, Channel] = {}
    number: int = 0
    last_id: UUID = NOBODY
    heard_us: int = 0
    first_us: int = 0
    last_us: int = 0
    samples: int = 0
    result: str = ""
    part_number: str = ""
    revision: str = ""
    test_type: str = ""
    operation_code: int | None = None
    operator: str = ""
    fixture: str = ""
    batch: str = ""
    misc: dict[str, str] = {}
    attachments: tuple[tuple[str, str], ...] = ()

    @property
    def points(self) -> int:
        """Points in memory."""
        return sum(len(channel.times_us) for channel in self.channels.values())

    def take(self, event: MeasurementsReported, most: int) -> None:
        """Take a message that `check` has nothing against.

        Args:
            event: the message.
            most: points kept of each channel.
        """
        for samples in event.channels:
            channel = self.channels.get(samples.path)
            if channel is None:
                channel = self.channels[samples.path] = Channel()
            _describe(channel, samples)
            for at_us, value in zip(samples.times_us, samples.values, strict=True):
                channel.add(at_us, value, most)
            earliest = min(samples.times_us)
            self.first_us = min(self.first_us, earliest) if self.samples else earliest
            self.last_us = max(self.last_us, *samples.times_us)
            self.samples += len(samples.times_us)
        self.number += 1
        self.last_id, self.heard_us = event.id, event.heard_us
        self.result = event.result or self.result
        self.part_number = event.part_number or self.part_number
        self.revision = event.revision or self.revision
        self.test_type = event.test_type or self.test_type
        self.operation_code = self.operation_code if event.operation_code is None else event.operation_code
        self.operator = event.operator or self.operator
        self.fixture = event.fixture or self.fixture
        self.batch = event.batch or self.batch
        self.attachments = self.attachments or event.attachments
        for name, text in event.misc:
            if name in self.misc or len(self.misc) < NOTES_KEPT:
                self.misc[name] = text


def check(stream: Stream, event: MeasurementsReported, config: StreamConfig) -> None:
    """Find out whether a stream can take a message.

    Raises:
        Reject: it has too many channels, or another unit than the samples before.
    """
    units: dict[str, str] = {}
    channels = len(stream.channels)
    for number, samples in enumerate(event.channels):
        place = f"$.measurements[{number}]"
        known = stream.channels.get(samples.path)
        before = units.get(samples.path) or (known.unit if known else "")
        if samples.unit and before and samples.unit != before:
            problem = f"expected the unit {before!r} of the samples before, got {samples.unit!r}"
            raise Reject(problem, path=f"{place}.unit")
        if known is None and samples.path not in units:
            channels += 1
        units[samples.path] = samples.unit or before
        if channels > config.max_channels:
            problem = f"the stream has more channels than streams.max_channels, {config.max_channels}, allows"
            raise Reject(problem, path=f"{place}.path")


def stream_id(event: MeasurementsReported) -> UUID:
    """Derive the id of the stream that a message opens, and of its report."""
    return identify(("stream", event.device, event.serial_number, str(event.id)), b"").id


def _describe(channel: Channel, samples: Samples) -> None:
    channel.unit = samples.unit or channel.unit
    if not samples.limited:
        return
    named = (samples.low, samples.high, samples.comp)
    if channel.limited and named != (channel.low, channel.high, channel.comp):
        channel.changes += 1
    channel.low, channel.high, channel.comp = named
