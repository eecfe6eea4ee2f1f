"""What is guaranteed now, for each route, and what is not: why, and what to do about it.

Pure: facts in, guarantees out. A route is a configured topic filter. Three promises are made for each: nothing that is
published is lost, nothing counts twice, and what one device says keeps its order. What depends on somebody else and
cannot be seen from here is told as unknown, not as kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from pywats_mqtt.config.overlap import overlaps
from pywats_mqtt.topics import covers

Promise: TypeAlias = Literal["nothing lost", "nothing doubled", "in order", "true times"]

ALL: Final = "all routes"
"""As route: what concerns each of them."""

STATE_DOMAINS: Final = frozenset({"asset", "software"})
"""Domains whose messages say how something is: of those the last one is enough, so a broker may retain it."""

REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs", "afs"})
"""File systems over a network: SQLite's write-ahead log needs shared memory and locks that these do not give."""
VOLATILE: Final = frozenset({"tmpfs", "ramfs"})
"""File systems in memory: all is gone with the power."""


class Guarantee(msgspec.Struct, frozen=True, kw_only=True):
    """One promise for one route.

    Attributes:
        route: a topic filter, `all routes`, or whose times are meant.
        promise: what is promised.
        holds: whether it is kept now; None where that cannot be seen from here.
        reason: why it is not, or not known; empty where it holds.
        fix: what to do about it; empty where it holds.
    """

    route: str
    promise: Promise
    holds: bool | None = True
    reason: str = ""
    fix: str = ""


class Seen(msgspec.Struct, kw_only=True):
    """What was seen on a route since the bridge started.

    Attributes:
        qos_0: messages that arrived with QoS 0.
        retained: messages that came from the broker's retained store.
    """

    qos_0: int = 0
    retained: int = 0


