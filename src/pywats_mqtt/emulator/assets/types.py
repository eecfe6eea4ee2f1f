"""`/api/Asset/Types`: the kinds of assets and the limits that raise a warning or an alarm."""

from sqlite3 import Row
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Refusal, Reply, json_reply

UNLIMITED, EXTERNAL = -1, -2
"""Intervals that count no days: never due, and due when another system says so."""

FIELDS = Fields(
    {
        "typeName": Kind.TEXT,
        "typeId": Kind.ID,
        "runningCountLimit": Kind.NUMBER,
        "totalCountLimit": Kind.NUMBER,
        "maintenanceInterval": Kind.NUMBER,
        "calibrationInterval": Kind.NUMBER,
        "warningThreshold": Kind.NUMBER,
        "alarmThreshold": Kind.NUMBER,
        "isReadonly": Kind.FLAG,
        "icon": Kind.TEXT,
    },
)
_COLUMNS = tuple(FIELDS.kinds)


def get_types(call: Call) -> Reply:
    """GET /api/Asset/Types: by name; takes OData options."""
    found = select(call, "asset_types", FIELDS, order="typeName", top=1000, highest_top=INT32_MAX)
    return json_reply([_wire(row) for row in found])


def put_type(call: Call) -> Reply:
    """PUT /api/Asset/Types: make a type, or with a known `typeId` change what is named; the saved type.

    A total limit is raised to the running limit and an alarm threshold to the warning threshold, as WATS does.

    Raises:
        Refusal: 400, no name, a name another type has, or a field of the wrong kind or range.
    """
    body = call.json_object()
    name = fields.required_text(body, "typeName")
    type_id = fields.uuid(body, "typeId")
    double = call.store.row("SELECT typeId FROM asset_types WHERE typeName = ?", name)
    if double and double["typeId"] != type_id:
        raise Refusal(400, f"typeName: an asset type {name!r} exists, its typeId is {double['typeId']}")
    if type_id is None:
        # A deleted or renamed type may leave its name to another one, so the name alone gives no id.
        type_id = str(uuid5(NAMESPACE_OID, f"asset type {call.seq} {name}"))
    known = type_of(call.store, type_id)
    saved = dict(known) if known else dict.fromkeys(_COLUMNS)
    sent = {
        "typeName": name,
        "typeId": type_id,
        "runningCountLimit": fields.whole(body, "runningCountLimit", 0),
        "totalCountLimit": fields.whole(body, "totalCountLimit", 0),
        "maintenanceInterval": _interval(body, "maintenanceInterval"),
        "calibrationInterval": _interval(body, "calibrationInterval"),
        "warningThreshold": _threshold(body, "warningThreshold"),
        "alarmThreshold": _threshold(body, "alarmThreshold"),
        "isReadonly": fields.flag(body, "isReadonly"),
        "icon": fields.text(body, "icon"),
    }
    saved |= {column: value for column, value in sent.items() if value is not None}
    saved["isReadonly"] = bool(saved["isReadonly"])
    saved["totalCountLimit"] = _at_least(saved["totalCountLimit"], saved["runningCountLimit"])
    saved["alarmThreshold"] = _at_least(saved["alarmThreshold"], saved["warningThreshold"])
    updates = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS)
    call.store.run(
        f"INSERT INTO asset_types ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own column names
        f" ON CONFLICT (typeId) DO UPDATE SET {updates}",
        *(saved[column] for column in _COLUMNS),
    )
    return json_reply(wire_type(call.store, type_id))


def type_of(store: Store, type_id: str) -> Row | None:
    """The row of a type, None when unknown."""
    return store.row("SELECT * FROM asset_types WHERE typeId = ?", type_id)


def wire_type(store: Store, type_id: str) -> dict[str, object]:
    """A type as the API shows it; empty when unknown."""
    row = type_of(store, type_id)
    return _wire(row) if row else {}


def _wire(row: Row) -> dict[str, object]:
    shown = {column: row[column] for column in _COLUMNS if row[column] is not None}
    return {**shown, "isReadonly": bool(row["isReadonly"])}


def _interval(body: JsonObject, name: str) -> float | None:
    days = fields.number(body, name)
    if days is not None and days < 0 and days not in {UNLIMITED, EXTERNAL}:
        raise Refusal(
            400, f"{name}: expected days, {UNLIMITED} for unlimited or {EXTERNAL} for external, got {days:.10g}"
        )
    return days


def _threshold(body: JsonObject, name: str) -> float | None:
    percent = fields.number(body, name)
    if percent is not None and percent < 0:
        raise Refusal(400, f"{name}: expected a percentage of 0 or more, got {percent:.10g}")
    return percent


def _at_least(value: float | None, lowest: float | None) -> float | None:
    """`value`, raised to `lowest` when both are there."""
    return value if value is None or lowest is None else max(value, lowest)
