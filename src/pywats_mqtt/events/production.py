"""What happens on the shop floor: where units are, and who works at a station."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

UnitAction: TypeAlias = Literal["entered", "exited", "scanned"]
OperatorAction: TypeAlias = Literal["login", "logout", "shift"]


class UnitEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="unit_event"):
    """A unit entered or left a station, or was seen somewhere.

    Attributes:
        action: what happened.
        serial_number: 1 to 100 characters, none of those WATS refuses.
        at_us: when, in microseconds since 1970 UTC: the device's time where it can be true, else that of reception.
        station: the station's id; empty where a scanner of a line names none.
        line: the id of the line whose scanner saw it; empty for an event of a station.
        part_number: as sent, or empty.
        revision: as sent, or empty.
        operator: as sent, or empty.
        reported: the other id that the payload names for its sender; empty for none.
        unread: names of fields that were sent and are not known, at most 100 characters; empty for none.
    """

    action: UnitAction
    serial_number: str
    at_us: int
    station: str = ""
    line: str = ""
    part_number: str = ""
    revision: str = ""
    operator: str = ""
    reported: str = ""
    unread: str = ""

    @property
    def key(self) -> str:
        """The line in which what happens to a unit keeps its order: its serial number."""
        return self.serial_number

    @property
    def place(self) -> str:
        """Where it happened: the station, else the line."""
        return self.station or self.line


class OperatorEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="operator_event"):
    """Somebody begins or ends to work at a station.

    Attributes:
        station: the id in the topic.
        action: a shift begins for its operator; without one it ends the work of the one before.
        at_us: as in `UnitEvent`.
        operator: as sent; empty where a logout or a shift names nobody.
        shift: name of the shift, or empty.
        reported, unread: as in `UnitEvent`.
    """

    station: str
    action: OperatorAction
    at_us: int
    operator: str = ""
    shift: str = ""
    reported: str = ""
    unread: str = ""

    @property
    def key(self) -> str:
        """The line in which logins keep their order: the station."""
        return self.station
