"""The way of a message in words."""

from __future__ import annotations

import msgspec

from pywats_mqtt.cli.hops import way_of_trace, way_of_unread
from pywats_mqtt.cli.trace import heading
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Quarantined, Trace

AT_US = 1_700_000_000_000_000
AT = "2023-11-14T22:13:20.000Z"
ARRIVED = Trace(
    id=5, subject="SN1", topic="t/1", received_at_us=AT_US, qos=1, retain=False, batch=3, kind="test_result"
)


def words(trace: Trace, *others: Trace, held: tuple[Quarantined, ...] = ()) -> list[str]:
    """Give the hops after it was stored, as `hop: what`."""
    return [f"{hop.hop}: {hop.what}" for hop in way_of_trace(trace, others, held).hops[2:]]


def change(**changes: object) -> Trace:
    """Change the trace."""
    return msgspec.structs.replace(ARRIVED, **changes)


def test_how_it_arrived_is_told() -> None:
    """A retained one, and the packet of QoS 2; a time that is not known is none."""
    received, stored, *_ = way_of_trace(change(qos=2, packet_id=9, retain=True), (), ()).hops
    assert (received.at, received.what) == (AT, "on t/1, QoS 2, retained by the broker, packet 9")
    assert (stored.at, stored.what) == (None, "in batch 3, then acknowledged")


def test_a_time_that_no_date_has_is_told_all_the_same() -> None:
    """A bit of it changed on the disk."""
    received, *_ = way_of_trace(change(received_at_us=1 << 62), (), ()).hops
    assert received.at == "4611686018427.388 s since 1970"


def test_what_has_no_packet_id_was_not_acknowledged() -> None:
    """QoS 0, and what was stored anew when it left the quarantine; nor is that said before it is interpreted."""
    for trace in (change(qos=0), change(qos=1)):
        assert way_of_trace(trace, (), ()).hops[1].what == "in batch 3"
    for packet_id, what in ((0, "in batch 3"), (9, "in batch 3, then acknowledged")):
        message = RawMessage("t/1", b"{}", AT_US, 1, packet_id=packet_id)
        assert way_of_unread(message, Batch(3, (message,), AT_US)).hops[1].what == what


def test_tries_that_are_not_kept_are_counted() -> None:
    """Then the kept ones with their causes, and when the next comes."""
    causes = ((AT_US, "HTTP 500"),)
    assert words(change(tries=8, causes=causes, due_us=AT_US)) == [
        "interpreted: as test_result of SN1",
        "tried: 7 times before, in vain",
        "tried: in vain: HTTP 500",
        f"waiting: to be delivered, not before {AT}",
    ]


def test_a_refused_delivery_names_its_row() -> None:
    """While it is in quarantine; another message's row is not its own."""
    row = Quarantined(id=4, topic="t/1", device="T", reason="r", path="", received_at_us=AT_US, payload=b"", kind="x")
    own = msgspec.structs.replace(row, id=7, kind="test_result")
    refused = change(settled="quarantined", reason="no such part")
    assert words(refused, held=(row, own))[-1] == "quarantined: refused, no such part; `spool show 7` shows it"
    released = msgspec.structs.replace(refused, left="released", left_batch=8)
    assert words(released, held=(row, own))[1:] == [
        "quarantined: refused, no such part",
        "released: from the quarantine, stored anew in batch 8",
    ]


def test_a_repeat_names_what_it_repeats_where_that_is_still_known() -> None:
    """By identity, and only an earlier one."""
    first = change(id=2, identity=b"1", batch=1)
    repeat = change(became="duplicate", identity=b"1")
    later = change(id=9, identity=b"1", batch=9)
    assert words(repeat, later, first) == [f"duplicate: of the message of batch 1, received {AT}; nothing is done"]
    assert words(repeat, later) == ["duplicate: of a message that came before; nothing is done"]


def test_what_was_exported_is_not_waiting_here() -> None:
    """It is another bridge's: no longer owed and not delivered, or refused and gone from the quarantine."""
    assert [hop.split(":")[0] for hop in words(ARRIVED)] == ["interpreted", "exported"]
    assert [hop.split(":")[0] for hop in words(change(due_us=0))] == ["interpreted", "waiting"]
    refused = change(settled="quarantined", reason="r")
    assert [hop.split(":")[0] for hop in words(refused)] == ["interpreted", "quarantined", "exported"]
    gone = change(became="refused", settled="quarantined", reason="r", left="exported", left_batch=3)
    assert words(gone)[-1] == "exported: from the quarantine to another bridge, in export number 3"
    for became in ("delivery", "folded"):
        taken = change(became=became, settled="exported", settled_at_us=AT_US, left_batch=3)
        assert words(taken)[-1] == "exported: to another bridge, in export number 3"
    assert words(change(became="folded"))[-1].startswith("waiting: ")


def test_what_was_imported_says_from_where() -> None:
    """It was stored and interpreted elsewhere; a repeat names it so."""
    first = change(batch=0, stored_at_us=AT_US, origin="far, export abc", due_us=0, identity=b"1")
    received, came, *rest = way_of_trace(first, (), ()).hops
    assert (received.hop, came.hop, came.at) == ("received", "imported", AT)
    assert came.what == "from far, export abc, as test_result of SN1"
    assert [hop.hop for hop in rest] == ["waiting"]
    repeat = change(id=9, became="duplicate", identity=b"1")
    assert words(repeat, first) == [f"duplicate: of the message from far, export abc, received {AT}; nothing is done"]


def test_what_is_not_interpreted_yet_is_found_by_what_it_names() -> None:
    """A bridge died between storing and interpreting."""
    message = RawMessage("t/1", b'{"serial_number": 12, "message_id": "m"}', AT_US, 1)
    way = way_of_unread(message, Batch(3, (message,), AT_US))
    assert (way.subject, way.message_id, way.state, way.batch) == ("12", "m", "waiting", 3)
    assert heading(way) == "message, 12, message m: waiting"
