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
        kind: the topic's last level, but `result` for results and `repair` for repairs.
        machine: who the report names, where it is not the device.
        serial_number: of the unit, or number of the batch; empty where there is none. A unit that failed is tested
            again under the same.
        start: when the test or repair began, ISO 8601; with the serial number it names one report. Else empty.
        passed: the verdict of a test or repair, or None.
        total: total count a fixture stated, or None.
        running: running count a fixture stated, or None.
        status: the word a fixture stated, or empty.
        place: where the unit is, or empty.
        logged: the log of the device's asset must show it once; its text holds the message id.
        tags: tags that the device's asset must have, until a later message says otherwise.
    """

    message_id: str
    device: str
    number: int
    kind: str
    machine: str = ""
    serial_number: str = ""
    start: str = ""
    passed: bool | None = None
    total: int | None = None
    running: int | None = None
    status: str = ""
    place: str = ""
    logged: bool = False
    tags: dict[str, str] = {}

    @property
    def is_result(self) -> bool:
        """Whether WATS must hold a report for it."""
        return self.kind in {"result", "selftest", "repair", "batch"}


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
