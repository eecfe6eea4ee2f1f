"""`/api/Report/Query`: reports in short."""

from sqlite3 import Row

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.reports.contents import COLLECTIONS, EXPANDABLE, expanded
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

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
        "testSocketIndex": Kind.NUMBER,
        "fixtureId": Kind.TEXT,
        "errorCode": Kind.NUMBER,
        "errorMessage": Kind.TEXT,
        "referencedUut": Kind.ID,
        "testOperation": Kind.TEXT,
        "causedUutFailure": Kind.TEXT,
        "causedUutFailurePath": Kind.TEXT,
        "reportSize": Kind.NUMBER,
    },
    order=frozenset({"start", "uuid", "serialNumber", "timeStamp"}),
    collections=COLLECTIONS,
)
NEWEST_FIRST = "start DESC, number DESC"
_VISIBLE = "(SELECT * FROM reports WHERE NOT quarantined)"
_WITH_INFO = """(SELECT * FROM reports WHERE NOT quarantined AND number IN
(SELECT number FROM report_misc_infos WHERE description = ? AND value = ?))"""
_EARLIER = """SELECT count(*) FROM reports WHERE NOT quarantined AND serialNumber = ? AND partNumber = ?
AND processCode = ? AND (start, number) <= (?, ?)"""


def get_headers(call: Call) -> Reply:
    """GET /api/Report/Query/Header: newest start first, 10 without `$top`; `reportType` in the query is ignored.

    Each header has `run`: 1 for the first report of this unit and operation, 2 for the next. `$expand` adds lists; a
    name that belongs to the other type of report, such as `subUnits` for a repair, adds nothing to it.

    Raises:
        Refusal: 400, an option is wrong.
    """
    return _headers(call, _VISIBLE)


def get_headers_by_misc_info(call: Call) -> Reply:
    """GET /api/Report/Query/HeaderByMiscInfo: headers of reports with the misc info `description` and text `data`.

    pywats sends the text as `stringValue`, which a server does not look at, so its own call is refused.

    Raises:
        Refusal: 400, `description` or `data` is missing, or an option is wrong.
    """
    return _headers(call, _WITH_INFO, call.required("description"), call.required("data"))


def header_of(store: Store, row: Row) -> JsonObject:
    """The header of a row of the reports table; what the report does not have is left out."""
    unit = (row["serialNumber"], row["partNumber"], row["processCode"])
    run = store.count(_EARLIER, *unit, row["start"], row["number"])
    return {**{name: row[name] for name in FIELDS.kinds if row[name] is not None}, "run": run}


def _headers(call: Call, source: str, *given: str) -> Reply:
    names = _expand(call.query.get("$expand", ""))
    found = select(
        call,
        source,
        FIELDS,
        order=NEWEST_FIRST,
        top=TOP,
        highest_top=HIGHEST_TOP,
        also=frozenset({"$expand"}),
        given=given,
    )
    return json_reply([header_of(call.store, row) | expanded(call.store, row, names) for row in found])


def _expand(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := names - EXPANDABLE:
        raise Refusal(400, f"$expand: unknown {min(unknown)!r:.40}; use some of {', '.join(sorted(EXPANDABLE))}")
    return names
