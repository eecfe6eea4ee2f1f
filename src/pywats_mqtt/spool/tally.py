"""What the spool counts; every count changes in the transaction of what it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pywats_mqtt.ports import Figures, RefusedRow, RoutedBatch, Row


class Tally(msgspec.Struct, kw_only=True):
    """The counters by name, as they are stored.

    `stored` = `delivered` + `waiting` + `refused` + `duplicates` + `ignored` + `handed_over` after every transaction.

    Attributes:
        received, stored, acknowledged, delivered, retried, waiting, duplicates, conflicts, ignored, discarded:
            see `ports.Figures`.
        refused: messages that ever went to quarantine.
        quarantined: rows in quarantine now.
        dropped_quarantine, dropped_telemetry, dropped_identities: rows that were dropped by rule.
        handed_over: messages that were owed and are exported.
        refused_exported: rows of the quarantine that are exported.
        last_export: number of the newest export.
        last_batch: number of the newest batch.
        last_routed: number of the newest routed batch; those above it are still stored.
        last_id: the newest delivery id given out, ordered and latest ones together, and traces of what made none.
        traced: rows kept for `trace`.
    """

    received: int = 0
    stored: int = 0
    acknowledged: int = 0
    delivered: int = 0
    retried: int = 0
    waiting: int = 0
    refused: int = 0
    quarantined: int = 0
    discarded: int = 0
    dropped_quarantine: int = 0
    dropped_telemetry: int = 0
    dropped_identities: int = 0
    handed_over: int = 0
    refused_exported: int = 0
    last_export: int = 0
    duplicates: int = 0
    conflicts: int = 0
    ignored: int = 0
    last_batch: int = 0
    last_routed: int = 0
    last_id: int = 0
    traced: int = 0

    @classmethod
    def of(cls, counters: Mapping[str, int]) -> Tally:
        """Take the counters by name; a name that is not there counts 0."""
        return cls(**{name: counters.get(name, 0) for name in cls.__struct_fields__})

    def new_id(self) -> int:
        """Give the next number of a delivery, or of a trace of what made none."""
        self.last_id += 1
        return self.last_id

    def count_stored(self, messages: int) -> None:
        """Count messages that are stored, and not routed yet."""
        self.stored += messages
        self.waiting += messages

    def count_routed(self, routed: RoutedBatch, *, conflicts: int) -> None:
        """Count what routing a batch led to."""
        self.duplicates += routed.duplicates
        self.ignored += routed.ignored
        self.conflicts += conflicts
        self.refused += routed.quarantined
        self.quarantined += routed.quarantined
        self.waiting -= routed.duplicates + routed.ignored + routed.quarantined

    def count_done(self, messages: int) -> None:
        """Count a delivery whose effect is in WATS, and the messages it carried."""
        self.delivered += messages
        self.waiting -= messages

    def count_refused(self, messages: int) -> None:
        """Count a delivery that went to quarantine, and the messages it carried."""
        self.refused += messages
        self.quarantined += 1
        self.waiting -= messages

    def count_released(self, rows: int, messages: int) -> None:
        """Count rows that left the quarantine, and the messages that were stored anew of them."""
        self.quarantined -= rows
        self.count_stored(messages)

    def count_exported(self, messages: int, rows: int) -> None:
        """Count messages that were owed and rows of the quarantine that are handed over; below 0: taken back."""
        self.waiting -= messages
        self.handed_over += messages
        self.quarantined -= rows
        self.refused_exported += rows

    def count_put_back(self, taken: Sequence[Row], rows: Sequence[Row]) -> None:
        """Count rows of a revoked export, of which some are not put back, since they were handed back."""
        self.count_exported(-messages_of(taken), -refused_of(taken))
        left = messages_of(taken) - messages_of(rows)
        self.waiting -= left
        self.duplicates += left
        self.quarantined -= refused_of(taken) - refused_of(rows)

    def count_imported(self, messages: int, *, duplicates: int = 0, refused: int = 0, rows: int = 0) -> None:
        """Count messages that came from another bridge, and what became of some of them."""
        self.stored += messages
        self.waiting += messages - duplicates - refused
        self.duplicates += duplicates
        self.refused += refused
        self.quarantined += rows

    def changed_since(self, former: Tally) -> list[tuple[str, int]]:
        """Give name and value of the counters that differ from a former tally."""
        return [
            (name, value) for name in self.__struct_fields__ if (value := getattr(self, name)) != getattr(former, name)
        ]

    def copy(self) -> Tally:
        """Give an equal tally that changes on its own."""
        return msgspec.structs.replace(self)

    def figures(self, size_bytes: int) -> Figures:
        """Give what others may see of it."""
        return Figures(
            received=self.received,
            stored=self.stored,
            acknowledged=self.acknowledged,
            delivered=self.delivered,
            retried=self.retried,
            waiting=self.waiting,
            quarantined=self.quarantined,
            discarded=self.discarded,
            dropped={
                "quarantine": self.dropped_quarantine,
                "telemetry": self.dropped_telemetry,
                "identities": self.dropped_identities,
            },
            exported=self.handed_over + self.refused_exported,
            duplicates=self.duplicates,
            conflicts=self.conflicts,
            ignored=self.ignored,
            size_bytes=size_bytes,
        )


def messages_of(rows: Sequence[Row]) -> int:
    """Count the messages that owed and latest rows carry."""
    return sum(row.messages for row in rows if not isinstance(row, RefusedRow))


def refused_of(rows: Sequence[Row]) -> int:
    """Count the rows of the quarantine."""
    return sum(isinstance(row, RefusedRow) for row in rows)