class Granted(msgspec.Struct, frozen=True):
    """What the broker made of a subscription: its QoS (None: refused), and what is less than asked."""

    qos: int | None
    problem: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What guarantees follow from.

    Attributes:
        routes: topic filter to its domain; none where no broker is involved.
        default_qos: of our subscriptions, as asked.
        clean_session: whether each start throws the session away.
        session_asked_s: seconds the broker shall keep the session.
        session_granted_s: seconds it does; None while it is not known.
        granted: subscription to what the broker made of it; empty while it is not known.
        seen: topic filter to what was seen there.
        unidentified: topic filter to the number of messages that named nothing to tell a repeat by.
        is_synced: whether what is stored is on the disk before it is acknowledged.
        filesystem: type of the one the spool is on; empty where it is not known.
        clocks: whose clock to what is wrong with it.
    """

    routes: Mapping[str, str]
    default_qos: int = 1
    clean_session: bool = False
    session_asked_s: int = 0
    session_granted_s: int | None = None
    granted: Mapping[str, Granted] = msgspec.field(default_factory=dict)
    seen: Mapping[str, Seen] = msgspec.field(default_factory=dict)
    unidentified: Mapping[str, int] = msgspec.field(default_factory=dict)
    is_synced: bool = True
    filesystem: str = ""
    clocks: Mapping[str, str] = msgspec.field(default_factory=dict)


def guarantees_of(facts: Facts) -> list[Guarantee]:
    """Tell what is guaranteed; first what concerns all routes, then route by route."""
    found = [*_store(facts), *_clocks(facts)]
    if facts.routes:
        found += [*_subscribing(facts), *_session(facts), _queue()]
    for route, domain in facts.routes.items():
        broken = [*_route(facts, route, domain)]
        promised: tuple[Promise, ...] = ("nothing lost", "nothing doubled", "in order")
        for promise in promised:
            of_promise = [guarantee for guarantee in broken if guarantee.promise == promise]
            found += of_promise or [Guarantee(route=route, promise=promise)]
    return found


def _broken(route: str, promise: Promise, reason: str, fix: str) -> Guarantee:
    return Guarantee(route=route, promise=promise, holds=False, reason=reason, fix=fix)


def _store(facts: Facts) -> Iterator[Guarantee]:
    if not facts.is_synced:
        reason = "the spool does not wait for the disk before a message is acknowledged (synchronous is not FULL)"
        yield _broken(ALL, "nothing lost", reason, "run the bridge on a spool that it opened itself")
    if facts.filesystem in REMOTE:
        reason = f"the spool is on a network ({facts.filesystem}), where a write-ahead log is not safe"
        yield _broken(ALL, "nothing lost", reason, "set spool.path to a local disk")
    elif facts.filesystem in VOLATILE:
        reason = f"the spool is in memory ({facts.filesystem}): what was acknowledged is gone with the power"
        yield _broken(ALL, "nothing lost", reason, "set spool.path to a disk")


def _clocks(facts: Facts) -> Iterator[Guarantee]:
    for whose, problem in facts.clocks.items():
        yield _broken(whose, "true times", problem, "set its clock, by NTP where it can")


def _subscribing(facts: Facts) -> Iterator[Guarantee]:
    if facts.default_qos == 0:
        reason = "mqtt.default_qos is 0: the broker sends each message once, and nobody notices when one is lost"
        yield _broken(ALL, "nothing lost", reason, "write default_qos = 1")


def _session(facts: Facts) -> Iterator[Guarantee]:
    asked_s, granted_s = facts.session_asked_s, facts.session_granted_s
    lost = "what is published while the bridge is away"
    if facts.clean_session:
        reason = f"mqtt.clean_session throws {lost} away at each start"
        yield _broken(ALL, "nothing lost", reason, "write clean_session = false")
    elif asked_s == 0:
        reason = f"mqtt.session_expiry_s is 0: the broker drops {lost}"
        yield _broken(ALL, "nothing lost", reason, "write the longest absence to bridge, such as 604800 (7 days)")
    elif granted_s is None:
        reason = "the bridge is not connected, so what the broker grants is not known"
        fix = "see why it is not connected"
        yield Guarantee(route=ALL, promise="nothing lost", holds=None, reason=reason, fix=fix)
    elif granted_s < asked_s:
        kept = "no session for us" if granted_s == 0 else f"our session for {granted_s} s, of {asked_s} asked"
        reason = f"the broker keeps {kept}: {lost} for longer is lost"
        yield _broken(ALL, "nothing lost", reason, "let the broker keep sessions for longer, or ask for less")


def _queue() -> Guarantee:
    return Guarantee(
        route=ALL,
        promise="nothing lost",
        holds=None,
        reason="how much the broker queues while the bridge is away cannot be seen from here",
        fix="in Mosquitto set max_queued_messages 0: by default it keeps 1,000 and drops the rest",
    )


def _route(facts: Facts, route: str, domain: str) -> Iterator[Guarantee]:
    if route.startswith("$share/"):
        reason = "a shared subscription deals a device's messages out, and they overtake each other"
        yield _broken(route, "in order", reason, "subscribe without $share/")
    granted = _granted(facts, route)
    if granted is not None and granted.qos is None:
        reason = f"the broker refused the subscription: {granted.problem}"
        yield _broken(route, "nothing lost", reason, "allow this user to subscribe to it")
    elif granted is not None and granted.qos is not None and granted.qos < min(1, facts.default_qos):
        reason = f"the broker grants QoS {granted.qos} alone"
        yield _broken(route, "nothing lost", reason, "let the broker grant QoS 1")
    elif (seen := facts.seen.get(route)) is not None and seen.qos_0 and facts.default_qos:
        reason = f"{_messages(seen.qos_0)} came with QoS 0: one that is lost on the way is not sent again"
        yield _broken(route, "nothing lost", reason, "let the device publish with QoS 1")
    yield from _retained(facts, route, domain)
    yield from _unidentified(facts, route)


def _granted(facts: Facts, route: str) -> Granted | None:
    """Give what became of the subscription that brings a route's messages: its own, or the wider one that covers it."""
    own = facts.granted.get(route)
    if own is not None:
        return own
    return next((granted for name, granted in facts.granted.items() if covers(name, route)), None)


def _retained(facts: Facts, route: str, domain: str) -> Iterator[Guarantee]:
    seen = facts.seen.get(route)
    if seen is not None and seen.retained and domain not in STATE_DOMAINS:
        reason = (
            f"{_messages(seen.retained)} came from the broker's retained store, which keeps the last one of a topic "
            "alone: those before it are gone where nobody took them"
        )
        yield _broken(route, "nothing lost", reason, "let the device publish without the retain flag")


def _unidentified(facts: Facts, route: str) -> Iterator[Guarantee]:
    count = facts.unidentified.get(route, 0)
    if not count:
        return
    reason = f"{_messages(count)} named no message_id, sequence or time: a repeat of one counts twice"
    fix = "let the device send a message_id"
    twice = [other for other in facts.granted if other != route and overlaps(other, route) and route in facts.granted]
    if twice:
        reason += f", and the broker sends what also matches {twice[0]} twice"
        fix += ", and subscribe to filters that have no topic in common"
    yield _broken(route, "nothing doubled", reason, fix)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"
