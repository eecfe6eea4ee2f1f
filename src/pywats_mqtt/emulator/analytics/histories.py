"""`/api/App/SerialNumberHistory`, `UutReport` and `UurReport`: headers of reports by the filter of all analyses."""

from pywats_mqtt.emulator.analytics.filters import condition_of, rows_wanted
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.reports.headers import NEWEST_FIRST, header_of
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

TOP = 1_000
"""How many reports are listed where nothing else is asked for: a guess."""

_ASKED = ("productGroup", "level", "partNumber", "revision", "serialNumber", "status")


def serial_number_history(call: Call) -> Reply:
    """POST /api/App/SerialNumberHistory: tests and repairs of the units with this serial number, oldest first.

    Raises:
        Refusal: 400, no serialNumber, or a filter is unknown.
    """
    source = call.json_object()
    if not source.get("serialNumber"):
        raise Refusal(400, "serialNumber: required")
    return _headers(call, source, "1", "start, number")


def uut_reports(call: Call) -> Reply:
    """GET or POST /api/App/UutReport: headers of tests, newest first.

    Raises:
        Refusal: 400, a filter is unknown.
    """
    return _headers(call, call.json_object() if call.body else _asked(call), "reportType = 'T'", NEWEST_FIRST)


def uur_reports(call: Call) -> Reply:
    """POST /api/App/UurReport: headers of repairs, newest first.

    Raises:
        Refusal: 400, a filter is unknown.
    """
    return _headers(call, call.json_object(), "reportType = 'R'", NEWEST_FIRST)


def _asked(call: Call) -> JsonObject:
    found: JsonObject = {name: call.query.get(name.lower()) for name in _ASKED}
    return found | {"topCount": call.whole("topCount")}


def _headers(call: Call, source: JsonObject, kind: str, order: str) -> Reply:
    condition, values = condition_of(source)
    limit = min(rows_wanted(source), TOP)
    sql = f"SELECT * FROM reports WHERE {kind} AND {condition} ORDER BY {order} LIMIT {limit}"  # noqa: S608 - names and numbers are ours, values are parameters
    return json_reply([header_of(call.store, row) for row in call.store.rows(sql, *values)])
