"""Lists in a report that headers expand and filter by, kept in tables of their own."""

from collections.abc import Mapping
from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.fields import JsonObject, objects
from pywats_mqtt.emulator.odata_sql import Collection, Kind
from pywats_mqtt.emulator.reports.files import files_of
from pywats_mqtt.emulator.reports.rows import body_of
from pywats_mqtt.emulator.store import Store

_SUB_UNITS = {"serialNumber": Kind.TEXT, "partNumber": Kind.TEXT, "revision": Kind.TEXT, "partType": Kind.TEXT}
_MISC_INFOS = {"description": Kind.TEXT, "value": Kind.TEXT}

COLLECTIONS: Mapping[str, Collection] = {
    "subUnits": Collection("report_sub_units", _SUB_UNITS, "reportType = 'T'"),
    "uurSubUnits": Collection("report_sub_units", _SUB_UNITS, "reportType = 'R'"),
    "miscInfo": Collection("report_misc_infos", _MISC_INFOS, "reportType = 'T'"),
    "uurMiscInfo": Collection("report_misc_infos", _MISC_INFOS, "reportType = 'R'"),
}
"""What `any` looks into: tests and repairs have names of their own for the same lists, as pywats asks for them."""

_FOR_TYPE = {
    "T": ("subUnits", "miscInfo", "assets", "attachments"),
    "R": ("uurSubUnits", "uurMiscInfo", "uurAssets", "uurAttachments"),
}
EXPANDABLE = frozenset(name for names in _FOR_TYPE.values() for name in names)


def write_contents(store: Store, number: int, report: JsonObject) -> None:
    """Keep the lists of a report that follows the rules, instead of those it had before."""
    for position, unit in enumerate(objects(report, "subUnits") or []):
        store.run(
            "INSERT INTO report_sub_units VALUES (?, ?, ?, ?, ?, ?)",
            number,
            position,
            unit["sn"],
            unit["pn"],
            unit.get("rev"),
            unit["partType"],
        )
    for position, info in enumerate(objects(report, "miscInfos") or []):
        text, numeric = info.get("text"), info.get("numeric")
        value = str(numeric) if text is None else text
        store.run("INSERT INTO report_misc_infos VALUES (?, ?, ?, ?)", number, position, info["description"], value)


def clear_contents(store: Store, number: int) -> None:
    """Forget the lists of a report."""
    for collection in ("report_sub_units", "report_misc_infos"):
        store.run(f"DELETE FROM {collection} WHERE number = ?", number)  # noqa: S608 - our own names


def expanded(store: Store, row: Row, names: frozenset[str]) -> JsonObject:
    """The lists of `names` (of `EXPANDABLE`) that the report of a row has; those of the other type are left out."""
    units, infos, assets, files = _FOR_TYPE[row["reportType"]]
    found: JsonObject = {}
    if units in names:
        found[units] = _listed(store, "report_sub_units", _SUB_UNITS, row["number"])
    if infos in names:
        found[infos] = _listed(store, "report_misc_infos", _MISC_INFOS, row["number"])
    if assets in names:
        stats = msgspec.json.decode(row["assetStats"] or "[]")
        found[assets] = [{"serialNumber": stat.pop("assetSN"), **stat} for stat in stats]
    if files in names:
        found[files] = [
            {
                "attachmentId": file.number,
                "fileName": file.name,
                "mimeType": file.content_type,
                "size": len(file.content),
            }
            for file in files_of(body_of(store, row))
        ]
    return found


def _listed(store: Store, table: str, fields: Mapping[str, Kind], number: int) -> list[JsonObject]:
    rows = store.rows(f"SELECT * FROM {table} WHERE number = ? ORDER BY position", number)  # noqa: S608 - our own names
    return [{name: row[name] for name in fields if row[name] is not None} for row in rows]
