"""`/api/App/DynamicYield` and `VolumeYield`: how many units passed, and in which run."""

from pywats_mqtt.emulator.analytics.filters import condition_of, rows_wanted
from pywats_mqtt.emulator.fields import JsonObject, text
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

_DIMENSIONS = {
    "partNumber": "partNumber",
    "revision": "revision",
    "stationName": "stationName",
    "location": "location",
    "purpose": "purpose",
    "testOperation": "processName",
    "processCode": "processCode",
    "swFilename": "swFilename",
    "swVersion": "swVersion",
    "batchNumber": "batchNumber",
    "operator": "operator",
    "fixtureId": "fixtureId",
}
_FIGURES = ("unitCount", "fpCount", "spCount", "tpCount", "lpCount", "fpy", "spy", "tpy", "lpy")
_VOLUME = "unitCount desc;partNumber;testOperation"

# A unit counts once for each operation, in the group of its first run.
_YIELD = """WITH runs AS (SELECT *, row_number() OVER (unit ORDER BY start, number) AS run,
row_number() OVER (unit ORDER BY start DESC, number DESC) AS fromLast FROM reports WHERE {condition}
AND reportType = 'T' WINDOW unit AS (PARTITION BY serialNumber, partNumber, processCode)),
units AS (SELECT serialNumber, partNumber, processCode, max(run <= 1 AND result = 'Passed') AS first,
max(run <= 2 AND result = 'Passed') AS second, max(run <= 3 AND result = 'Passed') AS third,
max(fromLast = 1 AND result = 'Passed') AS last FROM runs GROUP BY serialNumber, partNumber, processCode),
figures AS (SELECT {columns} count(*) AS unitCount, sum(first) AS fpCount, sum(second) AS spCount,
sum(third) AS tpCount, sum(last) AS lpCount FROM runs JOIN units USING (serialNumber, partNumber, processCode)
WHERE run = 1 {group})
SELECT *, 100.0 * fpCount / unitCount AS fpy, 100.0 * spCount / unitCount AS spy, 100.0 * tpCount / unitCount AS tpy,
100.0 * lpCount / unitCount AS lpy FROM figures WHERE unitCount > 0 {order} LIMIT {limit}"""


def dynamic_yield(call: Call) -> Reply:
    """POST /api/App/DynamicYield: units and yields in percent, for each value of the `dimensions` in query or body.

    Dimensions stand in `dimensions` with `;` between them; figures among them only give the order, as `asc` or `desc`
    do. Without any, all units are one group. Periods are not computed.

    Raises:
        Refusal: 400, a filter or a dimension is unknown.
    """
    source = call.json_object()
    dimensions = call.query.get("dimensions") or text(source, "dimensions", longest=1_000) or ""
    return _yields(call, source, dimensions)


def volume_yield(call: Call) -> Reply:
    """GET or POST /api/App/VolumeYield: the same for each part and operation, most units first.

    Raises:
        Refusal: 400, a filter is unknown.
    """
    source = call.json_object() if call.body else _asked(call)
    return _yields(call, source, _VOLUME)


def _asked(call: Call) -> JsonObject:
    """The one thing that GET can filter by is not known here, so that it is refused like any other."""
    names = {"productgroup": "productGroup", "level": "level"}
    return {name: call.query.get(key) for key, name in names.items()}


def _yields(call: Call, source: JsonObject, dimensions: str) -> Reply:
    condition, values = condition_of(source)
    names, order = _terms(dimensions)
    columns = "".join(f"{_DIMENSIONS[name]} AS {name}, " for name in names)
    sql = _YIELD.format(
        condition=condition,
        columns=columns,
        group=f"GROUP BY {', '.join(_DIMENSIONS[name] for name in names)}" if names else "",
        order=f"ORDER BY {', '.join(order)}" if order else "",
        limit=rows_wanted(source),
    )
    return json_reply([dict(row) for row in call.store.rows(sql, *values)])


def _terms(dimensions: str) -> tuple[list[str], list[str]]:
    """The dimensions in a text, and the terms of ORDER BY."""
    names, order = list[str](), list[str]()
    for term in filter(str.strip, dimensions.split(";")):
        name, _, direction = term.strip().partition(" ")
        if name not in _DIMENSIONS and name not in _FIGURES:
            known = ", ".join([*_DIMENSIONS, *_FIGURES])
            raise Refusal(400, f"dimensions: the emulator does not compute {name!r:.40}; use {known}")
        if direction.lower() not in {"", "asc", "desc"}:
            raise Refusal(400, f"dimensions: expected asc or desc after {name}, got {direction!r:.40}")
        if name in names:
            raise Refusal(400, f"dimensions: {name} stands there twice")
        if name in _DIMENSIONS:
            names.append(name)
        order.append(f"{name} {direction}")
    return names, order
