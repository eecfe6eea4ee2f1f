"""What an operator may know: the health of a running bridge as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from pywats_mqtt.clocks.table import Shown
from pywats_mqtt.guarantees import Guarantee, Seen
from pywats_mqtt.ports import Export, Figures, Link, Room, Staleness
from pywats_mqtt.ports.handover import unfinished

UNKNOWN_NAMES = 50
"""Unknown fields of a topic filter that are counted by name: a device that makes up names fills no memory."""
UNKNOWN_CHARACTERS = 100
OTHERS = "…"
"""What the others are counted as."""


class Station(msgspec.Struct, kw_only=True):
    """What units did at one station since the bridge started.

    Attributes:
        entered, exited: units.
        inside: units that entered and neither left nor turned up elsewhere, as far as was seen.
        stays: stays whose both ends are known.
        mean_s: how long they took on average, in seconds.
        longest_s: the longest of them.
        last_s: the last one that ended.
        missing_exits: units that turned up elsewhere without having left here.
        missing_entries: units that left here without having entered.
    """

    entered: int = 0
    exited: int = 0
    inside: int = 0
    stays: int = 0
    mean_s: float = 0.0
    longest_s: float = 0.0
    last_s: float = 0.0
    missing_exits: int = 0
    missing_entries: int = 0

    def stayed(self, seconds: float) -> None:
        """Count a stay."""
        self.stays += 1
        self.mean_s = round(self.mean_s + (seconds - self.mean_s) / self.stays, 3)
        self.longest_s = max(self.longest_s, seconds)
        self.last_s = seconds


class Shopfloor(msgspec.Struct, kw_only=True):
    """What the shop floor's events told since the bridge started.

    Attributes:
        stations: by id.
        older_events: events that were older than what was known of their unit, and moved nothing.
        reported_ids: station or line to the other id that its payloads name; the topic's is the one that counts.
        unread_fields: kind of message to the names of fields that were sent and are not known.
        unknown_processes: place to why its configured operation was not set, and what to do.
    """

    stations: dict[str, Station] = msgspec.field(default_factory=dict)
    older_events: int = 0
    reported_ids: dict[str, str] = msgspec.field(default_factory=dict)
    unread_fields: dict[str, str] = msgspec.field(default_factory=dict)
    unknown_processes: dict[str, str] = msgspec.field(default_factory=dict)


class StreamFigures(msgspec.Struct, kw_only=True):
    """What became of streams of measurements since the bridge started.

    Attributes:
        opened: streams that began.
        ended: by what they ended: `result`, `unit_exited`, `end` or `timeout`.
        late_messages: messages whose samples came after the end of their stream, and went into its report.
    """

    opened: int = 0
    ended: dict[str, int] = msgspec.field(default_factory=dict)
    late_messages: int = 0


class CallRate(msgspec.Struct, frozen=True, kw_only=True):
    """How fast WATS is called.

    Attributes:
        now: calls a minute at most, as much as WATS accepts; 0 where neither it nor the configuration sets a limit.
        limit: `wats.requests_per_minute`.
        why: why `now` is below it, or not 0 where that is; else empty.
    """

    now: int = 0
    limit: int = 0
    why: str = ""


MOST_INEXACT = 1_000
"""Assets that are named; whoever has more looks at the routes instead."""


class Health(msgspec.Struct, kw_only=True):
    """What the running bridge knows and the spool does not; changed by the loops, read by `status`.

    Attributes:
        link: how the broker connection stands.
        granted: topic filter to what the broker granted: `QoS 1`, or why it refused.
        sessions_lost: how often a session was expected and not there, since the spool was made.
        wats_reachable: whether the last call to WATS got through; None before the first.
        wats_problem: why not, and what to do; empty while it is reachable.
        refused_calls: kind of call to why WATS refuses it (403), and what to do.
        not_exactly_once: topic filter to the number of messages that named nothing to tell a repeat by.
        unknown_fields: topic filter to the fields that nobody reads, and in how many messages since the start they were
            seen; of plain telemetry one message a batch is looked at, so there it is the least.
        seen: topic filter to what was seen of the QoS and the retain flag of its messages.
        counters_inexact: asset to how many uses came in increments that named nothing to tell a repeat by, since the
            bridge started: each may be in WATS twice, where its message was delivered twice. Under an empty name those
            of all assets beyond the first thousand.
        shopfloor: stations, and what was noticed about their units.
        streams: streams of measurements.
        counters_backwards: asset to how often its total was below what was counted, since the bridge started.
        clocks: device to how far its clock is off, where that is more than the tolerance; the worst 100.
        server_ahead_s: seconds the clock of WATS is ahead of the bridge's, where that is more; else 0.0.
        rate: how fast WATS is called.
        started_at: when the bridge started.
        room: how much room the spool has, as it was when that changed last.
        draining: it was told to stop, and delivers what it can before it does.
    """

    link: Link = msgspec.field(default_factory=lambda: Link(connected=False, reason="connecting"))
    granted: dict[str, str] = msgspec.field(default_factory=dict)
    sessions_lost: int = 0
    wats_reachable: bool | None = None
    wats_problem: str = ""
    refused_calls: dict[str, str] = msgspec.field(default_factory=dict)
    not_exactly_once: dict[str, int] = msgspec.field(default_factory=dict)
    unknown_fields: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    seen: dict[str, Seen] = msgspec.field(default_factory=dict)
    counters_inexact: dict[str, int] = msgspec.field(default_factory=dict)
    shopfloor: Shopfloor = msgspec.field(default_factory=Shopfloor)
    streams: StreamFigures = msgspec.field(default_factory=StreamFigures)
    counters_backwards: dict[str, int] = msgspec.field(default_factory=dict)
    clocks: dict[str, Shown] = msgspec.field(default_factory=dict)
    server_ahead_s: float = 0.0
    rate: CallRate = CallRate()
    started_at: datetime | None = None
    room: Room = msgspec.field(default_factory=Room)
    draining: bool = False

    def note_unknown(self, topic_filter: str, name: str) -> None:
        """Count a field that nobody reads; beyond `UNKNOWN_NAMES` of a filter they are counted together."""
        counts = self.unknown_fields.setdefault(topic_filter, {})
        shown = name[:UNKNOWN_CHARACTERS]
        if shown not in counts and len(counts) >= UNKNOWN_NAMES:
            shown = OTHERS
        counts[shown] = counts.get(shown, 0) + 1

    def note_inexact(self, asset: str, uses: int) -> None:
        """Note uses of an asset that nothing tells from their repetition."""
        known = asset in self.counters_inexact or len(self.counters_inexact) < MOST_INEXACT
        name = asset if known else ""
        self.counters_inexact[name] = self.counters_inexact.get(name, 0) + uses


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of `status --json`: a contract (figures are those of the spool, see `ports.Figures`).

    `staleness` tells for each kind of telemetry of which something is owed to WATS how long it has been, `room` how
    much room the running bridge's spool has, and `is_checked` whether its file was found whole: before, nothing is
    acknowledged. `is_silent` is a bridge that holds its socket and gave no answer: what is told is that of its spool.
    `unfinished_exports` tells by their ids what is to be done about exports that a command which was killed left.
    """

    running: bool
    connected: bool
    wats_reachable: bool
    received: int
    stored: int
    acknowledged: int
    delivered: int
    retried: int
    waiting: int
    quarantined: int
    discarded: int
    exported: int
    dropped: dict[str, int]
    duplicates: int
    conflicts: int
    ignored: int
    size_bytes: int
    broker: str = ""
    broker_problem: str = ""
    client_id: str = ""
    session_present: bool = False
    session_expiry_s: int = 0
    sessions_lost: int = 0
    granted: dict[str, str] = msgspec.field(default_factory=dict)
    wats_problem: str = ""
    refused_calls: dict[str, str] = msgspec.field(default_factory=dict)
    not_exactly_once: dict[str, int] = msgspec.field(default_factory=dict)
    unknown_fields: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    staleness: dict[str, Staleness] = msgspec.field(default_factory=dict)
    counters_inexact: dict[str, int] = msgspec.field(default_factory=dict)
    shopfloor: Shopfloor = msgspec.field(default_factory=Shopfloor)
    streams: StreamFigures = msgspec.field(default_factory=StreamFigures)
    counters_backwards: dict[str, int] = msgspec.field(default_factory=dict)
    guarantees: list[Guarantee] = msgspec.field(default_factory=list)
    clocks: dict[str, Shown] = msgspec.field(default_factory=dict)
    server_ahead_s: float = 0.0
    rate: CallRate = CallRate()
    room: Room = msgspec.field(default_factory=Room)
    is_checked: bool = False
    is_silent: bool = False
    unfinished_exports: dict[str, str] = msgspec.field(default_factory=dict)
    pid: int = 0
    started_at: datetime | None = None
    draining: bool = False


