"""What the spool remembers of a message's way, for `trace`."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Became: TypeAlias = Literal["delivery", "folded", "duplicate", "refused"]
Settled: TypeAlias = Literal["", "delivered", "quarantined", "exported"]
Left: TypeAlias = Literal["", "released", "discarded", "exported"]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The way of one message; of one that owes several deliveries, one for each.

    Times are microseconds since 1970 UTC; 0 is not yet, or not known.

    Attributes:
        id: grows with time.
        subject: serial number of the unit, else the asset, station or line it is about; as far as is known.
        message_id: as sent, or empty.
        report_id: of the report in WATS, or empty.
        identity: what a repeat is known by, or empty.
        topic, received_at_us, qos, retain: as received.
        packet_id: the broker's, 0 for QoS 0.
        batch: number of the transaction that stored it.
        stored_at_us: when that was.
        read_at_us: when it was interpreted.
        became: an ordered delivery, part of a latest one, nothing since it came before, or since it was refused.
        kind: of its event, or `message`.
        version: of the latest delivery it was folded into.
        tries: how often delivering failed.
        causes: (when, why) of the last failures.
        settled: how it ended; empty while it is owed.
        settled_at_us: when.
        reason: why it is in quarantine.
        left: how it left the quarantine.
        left_at_us: when.
        left_batch: the transaction that stored it anew; of what was exported the number of the export.
        origin: bridge and export it was imported from, in words; empty where its message came here. Its batch is 0.
        due_us: an ordered delivery that is owed is not tried before this; 0: at once. None where none is owed here.
    """

    id: int
    subject: str = ""
    message_id: str = ""
    report_id: str = ""
    identity: bytes = b""
    topic: str
    received_at_us: int
    qos: int
    retain: bool
    packet_id: int = 0
    batch: int = 0
    stored_at_us: int = 0
    read_at_us: int = 0
    became: Became = "delivery"
    kind: str = "message"
    version: int = 0
    tries: int = 0
    causes: tuple[tuple[int, str], ...] = ()
    settled: Settled = ""
    settled_at_us: int = 0
    reason: str = ""
    left: Left = ""
    left_at_us: int = 0
    left_batch: int = 0
    origin: str = ""
    due_us: int | None = None

    def is_about(self, word: str) -> bool:
        """Tell whether a word names its unit, its message or its report."""
        return word in {self.subject, self.message_id} or (bool(self.report_id) and self.report_id == word.lower())
