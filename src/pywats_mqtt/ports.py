"""Every boundary of the bridge as a Protocol, and the values that cross it.

The loops of `pipeline` and the functions of `handlers` know these and no shell. The implementations live in
`transport`, `spool` and `wats`, and only `app` and `cli` name them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from pywats_mqtt.events import AssetUpdate, Event, Identified, TestResult
from pywats_mqtt.messages import RawMessage


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Give the present time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go back, from an arbitrary start."""
        ...


# --- Broker -----------------------------------------------------------------------------------------------------------


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """How the connection to the broker stands; a new value at each change.

    Attributes:
        connected: whether CONNACK said success, and the connection still stands.
        reason: why it does not, and what to do about it; empty while connected.
        session_present: what CONNACK said of a stored session.
        session_lost: a session was expected and the broker had none: what it queued for us is gone.
        session_expiry_s: seconds the broker keeps our session after a disconnect, as granted.
        broker: host:port.
    """

    connected: bool
    reason: str = ""
    session_present: bool = False
    session_lost: bool = False
    session_expiry_s: int = 0
    broker: str = ""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What came in one go, to be stored in one transaction and then acknowledged as a whole.

    Attributes:
        messages: in order of arrival.
        released: QoS 2 packet ids whose PUBREL came; they are forgotten before `messages` are looked at.
        fresh_session: the broker began a new session: all remembered packet ids are void, first of all.
        connection: counts the connections; an acknowledgement for a former one is not sent (the broker sends again).
        acks: what the transport needs to acknowledge; opaque to all others.
    """

    messages: tuple[RawMessage, ...]
    released: tuple[int, ...] = ()
    fresh_session: bool = False
    connection: int = 0
    acks: bytes | tuple[object, ...] = ()


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A message to publish.

    Attributes:
        topic: a valid topic name.
        payload: its bytes.
        qos: 0, 1 or 2; lowered to what the broker grants.
        retain: whether the broker keeps it for later subscribers.
        user_properties: MQTT 5 user properties.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    user_properties: tuple[tuple[str, str], ...] = ()


class Broker(Protocol):
    """An MQTT session that stores nothing itself: what is received is acknowledged when the caller says it is safe."""

    async def receive(self) -> Receipt:
        """Wait for what comes next; bounded in messages and bytes. While nobody waits, reading the network pauses."""
        ...

    def acknowledge(self, receipt: Receipt) -> None:
        """Acknowledge all of a stored receipt, in order, in one write. Called once for each receipt, in their order."""
        ...

    async def publish(self, publication: Publication) -> None:
        """Publish, and return when the broker has acknowledged it (QoS 0: when it is written).

        Waits through reconnects; the caller bounds the wait.

        Raises:
            Reject: the broker refuses this publication for good (topic, size, authorisation).
        """
        ...

    @property
    def link(self) -> Link:
        """How the connection stands."""
        ...


# --- Spool ------------------------------------------------------------------------------------------------------------


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why a message or a delivery stands in quarantine.

    Attributes:
        reason: one sentence: what was expected and what was there.
        path: where, such as `$.steps[0].value`; empty where the whole is meant.
        device: who sent it where the topic tells, else empty.
    """

    reason: str
    path: str = ""
    device: str = ""


