"""What a simulated device publishes, and the entry of the journal that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one message that the other end must show.

    Attributes:
        message_id: unique, also over several runs with the same seed.
        device: the id in the topic.
        number: 1, 2, 3 … of this device in this run, over all its kinds of message.
        kind: `result`, `selftest`, `counters`, `status` or `environment`.
        serial_number: of the tested unit; empty for telemetry. A unit that failed is tested again under the same.
        start: when the test began, ISO 8601; with the serial number it names one result. Empty for telemetry.
        passed: the verdict; None for telemetry.
        total: total count a fixture stated, or None.
        running: running count a fixture stated, or None.
        status: the word a fixture stated, or empty.
    """

    message_id: str
    device: str
    number: int
    kind: str
    serial_number: str = ""
    start: str = ""
    passed: bool | None = None
    total: int | None = None
    running: int | None = None
    status: str = ""

    @property
    def is_result(self) -> bool:
        """Whether WATS must hold a report for it."""
        return self.kind in {"result", "selftest"}


class Outgoing(msgspec.Struct, frozen=True):
    """A message to publish at QoS 1."""

    topic: str
    payload: bytes
    entry: Entry


def json_bytes(payload: Mapping[str, object]) -> bytes:
    """Encode a payload as a device does: JSON, no spaces."""
    return msgspec.json.encode(payload)


def iso(moment: datetime) -> str:
    """Write an aware UTC time as devices do: microseconds and `Z`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
