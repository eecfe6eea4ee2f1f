"""The inbox: bounded receipts in order, and what becomes of them when a connection is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt
from pywats_mqtt.transport.inbox import (
    MAX_RECEIPT_BYTES,
    MAX_RECEIPT_MESSAGES,
    PUBACK,
    PUBCOMP,
    PUBREC,
    Inbox,
    acknowledgements,
)


def message(number: int, qos: int = 1) -> RawMessage:
    """Make a message; its payload tells its number, a QoS 2 one has it for packet id."""
    return RawMessage("t", b"%d" % number, 0, qos, packet_id=number if qos == 2 else 0)


def add(inbox: Inbox, *messages: RawMessage, size_bytes: int = 0) -> None:
    """Add messages as the session does."""
    acks = [(PUBREC if m.qos == 2 else PUBACK) | int(m.payload) for m in messages if m.qos]
    inbox.extend(list(messages), acks, [m.packet_id for m in messages if m.qos == 2], size_bytes)


def take_all(inbox: Inbox) -> list[Receipt]:
    """Take what is there."""
    found = []
    while inbox.ready:
        found.append(inbox.take())
    return found


def payloads(receipts: list[Receipt]) -> list[bytes]:
    """Give the payloads in order."""
    return [m.payload for r in receipts for m in r.messages]


@given(st.lists(st.integers(1, MAX_RECEIPT_MESSAGES), max_size=6), st.integers(0, MAX_RECEIPT_BYTES))
def test_receipts_are_bounded_and_keep_order(groups: list[int], size_bytes: int) -> None:
    """All come, in order, no more than a receipt's worth at once, each with its acknowledgement."""
    inbox, count = Inbox(), 0
    for group in groups:
        add(inbox, *(message(number % 65_535 + 1) for number in range(count, count + group)), size_bytes=size_bytes)
        count += group
    receipts = take_all(inbox)
    assert payloads(receipts) == [b"%d" % (number % 65_535 + 1) for number in range(count)]
    assert all(len(r.messages) <= MAX_RECEIPT_MESSAGES for r in receipts)
    for receipt in receipts:
        assert isinstance(receipt.acks, bytes)
        assert [b"%d" % i for _, i in acknowledgements(receipt.acks)] == [m.payload for m in receipt.messages]
    assert inbox.has_room
    assert not inbox.full


def test_full_and_room() -> None:
    """Reading stops at a whole receipt, and goes on below half of one."""
    inbox = Inbox()
    add(inbox, *(message(1) for _ in range(MAX_RECEIPT_MESSAGES - 1)))
    assert (inbox.full, inbox.has_room) == (False, False)
    add(inbox, message(1))
    assert inbox.full
    take_all(inbox)
    add(inbox, message(1), size_bytes=MAX_RECEIPT_BYTES)
    assert inbox.full


def test_a_release_of_a_waiting_message_goes_out_after_it() -> None:
    """A receipt's released ids are forgotten first; in the same one the message's id would be remembered for ever."""
    inbox = Inbox()
    add(inbox, message(5, qos=2))
    inbox.release(5)
    inbox.release(6)
    first, second = take_all(inbox)
    assert (first.released, len(first.messages)) == ((), 1)
    assert (second.released, second.messages) == ((5, 6), ())
    assert isinstance(second.acks, bytes)
    assert list(acknowledgements(second.acks)) == [(PUBCOMP, 5), (PUBCOMP, 6)]


def test_a_resumed_session_sends_again_what_waited() -> None:
    """Held back while nobody knows; then dropped but for QoS 0, which nobody sends again."""
    inbox = Inbox()
    inbox.restart(1)
    add(inbox, message(1), message(2, qos=0), message(3, qos=2))
    inbox.release(9)
    inbox.hold()
    assert not inbox.ready
    inbox.resume(2)
    add(inbox, message(1))
    [receipt] = take_all(inbox)
    assert payloads([receipt]) == [b"2", b"1"]
    assert (receipt.connection, receipt.fresh_session, receipt.released) == (2, True, ())
    assert isinstance(receipt.acks, bytes)
    assert list(acknowledgements(receipt.acks)) == [(PUBACK, 1)]


def test_a_lost_session_leaves_what_waited_as_the_only_copy() -> None:
    """It is handed out before the news of the fresh session, under the old connection."""
    inbox = Inbox()
    inbox.resume(1)
    add(inbox, message(1))
    inbox.hold()
    inbox.restart(2)
    add(inbox, message(2))
    old, new = take_all(inbox)
    assert (old.connection, old.fresh_session, payloads([old])) == (1, False, [b"1"])
    assert (new.connection, new.fresh_session, payloads([new])) == (2, True, [b"2"])


def test_a_fresh_session_with_nothing_in_it_is_news() -> None:
    """An empty receipt tells, once."""
    inbox = Inbox()
    assert not inbox.ready
    inbox.restart(1)
    [receipt] = take_all(inbox)
    assert receipt == Receipt((), (), fresh_session=True, connection=1, acks=b"")
