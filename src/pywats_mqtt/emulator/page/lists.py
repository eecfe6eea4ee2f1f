"""`/_emulator/lists/…`: what the emulator holds, newest first and a page at a time, however much it is."""

from collections.abc import Callable, Mapping
from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.page.asset import asset_shown
from pywats_mqtt.emulator.production.units import plain
from pywats_mqtt.emulator.software import rows as software
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

PAGE, HIGHEST_PAGE = 100, 1_000
LONGEST_FIND = 200

_REPORTS = """number, uuid AS id, receiveCount, quarantined, firstSeq AS first_seq, lastSeq AS last_seq,
reportType AS type, partNumber AS pn, revision AS rev, serialNumber AS sn, stationName AS machineName, processCode,
processName, result, start, operator, timeStamp"""
_REQUESTS = "seq, at, method, path, query, status, fault, length(body) AS bytes"


class Listing(msgspec.Struct, frozen=True):
    """One list.

    Attributes:
        source: Where the rows are, our own SQL.
        columns: What is read of them, our own SQL.
        key: The column that names one of them.
        order: The column that numbers them; a page ends before one of its numbers.
        searched: The columns in which `find` looks.
        shown: What a row becomes.
    """

    source: str
    columns: str
    key: str
    order: str
    searched: tuple[str, ...]
    shown: Callable[[Call, Row], dict[str, object]]


def get_list(call: Call) -> Reply:
    """One of the lists of the page in short, newest first: `?limit=N&before=NUMBER&find=WORDS&key=KEY`.

    A hundred without `limit`; `before` is the number of the last one of the page before; `key` names a single one. Each
    word of `find` must be part of any of the fields that are searched, whatever the case of its ASCII letters.

    Raises:
        Refusal: 404, there is no such list; 400, a number is wrong, or `find` is too long.
    """
    (name,) = call.identifiers
    listing = LISTS.get(name)
    if listing is None:
        raise Refusal(404, f"There is no list {name!r}; the lists are {', '.join(LISTS)}.")
    limit, before = call.whole("limit", highest=HIGHEST_PAGE), call.whole("before")
    conditions: list[str] = ["1"]
    values: list[object] = []
    if before is not None:
        conditions.append(f"{listing.order} < ?")
        values.append(before)
    if "key" in call.query:
        conditions.append(f"{listing.key} = ?")
        values.append(call.query["key"])
    for pattern in _patterns(call.query.get("find", "")):
        conditions.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in listing.searched) + ")")
        values += [pattern] * len(listing.searched)
    sql = (
        f"SELECT {listing.columns} FROM {listing.source} WHERE {' AND '.join(conditions)}"  # noqa: S608 - our own names, values are parameters
        f" ORDER BY {listing.order} DESC LIMIT {PAGE if limit is None else limit}"
    )
    return json_reply([listing.shown(call, row) for row in call.store.rows(sql, *values)])


def _patterns(find: str) -> list[str]:
    """For each word the LIKE pattern of texts that hold it."""
    if len(find) > LONGEST_FIND:
        raise Refusal(400, f"query parameter find: {len(find)} characters, at most {LONGEST_FIND} are taken")
    escaped = find.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [f"%{word}%" for word in escaped.split()]


def _report(_call: Call, row: Row) -> dict[str, object]:
    return {**dict(row), "quarantined": bool(row["quarantined"])}


def _request(_call: Call, row: Row) -> dict[str, object]:
    return {**dict(row), "query": msgspec.json.decode(row["query"])}


def _unit(_call: Call, row: Row) -> dict[str, object]:
    return {**plain(row), "number": row["number"]}


def _package(_call: Call, row: Row) -> dict[str, object]:
    return {**software.shown(row), "number": row["number"]}


LISTS: Mapping[str, Listing] = {
    "assets": Listing(
        "asset_list JOIN asset_types USING (typeId)",
        "asset_list.*",
        "assetId",
        "number",
        ("assetId", "serialNumber", "assetName", "partNumber", "location", "description", "tags", "typeName"),
        asset_shown,
    ),
    "reports": Listing(
        "reports",
        _REPORTS,
        "uuid",
        "number",
        (
            *("uuid", "serialNumber", "partNumber", "revision", "result", "stationName", "operator", "batchNumber"),
            *("processName", "processCode", "start"),
        ),
        _report,
    ),
    "units": Listing(
        "unit_list",
        "*",
        "number",
        "number",
        ("serialNumber", "partNumber", "revision", "parentSerialNumber", "batchNumber", "currentLocation"),
        _unit,
    ),
    "packages": Listing(
        "packages",
        "*",
        "packageId",
        "number",
        ("packageId", "name", "version", "status", "description", "tags"),
        _package,
    ),
    "requests": Listing("requests", _REQUESTS, "seq", "seq", ("method", "path", "query", "status", "fault"), _request),
}

COUNTS: Mapping[str, Callable[[Store], int]] = {
    "assets": lambda store: store.count("SELECT count(*) FROM assets"),
    "reports": lambda store: store.count("SELECT count(*) FROM reports"),
    "units": lambda store: store.count("SELECT count(*) FROM units"),
    "packages": lambda store: store.count("SELECT count(*) FROM packages"),
    # The log has no gaps; to count its rows would be to read through all their bodies.
    "requests": lambda store: store.count(
        "SELECT (SELECT max(seq) FROM requests) - (SELECT min(seq) FROM requests) + 1"
    ),
}
"""How many there are of each."""