Outcome: TypeAlias = tuple[Identified, ...] | AssetUpdate | Rejection
"""What became of one message: its events (none: it says nothing, as a cleared retained one), or why it was refused."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Messages stored in one transaction.

    Attributes:
        number: grows by one with each stored batch, from 1; survives restarts.
        messages: what was stored, in order of arrival, without QoS 2 packets that were stored before.
    """

    number: int
    messages: tuple[RawMessage, ...]


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
    """Goes to quarantine."""

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
            delivery, which many messages were folded into, its event as JSON instead.
        kind: `message` where the message was refused, else the kind of the refused delivery; an `asset_…` one is a
            latest delivery.
    """

    id: int
    topic: str
    device: str
    reason: str
    path: str
    received_at_us: int
    payload: bytes
    kind: str = "message"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the spool has counted since it was made; all survive a restart.

    `stored` = `delivered` + `waiting` + what was ever quarantined + `duplicates` + `ignored`.

    Attributes:
        received: messages that reached the spool, QoS 2 repeats included.
        stored: messages committed.
        acknowledged: PUBACK, PUBREC sent for stored messages, and QoS 0 messages, which need none; may lag behind by
            one transaction after a crash.
        delivered: messages whose effect is in WATS.
        retried: tries that failed and were put off.
        waiting: messages stored and neither delivered nor refused yet.
        quarantined: rows in quarantine now.
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
    duplicates: int = 0
    conflicts: int = 0
    ignored: int = 0
    size_bytes: int = 0


class Notes(Protocol):
    """Small durable facts by name: the client id, a ledger's base, calls of the last minute."""

    async def note(self, name: str) -> bytes | None:
        """Give what was written under a name, or None."""
        ...

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Write (None: remove) a note; durable when it returns."""
        ...


class Spool(Notes, Protocol):
    """The store of one bridge: what was received, what is owed, what was refused. One owner at a time."""

    async def put(self, receipt: Receipt) -> Batch | None:
        """Store a receipt; return after the commit was synced, with what was stored (None: nothing new).

        Waits while the spool is at its bound in bytes.

        Raises:
            Retry: it cannot be stored now (disk full); nothing of the receipt was. Scope SERVER.
        """
        ...

    async def unrouted(self, after: int, limit: int) -> Sequence[Batch]:
        """Read back stored batches that are not routed, with numbers above `after`, oldest first."""
        ...

    async def route(self, batch: Batch, outcomes: Sequence[Outcome]) -> RoutedBatch:
        """Turn a batch into deliveries and quarantine rows in one transaction, and forget its raw messages.

        `outcomes` are in the order of `batch.messages`. Events whose identity is known with the same digest are
        dropped; with another digest the message goes to quarantine as `identity conflict`. Batches are routed in
        their order.
        """
        ...

    async def lease(self, limit: int, now_us: int, *, skip_kinds: frozenset[str] = frozenset()) -> Sequence[Delivery]:
        """Lease ordered deliveries that are due: the oldest of each key, at most one a key, in order of id."""
        ...

    async def lease_latest(
        self, limit: int, now_us: int, *, settled_before_us: int, skip_kinds: frozenset[str] = frozenset()
    ) -> Sequence[Delivery]:
        """Lease latest deliveries that changed since they were last settled, if that was before `settled_before_us`.

        The longest owed come first.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record what became of leased deliveries; durable when it returns. Each lease ends here."""
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

    async def quarantined(self, limit: int, after: int = 0) -> Sequence[Quarantined]:
        """Read the quarantine from id `after` on (exclusive), oldest first."""
        ...


# --- WATS -------------------------------------------------------------------------------------------------------------


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """What WATS says of an asset.

    Attributes:
        id: WATS' asset id, a string of digits.
        serial_number: the device's id.
        state: 0 to 6, see `AssetState.state`.
        running: running count.
        total: total count.
        tags: tag key to value.
    """

    id: str
    serial_number: str
    state: int
    running: int
    total: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class Wats(Protocol):
    """What the bridge asks of a WATS server. Every call counts against the quota; failures are Retry or Reject."""

    async def submit_report(self, result: TestResult) -> None:
        """Store a UUT report under its derived id; sent twice, it overwrites itself."""
        ...

    async def asset(self, serial_number: str) -> Asset:
        """Read an asset, fresh from the server; create it where it is missing and `create_assets` is on.

        Raises:
            Reject: there is no such asset and none may be made, or WATS refuses the serial number.
        """
        ...

    async def set_total_count(self, serial_number: str, total: int) -> None:
        """Make WATS' total `total`: it adds the difference to running and total. A lower value changes nothing."""
        ...

    async def set_running_count(self, serial_number: str, running: int) -> None:
        """Make WATS' running count `running`; needs the permission "Edit Total count" (else Retry, scope CALL)."""
        ...

    async def set_state(self, serial_number: str, state: int) -> None:
        """Set the asset's state."""
        ...

    async def set_tags(self, serial_number: str, tags: Mapping[str, str]) -> None:
        """Merge tags into the asset's and write the full list, keys made XML-safe."""
        ...
