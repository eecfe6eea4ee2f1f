"""What a transaction will have stored: gathered while its calls run, written at its end in few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from pywats_mqtt import events
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import Gathered
from pywats_mqtt.spool import tables
from pywats_mqtt.spool.imports import Whereabouts
from pywats_mqtt.spool.lines import Item
from pywats_mqtt.spool.routing import NewDelivery, identities
from pywats_mqtt.spool.rows import delete_rows, write_rows


class Staged(msgspec.Struct):
    """The rows of one transaction.

    Attributes:
        items: new ordered deliveries.
        sources: the message each of them was made of.
        identities: new ids with the digests of their events.
        done_ids: ordered deliveries that are done or refused.
        quarantine: rows of that table.
        ended: ids of deliveries whose lease ends with this transaction.
        when_committed: what memory takes over then, in this order.
    """

    items: list[Item] = msgspec.field(default_factory=list)
    sources: list[RawMessage] = msgspec.field(default_factory=list)
    identities: dict[bytes, bytes] = msgspec.field(default_factory=dict)
    done_ids: list[int] = msgspec.field(default_factory=list)
    quarantine: list[tables.Row] = msgspec.field(default_factory=list)
    ended: set[int] = msgspec.field(default_factory=set)
    when_committed: list[Callable[[], None]] = msgspec.field(default_factory=list)

    def add(self, delivery_id: int, new: NewDelivery) -> None:
        """Take in an ordered delivery under its id."""
        self.items.append(
            Item(
                id=delivery_id,
                key=events.order_key(new.event),
                kind=events.kind_of(new.event),
                attempts=0,
                due_us=0,
                messages=new.messages,
                packed=events.encode(new.event),
            )
        )
        self.sources.append(new.message)

    def known(self, db: sqlite3.Connection, outcomes: Sequence[Gathered]) -> dict[bytes, bytes]:
        """Look up the ids of a batch among those stored and those staged; gives their digests."""
        keys = list({identity.key: None for identity in identities(outcomes)})
        if not keys:
            return {}
        known = dict(tables.read_known(db, keys))
        if self.identities:
            known.update((key, self.identities[key]) for key in keys if key in self.identities)
        return known

    def write(self, db: sqlite3.Connection, now_us: int) -> None:
        """Write all rows; `now_us` is when the identities were seen."""
        deliveries = [tables.delivery_row(*new) for new in zip(self.items, self.sources, strict=True)]
        write_rows(db, tables.INSERT_DELIVERY, deliveries)
        delete_rows(db, "DELETE FROM delivery WHERE id", self.done_ids)
        known = [(key, digest, now_us, Whereabouts.HERE.value) for key, digest in self.identities.items()]
        write_rows(db, tables.INSERT_IDENTITY, known)
        write_rows(db, tables.INSERT_QUARANTINE, self.quarantine)
