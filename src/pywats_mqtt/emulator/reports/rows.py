"""Stored reports, found by id."""

from sqlite3 import Row

import msgspec

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Refusal


def visible(store: Store, key: str) -> Row:
    """The row of the report with this id, in any case.

    Raises:
        Refusal: 404, no such report, or it is quarantined.
    """
    row = store.row("SELECT * FROM reports WHERE uuid = ? AND NOT quarantined", key.lower())
    if row is None:
        raise Refusal(404, f"There is no report {key!r}.")
    return row


def body_of(store: Store, row: Row) -> JsonObject:
    """The report of a row as it was sent."""
    found = store.row("SELECT body FROM report_bodies WHERE number = ?", row["number"])
    report: JsonObject = msgspec.json.decode(found["body"]) if found else {}
    return report
