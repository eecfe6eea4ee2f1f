"""`/_emulator/assets/{id}`: one asset in full."""

from sqlite3 import Row

from pywats_mqtt.emulator.assets.rows import by_id, full
from pywats_mqtt.emulator.assets.status import Level, Status, status_of
from pywats_mqtt.emulator.assets.types import type_of
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

LOG_ROWS = 200


def asset_shown(call: Call, row: Row) -> dict[str, object]:
    """An asset as the API gives it, with `alarm`, ok, warning or alarm by the limits of its type, and why in words."""
    kind = type_of(call.store, row["typeId"])
    status = status_of(row, kind, call.now) if kind else Status(Level.OK, "OK", {})
    alarm = {"alarm": status.level.name.lower(), "message": status.message}
    return {**full(call.store, row), "number": row["number"], **alarm}


def get_asset(call: Call) -> Reply:
    """The asset with this id, its direct children, and the newest 200 rows of its log, newest first.

    Raises:
        Refusal: 404, no such asset.
    """
    (asset_id,) = call.identifiers
    row = by_id(call.store, asset_id)
    if row is None:
        raise Refusal(404, f"There is no asset with id {asset_id!r}.")
    children = call.store.rows(
        "SELECT assetId, serialNumber, assetName FROM asset_list WHERE parentAssetId = ? ORDER BY number", asset_id
    )
    log = call.store.rows(
        f"SELECT * FROM asset_log WHERE assetId = ? ORDER BY logId DESC LIMIT {LOG_ROWS}",  # noqa: S608 - our own number
        asset_id,
    )
    return json_reply(
        {
            "asset": asset_shown(call, row),
            "children": [dict(child) for child in children],
            "log": [dict(entry) for entry in log],
        }
    )
