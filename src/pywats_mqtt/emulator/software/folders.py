"""`/api/Software/VirtualFolders` and `VirtualFolder`: where packages are filed.

Two root folders are there from the start and cannot be changed; a server has what its users made. Folders are made,
changed and deleted over the API since release 2026.3 only, as pywats 0.6 does it.
"""

from sqlite3 import Row
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.software.rows import id_in
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

LONGEST_DESCRIPTION = 5000

ROOTS: dict[str, dict[str, object]] = {
    str(uuid5(NAMESPACE_OID, f"virtual folder {name}")): {"name": name, "description": description}
    for name, description in (("Stations", "What test stations run"), ("Archive", "What is no longer in use"))
}
"""The folders that are always there, by id."""

_ABOVE = """WITH RECURSIVE above (id) AS
(SELECT ? UNION SELECT f.parentId FROM virtual_folders f JOIN above a ON f.id = a.id WHERE f.parentId IS NOT NULL)
SELECT count(*) FROM above WHERE id = ?"""


def get_folders(call: Call) -> Reply:
    """GET /api/Software/VirtualFolders: all folders, flat; a root folder has no `parentId`."""
    return json_reply(all_folders(call.store))


def post_folder(call: Call) -> Reply:
    """POST /api/Software/VirtualFolder: make a folder in the one that `parentId` names, or at the root; the folder.

    Raises:
        Refusal: 400, no name, a field is wrong, or there is no such parent.
    """
    body = call.json_object()
    values = _values(call.store, body)
    folder_id = str(uuid5(NAMESPACE_OID, f"virtual folder {call.seq} {values['name']}"))
    columns = {"id": folder_id, **values}
    sql = f"INSERT INTO virtual_folders ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own column names
    call.store.run(sql, *columns.values())
    return json_reply(folder_of(call.store, folder_id))


def put_folder(call: Call) -> Reply:
    """PUT /api/Software/VirtualFolder: what is sent replaces the folder with this `id`; the folder.

    Without `parentId` it moves to the root, as pywats says.

    Raises:
        Refusal: 400, as `post_folder`, or the folder would be below itself or is one that is always there; 404, there
            is no such folder.
    """
    body = call.json_object()
    folder_id = fields.uuid(body, "id")
    if folder_id is None:
        raise Refusal(400, "id: required; GET /api/Software/VirtualFolders lists them")
    row = _changeable(call.store, folder_id)
    values = _values(call.store, body)
    if call.store.count(_ABOVE, values["parentId"], folder_id):
        raise Refusal(400, f"parentId: folder {row['name']!r} cannot be below itself")
    settings = ", ".join(f"{name} = ?" for name in values)
    call.store.run(f"UPDATE virtual_folders SET {settings} WHERE id = ?", *values.values(), folder_id)  # noqa: S608 - our own column names
    return json_reply(folder_of(call.store, folder_id))


def delete_folder(call: Call) -> Reply:
    """DELETE /api/Software/VirtualFolder/{id}: an empty folder goes. That it must be empty is a guess.

    Raises:
        Refusal: 400, something is in it, or it is one that is always there; 404, there is no such folder.
    """
    row = _changeable(call.store, id_in(call.identifiers[0]))
    for table, column in (("packages", "virtualFolderId"), ("virtual_folders", "parentId")):
        inside = call.store.count(f"SELECT count(*) FROM {table} WHERE {column} = ?", row["id"])  # noqa: S608 - our own names
        if inside:
            what = "packages" if table == "packages" else "folders"
            raise Refusal(400, f"folder {row['name']!r} holds {inside} {what}; move or delete them first")
    call.store.run("DELETE FROM virtual_folders WHERE id = ?", row["id"])
    return Reply()


def all_folders(store: Store) -> list[dict[str, object]]:
    """Every folder as the API shows it, those that are always there first."""
    made = [_shown(row) for row in store.rows("SELECT * FROM virtual_folders ORDER BY number")]
    return [{"id": folder_id, **root} for folder_id, root in ROOTS.items()] + made


def folder_of(store: Store, folder_id: str) -> dict[str, object] | None:
    """The folder with this id as the API shows it, None when unknown."""
    if folder_id in ROOTS:
        return {"id": folder_id, **ROOTS[folder_id]}
    row = store.row("SELECT * FROM virtual_folders WHERE id = ?", folder_id)
    return _shown(row) if row else None


def _values(store: Store, body: JsonObject) -> dict[str, object]:
    parent_id = fields.uuid(body, "parentId")
    if parent_id is not None and folder_of(store, parent_id) is None:
        raise Refusal(400, f"parentId: there is no folder {parent_id}; leave it out for a root folder")
    return {
        "parentId": parent_id,
        "name": fields.required_text(body, "name"),
        "description": fields.text(body, "description", LONGEST_DESCRIPTION) or "",
        "isRestricted": fields.flag(body, "isRestricted") or False,
    }


def _changeable(store: Store, folder_id: str) -> Row:
    if folder_id in ROOTS:
        raise Refusal(400, f"folder {ROOTS[folder_id]['name']!r} comes with the emulator and cannot be changed")
    row = store.row("SELECT * FROM virtual_folders WHERE id = ?", folder_id)
    if row is None:
        raise Refusal(404, f"There is no virtual folder with id {folder_id!r}.")
    return row


def _shown(row: Row) -> dict[str, object]:
    columns = {name: row[name] for name in row.keys() if name != "number" and row[name] is not None}  # noqa: SIM118 - a Row iterates over its values
    return {**columns, "isRestricted": bool(row["isRestricted"])}
