"""`/_emulator/assets/{id}`: one asset in full."""

from sqlite3 import Row

from pywats_mqtt.emulator.assets.rows import by_id, full
from pywats_mqtt.emulator.assets.types import count_status, type_of
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

LOG_ROWS = 200
_ALARMS = {0: "ok", 2: "warning", 3: "alarm"}


def asset_shown(store: Store, row: Row) -> dict[str, object]:
    """An asset as the API gives it, with `alarm`: ok, warning or alarm, by its counts and their limits."""
    kind = type_of(store, row["typeId"])
    status = count_status(kind, row["runningCount"], row["totalCount"]) if kind else 0
    return {**full(store, row), "number": row["number"], "alarm": _ALARMS[status]}


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
            "asset": asset_shown(call.store, row),
            "children": [dict(child) for child in children],
            "log": [dict(entry) for entry in log],
        }
    )
