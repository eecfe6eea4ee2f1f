"""What the inspection routes show of units, batches and serial numbers: everything, in as few queries as for one."""

from collections import defaultdict

from pywats_mqtt.emulator.production.changes import changes
from pywats_mqtt.emulator.production.serial_numbers import all_numbers
from pywats_mqtt.emulator.production.units import plain
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import INT32_MAX

Shown = list[dict[str, object]]


def production_state(store: Store) -> dict[str, Shown]:
    """Units, batches, changes that nobody acknowledged, and serial numbers, each as the API shows it.

    A unit has its `history` and its sub-units, but not its product, which `all_products` shows.
    """
    return {
        "units": _units(store),
        "batches": [dict(row) for row in store.rows("SELECT * FROM batches ORDER BY batchNumber")],
        "unit_changes": changes(store, INT32_MAX),
        "serial_numbers": all_numbers(store),
    }


def _units(store: Store) -> Shown:
    history: dict[int, Shown] = defaultdict(list)
    for row in store.rows("SELECT unit, date, property, value FROM unit_history ORDER BY number"):
        history[row["unit"]].append({name: row[name] for name in ("date", "property", "value")})
    rows = store.rows("SELECT * FROM unit_list ORDER BY number")
    below: dict[int, Shown] = defaultdict(list)
    for row in rows:
        if row["parent"]:
            below[row["parent"]].append(plain(row))
    return [{**plain(row), "subUnits": below[row["number"]], "history": history[row["number"]]} for row in rows]
