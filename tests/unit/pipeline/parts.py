"""Parts for the loops' tests: a clock that is set, a spool in memory, results by number."""

from __future__ import annotations

from datetime import datetime, timedelta

from pywats_mqtt.events import Identified, TestResult, identify
from pywats_mqtt.messages import EPOCH, RawMessage
from pywats_mqtt.ports import Batch, Receipt, Spool


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> datetime:
        """Give the time set."""
        return EPOCH + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Give the same in seconds."""
        return self.seconds

    def real_s(self, seconds: float) -> float:
        """Wait as long as on a real clock."""
        return seconds


def message(device: str, number: int) -> RawMessage:
    """Make a message that carries a number."""
    return RawMessage(f"testers/{device}/results", str(number).encode(), 0, 1)


def result_of(received: RawMessage) -> tuple[Identified, ...]:
    """Interpret a message of `message`: a result with the number as its serial number."""
    device, number = received.topic.split("/")[1], received.payload.decode()
    identity = identify(("results", device, number), received.payload)
    event = TestResult(
        report_id=identity.id, device=device, kind="results", serial_number=number, result="P", start=EPOCH
    )
    return (Identified(event, identity),)


async def put(spool: Spool, *messages: RawMessage) -> Batch:
    """Store messages as one batch."""
    batch = await spool.put(Receipt(messages))
    assert batch is not None
    return batch


async def put_and_route(spool: Spool, *messages: RawMessage) -> None:
    """Store and route messages as one batch."""
    batch = await put(spool, *messages)
    await spool.route(batch, [result_of(each) for each in batch.messages])
