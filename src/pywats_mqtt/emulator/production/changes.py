"""`/api/Production/Units/Changes`: what became of units, told until it is acknowledged."""

from sqlite3 import Row

from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def get_changes(call: Call) -> Reply:
    """GET /api/Production/Units/Changes: the oldest `maxCount` changes; what else is asked is ignored.

    Raises:
        Refusal: 400, no `maxCount`, which pywats leaves out.
    """
    most = call.whole("maxCount")
    if most is None:
        raise Refusal(400, "query parameter maxCount is required: how many changes to give")
    return json_reply(changes(call.store, most))


def delete_change(call: Call) -> Reply:
    """DELETE /api/Production/Units/Changes/{id}: acknowledge a change, so that it is told no more; `true`.

    Raises:
        Refusal: 404, no such change, or acknowledged already.
    """
    (key,) = call.identifiers
    found = call.store.row("SELECT id FROM unit_changes WHERE CAST(id AS TEXT) = ?", key)
    if found is None:
        raise Refusal(404, f"There is no unit change with id {key!r}.")
    call.store.run("DELETE FROM unit_changes WHERE id = ?", found["id"])
    return json_reply(value=True)


def changes(store: Store, most: int) -> list[dict[str, object]]:
    """The oldest changes that nobody has acknowledged."""
    return [_wire(row) for row in store.rows("SELECT * FROM unit_changes ORDER BY id LIMIT ?", most)]


def _wire(row: Row) -> dict[str, object]:
    return {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118 - a Row iterates over its values
