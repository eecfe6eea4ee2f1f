"""The durable store, and what crosses that boundary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from pywats_mqtt.events import AssetUpdate, Event, Identified
from pywats_mqtt.folding.updates import Updates
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports.broker import Receipt
from pywats_mqtt.ports.handover import Handover
from pywats_mqtt.ports.trace import Trace


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why a message or a delivery stands in quarantine.

    Attributes:
        reason: one sentence: what was expected and what was there.
        path: where, such as `$.steps[0].value`; empty where the whole is meant.
        device: who sent it where the topic tells, else empty.
        kept: what is kept in place of the payload, where that is too large for quarantine.
    """

    reason: str
    path: str = ""
    device: str = ""
    kept: bytes | None = None


Outcome: TypeAlias = tuple[Identified, ...] | AssetUpdate | Rejection
"""What became of one message: its events (none: it says nothing, as a cleared retained one), or why it was refused."""

Gathered: TypeAlias = tuple[Identified, ...] | Updates | Rejection
"""The same of a message among those of its batch: it may be one of several updates of an asset that are kept as one."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Messages stored in one transaction.

    Attributes:
        number: grows by one with each stored batch, from 1; survives restarts.
        messages: what was stored, in order of arrival, without QoS 2 packets that were stored before.
        stored_at_us: when, in microseconds since 1970 UTC; 0 where that is not known.
    """

    number: int
    messages: tuple[RawMessage, ...]
    stored_at_us: int = 0


class Delivery(msgspec.Struct, frozen=True):
    """An event owed to WATS, leased to its caller until settled.

    Attributes:
        id: the spool's number; ordered deliveries of one key have growing ids.
        key: the line whose order is kept: a device, or an asset.
        kind: `events.kind_of` of the event.
        event: what happened.
        attempts: how often it used up an attempt before.
        messages: how many messages it carries (a latest one: those folded since it was last delivered).
        version: of a latest one, what settles: a newer fold since the lease stays owed. 0 for ordered ones.
    """

    id: int
    key: str
    kind: str
    event: Event
    attempts: int = 0
    messages: int = 1
    version: int = 0


class Done(msgspec.Struct, frozen=True):
    """Its effect is in WATS."""

    delivery: Delivery


class RetryAt(msgspec.Struct, frozen=True):
    """Owed still; not before `at_us` (microseconds since 1970 UTC; 0: as soon as it can be leased)."""

    delivery: Delivery
    at_us: int
    cause: str
    uses_attempt: bool


class Refused(msgspec.Struct, frozen=True):
    """Goes to quarantine; a latest one in place of the row it had there in this run, since it says all of that."""

    delivery: Delivery
    rejection: Rejection


Settlement: TypeAlias = Done | RetryAt | Refused


class RoutedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What routing a batch led to.

    Attributes:
        ordered: deliveries created.
        folded: latest events folded.
        duplicates: messages dropped, all of whose events were known before.
        quarantined: messages put in quarantine, identity conflicts among them.
        ignored: messages that say nothing.
        unidentified: messages that would count twice if they arrived twice: they named no id, sequence or time.
    """

    ordered: int = 0
    folded: int = 0
    duplicates: int = 0
    quarantined: int = 0
    ignored: int = 0
    unidentified: int = 0


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the quarantine.

    Attributes:
        id: its number.
        topic, device, reason, path: as refused.
        received_at_us: when the message arrived.
        payload: the bytes of the message, also where WATS refused the delivery made of it. Of a refused latest
            delivery, which many messages were folded into, its event as JSON instead; so of what folding told.
        kind: `message` where the message was refused, else the kind of the refused delivery.
    """

    id: int
    topic: str
    device: str
    reason: str
    path: str
    received_at_us: int
    payload: bytes
    kind: str = "message"


class Kept(msgspec.Struct, frozen=True):
    """A row of the quarantine with all that a new try needs.

    Attributes:
        id, device, kind, reason: as in `Quarantined`.
        message: as received; of a refused latest delivery its event as JSON instead, on the topic of its last message.
        path: as in `Quarantined`.
    """

    id: int
    device: str
    kind: str
    reason: str
    message: RawMessage
    path: str = ""


