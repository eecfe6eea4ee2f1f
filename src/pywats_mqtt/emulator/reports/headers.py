"""`/api/Report/Query/Header`: reports in short."""

from sqlite3 import Row

from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.wire import Call, Reply, json_reply

TOP, HIGHEST_TOP = 10, 10_000
"""What a server gives without `$top`, and the most it gives at once."""

FIELDS = Fields(
    {
        "uuid": Kind.ID,
        "serialNumber": Kind.TEXT,
        "partNumber": Kind.TEXT,
        "reportType": Kind.TEXT,
        "start": Kind.TIME,
        "revision": Kind.TEXT,
        "result": Kind.TEXT,
        "stationName": Kind.TEXT,
        "location": Kind.TEXT,
        "purpose": Kind.TEXT,
        "processCode": Kind.NUMBER,
        "processName": Kind.TEXT,
        "swFilename": Kind.TEXT,
        "swVersion": Kind.TEXT,
        "batchNumber": Kind.TEXT,
        "operator": Kind.TEXT,
        "comment": Kind.TEXT,
        "executionTime": Kind.NUMBER,
        "timeStamp": Kind.TIME,
        "receiveCount": Kind.NUMBER,
    },
    order=frozenset({"start", "uuid", "serialNumber", "timeStamp"}),
)
_VISIBLE = "(SELECT * FROM reports WHERE NOT quarantined)"
_EARLIER = """SELECT count(*) FROM reports WHERE NOT quarantined AND serialNumber = ? AND partNumber = ?
AND processCode = ? AND (start, number) <= (?, ?)"""


def get_headers(call: Call) -> Reply:
    """GET /api/Report/Query/Header: newest start first, 10 without `$top`; `reportType` in the query is ignored.

    Each header has `run`: 1 for the first report of this unit and operation, 2 for the next.
    """
    found = select(call, _VISIBLE, FIELDS, order="start DESC, number DESC", top=TOP, highest_top=HIGHEST_TOP)
    return json_reply([{**_shown(row), "run": _run(call, row)} for row in found])


def _shown(row: Row) -> dict[str, object]:
    return {name: row[name] for name in FIELDS.kinds if row[name] is not None}


def _run(call: Call, row: Row) -> int:
    unit = (row["serialNumber"], row["partNumber"], row["processCode"])
    return call.store.count(_EARLIER, *unit, row["start"], row["number"])
