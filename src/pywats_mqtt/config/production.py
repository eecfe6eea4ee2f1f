"""The `[production]` table: what shop floor events become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

PHASES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4098, 4100, 4104)
"""The phases of a WATS unit; they are the same on every server."""

NO_PHASE = 0

Phase = Annotated[int, msgspec.Meta(ge=0)]


def find(process: int | str, names: Mapping[int, str]) -> tuple[int, str] | None:
    """Find an operation as it is configured among the server's: its code and its name, or None.

    Args:
        process: its code, also as digits in a text, or its name in any case.
        names: the server's operations by code.
    """
    text = str(process).strip()
    for code, name in names.items():
        if text == str(code) or text.casefold() == name.casefold():
            return code, name
    return None


class ProductionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[production]` table: what units, stations and operators become in WATS.

    Attributes:
        location: where a unit is said to be when it enters a station or is scanned; `{station}` is the station, or the
            line of a scanner that names none; `{line}` the line of a scanner.
        location_on_exit: the same when it leaves a station; empty: it stays where it was.
        phase_on_entry: phase of a unit that enters a station, such as 2, Under production; 0 for none.
        phase_on_exit: phase of a unit that leaves a station; 0 for none.
        create_units: make a unit that WATS does not know; off, its events are quarantined.
        create_products: make the product and the revision of a unit that is made, where they are missing; off, such a
            unit is quarantined.
        default_part_number: part number of a unit whose events name none; not set, it is `wats.default_part_number`.
        gather_s: seconds in which the writes of units are gathered into one call; 0 to send each at once.
        login_hours: hours after which a login no longer counts, where nobody logged out.
        processes: station or line to the WATS operation, by code or name, that a unit there is in.
        lines: tester to the line it stands at: while a batch is open on that line, it is on the tester's reports.
        batch_report_s: seconds between two reports of a batch that goes on, where its line tells how far it is; 0 for
            one report at its end alone.
        testers: tester to the station it stands at, where they have different ids; the operator of the station is that
            of the tester's results.
    """

    location: Annotated[str, msgspec.Meta(min_length=1)] = "{station}"
    location_on_exit: str = ""
    phase_on_entry: Phase = 2
    phase_on_exit: Phase = NO_PHASE
    create_units: bool = True
    create_products: bool = True
    default_part_number: str | None = None
    gather_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 1.0
    login_hours: Annotated[float, msgspec.Meta(gt=0)] = 12.0
    batch_report_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    processes: dict[str, int | str] = msgspec.field(default_factory=dict)
    testers: dict[str, str] = msgspec.field(default_factory=dict)
    lines: dict[str, str] = msgspec.field(default_factory=dict)
