"""Packages and their files as rows: finding one, showing one."""

from collections.abc import Mapping
from enum import Enum
from sqlite3 import Row
from uuid import UUID

import msgspec

from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal

USER = "api"
"""Who did what is done by a token."""


class Status(Enum):
    """Where a package is in its life."""

    DRAFT = "Draft"
    PENDING = "Pending"
    RELEASED = "Released"
    REVOKED = "Revoked"


_STATUSES: Mapping[str, Status] = {status.value.lower(): status for status in Status}
_FILE_COLUMNS = "packageFileId, name, packageFolderName, attributes"


def status_of(text: str, place: str) -> Status:
    """The status that `text` names, in any case, as .NET reads an enumeration.

    Raises:
        Refusal: 400, none.
    """
    status = _STATUSES.get(text.lower())
    if status is None:
        known = ", ".join(status.value for status in Status)
        raise Refusal(400, f"{place}: expected one of {known}, got {text!r:.40}")
    return status


def required_status(call: Call) -> Status:
    """Query parameter `status`.

    Raises:
        Refusal: 400, absent, or no status.
    """
    return status_of(call.required("status"), "query parameter status")


def id_in(text: str) -> str:
    """A UUID as it is stored, in lower case with hyphens; `text` itself where it is none, which no row has."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def by_id(store: Store, package_id: str) -> Row | None:
    """The package with this id."""
    return store.row("SELECT * FROM packages WHERE packageId = ?", id_in(package_id))


def addressed(call: Call) -> Row:
    """The package whose id is in the path.

    Raises:
        Refusal: 404, there is no such package.
    """
    (key,) = call.identifiers
    found = by_id(call.store, key)
    if found is None:
        raise Refusal(404, f"There is no package with id {key!r}.")
    return found


def shown(row: Row) -> dict[str, object]:
    """A package as the API shows it. What is not known is left out."""
    columns = {name: row[name] for name in row.keys() if name != "number" and row[name] is not None}  # noqa: SIM118 - a Row iterates over its values
    return {**columns, "installOnRoot": bool(row["installOnRoot"]), "tags": tags_of(row)}


def tags_of(row: Row) -> list[dict[str, str]]:
    """The tags of a package."""
    return msgspec.json.decode(row["tags"], type=list[dict[str, str]])


def files_of(store: Store, package_id: str) -> list[dict[str, object]]:
    """The files of a package as the API shows them, in order of their first upload."""
    sql = f"SELECT {_FILE_COLUMNS} FROM package_files WHERE packageId = ? ORDER BY number"  # noqa: S608 - our own column names
    return [dict(row) for row in store.rows(sql, package_id)]


def inspected(store: Store) -> list[dict[str, object]]:
    """Every package for a test to look at."""
    return [in_full(store, row) for row in store.rows("SELECT * FROM packages ORDER BY number")]


def in_full(store: Store, row: Row) -> dict[str, object]:
    """A package as the API shows it, with its files, their size and their hash."""
    sql = f"SELECT {_FILE_COLUMNS}, size_bytes, sha256 FROM package_files WHERE packageId = ? ORDER BY number"  # noqa: S608 - our own column names
    return {**shown(row), "files": [dict(file) for file in store.rows(sql, row["packageId"])]}
