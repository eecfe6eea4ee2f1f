"""What the spool remembers of packet identifiers, so that a message sent again is stored once.

MQTT 5, 4.3.3: what comes under the identifier of a QoS 2 message before its PUBREL is a repeat, whatever its DUP flag
says. Of QoS 1 see `redelivery`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool.redelivery import RefusedPackets
from pywats_mqtt.spool.rows import delete_rows, write_rows

QOS_2 = 2

SINCE = 0
"""No packet has this identifier (MQTT 5, 2.2.1); its row holds the first batch of the session."""


class Packets:
    """Packet identifiers in the spool's tables, beside a store's other calls; used in the writer thread alone.

    Attributes:
        refused: QoS 1 identifiers of refused messages, with the changes of the present transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._stored_since = 0
        self.refused = self._read()

    def without_repeats(self, receipt: Receipt, next_batch: int) -> Sequence[RawMessage]:
        """Forget what a receipt releases, give its messages without QoS 2 repeats, and remember the others' ids.

        Args:
            receipt: what is to be stored.
            next_batch: the number that it will have.
        """
        db = self._db
        if receipt.fresh_session:
            db.execute("DELETE FROM packet")
            self.refused.begin_session(next_batch)
        elif receipt.released:
            delete_rows(db, "DELETE FROM packet WHERE id", receipt.released)
        if not any(message.qos == QOS_2 for message in receipt.messages):
            return receipt.messages
        remembered = {number for (number,) in db.execute("SELECT id FROM packet")}
        kept: list[RawMessage] = []
        fresh: dict[int, None] = {}
        for message in receipt.messages:
            if message.qos == QOS_2 and message.packet_id:
                if message.packet_id in remembered or message.packet_id in fresh:
                    continue
                fresh[message.packet_id] = None
            kept.append(message)
        write_rows(db, "INSERT INTO packet (id)", [(number,) for number in fresh])
        return kept

    def write(self) -> None:
        """Write what changed."""
        refused = self.refused
        rows = [(number, refused.digests[number]) for number in refused.changed if number in refused.digests]
        if refused.since_batch != self._stored_since:
            rows.append((SINCE, refused.since_batch))
            self._stored_since = refused.since_batch
        gone = [number for number in refused.changed if number not in refused.digests]
        delete_rows(self._db, "DELETE FROM refused_packet WHERE id", gone)
        write_rows(self._db, "REPLACE INTO refused_packet (id, digest)", rows)
        refused.changed.clear()

    def rollback(self) -> None:
        """Know what is stored, and nothing else."""
        self.refused = self._read()

    def _read(self) -> RefusedPackets:
        digests = dict(self._db.execute("SELECT id, digest FROM refused_packet"))
        self._stored_since = digests.pop(SINCE, 0)
        return RefusedPackets(digests, self._stored_since)