def status_of(
    figures: Figures,
    health: Health | None,
    *,
    client_id: str = "",
    pid: int = 0,
    staleness: Mapping[str, Staleness] = MappingProxyType({}),
    guarantees: Sequence[Guarantee] = (),
    room: Room | None = None,
    is_checked: bool = False,
    exports: Sequence[Export] = (),
) -> Status:
    """Put together what the spool counts and what the running bridge knows.

    Args:
        figures: from the spool.
        health: None of a bridge that does not run: it is then neither connected nor reaching WATS.
        client_id: the MQTT client id in use.
        pid: process id of the running bridge, 0 where none runs.
        staleness: from the spool.
        guarantees: what is promised, and whether it holds.
        room: from the spool of a running bridge.
        is_checked: from it, too.
        exports: those the spool has.
    """
    counted = {
        **msgspec.structs.asdict(figures),
        "staleness": dict(staleness),
        "guarantees": list(guarantees),
        "unfinished_exports": unfinished(exports),
    }
    if health is None:
        return Status(running=False, connected=False, wats_reachable=False, client_id=client_id, **counted)
    return Status(
        running=True,
        connected=health.link.connected,
        wats_reachable=bool(health.wats_reachable),
        broker=health.link.broker,
        broker_problem=health.link.reason,
        client_id=client_id,
        session_present=health.link.session_present,
        session_expiry_s=health.link.session_expiry_s,
        sessions_lost=health.sessions_lost,
        granted=health.granted,
        wats_problem=health.wats_problem,
        refused_calls=health.refused_calls,
        not_exactly_once=health.not_exactly_once,
        unknown_fields=health.unknown_fields,
        counters_inexact=health.counters_inexact,
        shopfloor=health.shopfloor,
        streams=health.streams,
        counters_backwards=health.counters_backwards,
        clocks=health.clocks,
        server_ahead_s=health.server_ahead_s,
        rate=health.rate,
        room=room or Room(),
        is_checked=is_checked,
        pid=pid,
        started_at=health.started_at,
        draining=health.draining,
        **counted,
    )
