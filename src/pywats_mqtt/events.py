"""What happened, by domain: the vocabulary between the adapters, the spool and the handlers.

There are two kinds. An **ordered** event (a test result) is delivered once, in the order of its key. A **latest** event
(counts, state, environment) is folded into the newest of its asset and kind as it arrives, so that a thousand messages
cost WATS one call. Events hold no cycles, so the garbage collector need not look at them (`gc=False`).

Identity belongs to events and is computed here from what the device sent, before any correction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import TypeAlias
from uuid import UUID, uuid5

import msgspec

NAMESPACE = UUID("8d0ae1f0-6c0d-5d53-9a51-6ac1f7c5c2b4")
"""The product's UUIDv5 namespace: a constant for ever, or old results would get new ids."""


class Identity(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What makes an event the same event when it arrives again.

    Attributes:
        id: UUIDv5 of the fields its kind names.
        digest: digest of the payload; the same id with another digest is an identity conflict, not a duplicate.
    """

    id: UUID
    digest: bytes

    @property
    def key(self) -> bytes:
        """The 16 bytes of the id."""
        return self.id.bytes


def identify(fields: Sequence[str], payload: bytes) -> Identity:
    """Derive an identity from fields in a fixed order; no two different field lists give the same id.

    Args:
        fields: kind, device and what else the kind names; each as the device sent it.
        payload: the message's bytes.
    """
    name = "\x1f".join(f"{len(field)}:{field}" for field in fields)
    return Identity(id=uuid5(NAMESPACE, name), digest=payload_digest(payload))


def payload_digest(payload: bytes) -> bytes:
    """Digest a payload to 16 bytes."""
    return blake2b(payload, digest_size=16).digest()


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One measured value with its limits; finite numbers only.

    Attributes:
        value: a number, a text, or None for a step that only passes or fails.
        unit: as the device sent it; empty where it sent none.
        low: the lower limit, or None.
        high: the upper limit, or None.
        status: `P`, `F` or `S` (skipped): WATS knows no others for a measurement.
    """

    value: float | str | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    status: str = "P"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One step of a test.

    Attributes:
        name: 1 to 100 characters.
        status: P passed, F failed, S skipped, D done, E error, T terminated.
        measurement: what was measured; its value None makes it a pass/fail step.
        error_code: the device's error number, or None.
        error_message: the device's error text.
        report_text: free text for the step.
        duration_s: seconds, or None where the device sent none.
    """

    name: str
    status: str
    measurement: Measurement
    error_code: int | None = None
    error_message: str = ""
    report_text: str = ""
    duration_s: float | None = None


class TestResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="test_result"):
    r"""A finished test of a unit: one UUT report in WATS.

    Attributes:
        report_id: the WATS report id, derived: sent twice it overwrites itself.
        device: the id in the topic; the order key and the machine name.
        kind: `results` or `selftest`.
        test_type: as the device named it, or empty; the configuration maps it to an operation code.
        operation_code: sent by the device, or None.
        serial_number: 1 to 100 characters, none of `* % ? [ ] ^ ! / \`.
        part_number: as sent, empty for the configured default.
        revision: as sent, empty for the configured default.
        result: P passed, F failed, E error, T terminated.
        start: aware UTC.
        duration_s: execution time in seconds, or None.
        operator: as sent, or empty.
        fixture: id of the fixture, or empty.
        batch: batch serial number, or empty.
        socket: test socket index, or None.
        steps: in the order sent.
        misc: (description, text) pairs that go to the report's misc infos, what we noticed among them.
        attachments: (name, text) pairs: what did not fit a WATS field, kept whole.
        request_id: names the answer when the report is in WATS, or was refused; empty for no answer.
    """

    __test__ = False  # not a pytest class

    report_id: UUID
    device: str
    kind: str
    serial_number: str
    result: str
    start: datetime
    test_type: str = ""
    operation_code: int | None = None
    part_number: str = ""
    revision: str = ""
    duration_s: float | None = None
    operator: str = ""
    fixture: str = ""
    batch: str = ""
    socket: int | None = None
    steps: tuple[Step, ...] = ()
    misc: tuple[tuple[str, str], ...] = ()
    attachments: tuple[tuple[str, str], ...] = ()
    request_id: str = ""


class AssetCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_counts"):
    """What an asset's counters say; folded.

    Attributes:
        asset: serial number of the asset: the id in the topic.
        total: newest absolute total count, or None where the device sends none.
        running: newest absolute running count, or None.
        added: sum of all increments the device ever sent (each counted once); the durable half of its ledger.
        as_of_us: time of the absolute values, in microseconds since 1970 UTC: the device's own where it sends one, else
            ours. An older one that arrives late does not overwrite a newer. 0 where there is none.
        running_as_of_us: time of `running` where it is another than the total's; else None.
    """

    asset: str
    total: int | None = None
    running: int | None = None
    added: int = 0
    as_of_us: int = 0
    running_as_of_us: int | None = None


class AssetState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_state"):
    """What an asset does now; folded.

    Attributes:
        asset: serial number of the asset.
        status: the device's word, lower case.
        state: the WATS asset state it means: 1 in operation, 3 in maintenance, 4 in calibration; None where the word
            changes none (online, offline, idle).
        as_of_us: as in `AssetCounts`.
    """

    asset: str
    status: str
    state: int | None = None
    as_of_us: int = 0


class AssetEnvironment(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_environment"
):
    """The newest value of each environmental channel of an asset; folded by channel.

    Attributes:
        asset: serial number of the asset.
        channels: channel name to its newest value, as the device named it (`temperature_c`).
        as_of_us: as in `AssetCounts`, of the newest channel.
        older_us: channel name to its time, of the channels that are older than that.
    """

    asset: str
    channels: dict[str, float]
    as_of_us: int = 0
    older_us: dict[str, int] = {}


Latest: TypeAlias = AssetCounts | AssetState | AssetEnvironment


class Relayed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="relayed"):
    """An event owed to an event bus as it happened: telemetry too is delivered one by one, and not folded.

    Attributes:
        id: derived; the same for every hand-over of this event.
        correlation_id: derived; the same for all events of one message.
        topic: where its message came.
        received_at_us: when, in microseconds since 1970 UTC.
        event: what happened.
    """

    id: UUID
    correlation_id: UUID
    topic: str
    received_at_us: int
    event: TestResult | Latest


Ordered: TypeAlias = TestResult | Relayed
ORDERED = (TestResult, Relayed)
"""The same for `isinstance`, which looks through a tuple faster than through a union."""
Event: TypeAlias = Ordered | Latest


class Identified(msgspec.Struct, frozen=True, gc=False):
    """An event with what makes it unique.

    Attributes:
        event: what happened.
        identity: None where arriving twice does no harm (absolute telemetry), or where there is nothing to tell by.
    """

    event: Event
    identity: Identity | None = None


class AssetUpdate(msgspec.Struct, frozen=True, gc=False):
    """All that one message says of an asset, where these are values at one time, as in nearly every message.

    It stands for the events that iterating it gives, in one object instead of one each: a fleet sends a hundred
    thousand of these a second. None of them needs an identity, since arriving twice they say the same.

    Attributes:
        asset: serial number of the asset.
        as_of_us: as in `AssetCounts`; for all values.
        total: absolute total count, or None.
        running: absolute running count, or None.
        status: the device's word, lower case, or empty.
        state: as in `AssetState`.
        channels: as in `AssetEnvironment`; empty for none.
    """

    asset: str
    as_of_us: int
    total: int | None
    running: int | None
    status: str
    state: int | None
    channels: dict[str, float]

    def events(self) -> list[Latest]:
        """Give the events it stands for, at least one, in the order of `Latest`."""
        events: list[Latest] = []
        if self.total is not None or self.running is not None:
            counts = AssetCounts(asset=self.asset, total=self.total, running=self.running, as_of_us=self.as_of_us)
            events.append(counts)
        if self.status:
            events.append(AssetState(asset=self.asset, status=self.status, state=self.state, as_of_us=self.as_of_us))
        if self.channels:
            events.append(AssetEnvironment(asset=self.asset, channels=self.channels, as_of_us=self.as_of_us))
        return events

    def __iter__(self) -> Iterator[Identified]:
        return map(Identified, self.events())


def is_latest(event: Event) -> bool:
    """Tell whether an event is folded rather than delivered one by one."""
    return not isinstance(event, Ordered)


def counts_twice(events: tuple[Identified, ...] | AssetUpdate) -> bool:
    """Tell whether a message with these events, at least one, counts twice when it arrives twice.

    Counts come first where there are any; absolute ones say the same twice.
    """
    if isinstance(events, AssetUpdate):
        return False
    first = events[0]
    if first.identity is not None:
        return False
    return first.event.added > 0 if isinstance(first.event, AssetCounts) else isinstance(first.event, Ordered)


def order_key(event: Event) -> str:
    """Name the line in which an event keeps its order: the device, or the asset."""
    if isinstance(event, Relayed):
        return order_key(event.event)
    return event.device if isinstance(event, TestResult) else event.asset


def kind_of(event: Event) -> str:
    """Name the kind of an event as it is stored: its tag."""
    return kind_of_type(type(event))


def kind_of_type(event_type: type[Event]) -> str:
    """Name the kind of all events of a type."""
    return str(event_type.__struct_config__.tag)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """Pack an event for the spool."""
    return _encoder.encode(event)


def decode(packed: bytes) -> Event:
    """Unpack an event from the spool.

    Raises:
        msgspec.DecodeError: the bytes are no event of this version or an older one.
    """
    return _decoder.decode(packed)
