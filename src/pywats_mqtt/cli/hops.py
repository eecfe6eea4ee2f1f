"""The way of a message in words: each hop with its time. Pure; `cli.trace` reads what it is told of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from pywats_mqtt.messages import RawMessage, text_of_us
from pywats_mqtt.ports import Batch, Quarantined, Trace
from pywats_mqtt.schemas.naming import names_of

Name: TypeAlias = Literal[
    "received",
    "stored",
    "imported",
    "interpreted",
    "duplicate",
    "folded",
    "tried",
    "waiting",
    "delivered",
    "quarantined",
    "released",
    "discarded",
    "exported",
]


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    Attributes:
        at: when, ISO 8601 UTC; None where it is not known, or still goes on.
        hop: what.
        what: the same with its facts, for people.
    """

    at: str | None
    hop: Name
    what: str


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One message and all its hops, in order of time; the keys of `trace --json`.

    Attributes:
        subject: serial number of the unit, or what else it is about; empty where that is not known.
        message_id, report_id: empty where there is none.
        kind: of its event; `message` where it was not understood.
        topic: where it came.
        state: its last hop.
        tries: how often delivering failed.
        batch: number of the transaction that stored it; 0 where that is not known any more.
        quarantine_id: of its row in quarantine, as `spool show` takes it; None where there is none.
        hops: oldest first.
    """

    subject: str
    message_id: str
    report_id: str
    kind: str
    topic: str
    state: Name
    tries: int = 0
    batch: int = 0
    quarantine_id: int | None = None
    hops: tuple[Hop, ...]


EXPORTED: Final = "it is neither owed nor kept here any more: it was handed over"
FOLDED: Final = "folded into the {kind} of {subject}: one call carries the newest values of many messages"


def way_of_trace(trace: Trace, others: Sequence[Trace], held: Sequence[Quarantined]) -> Way:
    """Tell the way of a traced message.

    Args:
        trace: the message.
        others: traced too, to name what it repeats.
        held: rows of the quarantine, to name its own.
    """
    row = next((row.id for row in held if is_of(row, trace)), None)
    hops = tuple(_hops(trace, others, row))
    return Way(
        subject=trace.subject,
        message_id=trace.message_id,
        report_id=trace.report_id,
        kind=trace.kind,
        topic=trace.topic,
        state=hops[-1].hop,
        tries=trace.tries,
        batch=trace.batch,
        quarantine_id=row,
        hops=hops,
    )


def is_of(row: Quarantined, trace: Trace) -> bool:
    """Tell whether a row of the quarantine is that of a traced delivery."""
    came = row.received_at_us == trace.received_at_us and row.topic == trace.topic
    return came and row.kind == trace.kind and trace.settled == "quarantined" and not trace.left


def way_of_row(row: Quarantined, message: RawMessage) -> Way:
    """Tell the way of a message that is in quarantine as such."""
    serial, message_id = names_of(message.payload, message.user_properties)
    place = f"{row.path}: " if row.path else ""
    hops = (
        _received(message),
        Hop(at=None, hop="quarantined", what=f"not understood, {place}{row.reason}; `spool show {row.id}` shows it"),
    )
    return Way(
        subject=serial or row.device,
        message_id=message_id,
        report_id="",
        kind=row.kind,
        topic=row.topic,
        state="quarantined",
        quarantine_id=row.id,
        hops=hops,
    )


def way_of_unread(message: RawMessage, batch: Batch) -> Way:
    """Tell the way of a message that is stored and not interpreted yet."""
    serial, message_id = names_of(message.payload, message.user_properties)
    waiting = Hop(at=None, hop="waiting", what="to be interpreted, which the running bridge does at once")
    return Way(
        subject=serial,
        message_id=message_id,
        report_id="",
        kind="message",
        topic=message.topic,
        state="waiting",
        batch=batch.number,
        hops=(_received(message), _stored(message, batch.number, batch.stored_at_us), waiting),
    )


def _hops(trace: Trace, others: Sequence[Trace], row: int | None) -> Iterator[Hop]:
    yield _received(trace)
    if trace.origin:
        what = f"from {trace.origin}, as {trace.kind} of {trace.subject}"
        yield Hop(at=_time(trace.stored_at_us), hop="imported", what=what)
    if trace.batch:
        yield _stored(trace, trace.batch, trace.stored_at_us)
    match trace.became:
        case "refused":
            yield Hop(at=None, hop="quarantined", what=f"not understood, {trace.reason}")
        case "duplicate":
            yield Hop(at=_time(trace.read_at_us), hop="duplicate", what=f"of {_first(trace, others)}; nothing is done")
        case "folded":
            words = FOLDED.format(kind=trace.kind, subject=trace.subject)
            yield Hop(at=_time(trace.read_at_us), hop="folded", what=words)
            yield from _outcome(trace, row)
        case "delivery":
            if not trace.origin:
                yield Hop(at=_time(trace.read_at_us), hop="interpreted", what=f"as {trace.kind} of {trace.subject}")
            yield from _outcome(trace, row)
    if trace.left:
        yield Hop(at=_time(trace.left_at_us), hop=trace.left, what=f"from the quarantine{_where_to(trace)}")


def _outcome(trace: Trace, row: int | None) -> Iterator[Hop]:
    unshown = trace.tries - len(trace.causes)
    if unshown > 0:
        yield Hop(at=None, hop="tried", what=f"{unshown} times before, in vain")
    for at_us, cause in trace.causes:
        yield Hop(at=_time(at_us), hop="tried", what=f"in vain: {cause}")
    match trace.settled:
        case "delivered":
            what = f"report {trace.report_id} is in WATS" if trace.report_id else "its effect is in WATS"
            yield Hop(at=_time(trace.settled_at_us), hop="delivered", what=what)
        case "quarantined":
            shows = f"; `spool show {row}` shows it" if row is not None else ""
            yield Hop(at=_time(trace.settled_at_us), hop="quarantined", what=f"refused, {trace.reason}{shows}")
            if row is None and not trace.left and trace.became == "delivery":
                yield Hop(at=None, hop="exported", what=EXPORTED)
        case "exported":
            what = f"to another bridge, in export number {trace.left_batch}"
            yield Hop(at=_time(trace.settled_at_us), hop="exported", what=what)
        case "" if trace.became == "delivery" and trace.due_us is None:
            yield Hop(at=None, hop="exported", what=EXPORTED)
        case _:
            due = f", not before {_time(trace.due_us)}" if trace.due_us else ""
            yield Hop(at=None, hop="waiting", what=f"to be delivered{due}")


def _where_to(trace: Trace) -> str:
    if trace.left == "exported":
        return f" to another bridge, in export number {trace.left_batch}"
    return f", stored anew in batch {trace.left_batch}" if trace.left_batch else ""


def _received(source: Trace | RawMessage) -> Hop:
    facts = [f"on {source.topic}", f"QoS {source.qos}"]
    if source.retain:
        facts.append("retained by the broker")
    if source.packet_id:
        facts.append(f"packet {source.packet_id}")
    return Hop(at=_time(source.received_at_us), hop="received", what=", ".join(facts))


def _stored(source: Trace | RawMessage, batch: int, at_us: int) -> Hop:
    """Without a packet id there is nothing to acknowledge: QoS 0, or stored anew when it left the quarantine."""
    acknowledged = ", then acknowledged" if source.packet_id else ""
    return Hop(at=_time(at_us), hop="stored", what=f"in batch {batch}{acknowledged}")


def _first(trace: Trace, others: Sequence[Trace]) -> str:
    for other in others:
        if other.identity == trace.identity and other.became != "duplicate" and other.id < trace.id:
            came = f"of batch {other.batch}" if other.batch else f"from {other.origin}"
            return f"the message {came}, received {_time(other.received_at_us)}"
    return "a message that came before"


def _time(at_us: int | None) -> str | None:
    return text_of_us(at_us, timespec="milliseconds").replace("+00:00", "Z") if at_us else None
