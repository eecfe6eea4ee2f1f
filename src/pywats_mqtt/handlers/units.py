"""What is known of a unit, and what an event makes of it. Pure.

An event is judged by its own time: what is older than the last one known never moves a unit back, whatever order
messages arrive in. A stay at a station begins with `entered` and ends with `exited`; a unit that turns up at another
station has left without telling.
"""

from __future__ import annotations

from typing import Literal, TypeAlias
from zlib import crc32

import msgspec

from pywats_mqtt.config.production import NO_PHASE, ProductionConfig
from pywats_mqtt.events import UnitEvent
from pywats_mqtt.events.production import UnitAction

SHELVES = 1_024
"""Notes that units are spread over, so that an event rewrites some kilobytes at most."""

UNITS_KEPT = 32
"""Units of a shelf; those that nothing happened to for the longest time go first. All shelves hold some 30,000."""

_LOCATION_CHARACTERS = 100


class InWats(msgspec.Struct, frozen=True, array_like=True):
    """What WATS is known to hold of a unit.

    Attributes:
        part_number: with the serial number it names the unit.
        location: as WATS has it.
        phase: a number of `config.production.PHASES`, or 0 where nobody knows.
        process: code of its operation as a text, or empty.
    """

    part_number: str
    location: str = ""
    phase: int = NO_PHASE
    process: str = ""


class KnownUnit(msgspec.Struct, frozen=True, array_like=True):
    """One unit; times are microseconds since 1970 UTC.

    Attributes:
        at_us: time of the last event that counted.
        action: what it was.
        place: where.
        station: where the unit is now and did not leave; empty for nowhere.
        since_us: when it entered there.
        missed_station: the station it was last seen at elsewhere without having left; empty for none.
        missed_since_us: when it entered there.
        wats: what WATS holds.
    """

    at_us: int
    action: UnitAction
    place: str
    wats: InWats
    station: str = ""
    since_us: int = 0
    missed_station: str = ""
    missed_since_us: int = 0


class Stay(msgspec.Struct, frozen=True):
    """A stay at a station that ended; `left_us` is None where nobody said that it did."""

    station: str
    since_us: int
    left_us: int | None


