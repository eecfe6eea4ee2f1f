"""Assets as rows: finding one, showing one, noting what happened to one."""

from datetime import datetime
from sqlite3 import Row
from xml.sax.saxutils import quoteattr

import msgspec

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.assets.types import wire_type
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal

LOG_MESSAGE, LOG_REGISTER, LOG_UPDATE, LOG_RESET, LOG_CALIBRATION, LOG_MAINTENANCE, LOG_STATE = range(7)
"""Types of log rows."""

USER = "api"
"""Who changed something: a token names nobody."""

LONGEST_COMMENT = 5_000

_HIDDEN = frozenset({"number", "tags"})


def by_number(store: Store, number: int) -> Row | None:
    """The asset with this id."""
    return store.row("SELECT * FROM asset_list WHERE number = ?", number)


def existing(store: Store, number: int) -> Row:
    """The asset with this id, which is there.

    Raises:
        LookupError: It is not, which is a mistake of ours.
    """
    found = by_number(store, number)
    if found is None:
        raise LookupError(f"there is no asset {number}")
    return found


def by_id(store: Store, asset_id: str) -> Row | None:
    """The asset with this id as the wire spells it, a text of digits."""
    if not (asset_id.isascii() and asset_id.isdigit() and len(asset_id) <= 18):  # noqa: PLR2004 - SQLite's integers hold 18 digits
        return None
    return store.row("SELECT * FROM asset_list WHERE number = ? AND assetId = ?", int(asset_id), asset_id)


def by_serial(store: Store, serial: str) -> Row | None:
    """The asset with this serial number."""
    return store.row("SELECT * FROM asset_list WHERE serialNumber = ?", serial)


def addressed(call: Call, otherwise: str | None = None) -> Row:
    """The asset that `?id=` or, without it, `?serialNumber=` names; where neither is given, the one of id `otherwise`.

    Raises:
        Refusal: 400, neither is given; 404, there is no such asset.
    """
    asset_id, serial = call.query.get("id"), call.query.get("serialnumber")
    if asset_id is None and serial is None:
        asset_id = otherwise
    if asset_id is None and serial is None:
        raise Refusal(400, "name the asset: query parameter id or serialNumber is required")
    found = by_id(call.store, asset_id) if asset_id else by_serial(call.store, serial or "")
    if found is None:
        raise Refusal(404, f"There is no asset with {f'id {asset_id!r}' if asset_id else f'serial number {serial!r}'}.")
    return found


def comment_of(call: Call) -> str | None:
    """What the client says of a change in `?comment=`, None when absent.

    Raises:
        Refusal: 400, too long.
    """
    return fields.text({"comment": call.query.get("comment")}, "comment", LONGEST_COMMENT)


def tags_of(row: Row) -> list[dict[str, str]]:
    """The tags of an asset."""
    return msgspec.json.decode(row["tags"], type=list[dict[str, str]])


def full(store: Store, row: Row) -> dict[str, object]:
    """An asset as GET /api/Asset/{x} shows it. What is not known is left out: pywats breaks on null lists."""
    return {
        **_plain(row),
        "tags": tags_of(row),
        "assetChildren": [],
        "assetLog": [],
        "assetType": wire_type(store, row["typeId"]),
    }


def listed(row: Row) -> dict[str, object]:
    """An asset as GET /api/Asset shows it: its tags only as XML."""
    tags = "".join(f"<{tag['key']} Value={quoteattr(tag['value'])}/>" for tag in tags_of(row))
    return {**_plain(row), "xmlData": f"<Root>{tags}</Root>"}


def _plain(row: Row) -> dict[str, object]:
    return {name: row[name] for name in row.keys() if name not in _HIDDEN and row[name] is not None}  # noqa: SIM118 - a Row iterates over its values


def note(
    store: Store,
    row: Row,
    now: datetime,
    kind: int,
    change: tuple[str, object] | None = None,
    *,
    comment: str | None = None,
    user: str = USER,
) -> None:
    """Write one log row.

    Args:
        store: Where to.
        row: The asset, as it is now.
        now: When it happened.
        kind: The type of the row.
        change: The property and its new value, where one changed.
        comment: What the client said of it; None or blank says what changed.
        user: Who did it.
    """
    name, value = change or (None, None)
    shown = None if value is None else str(value)
    store.run(
        "INSERT INTO asset_log (assetId, serialNumber, date, user, type, property, value, comment)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        row["assetId"],
        row["serialNumber"],
        wire_time(now),
        user,
        kind,
        name,
        shown,
        comment or (f"{name}: {'' if shown is None else shown}" if name else ""),
    )
