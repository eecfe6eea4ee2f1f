"""`/_emulator/units/{number}`: one unit in full."""

from pywats_mqtt.emulator.production.units import full
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

_HISTORY = "SELECT date, property, value FROM unit_history WHERE unit = ? ORDER BY number DESC"


def get_unit(call: Call) -> Reply:
    """The unit of this number, which `lists/units` shows, as the API gives it, and its history, newest first.

    Raises:
        Refusal: 404, no such unit.
    """
    (number,) = call.identifiers
    row = call.store.row("SELECT * FROM unit_list WHERE number = ?", number)
    if row is None:
        raise Refusal(404, f"There is no unit number {number!r}.")
    history = [dict(entry) for entry in call.store.rows(_HISTORY, row["number"])]
    return json_reply({**full(call.store, row), "history": history})
