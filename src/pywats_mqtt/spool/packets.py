"""The QoS 2 packet ids that are remembered until their PUBREL, so that a message sent again is stored once.

MQTT 5, 4.3.3: what comes under a remembered id is a repeat, whatever its DUP flag says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool.rows import delete_rows, write_rows


def without_repeats(db: sqlite3.Connection, receipt: Receipt) -> Sequence[RawMessage]:
    """Forget what a receipt releases, give its messages without repeats, and remember the others' ids."""
    if receipt.fresh_session:
        db.execute("DELETE FROM packet")
    elif receipt.released:
        delete_rows(db, "DELETE FROM packet WHERE id", receipt.released)
    if not any(message.packet_id for message in receipt.messages):
        return receipt.messages
    remembered = {number for (number,) in db.execute("SELECT id FROM packet")}
    kept: list[RawMessage] = []
    fresh: dict[int, None] = {}
    for message in receipt.messages:
        if message.packet_id:
            if message.packet_id in remembered or message.packet_id in fresh:
                continue
            fresh[message.packet_id] = None
        kept.append(message)
    write_rows(db, "INSERT INTO packet (id)", [(number,) for number in fresh])
    return kept
