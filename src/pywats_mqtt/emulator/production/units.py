"""Units as rows: finding, showing and changing one. A unit is a serial number together with a part number."""

from collections.abc import Mapping
from sqlite3 import Row

from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.production.phases import PHASES, UNDER_PRODUCTION
from pywats_mqtt.emulator.products.rows import product_of, revision_of, wire_product, wire_revision
from pywats_mqtt.emulator.products.tags import tags_in
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal

_HIDDEN = frozenset({"number", "parent", "underTest"})
_REMEMBERED = (
    "partNumber",
    "revision",
    "parentSerialNumber",
    "batchNumber",
    "currentLocation",
    "xmlData",
    "unitPhaseId",
    "processCode",
)
_QUEUED = {
    "parentSerialNumber": "newParentSerialNumber",
    "partNumber": "newPartNumber",
    "revision": "newRevision",
    "unitPhaseId": "newUnitPhaseId",
}
"""Properties of a unit whose changes `Units/Changes` tells, and the names it has for them."""


def unit_of(store: Store, serial: str, part_number: str) -> Row | None:
    """The unit with this serial and part number."""
    return store.row("SELECT * FROM unit_list WHERE serialNumber = ? AND partNumber = ?", serial, part_number)


def unit_by_number(store: Store, number: int) -> Row | None:
    """The unit in this row."""
    return store.row("SELECT * FROM unit_list WHERE number = ?", number)


def addressed(call: Call, serial_name: str = "serialNumber", part_name: str = "partNumber") -> Row:
    """The unit that two query parameters name.

    Raises:
        Refusal: 400, one is missing; 404, there is no such unit.
    """
    return known_unit(call.store, call.required(serial_name), call.required(part_name))


def known_unit(store: Store, serial: str, part_number: str) -> Row:
    """The unit with this serial and part number.

    Raises:
        Refusal: 404, there is none.
    """
    found = unit_of(store, serial, part_number)
    if found is None:
        raise Refusal(404, f"There is no unit with serial number {serial!r} and part number {part_number!r}.")
    return found


def children_of(store: Store, unit: Row) -> list[Row]:
    """The units that are built into this one."""
    return store.rows("SELECT * FROM unit_list WHERE parent = ? ORDER BY number", unit["number"])


def is_within(store: Store, unit: Row, other: Row) -> bool:
    """Whether `unit` is `other` or built into it, at any depth."""
    above: Row | None = unit
    while above is not None:
        if above["number"] == other["number"]:
            return True
        above = unit_by_number(store, above["parent"]) if above["parent"] else None
    return False


def plain(row: Row) -> dict[str, object]:
    """A unit without its product and sub-units. What is not known is left out: pywats breaks on nulls."""
    shown = {name: row[name] for name in row.keys() if name not in _HIDDEN and row[name] is not None}  # noqa: SIM118 - a Row iterates over its values
    return {**shown, "unitPhase": PHASES[row["unitPhaseId"]], "tags": tags_in(row["xmlData"]), "subUnits": []}


def full(store: Store, row: Row) -> dict[str, object]:
    """A unit as the API shows it: with its product and revision, and the units directly below it."""
    product = product_of(store, row["partNumber"])
    revision = revision_of(store, row["partNumber"], row["revision"])
    return {
        **plain(row),
        **({"product": wire_product(product, [])} if product else {}),
        **({"productRevision": wire_revision(revision)} if revision else {}),
        "subUnits": [plain(child) for child in children_of(store, row)],
    }


def insert(call: Call, values: Mapping[str, object]) -> Row:
    """A new unit, under production unless `values` say otherwise: that, and its date, are a guess.

    Its history begins with its phase.
    """
    columns = {"unitPhaseId": UNDER_PRODUCTION, "serialDate": wire_time(call.now), **values}
    places = ", ".join("?" * len(columns))
    sql = f"INSERT INTO units ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own column names
    saved = _saved(call, call.store.run(sql, *columns.values()))
    note(call, saved, "unitPhaseId", saved["unitPhaseId"])
    return saved


def alter(call: Call, unit: Row, values: Mapping[str, object]) -> Row:
    """The unit with other `values`; its history says what changed, and so does `Units/Changes` if it is switched on."""
    for name, value in values.items():
        call.store.run(f"UPDATE units SET {name} = ? WHERE number = ?", value, unit["number"])  # noqa: S608 - our own column names
    saved = _saved(call, unit["number"])
    changed = {name: saved[name] for name in _REMEMBERED if saved[name] != unit[name]}
    for name, value in changed.items():
        note(call, saved, name, value)
    queued = {column: changed[name] for name, column in _QUEUED.items() if name in changed}
    if queued and call.settings.unit_changes:
        places = ", ".join("?" * (len(queued) + 1))
        sql = f"INSERT INTO unit_changes (unitSerialNumber, {', '.join(queued)}) VALUES ({places})"  # noqa: S608 - our own column names
        call.store.run(sql, saved["serialNumber"], *queued.values())
    return saved


def note(call: Call, unit: Row, name: str, value: object) -> None:
    """One more row in the history of a unit."""
    sql = "INSERT INTO unit_history (unit, date, property, value) VALUES (?, ?, ?, ?)"
    call.store.run(sql, unit["number"], wire_time(call.now), name, None if value is None else str(value))


def _saved(call: Call, number: int) -> Row:
    row = unit_by_number(call.store, number)
    if row is None:
        raise LookupError(f"unit {number} vanished while it was saved")
    return row
