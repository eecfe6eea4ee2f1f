"""`/api/Asset`: list, read, save and delete."""

from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.assets.rows import (
    LOG_REGISTER,
    LOG_STATE,
    LOG_UPDATE,
    addressed,
    by_id,
    by_serial,
    existing,
    full,
    listed,
    note,
)
from pywats_mqtt.emulator.assets.tags import merged_tags
from pywats_mqtt.emulator.assets.types import type_of
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.odata_sql import Fields, Kind
from pywats_mqtt.emulator.query import select
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Refusal, Reply, json_reply

STATE_IN_OPERATION, STATE_LAST = 1, 6

FIELDS = Fields(
    {
        "assetId": Kind.TEXT,
        "serialNumber": Kind.TEXT,
        "typeId": Kind.ID,
        "parentAssetId": Kind.TEXT,
        "parentSerialNumber": Kind.TEXT,
        "assetName": Kind.TEXT,
        "partNumber": Kind.TEXT,
        "revision": Kind.TEXT,
        "ClientId": Kind.NUMBER,
        "state": Kind.NUMBER,
        "description": Kind.TEXT,
        "location": Kind.TEXT,
        "firstSeenDate": Kind.TIME,
        "lastSeenDate": Kind.TIME,
        "lastMaintenanceDate": Kind.TIME,
        "nextMaintenanceDate": Kind.TIME,
        "lastCalibrationDate": Kind.TIME,
        "nextCalibrationDate": Kind.TIME,
        "totalCount": Kind.NUMBER,
        "runningCount": Kind.NUMBER,
    },
    order_columns={"assetId": "number"},
    tags="tags",
)


def get_assets(call: Call) -> Reply:
    """GET /api/Asset: in order of their ids, 1000 without `$top`; without tags, but with `xmlData`."""
    found = select(call, "asset_list", FIELDS, order="number", top=1000, highest_top=INT32_MAX)
    return json_reply([listed(row) for row in found])


def get_asset(call: Call) -> Reply:
    """GET /api/Asset/{x}: by id, else by serial number.

    Raises:
        Refusal: 404, neither fits.
    """
    (key,) = call.identifiers
    found = by_id(call.store, key) or by_serial(call.store, key)
    if found is None:
        raise Refusal(404, f"There is no asset with id or serial number {key!r}.")
    return json_reply(full(call.store, found))


def delete_asset(call: Call) -> Reply:
    """DELETE /api/Asset: the asset and its log go, its children move up to its parent; the deleted asset.

    The log of each child says that its parent changed.

    Raises:
        Refusal: as `addressed`.
    """
    row = addressed(call)
    shown = full(call.store, row)
    for child in call.store.rows("SELECT * FROM asset_list WHERE parentAssetId = ?", row["assetId"]):
        call.store.run("UPDATE assets SET parent = ? WHERE number = ?", row["parentAssetId"], child["number"])
        _note_changes(call, child)
    call.store.run("DELETE FROM asset_log WHERE assetId = ?", row["assetId"])
    call.store.run("DELETE FROM assets WHERE number = ?", row["number"])
    return json_reply(shown)


def put_asset(call: Call) -> Reply:
    """PUT /api/Asset: make an asset, or change the one with this `assetId`, else this serial number; the saved asset.

    Fields that are absent or null keep their value. Counts and the dates of the last calibration and maintenance are
    ignored: they have routes of their own. The log gets a row for a new asset, and for each property that changed; all
    tags are one property.

    Raises:
        Refusal: 400, a required field is missing, or one is wrong or names what does not exist.
    """
    body = call.json_object()
    serial = fields.required_text(body, "serialNumber")
    known = _known(call, body, serial)
    sent: dict[str, object] = {
        "serialNumber": serial,
        "typeId": _type_id(call, body),
        "parent": _parent(call, body, known),
        "assetName": fields.text(body, "assetName"),
        "partNumber": fields.text(body, "partNumber"),
        "revision": fields.text(body, "revision"),
        "ClientId": fields.whole(body, "ClientId"),
        "state": fields.whole(body, "state", 0, STATE_LAST),
        "description": fields.text(body, "description", 5000),
        "location": fields.text(body, "location"),
        "nextMaintenanceDate": fields.time(body, "nextMaintenanceDate"),
        "nextCalibrationDate": fields.time(body, "nextCalibrationDate"),
        "tags": _tags(call, known, body),
    }
    values = {name: value for name, value in sent.items() if value is not None}
    saved = _update(call, known, values) if known else _insert(call, values)
    return json_reply(full(call.store, saved))


