"""`/api/Software/Package` and `PackageByName`: making, changing and deleting packages."""

from sqlite3 import Row
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.software.folders import folder_of
from pywats_mqtt.emulator.software.lifecycle import step
from pywats_mqtt.emulator.software.rows import USER, Status, addressed, shown, status_of
from pywats_mqtt.emulator.software.tags import sent_tags
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import INT32_MAX, Call, Refusal, Reply, json_reply

LONGEST_DESCRIPTION = 5000
LONGEST_DIRECTORY = 260  # Windows' MAX_PATH: that is where packages are installed

_DELETABLE = frozenset({Status.DRAFT, Status.REVOKED})


def post_package(call: Call) -> Reply:
    """POST /api/Software/Package: make a draft; of a name that exists, the next version. The package.

    Raises:
        Refusal: 400, no name, or a field is wrong or names what does not exist.
    """
    body = call.json_object()
    values = _values(call, body)
    name = values["name"]
    version = call.store.count("SELECT max(version) FROM packages WHERE name = ?", name) + 1
    if version > INT32_MAX:
        raise Refusal(400, f"name: the versions of package {name!r} are used up")
    moment = wire_time(call.now)
    columns = {
        "packageId": str(uuid5(NAMESPACE_OID, f"package {call.seq} {name}")),
        "version": version,
        "status": Status.DRAFT.value,
        "created": moment,
        "createdBy": USER,
        "modified": moment,
        "modifiedBy": USER,
        **values,
        "tags": sent_tags(body, call.settings.known_tags),
    }
    sql = f"INSERT INTO packages ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own column names
    number = call.store.run(sql, *columns.values())
    return json_reply(_reread(call.store, number))


def put_package(call: Call) -> Reply:
    """PUT /api/Software/Package/{id}: what is sent replaces what was there; the package.

    Of a draft everything is replaced, so what is absent is lost, such as the virtual folder. Of a pending or released
    package only the tags are; every other field that is sent must be as it is. A `status` that differs is a step of
    its own: `lifecycle.NEXT`. What the server sets, such as the version and the stamps, is ignored.

    A described server answers nothing; pywats wants the package, as here. That a revoked package cannot be changed at
    all is a guess.

    Raises:
        Refusal: 400, a field is wrong, or may not be changed in this status; 404, as `addressed`.
    """
    row = addressed(call)
    body = call.json_object()
    present = Status(row["status"])
    sent_id = fields.uuid(body, "packageId")
    if sent_id not in {None, row["packageId"]}:
        raise Refusal(400, f"packageId: {sent_id} is not the package in the path")
    sent_status = fields.text(body, "status")
    status = present if sent_status is None else status_of(sent_status, "status")
    if present is Status.REVOKED:
        raise Refusal(400, f"package {row['name']!r} is Revoked and cannot be changed; make a new version")
    if present is Status.DRAFT:
        values = _values(call, body)
        _check_name_is_free(call.store, row, str(values["name"]))
    else:
        _check_unchanged(call, row, body)
        values = {}
    columns = {
        **values,
        "tags": sent_tags(body, call.settings.known_tags),
        "modified": wire_time(call.now),
        "modifiedBy": USER,
    }
    settings = ", ".join(f"{name} = ?" for name in columns)
    call.store.run(f"UPDATE packages SET {settings} WHERE number = ?", *columns.values(), row["number"])  # noqa: S608 - our own column names
    if status is not present:
        step(call.store, row, status, call.now)
    return json_reply(_reread(call.store, row["number"]))


def delete_package(call: Call) -> Reply:
    """DELETE /api/Software/Package/{id}: a draft or a revoked package goes, with its files.

    Raises:
        Refusal: 400, it is pending or released; 404, as `addressed`.
    """
    return _delete(call, addressed(call))


def delete_package_by_name(call: Call) -> Reply:
    """DELETE /api/Software/PackageByName: the same for this `version` of `name`.

    Raises:
        Refusal: 400, name or version is absent or wrong, or it is pending or released; 404, there is no such package.
    """
    name = call.required("name")
    version = call.whole("version", highest=INT32_MAX)
    if version is None:
        raise Refusal(400, "query parameter version is required")
    row = call.store.row("SELECT * FROM packages WHERE name = ? AND version = ?", name, version)
    if row is None:
        raise Refusal(404, f"There is no package {name!r} with version {version}.")
    return _delete(call, row)


def _delete(call: Call, row: Row) -> Reply:
    if Status(row["status"]) not in _DELETABLE:
        message = f"package {row['name']!r} is {row['status']}; only a Draft or a Revoked package can be deleted"
        raise Refusal(400, message)
    call.store.run("DELETE FROM package_files WHERE packageId = ?", row["packageId"])
    call.store.run("DELETE FROM packages WHERE number = ?", row["number"])
    return Reply()


def _values(call: Call, body: JsonObject) -> dict[str, object]:
    """What a client may choose of a draft, apart from its tags; what is absent has its default."""
    folder_id = fields.uuid(body, "virtualFolderId")
    if folder_id is not None and folder_of(call.store, folder_id) is None:
        message = f"virtualFolderId: there is no folder {folder_id}; GET /api/Software/VirtualFolders lists them"
        raise Refusal(400, message)
    return {
        "name": fields.required_text(body, "name"),
        "description": fields.text(body, "description", LONGEST_DESCRIPTION),
        "installOnRoot": fields.flag(body, "installOnRoot") or False,
        "rootDirectory": fields.text(body, "rootDirectory", LONGEST_DIRECTORY),
        "priority": fields.whole(body, "priority") or 0,
        "virtualFolderId": folder_id,
    }


def _check_name_is_free(store: Store, row: Row, name: str) -> None:
    """A draft keeps its version when it is renamed, so another package may not have both."""
    sql = "SELECT number FROM packages WHERE name = ? AND version = ?"
    holder = store.row(sql, name, row["version"])
    if holder and holder["number"] != row["number"]:
        raise Refusal(400, f"name: there is a package {name!r} with version {row['version']}; choose another name")


def _check_unchanged(call: Call, row: Row, body: JsonObject) -> None:
    """Of a package that is no draft, what is sent is what is there."""
    sent = {name: value for name, value in body.items() if value is not None}
    for name, value in _values(call, {"name": row["name"], **sent}).items():
        if name in sent and value != row[name]:
            message = f"{name}: package {row['name']!r} is {row['status']}; only tags and status can be changed"
            raise Refusal(400, message)


def _reread(store: Store, number: int) -> dict[str, object]:
    row = store.row("SELECT * FROM packages WHERE number = ?", number)
    if row is None:
        raise LookupError(f"package {number} vanished while it was saved")
    return shown(row)
