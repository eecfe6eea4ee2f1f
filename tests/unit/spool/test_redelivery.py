"""Whatever is cut, acknowledged in vain or never arrived: each message that does not fit has one row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Batch, Rejection
from pywats_mqtt.spool.redelivery import RefusedPackets

WHY = Rejection("no JSON")


class Session:
    """A broker's session that gives each message an identifier of its own, and the bridge at its other end.

    Attributes:
        published: messages so far.
        rows: what is in quarantine.
    """

    def __init__(self) -> None:
        self.published = self.rows = 0
        self._owed: list[tuple[int, bytes, bool]] = []
        self._sent = 0
        self._batches = 0
        self._refused = RefusedPackets({})

    def publish(self, payload: bytes) -> None:
        """Take a message."""
        self.published += 1
        self._owed.append((self.published, payload, False))

    def deliver(self, count: int) -> None:
        """Let the bridge store and route what is sent next."""
        came = self._owed[self._sent : self._sent + count]
        self._sent += len(came)
        self._batches += 1
        messages = tuple(RawMessage("t", payload, 0, 1, packet_id=number, dup=dup) for number, payload, dup in came)
        batch = Batch(self._batches, messages)
        self.rows += len(self._refused.decide(batch, [WHY] * len(messages), {}, lambda _: None).held)

    def acknowledge(self, count: int) -> None:
        """Take the oldest acknowledgements; those of what else was stored are still on their way, and may be lost."""
        count = min(count, self._sent)
        del self._owed[:count]
        self._sent -= count

    def cut(self, *, dies: bool) -> None:
        """Lose the connection: all that is owed comes with DUP, whether it arrived or not."""
        self._owed = [(number, payload, True) for number, payload, _ in self._owed]
        self._sent = 0
        if dies:
            self._refused = RefusedPackets(self._refused.digests, self._refused.since_batch)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("publish"), st.sampled_from([b"a", b"b"])),
            st.tuples(st.sampled_from(["deliver", "acknowledge"]), st.integers(1, 4)),
            st.tuples(st.just("cut"), st.booleans()),
        ),
        max_size=40,
    )
)
def test_each_has_one_row(steps: list[tuple[str, bytes | int | bool]]) -> None:
    """Also of many that are equal."""
    session = Session()
    for name, value in steps:
        match name, value:
            case "publish", bytes(payload):
                session.publish(payload)
            case "cut", bool(dies):
                session.cut(dies=dies)
            case "deliver", int(count):
                session.deliver(count)
            case _, int(count):
                session.acknowledge(count)
    session.cut(dies=True)
    session.deliver(session.published)
    assert session.rows == session.published