def _known(call: Call, body: JsonObject, serial: str) -> Row | None:
    """The asset to change, None for a new one."""
    holder = by_serial(call.store, serial)
    asset_id = fields.text(body, "assetId")
    if not asset_id:
        return holder
    known = by_id(call.store, asset_id)
    if known is None:
        raise Refusal(400, f"assetId: there is no asset {asset_id!r}; leave it out to make one")
    if holder and holder["number"] != known["number"]:
        raise Refusal(400, f"serialNumber: {serial!r} belongs to asset {holder['assetId']}")
    return known


def _type_id(call: Call, body: JsonObject) -> str:
    type_id = fields.uuid(body, "typeId")
    if type_id is None:
        raise Refusal(400, "typeId: required; GET /api/Asset/Types lists them")
    if type_of(call.store, type_id) is None:
        raise Refusal(400, f"typeId: there is no asset type {type_id}; GET /api/Asset/Types lists them")
    return type_id


def _parent(call: Call, body: JsonObject, child: Row | None) -> int | None:
    """The number of the parent that is named, which is neither the asset itself nor below it."""
    asset_id, serial = fields.text(body, "parentAssetId"), fields.text(body, "parentSerialNumber")
    if not asset_id and not serial:
        return None
    parent = by_id(call.store, asset_id) if asset_id else by_serial(call.store, serial or "")
    if parent is None:
        raise Refusal(400, f"there is no parent asset {asset_id or serial!r}")
    above: Row | None = parent
    while child is not None and above is not None:
        if above["number"] == child["number"]:
            raise Refusal(400, f"asset {child['assetId']} cannot be below itself")
        above = by_id(call.store, above["parentAssetId"] or "")
    return int(parent["number"])


def _tags(call: Call, known: Row | None, body: JsonObject) -> str | None:
    sent = fields.objects(body, "tags")
    if sent is None:
        return None
    return msgspec.json.encode(merged_tags(known["tags"] if known else "[]", sent, call.settings.tags)).decode()


def _insert(call: Call, values: dict[str, object]) -> Row:
    values = {"state": STATE_IN_OPERATION, **values, "firstSeenDate": wire_time(call.now)}
    places = ", ".join("?" * len(values))
    number = call.store.run(f"INSERT INTO assets ({', '.join(values)}) VALUES ({places})", *values.values())  # noqa: S608 - our own column names
    saved = existing(call.store, number)
    note(call.store, saved, call.now, LOG_REGISTER)
    return saved


def _update(call: Call, known: Row, values: dict[str, object]) -> Row:
    settings = ", ".join(f"{name} = ?" for name in values)
    call.store.run(f"UPDATE assets SET {settings} WHERE number = ?", *values.values(), known["number"])  # noqa: S608 - our own column names
    return _note_changes(call, known)


def _note_changes(call: Call, before: Row) -> Row:
    """Write a log row for each property of an asset that changed since `before`; the asset as it is now."""
    saved = existing(call.store, before["number"])
    names = [name for name in saved.keys() if name != "parentSerialNumber"]  # noqa: SIM118 - a Row iterates over its values
    for name in names:  # a parent is one change, told by its id
        if saved[name] != before[name]:
            kind = LOG_STATE if name == "state" else LOG_UPDATE
            note(call.store, saved, call.now, kind, (name, saved[name]))
    return saved
