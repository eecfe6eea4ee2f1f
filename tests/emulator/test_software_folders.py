"""Virtual folders: seeded on every server, made and changed on the newer one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pywats_mqtt.emulator import Server, Settings, serve
from tests.emulator.conftest import TOKEN, client_of
from tests.emulator.test_software import NOBODY, PACKAGE, folders, make

FOLDER = "/api/Software/VirtualFolder"
FOLDERS = "/api/Software/VirtualFolders"


@pytest.fixture
async def newer() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server of the release 2026.3."""
    async with (
        serve(Settings(port=0, rate_limit=0, server=Server.V2026_3)) as running,
        client_of(running, TOKEN) as http,
    ):
        yield http


async def make_folder(http: httpx.AsyncClient, name: str, **fields: object) -> dict[str, Any]:
    """A new folder."""
    answer = await http.post(FOLDER, json={"name": name, **fields})
    assert answer.status_code == 200, answer.text
    folder: dict[str, Any] = answer.json()
    return folder


async def test_two_root_folders_are_there_from_the_start(http: httpx.AsyncClient) -> None:
    """With an id that packages may name, also after a reset; state shows the same."""
    known = (await http.get(FOLDERS)).json()
    assert [set(folder) for folder in known] == [{"id", "name", "description"}] * 2
    await http.post("/_emulator/reset")
    made = await make(http, virtualFolderId=known[0]["id"].upper())
    assert made["virtualFolderId"] == known[0]["id"]
    assert (await http.get("/_emulator/state")).json()["virtual_folders"] == known


async def test_the_older_server_only_lists_folders(http: httpx.AsyncClient) -> None:
    """2025.3 has no route to make, change or delete one."""
    answers = [
        await http.post(FOLDER, json={"name": "x"}),
        await http.put(FOLDER, json={"id": NOBODY, "name": "x"}),
        await http.delete(f"{FOLDER}/{NOBODY}"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert all("No HTTP resource" in answer.json()["Message"] for answer in answers)


async def test_a_folder_is_made_moved_and_deleted(newer: httpx.AsyncClient) -> None:
    """Below a folder or at the root; a change replaces it whole; one without a parent moves to the root."""
    stations = (await folders(newer))["Stations"]
    made = await make_folder(newer, "Line 1", parentId=stations, description="North", isRestricted=True)
    assert made == {
        "id": made["id"],
        "parentId": stations,
        "name": "Line 1",
        "description": "North",
        "isRestricted": True,
    }
    assert (await newer.get(FOLDERS)).json()[2:] == [made]
    moved = await newer.put(FOLDER, json={"id": made["id"].upper(), "name": "Line 2"})
    assert moved.json() == {"id": made["id"], "name": "Line 2", "description": "", "isRestricted": False}
    assert (await make(newer, virtualFolderId=made["id"]))["virtualFolderId"] == made["id"]
    assert (await make_folder(newer, "Line 2"))["id"] != made["id"]


async def test_only_an_empty_folder_is_deleted(newer: httpx.AsyncClient) -> None:
    """One with packages or folders in it stays."""
    outer = await make_folder(newer, "outer")
    inner = await make_folder(newer, "inner", parentId=outer["id"])
    package = await make(newer, virtualFolderId=inner["id"])
    for folder, message in ((outer, "holds 1 folders"), (inner, "holds 1 packages")):
        answer = await newer.delete(f"{FOLDER}/{folder['id']}")
        assert (answer.status_code, message in answer.json()["Message"]) == (400, True)
    await newer.delete(f"{PACKAGE}/{package['packageId']}")
    assert [(await newer.delete(f"{FOLDER}/{f['id']}")).status_code for f in (inner, outer, outer)] == [200, 200, 404]
    assert len((await newer.get(FOLDERS)).json()) == 2


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"id": None}, 400, "id: required"),
        ({"id": "7"}, 400, "id: expected a UUID"),
        ({"id": NOBODY}, 404, "no virtual folder"),
        ({"name": ""}, 400, "name: required"),
        ({"parentId": NOBODY}, 400, "parentId: there is no folder"),
        ({"parentId": "inner"}, 400, "folder 'outer' cannot be below itself"),
        ({"parentId": "outer"}, 400, "folder 'outer' cannot be below itself"),
        ({"id": "Stations"}, 400, "'Stations' comes with the emulator"),
        ({"isRestricted": 1}, 400, "isRestricted: expected true or false"),
    ],
)
async def test_a_wrong_folder_is_refused(
    newer: httpx.AsyncClient, fields: dict[str, object], status: int, message: str
) -> None:
    """With the field, and nothing is changed."""
    outer = await make_folder(newer, "outer")
    await make_folder(newer, "inner", parentId=outer["id"])
    known = await folders(newer)
    sent = {name: known.get(str(value), value) for name, value in fields.items()}
    before = (await newer.get(FOLDERS)).json()
    answer = await newer.put(FOLDER, json={"id": outer["id"], "name": "outer", **sent})
    assert answer.status_code == status
    assert message in answer.json()["Message"]
    assert (await newer.get(FOLDERS)).json() == before
    assert (await newer.delete(f"{FOLDER}/{known['Stations']}")).status_code == 400
