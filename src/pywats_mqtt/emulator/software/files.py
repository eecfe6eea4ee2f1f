"""`/api/Software/PackageFiles`, `UploadZip` and `FileAttribute`: what a package installs."""

from sqlite3 import Row
from uuid import NAMESPACE_OID, uuid5

from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.software.archive import Member, members_of
from pywats_mqtt.emulator.software.multipart import file_in, is_multipart
from pywats_mqtt.emulator.software.rows import USER, Status, addressed, files_of, id_in
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

LONGEST_ATTRIBUTE = 100
NO_ATTRIBUTE = "None"
"""What a new file has, in the words of the vendor's pages."""


def get_files(call: Call) -> Reply:
    """GET /api/Software/PackageFiles/{id}: the files of a package, without their contents.

    Raises:
        Refusal: as `addressed`.
    """
    return json_reply(files_of(call.store, addressed(call)["packageId"]))


def post_zip(call: Call) -> Reply:
    """POST /api/Software/Package/UploadZip/{id}: the files of a zip join the package; an empty answer.

    The zip is the body, or a file in a multipart body; its first bytes tell which. A file that is there already is
    replaced and keeps its id and attribute; with `cleanInstall=true` all files go first. The contents are not kept,
    as no route gives them back: `/_emulator/state` shows their size and hash. That only a draft takes files is a
    guess, as the rest of it is fixed then, too.

    Raises:
        Refusal: 400, the package is no draft, or the body is as `file_in` or `members_of` refuse it; 404, as
            `addressed`.
    """
    row = addressed(call)
    clean = call.flag("cleanInstall")
    _check_is_draft(row)
    members = members_of(file_in(call.body) if is_multipart(call.body) else call.body)
    if clean:
        call.store.run("DELETE FROM package_files WHERE packageId = ?", row["packageId"])
    for member in members:
        _save(call, row["packageId"], member)
    _touch(call, row["packageId"])
    return Reply()


def post_attribute(call: Call) -> Reply:
    """POST /api/Software/Package/FileAttribute/{id}: the file with this id gets `attribute`; an empty answer.

    Any text is taken: which names a server knows is not public.

    Raises:
        Refusal: 400, attribute is absent or too long, or the package is no draft; 404, there is no such file.
    """
    (key,) = call.identifiers
    attribute = call.required("attribute")
    if len(attribute) > LONGEST_ATTRIBUTE:
        message = f"query parameter attribute: {len(attribute)} characters, at most {LONGEST_ATTRIBUTE} are taken"
        raise Refusal(400, message)
    package = call.store.row(
        "SELECT p.* FROM packages p JOIN package_files f USING (packageId) WHERE f.packageFileId = ?", id_in(key)
    )
    if package is None:
        raise Refusal(404, f"There is no package file with id {key!r}.")
    _check_is_draft(package)
    call.store.run("UPDATE package_files SET attributes = ? WHERE packageFileId = ?", attribute, id_in(key))
    _touch(call, package["packageId"])
    return Reply()


def _check_is_draft(package: Row) -> None:
    if package["status"] != Status.DRAFT.value:
        raise Refusal(400, f"package {package['name']!r} is {package['status']}; only the files of a Draft can change")


def _save(call: Call, package_id: str, member: Member) -> None:
    call.store.run(
        "INSERT INTO package_files (packageFileId, packageId, packageFolderName, name, attributes, size_bytes, sha256)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (packageId, packageFolderName, name)"
        " DO UPDATE SET size_bytes = excluded.size_bytes, sha256 = excluded.sha256",
        str(uuid5(NAMESPACE_OID, f"package file {call.seq} {package_id} {member.folder}/{member.name}")),
        package_id,
        member.folder,
        member.name,
        NO_ATTRIBUTE,
        member.size_bytes,
        member.sha256,
    )


def _touch(call: Call, package_id: str) -> None:
    moment = wire_time(call.now)
    sql = "UPDATE packages SET modified = ?, modifiedBy = ? WHERE packageId = ?"
    call.store.run(sql, moment, USER, package_id)
