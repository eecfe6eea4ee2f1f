"""What becomes of imported rows, decided in one pure function; the stores only carry it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum

import msgspec

from pywats_mqtt import events
from pywats_mqtt.events import Identity, Latest, Ordered
from pywats_mqtt.events.identity import CONFLICT
from pywats_mqtt.ports import LatestRow, OwedRow, RefusedRow, Row, Taken
from pywats_mqtt.ports.handover import MESSAGE
from pywats_mqtt.spool.tally import Tally


class Whereabouts(IntEnum):
    """Where the event is that a known identity names."""

    HERE = 0
    """Owed, refused, or delivered from here: what an export still has of it is not put back."""
    HANDED_OVER = 1
    """In an export, or with the bridge that imported it: where that hands it back, it is new here."""
    UNTOLD = 2
    """One of these: it was heard before this was kept. It may be put back, and is known."""


class Sorted(msgspec.Struct):
    """Imported rows that are new here, and what was found of the others.

    Attributes:
        owed, latest, refused: in their order; among the refused are conflicts.
        identities: new ids with their digests.
        taken: what the caller is told.
        messages: that all rows carry.
        duplicates: messages of those that were known.
        held: messages of those that go to quarantine.
    """

    owed: list[OwedRow] = msgspec.field(default_factory=list)
    latest: list[LatestRow] = msgspec.field(default_factory=list)
    refused: list[RefusedRow] = msgspec.field(default_factory=list)
    identities: dict[bytes, bytes] = msgspec.field(default_factory=dict)
    taken: Taken = Taken()
    messages: int = 0
    duplicates: int = 0
    held: int = 0

    def note(self, identity: Identity, seen: MutableMapping[bytes, bytes], back: AbstractSet[bytes]) -> None:
        """Have an event known from here on: what is refused, too, so that it is no other one when it is heard here."""
        seen[identity.key] = identity.digest
        if identity.key not in back:
            self.identities[identity.key] = identity.digest

    def count(self, tally: Tally) -> None:
        """Count it."""
        tally.count_imported(self.messages, duplicates=self.duplicates, refused=self.held, rows=len(self.refused))


def fresh_rows(export: str, first: int, rows: Sequence[Row], done: int) -> Sequence[Row]:
    """Give those of an import's rows that were not imported before.

    Raises:
        ValueError: some before them were not.
    """
    if first > done:
        raise ValueError(f"row {first} of export {export} cannot be imported: the next is {done}")
    return rows[done - first :]


def handed_back(rows: Sequence[Row], known: Mapping[bytes, bytes], handed_over: AbstractSet[bytes]) -> set[bytes]:
    """Tell which ids of an import name events that were handed over from here, and come back as they were."""
    return moving(rows, known).keys() & handed_over


def moving(rows: Sequence[Row], known: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Give id and digest of the events that move with rows, of those that are known with this content."""
    identities = [identity for identity in map(moved, rows) if identity is not None]
    return {each.key: each.digest for each in identities if known.get(each.key) == each.digest}


def put_back_of(rows: Sequence[Row], here: Mapping[bytes, bytes]) -> list[Row]:
    """Give those rows of a revoked export that are put back: all but the ones whose events are here again.

    Args:
        rows: of the export.
        here: digest by id, of those among them whose events are here.
    """
    return [row for row in rows if (identity := moved(row)) is None or here.get(identity.key) != identity.digest]


def moved(row: Row) -> Identity | None:
    """Name the event that moves with a row; None where that is not certain, or with no name.

    With a message that was refused as it was read none does: where its id is known, it came again, and was taken then.
    """
    if isinstance(row, OwedRow):
        return row.identity
    if isinstance(row, RefusedRow) and row.kind != MESSAGE and len(row.identities) == 1:
        return row.identities[0]
    return None


def named(rows: Sequence[Row]) -> Iterator[Identity]:
    """Give the identities that rows have."""
    for row in rows:
        if isinstance(row, OwedRow) and row.identity is not None:
            yield row.identity
        elif isinstance(row, RefusedRow):
            yield from row.identities


def sort_rows(rows: Sequence[Row], known: Mapping[bytes, bytes], back: AbstractSet[bytes] = frozenset()) -> Sorted:
    """Tell new rows from known ones.

    Args:
        rows: of an import, each of them for the first time.
        known: digest by id, of all ids among them that were stored before.
        back: those of these ids whose events were handed over and come back.
    """
    found = Sorted()
    seen = {key: digest for key, digest in known.items() if key not in back}
    duplicates = conflicts = refused = 0
    for row in rows:
        found.messages += row.messages if not isinstance(row, RefusedRow) else 1
        if isinstance(row, LatestRow):
            found.latest.append(row)
        elif isinstance(row, RefusedRow):
            if row.identities and all(seen.get(each.key) == each.digest for each in row.identities):
                found.duplicates += 1
                duplicates += 1
            else:
                found.refused.append(row)
                found.held += 1
                refused += 1
                own = moved(row)
                if own is not None and own.key not in seen:
                    found.note(own, seen, back)
        elif row.identity is None:
            found.owed.append(row)
        elif row.identity.key not in seen:
            found.note(row.identity, seen, back)
            found.owed.append(row)
        elif seen[row.identity.key] == row.identity.digest:
            found.duplicates += row.messages
            duplicates += 1
        else:
            reason = f"{CONFLICT}: id {row.identity.id} came before with another content"
            found.refused.append(RefusedRow(row.id, row.key, reason, "", MESSAGE, row.message))
            found.held += row.messages
            conflicts += 1
    found.taken = Taken(
        owed=len(found.owed), latest=len(found.latest), refused=refused, duplicates=duplicates, conflicts=conflicts
    )
    return found


def event_of(row: LatestRow) -> Latest:
    """Unpack the event of a row.

    Raises:
        TypeError: it is none that is folded.
    """
    event = events.decode(row.event)
    if isinstance(event, Ordered):
        raise TypeError(f"{row.kind} of {row.key} is none that is folded")
    return event