Judgement: TypeAlias = Literal["moves", "older", "repeated"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an event means.

    Attributes:
        judgement: whether it tells where the unit is now.
        ended: the stay that it ends, or tells the end of.
        missing_entry: the unit left a station that it had not entered.
        station, since_us, missed_station, missed_since_us: as in `KnownUnit`, from now on.
    """

    judgement: Judgement
    ended: Stay | None = None
    missing_entry: bool = False
    station: str = ""
    since_us: int = 0
    missed_station: str = ""
    missed_since_us: int = 0


def judge(event: UnitEvent, known: KnownUnit | None) -> Verdict:
    """Tell what an event means, from what is known of its unit."""
    if known is None:
        entered = event.action == "entered" and event.station
        first = Verdict(judgement="moves", missing_entry=event.action == "exited" and bool(event.station))
        return msgspec.structs.replace(first, station=event.station, since_us=event.at_us) if entered else first
    if event.at_us < known.at_us:
        return _judge_older(event, known)
    if (event.action, event.place, event.at_us) == (known.action, known.place, known.at_us):
        return _unchanged(known, "repeated")
    if event.action == "scanned" or not event.station:
        elsewhere = bool(event.station) and event.station != known.station
        return _missed(known) if elsewhere else _unchanged(known, "moves")
    return _judge_entry(event, known) if event.action == "entered" else _judge_exit(event, known)


def _judge_entry(event: UnitEvent, known: KnownUnit) -> Verdict:
    if known.station and event.station == known.station:
        return _unchanged(known, "moves")  # read twice on its way in
    return msgspec.structs.replace(_missed(known), station=event.station, since_us=event.at_us)


def _judge_exit(event: UnitEvent, known: KnownUnit) -> Verdict:
    if known.station and event.station == known.station:
        ended = Stay(known.station, known.since_us, event.at_us)
        return msgspec.structs.replace(_unchanged(known, "moves"), ended=ended, station="", since_us=0)
    if (event.action, event.place) == (known.action, known.place):
        return _unchanged(known, "moves")  # read twice on its way out
    return msgspec.structs.replace(_missed(known), missing_entry=True)


def _judge_older(event: UnitEvent, known: KnownUnit) -> Verdict:
    """A late exit tells the end of a stay that was taken for endless; the unit is where it is."""
    unchanged = _unchanged(known, "older")
    if event.action != "exited" or event.station != known.missed_station or event.at_us < known.missed_since_us:
        return unchanged
    ended = Stay(known.missed_station, known.missed_since_us, event.at_us)
    return msgspec.structs.replace(unchanged, ended=ended, missed_station="", missed_since_us=0)


def _unchanged(known: KnownUnit, judgement: Judgement) -> Verdict:
    return Verdict(
        judgement=judgement,
        station=known.station,
        since_us=known.since_us,
        missed_station=known.missed_station,
        missed_since_us=known.missed_since_us,
    )


def _missed(known: KnownUnit) -> Verdict:
    """The unit is elsewhere: a stay that was open ends without an exit."""
    if not known.station:
        return _unchanged(known, "moves")
    return Verdict(
        judgement="moves",
        ended=Stay(known.station, known.since_us, None),
        missed_station=known.station,
        missed_since_us=known.since_us,
    )


class Wish(msgspec.Struct, frozen=True):
    """What an event asks WATS to hold; None for what it says nothing of.

    Attributes:
        location: where the unit is.
        phase: a number of `PHASES`.
        process: operation by code or name, as configured.
    """

    location: str | None = None
    phase: int | None = None
    process: int | str | None = None


def wish_of(event: UnitEvent, known: KnownUnit | None, config: ProductionConfig) -> Wish:
    """Tell what an event that moves its unit asks for."""
    if event.action == "exited":
        left = known is not None and known.station == event.station
        # A unit that leaves a station it never entered was there, after all.
        template = config.location_on_exit or ("" if left else config.location)
        phase = config.phase_on_exit
        return Wish(_located(event, template) if template else None, phase if phase != NO_PHASE else None)
    process = config.processes.get(event.station) if event.station else None
    if process is None and event.line:
        process = config.processes.get(event.line)
    if event.action == "scanned":
        inside = known is not None and known.station and not event.station
        return Wish(None if inside else _located(event, config.location), None, process)
    phase = config.phase_on_entry
    return Wish(_located(event, config.location), phase if phase != NO_PHASE else None, process)


def _located(event: UnitEvent, template: str) -> str:
    text = template.replace("{station}", event.place).replace("{line}", event.line)
    return text if len(text) <= _LOCATION_CHARACTERS else f"{text[: _LOCATION_CHARACTERS - 1]}…"


Shelf: TypeAlias = dict[str, KnownUnit]
"""Units by serial number, the one that changed last at the end."""


def shelf_of(serial_number: str) -> str:
    """Name the note in which a unit is kept."""
    return f"units/{crc32(serial_number.encode()) % SHELVES}"


def decode(note: bytes | None) -> Shelf:
    """Read a shelf.

    Raises:
        msgspec.DecodeError: the note is none of ours.
    """
    return {} if note is None else msgspec.msgpack.decode(note, type=Shelf)


def encode(shelf: Shelf) -> bytes:
    """Pack a shelf for its note."""
    return msgspec.msgpack.encode(shelf)


def put(shelf: Shelf, serial_number: str, known: KnownUnit) -> None:
    """Put a unit on its shelf, in place of what was known of it; the shelf stays within its bound."""
    shelf.pop(serial_number, None)
    shelf[serial_number] = known
    while len(shelf) > UNITS_KEPT:
        del shelf[next(iter(shelf))]
