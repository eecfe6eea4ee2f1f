"""Refused messages of QoS 1 that the broker sends again, since no acknowledgement of them reached it.

What does not fit has no identity, so it would stand in quarantine once more each time it comes. MQTT tells it: what is
sent again comes with DUP set and under its packet identifier, which names no other message until it is acknowledged
(MQTT 5, 3.3.1.1, 2.2.1, 4.4). So a message with DUP, under an identifier whose last message in this session was
refused, and with the same content, is that message. Without DUP, or under another identifier, it is another one,
however equal: a device that sends the same nonsense twice has two rows.

Only what is refused is remembered. A broker that sends again without DUP, or under other identifiers, is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import msgspec

from pywats_mqtt.events import Latest
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Gathered, Rejection
from pywats_mqtt.spool.routing import Held, Pair, Plan, decide


class RefusedPackets:
    """Decides what becomes of a batch, without what was refused before and came again.

    Args:
        digests: packet identifier to the digest of the refused message that came under it last.
        since_batch: the first batch of the broker's session; identifiers of those before it mean nothing.

    Attributes:
        changed: identifiers whose entry is new or gone, for whoever stores them.
    """

    def __init__(self, digests: Mapping[int, int], since_batch: int = 0) -> None:
        self.digests = dict(digests)
        self.since_batch = since_batch
        self.changed: set[int] = set()

    def begin_session(self, first_batch: int) -> None:
        """Forget all: the broker began another session, and this batch will be the first of it."""
        self.changed |= self.digests.keys()
        self.digests.clear()
        self.since_batch = first_batch

    def decide(
        self,
        batch: Batch,
        outcomes: Sequence[Gathered],
        known: Mapping[bytes, bytes],
        base: Callable[[Pair], Latest | None],
    ) -> Plan:
        """Decide as `routing.decide` does; what came again counts as a duplicate, whatever it means by now.

        But for an update: it may stand for others beside it, and comes to the same however often it is folded.

        Raises:
            ValueError: not one outcome for each message.
        """
        messages = batch.messages
        if batch.number < self.since_batch:
            return decide(messages, outcomes, known, base, batch.stored_at_us)
        repeats = 0
        if self.digests:
            pairs = [pair for pair in zip(messages, outcomes, strict=True) if not self._is_repeat(*pair)]
            repeats = len(messages) - len(pairs)
            if repeats:
                messages, outcomes = tuple(message for message, _ in pairs), [outcome for _, outcome in pairs]
            self._forget(self.digests.keys() & {message.packet_id for message in messages})
        plan = decide(messages, outcomes, known, base, batch.stored_at_us)
        plan.duplicates += repeats
        if plan.held:
            self._note(messages, plan.held)
        return plan

    def _is_repeat(self, message: RawMessage, outcome: Gathered) -> bool:
        return (
            message.dup
            and message.qos == 1
            and self.digests.get(message.packet_id) == _digest(message)
            and isinstance(outcome, tuple | Rejection)
        )

    def _forget(self, used: set[int]) -> None:
        """Forget identifiers that came to name other messages."""
        for packet_id in used:
            del self.digests[packet_id]
        self.changed |= used

    def _note(self, messages: Sequence[RawMessage], held: Sequence[Held]) -> None:
        """Remember what is refused, as it came: what quarantine keeps of it may be cut."""
        came = {message.packet_id: message for message in messages if message.qos == 1 and message.packet_id}
        for row in held:
            message = came.get(row.message.packet_id)
            if message is not None:
                self.digests[message.packet_id] = _digest(message)
                self.changed.add(message.packet_id)


def _digest(message: RawMessage) -> int:
    """Sum up what a message says, in as many bits as an integer of the store has."""
    said = (message.topic, message.payload, message.retain, message.content_type, message.user_properties)
    return int.from_bytes(blake2b(msgspec.msgpack.encode(said), digest_size=8).digest(), "big", signed=True)
