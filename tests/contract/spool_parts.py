"""What the spool's tests are made of: a clock to set, short messages and events, and whole steps of the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pywats_mqtt.events import (
    AssetCounts,
    AssetSamples,
    AssetState,
    Event,
    Identified,
    Identity,
    Stats,
    TestResult,
    Window,
)
from pywats_mqtt.messages import RawMessage, from_us
from pywats_mqtt.ports import Batch, Delivery, Gathered, Receipt, RoutedBatch, Spool
from pywats_mqtt.spool import MemorySpool, SqliteSpool

START_US = 1_700_000_000_000_000
ALWAYS_US = START_US * 2
"""As `settled_before_us`: whenever it was settled."""


class SetClock:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.now_us = START_US

    def now(self) -> datetime:
        """Give the set time."""
        return from_us(self.now_us)

    def monotonic(self) -> float:
        """Give the seconds since the start."""
        return (self.now_us - START_US) / 1e6


@asynccontextmanager
async def open_spool(kind: str, folder: Path, clock: SetClock) -> AsyncIterator[Spool]:
    """Open the spool `kind` names: memory or sqlite, the latter on the one file of a folder."""
    if kind == "memory":
        yield MemorySpool(clock=clock)
        return
    async with SqliteSpool.open(folder / "spool.db", clock=clock) as spool:
        yield spool


def message(number: int = 0, *, packet_id: int = 0, topic: str = "") -> RawMessage:
    """Make a message whose payload names its number."""
    return RawMessage(
        topic or f"testers/T{number % 3}/results",
        f"payload {number}".encode(),
        START_US + number,
        qos=2 if packet_id else 1,
        packet_id=packet_id,
    )


def messages(count: int) -> tuple[RawMessage, ...]:
    """Make numbered messages."""
    return tuple(message(number) for number in range(count))


def result(device: str, number: int = 0) -> TestResult:
    """Make a test result; `number` is its report id and its serial number."""
    return TestResult(
        report_id=UUID(int=number),
        device=device,
        kind="results",
        serial_number=f"SN{number}",
        result="P",
        start=datetime(2026, 1, 1, tzinfo=UTC),
    )


def counts(asset: str, total: int, *, added: int = 0, as_of_us: int = START_US) -> AssetCounts:
    """Make counts."""
    return AssetCounts(asset=asset, total=total, added=added, as_of_us=as_of_us)


def state(asset: str, status: str, *, as_of_us: int = START_US) -> AssetState:
    """Make a state."""
    return AssetState(asset=asset, status=status, as_of_us=as_of_us)


def samples(asset: str, at_us: int) -> AssetSamples:
    """Make a sample in a window of ten microseconds."""
    window = Window(at_us - at_us % 10, 10, {"t": (Stats("V", 1, 1.0, 1.0, 1.0),)})
    return AssetSamples(asset=asset, windows=(window,), as_of_us=at_us, late_us=3)


def says(*events: Event) -> tuple[Identified, ...]:
    """Make the outcome of a message whose events have no identity."""
    return tuple(Identified(event) for event in events)


def identified(event: Event, number: int, digest: bytes = b"digest") -> Identified:
    """Make an event with an identity."""
    return Identified(event, Identity(UUID(int=number), digest))


async def put(spool: Spool, count: int) -> Batch:
    """Store numbered messages."""
    batch = await spool.put(Receipt(messages(count)))
    assert batch is not None
    return batch


async def take_in(spool: Spool, outcomes: Sequence[Gathered]) -> RoutedBatch:
    """Store as many messages as there are outcomes, and route them so."""
    return await spool.route(await put(spool, len(outcomes)), outcomes)


async def lease(spool: Spool, limit: int = 100, now_us: int = START_US) -> list[Delivery]:
    """Lease ordered deliveries."""
    return list(await spool.lease(limit, now_us))


async def lease_latest(
    spool: Spool, limit: int = 100, now_us: int = START_US, settled_before_us: int = ALWAYS_US
) -> list[Delivery]:
    """Lease latest deliveries, however recently they were settled."""
    return list(await spool.lease_latest(limit, now_us, settled_before_us=settled_before_us))


def serials(deliveries: Sequence[Delivery]) -> list[str]:
    """Give the serial numbers of leased results, in their order."""
    return [delivery.event.serial_number for delivery in deliveries if isinstance(delivery.event, TestResult)]