class Release(msgspec.Struct, frozen=True):
    """A row of the quarantine to be tried again.

    Attributes:
        id: its number.
        forget: keys of the identities that would make a duplicate or a conflict of it.
    """

    id: int
    forget: tuple[bytes, ...] = ()


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the spool has counted since it was made; all survive a restart.

    `stored` = `delivered` + `waiting` + what was ever quarantined + `duplicates` + `ignored` + what was owed and is
    exported. A message that is released from quarantine counts as stored once more.

    Attributes:
        received: messages that reached the spool, QoS 2 repeats included.
        stored: messages committed.
        acknowledged: PUBACK, PUBREC sent for stored messages, and QoS 0 messages, which need none; may lag behind by
            one transaction after a crash.
        delivered: messages whose effect is in WATS.
        retried: tries that failed and were put off.
        waiting: messages stored and neither delivered nor refused yet.
        quarantined: rows in quarantine now.
        discarded: rows of the quarantine that a person threw away.
        dropped: lane to the rows that were dropped by rule: of the `quarantine` and of `telemetry` those that were too
            old, and `identities` that were forgotten before their time because the spool was full.
        exported: handed over to another bridge and not revoked: messages that were owed, and rows of the quarantine.
        duplicates: messages known before.
        conflicts: messages with a known id and another content (in quarantine).
        ignored: messages that say nothing.
        size_bytes: size of the spool on disk.
    """

    received: int = 0
    stored: int = 0
    acknowledged: int = 0
    delivered: int = 0
    retried: int = 0
    waiting: int = 0
    quarantined: int = 0
    discarded: int = 0
    dropped: dict[str, int] = {}
    exported: int = 0
    duplicates: int = 0
    conflicts: int = 0
    ignored: int = 0
    size_bytes: int = 0


class Staleness(msgspec.Struct, frozen=True, kw_only=True):
    """How old what WATS holds of one kind of telemetry is, where something newer is owed.

    Attributes:
        owed: assets of which something newer is owed.
        p50_s: half of them have been owed for at most so many seconds.
        p95_s: nineteen in twenty.
        max_s: all.
        longest: the asset that has been owed longest.
    """

    owed: int
    p50_s: float
    p95_s: float
    max_s: float
    longest: str


class Notes(Protocol):
    """Small durable facts by name: the client id, a ledger's base, calls of the last minute."""

    async def note(self, name: str) -> bytes | None:
        """Give what was written under a name, or None."""
        ...

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Write (None: remove) a note; durable when it returns."""
        ...

    async def notes(self, prefix: str) -> Mapping[str, bytes]:
        """Give all notes whose name begins so, by name."""
        ...


class Spool(Notes, Handover, Protocol):
    """The store of one bridge: what was received, what is owed, what was refused. One owner at a time."""

    async def put(self, receipt: Receipt) -> Batch | None:
        """Store a receipt; return after the commit was synced, with what was stored (None: nothing new).

        Waits while the spool is at its bound in bytes, or the disk has too little left.

        Raises:
            Retry: it cannot be stored now (disk full); nothing of the receipt was. Scope SERVER.
        """
        ...

    async def unrouted(self, after: int, limit: int) -> Sequence[Batch]:
        """Read back stored batches that are not routed, with numbers above `after`, oldest first."""
        ...

    async def route(self, batch: Batch, outcomes: Sequence[Gathered]) -> RoutedBatch:
        """Turn a batch into deliveries and quarantine rows in one transaction, and forget its raw messages.

        `outcomes` are in the order of `batch.messages`, one for each; of updates that are kept as one
        (`folding.updates.gathered`) each has the same. Events whose identity is known with the same digest are dropped;
        with another digest the message goes to quarantine as `identity conflict`. Batches are routed in their order.

        A crash of the bridge undoes nothing of it. Where power goes, what was routed and settled in the last moment,
        and written by nobody since, may be as before: then it is done again, from the same messages in the same order.
        """
        ...

    async def lease(
        self,
        limit: int,
        now_us: int,
        *,
        skip_kinds: frozenset[str] = frozenset(),
        busy_kinds: frozenset[str] = frozenset(),
    ) -> Sequence[Delivery]:
        """Lease ordered deliveries that are due: the oldest of each key, at most one a key, in order of id.

        Lines whose oldest is of a kind in `skip_kinds` (refused, and perhaps for long) or in `busy_kinds` (enough of
        it is leased) are left alone.
        """
        ...

    async def lease_latest(
        self, limit: int, now_us: int, *, settled_before_us: int, skip_kinds: frozenset[str] = frozenset()
    ) -> Sequence[Delivery]:
        """Lease latest deliveries that changed since they were last settled, if that was before `settled_before_us`.

        The longest owed come first.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record what became of leased deliveries; as durable as `route`. Each lease ends here."""
        ...

    async def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """End leases that nobody used: they are owed as before."""
        ...

    async def next_due_us(self) -> int | None:
        """Tell when the earliest delivery that waits for its time is due; None where none waits."""
        ...

    def tally_acknowledged(self, count: int) -> None:
        """Count acknowledgements; kept with the next transaction."""
        ...

    async def figures(self) -> Figures:
        """Count what is there."""
        ...

    async def staleness(self, now_us: int) -> Mapping[str, Staleness]:
        """Tell for each kind of latest delivery of which something is owed how long it has been; goes through all."""
        ...

    async def quarantined(self, limit: int, after: int = 0) -> Sequence[Quarantined]:
        """Read the quarantine from id `after` on (exclusive), oldest first; fewer where they are large."""
        ...

    async def kept(self, numbers: Sequence[int]) -> Sequence[Kept]:
        """Read these rows of the quarantine, oldest first; those that are not there are left out."""
        ...

    async def release(self, releases: Sequence[Release]) -> Batch | None:
        """Take rows out of the quarantine, and store their messages anew, in one batch that is still to be routed.

        Of a refused latest delivery what is known now is owed once more. Rows that are not there are left out.

        Returns:
            What was stored; None where no message was.

        Raises:
            Retry: it cannot be stored now (disk full); nothing was released.
        """
        ...

    async def discard(self, numbers: Sequence[int]) -> int:
        """Throw rows of the quarantine away for good; tells how many there were."""
        ...

    async def traces(self, word: str, limit: int) -> Sequence[Trace]:
        """Give what is remembered of the messages that this names: a serial number, message id or report id.

        The newest ones, oldest first. What is in quarantine as a message is not among them until it leaves it.
        """
        ...
