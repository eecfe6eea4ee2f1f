"""The real client's software service: what succeeds, and what fails as it does against a server.

It runs with pywats 0.5 and 0.6; where they differ, a test says how.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions
from pywats.domains.software import Package, PackageStatus, PackageTag

from pywats_mqtt.emulator import Server, Settings, serve
from tests.emulator.conftest import TOKEN
from tests.emulator.examples import zip_of
from tests.emulator.test_software import NOBODY, folders, make


async def made(pywats: AsyncWATS, name: str = "Loader", **fields: Any) -> Package:
    """A new package, as the service makes it."""
    package = await pywats.software.create_package(name, **fields)
    assert package is not None
    return package


def id_of(package: Package) -> UUID:
    """The id of a package that a server made."""
    assert package.package_id is not None
    return package.package_id


async def released(pywats: AsyncWATS, name: str = "Loader", **fields: Any) -> UUID:
    """The id of a released package."""
    package_id = id_of(await made(pywats, name, **fields))
    assert await pywats.software.submit_for_review(package_id)
    assert await pywats.software.release_package(package_id)
    return package_id


async def test_a_packages_life(pywats: AsyncWATS) -> None:
    """Made, reviewed, returned, released, revoked and deleted."""
    package = await made(pywats, description="Loads", install_on_root=True, root_directory="C:\\Tests", priority=3)
    assert (package.name, package.version, package.status) == ("Loader", 1, PackageStatus.DRAFT)
    assert (package.description, package.install_on_root, package.priority) == ("Loads", True, 3)
    assert (package.root_directory, package.tags, package.created_by) == ("C:\\Tests", [], "api")
    assert package.created_utc == package.modified_utc is not None
    key = id_of(package)
    for step, status in (
        (pywats.software.submit_for_review, PackageStatus.PENDING),
        (pywats.software.return_to_draft, PackageStatus.DRAFT),
        (pywats.software.submit_for_review, PackageStatus.PENDING),
        (pywats.software.release_package, PackageStatus.RELEASED),
        (pywats.software.revoke_package, PackageStatus.REVOKED),
    ):
        assert await step(key)
        read = await pywats.software.get_package(key)
        assert read is not None
        assert read.status == status
    assert await pywats.software.delete_package(key)
    with pytest.raises(exceptions.NotFoundError):
        await pywats.software.get_package(key)


async def test_illegal_steps_reach_the_client(pywats: AsyncWATS) -> None:
    """A step out of turn, and deleting what is released, are ValidationErrors with the emulator's sentence."""
    key = id_of(await made(pywats))
    with pytest.raises(exceptions.ValidationError, match="is Draft and may become Pending"):
        await pywats.software.release_package(key)
    await pywats.software.submit_for_review(key)
    await pywats.software.release_package(key)
    with pytest.raises(exceptions.ValidationError, match="only a Draft or a Revoked package can be deleted"):
        await pywats.software.delete_package(key)


async def test_packages_by_name(pywats: AsyncWATS) -> None:
    """The released one, a status, a version; without a status the client's call is refused, as by a server."""
    first = await released(pywats)
    await released(pywats)
    draft = await made(pywats)
    assert [package.version for package in await pywats.software.get_packages()] == [1, 2, 3]
    newest = await pywats.software.get_released_package("Loader")
    assert newest is not None
    assert newest.version == 2
    old = await pywats.software.get_package_by_name("Loader", PackageStatus.RELEASED, 1)
    assert old is not None
    assert old.package_id == first
    with pytest.raises(exceptions.NotFoundError):
        await pywats.software.get_released_package("nothing")
    with pytest.raises(exceptions.ValidationError, match="query parameter status is required"):
        await pywats.software.get_package_by_name("Loader")
    with pytest.raises(exceptions.ValidationError, match="query parameter version is required"):
        await pywats.software.delete_package_by_name("Loader")
    assert await pywats.software.delete_package_by_name("Loader", draft.version)


