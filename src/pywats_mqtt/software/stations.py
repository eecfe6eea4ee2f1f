"""What is known of a station's software, and how what it says changes that; as it is kept in a note.

Each change yields a text for the log of its asset. It holds the time of the change, so no two texts of an asset are
equal, and one that stands in the log already is not written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pywats_mqtt.events import Software, SoftwareReported, UpdateReported
from pywats_mqtt.messages import from_us
from pywats_mqtt.software.updates import Update, follow, timed_out

LOG_CHARACTERS = 1_000
"""Most characters of an entry in the log. What WATS takes is not public; the whole inventory stands in the tags."""

OWED = 20
"""Entries kept for a log that cannot be written; beyond it the oldest are dropped."""

UPDATES = 50
"""Updates remembered of a station, the newest ones."""

PREFIX = "station/"


class Station(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one station.

    Attributes:
        software: the newest inventory, or None where it never sent one.
        config_version: the newest reported, or None.
        updates: package to its update.
        as_of_us: time of the inventory.
        config_us: time of `config_version`.
        owed: entries for the log that are not known to stand there, oldest first.
        sending: the first of them was perhaps written already.
        tags: the tags last written for it.
    """

    software: tuple[Software, ...] | None = None
    config_version: str | None = None
    updates: dict[str, Update] = {}
    as_of_us: int = 0
    config_us: int = 0
    owed: tuple[str, ...] = ()
    sending: bool = False
    tags: dict[str, str] = {}

    def owing(self, text: str) -> Station:
        """Add an entry for the log."""
        line = text if len(text) <= LOG_CHARACTERS else text[: LOG_CHARACTERS - 1] + "…"
        owed = (*self.owed, line)
        # The one that is perhaps being written stays the first.
        owed = owed if len(owed) <= OWED else (owed[0], *owed[2:])
        return msgspec.structs.replace(self, owed=owed)

    def paid(self) -> Station:
        """Take the first entry off: it stands in the log."""
        return msgspec.structs.replace(self, owed=self.owed[1:], sending=False)


def note_name(device: str) -> str:
    """Name the note in which a station is kept."""
    return PREFIX + device


def encode(station: Station) -> bytes:
    """Pack a station for its note."""
    return msgspec.json.encode(station)


def decode(note: bytes | None) -> Station:
    """Read a station; an unknown one where there is no note.

    Raises:
        msgspec.DecodeError: the note is none of ours.
    """
    return Station() if note is None else msgspec.json.decode(note, type=Station)


def report(station: Station, said: SoftwareReported) -> Station:
    """Take what a station says of its software and configuration; what is older than what is known changes nothing."""
    station = _capped(station, said.heard_us)
    changes: list[str] = []
    if said.software is not None and said.as_of_us >= station.as_of_us:
        changes += _changes(station.software, said.software)
        station = msgspec.structs.replace(station, software=said.software, as_of_us=said.as_of_us)
    if said.config_version is not None and said.as_of_us >= station.config_us:
        if said.config_version != station.config_version:
            before = "" if station.config_version is None else f"{station.config_version} -> "
            changes.append(f"configuration {before}{said.config_version}")
        station = msgspec.structs.replace(station, config_version=said.config_version, config_us=said.as_of_us)
    if not changes:
        return station
    if said.remarks:
        changes.append(said.remarks)
    return station.owing(f"{_time(said.as_of_us)} software: {'; '.join(changes)}")


def progress(station: Station, said: UpdateReported) -> Station:
    """Take how far an update is; progress within a state is remembered, and leaves no entry in the log.

    Raises:
        Reject: the state cannot follow the present one.
    """
    station = _capped(station, said.heard_us)
    known = station.updates.get(said.package)
    now = follow(known, said)
    if now is None:
        return station
    station = _updated(station, said.package, now)
    if known is not None and (known.state, known.version, known.text) == (now.state, now.version, now.text):
        return station
    remarks = f"; {said.remarks}" if said.remarks else ""
    return station.owing(f"{_time(now.as_of_us)} update of {said.package}: {now.words}{remarks}")


def overdue(station: Station, now_us: int, timeout_us: int) -> Station:
    """End the updates whose device was silent for too long; the same object where there are none."""
    for package, update in station.updates.items():
        ended = timed_out(update, now_us, timeout_us)
        if ended is not None:
            station = _updated(station, package, ended).owing(
                f"{_time(now_us)} update of {package}: {ended.words}, since {_time(ended.heard_us)}"
            )
    return station


def _capped(station: Station, heard_us: int) -> Station:
    """Give a station no time of which is later than the next message's reception.

    Such a time came from a clock of ours that was ahead; left as it is, it would hide all that comes until then.
    """
    if max(station.as_of_us, station.config_us, *(known.heard_us for known in station.updates.values())) <= heard_us:
        return station
    updates = {
        package: msgspec.structs.replace(
            known, as_of_us=min(known.as_of_us, heard_us), heard_us=min(known.heard_us, heard_us)
        )
        for package, known in station.updates.items()
    }
    return msgspec.structs.replace(
        station,
        as_of_us=min(station.as_of_us, heard_us),
        config_us=min(station.config_us, heard_us),
        updates=updates,
    )


def _updated(station: Station, package: str, update: Update) -> Station:
    updates = {**{name: known for name, known in station.updates.items() if name != package}, package: update}
    if len(updates) > UPDATES:
        del updates[next(iter(updates))]
    return msgspec.structs.replace(station, updates=updates)


def _changes(before: Sequence[Software] | None, after: Sequence[Software]) -> Iterator[str]:
    known = {software.name: software for software in before or ()}
    for software in after:
        old = known.pop(software.name, None)
        if old is None:
            yield f"{software.name} {software.text}".rstrip() + (" added" if before is not None else "")
        elif old != software:
            yield f"{software.name} {old.text or '?'} -> {software.text or '?'}"
    for software in known.values():
        yield f"{software.name} removed"


def _time(moment_us: int) -> str:
    return from_us(moment_us).isoformat(timespec="milliseconds").replace("+00:00", "Z")
