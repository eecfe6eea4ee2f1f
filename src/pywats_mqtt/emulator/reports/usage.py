"""Assets that a report used: their counters, and what the report says about them afterwards."""

import msgspec

from pywats_mqtt.emulator.assets.counts import add_use
from pywats_mqtt.emulator.assets.rows import by_serial
from pywats_mqtt.emulator.fields import JsonObject, objects
from pywats_mqtt.emulator.wire import Call


def apply_usage(call: Call, report: JsonObject) -> str:
    """Count the uses in `assets[]` of a report that follows the rules, 1 each where none is given.

    Returns:
        `assetStats` as JSON: the counts after the test; for an asset that is not known, a message.
    """
    stats: list[dict[str, object]] = []
    for used in objects(report, "assets") or []:
        serial, uses = str(used.get("assetSN") or used["sn"]), used.get("usageCount")
        row = by_serial(call.store, serial)
        if row is None:
            stats.append({"assetSN": serial, "message": f"asset {serial!r} is not registered"})
            continue
        if call.settings.count_asset_use:
            add_use(call.store, row["number"], uses if isinstance(uses, int) else 1, call.now)
            row = by_serial(call.store, serial) or row
        stats.append({"assetSN": serial, "runningCount": row["runningCount"], "totalCount": row["totalCount"]})
    return msgspec.json.encode(stats).decode()