async def test_packages_by_tag_need_a_workaround(pywats: AsyncWATS) -> None:
    """The client sends key and value apart and is refused; with `Key=Value` as the key and any value it works."""
    key = await released(pywats, tags=[PackageTag(key="SwVersion", value="2.3.1")])
    await released(pywats, tags=[PackageTag(key="SwVersion", value="2.3.0")])
    for status in (None, PackageStatus.RELEASED):
        with pytest.raises(exceptions.ValidationError, match=r"tag: expected Key=Value|status is required"):
            await pywats.software.get_packages_by_tag("SwVersion", "2.3.1", status)
    (found,) = await pywats.software.get_packages_by_tag("SwVersion=2.3.1", "-", PackageStatus.RELEASED)
    assert found.package_id == key
    query = {"tag": "SwVersion=2.3.1", "status": "Released"}
    raw = await pywats.http_client.get("/api/Software/PackagesByTag", params=query, cache=False)
    assert [package["packageId"] for package in raw.data] == [str(key)]


async def test_a_read_and_a_save_lose_the_virtual_folder(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The client does not know the folder of a package, so what it saves has none: a trap, the same on a server."""
    package = await make(http, virtualFolderId=(await folders(http))["Stations"], description="old")
    read = await pywats.software.get_package(package["packageId"])
    assert read is not None
    read.description = "new"
    saved = await pywats.software.update_package(read)
    assert saved is not None
    assert saved.description == "new"
    stored = (await http.get(f"/api/Software/Package/{package['packageId']}")).json()
    assert (stored["description"], "virtualFolderId" in stored) == ("new", False)


async def test_a_released_package_takes_new_tags_only(pywats: AsyncWATS) -> None:
    """What the client read and saves with other tags is taken; with another name it is refused."""
    read = await pywats.software.get_package(await released(pywats, description="Loads", priority=2))
    assert read is not None
    read.tags = [PackageTag(key="Line", value="1")]
    saved = await pywats.software.update_package(read)
    assert saved is not None
    assert (saved.tags, saved.status) == ([PackageTag(key="Line", value="1")], PackageStatus.RELEASED)
    read.name = "Other"
    with pytest.raises(exceptions.ValidationError, match="only tags and status can be changed"):
        await pywats.software.update_package(read)


async def test_files(pywats: AsyncWATS) -> None:
    """A zip is uploaded; the client reads name and attribute of its files, but not their id."""
    key = id_of(await made(pywats))
    assert await pywats.software.upload_zip(key, zip_of({"bin/a.exe": b"a", "bin/b.txt": b"b"}))
    assert await pywats.software.upload_zip(key, zip_of({"bin/c.txt": b"c"}), clean_install=True)
    (file,) = await pywats.software.get_package_files(key)
    assert (file.filename, file.attributes, file.file_id) == ("c.txt", "None", None)
    with pytest.raises(exceptions.ValidationError, match=r"'c\.txt' lies at the root of the zip"):
        await pywats.software.upload_zip(key, zip_of({"c.txt": b""}))
    with pytest.raises(exceptions.ValidationError, match="no sound zip"):
        await pywats.software.upload_zip(key, b"no zip")


async def test_file_attributes_need_a_raw_call(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The client sends the attribute in the body and is refused, as by a server; in the query it works."""
    package = await make(http)
    await pywats.software.upload_zip(package["packageId"], zip_of({"bin/a": b""}))
    (file,) = (await http.get(f"/api/Software/PackageFiles/{package['packageId']}")).json()
    with pytest.raises(exceptions.ValidationError, match="query parameter attribute is required"):
        await pywats.software.update_file_attribute(file["packageFileId"], "ExecuteOnce")
    route = f"/api/Software/Package/FileAttribute/{file['packageFileId']}"
    assert (await pywats.http_client.post(route, params={"attribute": "ExecuteOnce"})).is_success
    (shown,) = await pywats.software.get_package_files(package["packageId"])
    assert shown.attributes == "ExecuteOnce"


async def test_virtual_folders(pywats: AsyncWATS, http: httpx.AsyncClient) -> None:
    """The client reads id, name and description."""
    read = await pywats.software.get_virtual_folders()
    assert {folder.name: str(folder.folder_id) for folder in read} == await folders(http)
    assert all(folder.description for folder in read)


async def test_virtual_folders_are_made_by_the_newer_client() -> None:
    """What 0.6 calls works on a server of its release; 0.5 has no such calls, so they are made by hand."""
    async with (
        serve(Settings(port=0, server=Server.V2026_3)) as running,
        AsyncWATS(base_url=running.url, token=TOKEN, enable_cache=False, retry_enabled=False) as pywats,
    ):
        create = getattr(pywats.software, "create_virtual_folder", None)
        if create is None:
            answer = await pywats.http_client.post("/api/Software/VirtualFolder", data={"name": "Line 1"})
            assert answer.data["name"] == "Line 1"
            assert (await pywats.http_client.delete(f"/api/Software/VirtualFolder/{answer.data['id']}")).is_success
        else:
            folder = await create("Line 1", description="North", is_restricted=True)
            assert (folder.name, folder.description, folder.is_restricted) == ("Line 1", "North", True)
            service: Any = pywats.software
            below = await service.create_virtual_folder("Cell", parent_id=str(folder.folder_id))
            assert below.parent_id == folder.folder_id
            moved = await service.update_virtual_folder(str(below.folder_id), "Cell 2")
            assert (moved.name, moved.parent_id) == ("Cell 2", None)
            assert await service.delete_virtual_folder(str(folder.folder_id))
            assert await service.delete_virtual_folder(str(below.folder_id))
        assert len(await pywats.software.get_virtual_folders()) == 2


def repository(pywats: AsyncWATS) -> Any:
    """What the service calls: 0.6 hides two of its calls behind a manifest or breaks them on the way."""
    return pywats.software._repository  # noqa: SLF001 - there is no other way to these calls in both releases


INTERNAL: dict[str, Callable[[AsyncWATS], Awaitable[object]]] = {
    "is_connected": lambda wats: wats.software.is_connected(),
    "get_file": lambda wats: wats.software.get_file(NOBODY),
    "check_file": lambda wats: wats.software.check_file(NOBODY, NOBODY, "bin/a", "00", 0),
    "create_package_folder": lambda wats: wats.software.create_package_folder(NOBODY, {}),
    "update_package_folder": lambda wats: wats.software.update_package_folder({}),
    "delete_package_folder": lambda wats: wats.software.delete_package_folder(NOBODY),
    "delete_package_folder_files": lambda wats: wats.software.delete_package_folder_files([NOBODY]),
    "get_package_history": lambda wats: wats.software.get_package_history("Line"),
    "get_package_download_history": lambda wats: wats.software.get_package_download_history(1),
    "get_revoked_packages": lambda wats: repository(wats).get_revoked_packages([NOBODY]),
    "get_available_packages": lambda wats: repository(wats).get_available_packages([NOBODY]),
    "get_software_entity_details": lambda wats: wats.software.get_software_entity_details(NOBODY),
    "log_download": lambda wats: wats.software.log_download(NOBODY, 1),
}


@pytest.mark.parametrize("name", INTERNAL)
async def test_internal_calls_are_not_there(pywats: AsyncWATS, name: str) -> None:
    """Whatever goes to `/api/internal/Software` is 404: the emulator leaves it out."""
    with pytest.raises(exceptions.NotFoundError):
        await INTERNAL[name](pywats)


async def test_the_install_engine_of_the_newer_client_cannot_work(pywats: AsyncWATS, tmp_path: Path) -> None:
    """It needs internal routes, so a search by tags finds nothing and an install fails.

    0.5 has no install engine.
    """
    key = await released(pywats, tags=[PackageTag(key="Line", value="1")])
    service: Any = pywats.software
    if not hasattr(service, "install"):
        assert not hasattr(service, "get_packages_by_tags")
        return
    from pywats.domains.software.manifest import PackageManifest  # type: ignore[import-not-found] # noqa: PLC0415 - only 0.6 has it

    assert await service.get_packages_by_tags({"Line": "1"}) == []
    package = await service.get_package(key)
    with pytest.raises(RuntimeError, match="PackageManifest"):
        await service.install(package, tmp_path)
    installing = type(service)(repository(pywats), PackageManifest(tmp_path / "installed.json"))
    result = await installing.install(package, tmp_path)
    assert (result.success, result.bytes_downloaded) == (False, 0)
    assert await repository(pywats).download_file(NOBODY) is None
