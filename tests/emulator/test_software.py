"""Packages: made, found, changed, led through their life and deleted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pywats_mqtt.emulator import Settings, serve
from tests.emulator.conftest import READ_ONLY, TOKEN, client_of

Json = dict[str, Any]
NOBODY = "0f6f3a9a-aba9-4abd-86bf-f9e9cf8c0528"
PACKAGE = "/api/Software/Package"


async def make(http: httpx.AsyncClient, name: str = "Loader", **fields: object) -> Json:
    """A new package."""
    answer = await http.post(PACKAGE, json={"name": name, **fields})
    assert answer.status_code == 200, answer.text
    package: Json = answer.json()
    return package


async def walk(http: httpx.AsyncClient, package: Json, *statuses: str) -> Json:
    """The package after these steps of its life."""
    for status in statuses:
        answer = await http.post(f"/api/Software/PackageStatus/{package['packageId']}", params={"status": status})
        assert answer.status_code == 200, answer.text
        package = answer.json()
    return package


async def folders(http: httpx.AsyncClient) -> dict[str, str]:
    """The ids of the virtual folders by name."""
    return {folder["name"]: folder["id"] for folder in (await http.get("/api/Software/VirtualFolders")).json()}


async def test_a_new_package_is_a_draft_of_the_next_version(http: httpx.AsyncClient) -> None:
    """Versions count per name; what is not sent is left out or has its default; nothing is null."""
    first, second, other = [await make(http, name) for name in ("Loader", "Loader", "Test")]
    assert [(p["name"], p["version"], p["status"]) for p in (first, second, other)] == [
        ("Loader", 1, "Draft"),
        ("Loader", 2, "Draft"),
        ("Test", 1, "Draft"),
    ]
    assert set(first) == {
        *("packageId", "name", "version", "status", "installOnRoot", "priority", "tags"),
        *("created", "createdBy", "modified", "modifiedBy"),
    }
    assert (first["installOnRoot"], first["priority"], first["tags"]) == (False, 0, [])
    assert len(first["created"].partition(".")[2]) == len("1234567Z")
    assert (await http.get("/api/Software/Packages")).json() == [first, second, other]
    assert (await http.get(f"/API/software/package/{first['packageId'].upper()}")).json() == first


async def test_a_package_keeps_all_that_was_sent(http: httpx.AsyncClient) -> None:
    """Every field that a client may choose comes back as it was sent."""
    sent: Json = {
        "description": "Loads\0",
        "installOnRoot": True,
        "rootDirectory": "C:\\Tests",
        "priority": 7,
        "virtualFolderId": (await folders(http))["Stations"],
        "tags": [{"key": "StationName", "value": "A"}, {"key": "StationName", "value": "B"}],
    }
    made = await make(http, "Loader", **sent)
    assert {key: made[key] for key in sent} == sent


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": None}, "name: required"),
        ({"name": " "}, "name: required"),
        ({"name": "x" * 101}, "name: 101 characters"),
        ({"name": 7}, "name: expected a text"),
        ({"virtualFolderId": NOBODY}, "virtualFolderId: there is no folder"),
        ({"virtualFolderId": "x"}, "virtualFolderId: expected a UUID"),
        ({"priority": 2**31}, "priority: expected a whole number"),
        ({"installOnRoot": "yes"}, "installOnRoot: expected true or false"),
        ({"tags": [{"value": "x"}]}, "key: required"),
        ({"tags": [{"key": "a b"}]}, "key: 'a b' cannot be stored"),
        ({"tags": "x"}, "tags: expected a list"),
    ],
)
async def test_a_wrong_package_is_refused_with_the_field(
    http: httpx.AsyncClient, fields: dict[str, object], message: str
) -> None:
    """400 says which field is wrong, of a new package and of a changed one, and nothing is changed."""
    made = await make(http)
    for answer in (
        await http.post(PACKAGE, json={"name": "Loader", **fields}),
        await http.put(f"{PACKAGE}/{made['packageId']}", json={"name": "Loader", "description": "new", **fields}),
    ):
        assert answer.status_code == 400
        assert message in answer.json()["Message"]
    assert (await http.get("/api/Software/Packages")).json() == [made]


@pytest.mark.parametrize("known", [frozenset({"PartNumber", "SwVersion"}), frozenset[str]()])
async def test_tag_keys_are_those_of_the_tag_manager(known: frozenset[str]) -> None:
    """Where keys are listed, another one is refused with the list; where none is, any key is taken."""
    async with serve(Settings(port=0, known_tags=known)) as running, client_of(running, TOKEN) as http:
        made = await make(http, tags=[{"key": "SwVersion", "value": "2.3.1"}])
        for answer in (
            await http.post(PACKAGE, json={"name": "x", "tags": [{"key": "swversion"}]}),
            await http.put(f"{PACKAGE}/{made['packageId']}", json={"name": "Loader", "tags": [{"key": "Color"}]}),
        ):
            assert answer.status_code == (400 if known else 200)
            assert not known or "use one of PartNumber, SwVersion" in answer.json()["Message"]


async def test_a_life_has_its_steps_and_stamps(http: httpx.AsyncClient) -> None:
    """Draft to Pending and back, then to Released, then to Revoked; the last two are stamped; a word in any case."""
    made = await make(http)
    pending = await walk(http, made, "Pending", "Draft", "pending")
    assert pending["status"] == "Pending"
    assert not {"released", "releasedBy", "revoked", "revokedBy"} & set(pending)
    released = await walk(http, pending, "Released")
    assert released["released"] == released["modified"] > made["modified"]
    assert released["releasedBy"]
    revoked = await walk(http, released, "Revoked")
    assert (revoked["released"], revoked["revoked"]) == (released["released"], revoked["modified"])


@pytest.mark.parametrize(
    ("way", "allowed"),
    [
        ([], "Pending"),
        (["Pending"], "Draft or Released"),
        (["Pending", "Released"], "Revoked"),
        (["Pending", "Released", "Revoked"], "nothing else"),
    ],
)
async def test_other_steps_are_refused(http: httpx.AsyncClient, way: list[str], allowed: str) -> None:
    """400 says what the package may become; to stay is no step; the way over PUT is the same."""
    package = await walk(http, await make(http), *way)
    for status in {"Draft", "Pending", "Released", "Revoked"} - set(allowed.split(" or ")):
        answer = await http.post(f"/api/Software/PackageStatus/{package['packageId']}?status={status}")
        assert answer.status_code == 400
        assert answer.json()["Message"].endswith(f"is {package['status']} and may become {allowed}")
        if status != package["status"]:
            put = await http.put(f"{PACKAGE}/{package['packageId']}", json={"name": "Loader", "status": status})
            assert put.status_code == 400
    assert (await http.get(f"{PACKAGE}/{package['packageId']}")).json() == package


async def test_a_draft_is_overwritten_whole(http: httpx.AsyncClient) -> None:
    """What a PUT leaves out is gone, the virtual folder too; name, version and status are what they are told to be."""
    stations = (await folders(http))["Stations"]
    made = await make(http, description="old", priority=3, virtualFolderId=stations, tags=[{"key": "a", "value": "1"}])
    sent = {"name": "Renamed", "installOnRoot": True, "status": "Pending", "version": 9, "packageId": made["packageId"]}
    put = await http.put(f"{PACKAGE}/{made['packageId']}", json=sent)
    saved = put.json()
    assert (saved["name"], saved["installOnRoot"], saved["status"], saved["version"]) == ("Renamed", True, "Pending", 1)
    assert (saved["priority"], saved["tags"]) == (0, [])
    assert not {"description", "virtualFolderId"} & set(saved)


async def test_a_draft_takes_no_name_and_version_of_another(http: httpx.AsyncClient) -> None:
    """A rename keeps the version, so a name that has it is refused; its own name is not."""
    made, other = await make(http, "Loader"), await make(http, "Test")
    answer = await http.put(f"{PACKAGE}/{other['packageId']}", json={"name": "Loader"})
    assert answer.status_code == 400
    assert "a package 'Loader' with version 1" in answer.json()["Message"]
    assert (await http.put(f"{PACKAGE}/{made['packageId']}", json={"name": "Loader"})).status_code == 200
    wrong = await http.put(f"{PACKAGE}/{made['packageId']}", json={"name": "Loader", "packageId": other["packageId"]})
    assert "is not the package in the path" in wrong.json()["Message"]


@pytest.mark.parametrize("way", [["Pending"], ["Pending", "Released"]])
async def test_after_the_draft_only_tags_and_status_change(http: httpx.AsyncClient, way: list[str]) -> None:
    """Other fields may be sent as they are, or left out, and stay; one that differs is refused."""
    stations = (await folders(http))["Stations"]
    made = await make(http, description="old", installOnRoot=True, virtualFolderId=stations)
    package = await walk(http, made, *way)
    url, tags = f"{PACKAGE}/{made['packageId']}", [{"key": "a", "value": "1"}]
    for fields in ({"name": "x"}, {"description": "new"}, {"priority": 1}, {"installOnRoot": False}):
        answer = await http.put(url, json={**fields, "tags": tags})
        assert answer.status_code == 400
        assert f"{next(iter(fields))}: package 'Loader' is {package['status']}" in answer.json()["Message"]
    assert (await http.get(url)).json() == package
    for body in ({**package, "tags": tags}, {"tags": tags, "name": None}):
        saved = (await http.put(url, json=body)).json()
        assert {**saved, "modified": 0} == {**package, "tags": tags, "modified": 0}
    revoking = await http.put(url, json={"status": "Revoked", "tags": tags})
    assert revoking.status_code == (200 if package["status"] == "Released" else 400)


async def test_a_revoked_package_stays_as_it_is(http: httpx.AsyncClient) -> None:
    """Not even its tags change."""
    package = await walk(http, await make(http), "Pending", "Released", "Revoked")
    answer = await http.put(f"{PACKAGE}/{package['packageId']}", json={"name": "Loader", "tags": []})
    assert answer.status_code == 400
    assert "make a new version" in answer.json()["Message"]


async def test_a_name_and_status_find_the_highest_version(http: httpx.AsyncClient) -> None:
    """Or the version that is named; status and name are required, one that fits nothing is 404."""
    made = [await make(http) for _ in range(3)]
    await walk(http, made[0], "Pending", "Released")
    await walk(http, made[1], "Pending", "Released")

    async def found(**query: object) -> object:
        answer = await http.get("/api/Software/PackageByName", params={k: str(v) for k, v in query.items()})
        return answer.json()["version"] if answer.status_code == 200 else answer.status_code

    assert await found(name="Loader", status="Released") == 2
    assert await found(name="Loader", status="released", version=1) == 1
    assert await found(name="Loader", status="Draft") == 3
    assert await found(name="Loader", status="Released", version=3) == 404
    assert await found(name="loader", status="Released") == 404
    assert await found(name="", status="Released") == 404
    assert await found(name="Loader") == 400
    assert await found(status="Released") == 400
    assert await found(name="Loader", status="") == 400
    assert await found(name="Loader", status="2") == 400
    assert await found(name="Loader", status="Released", version="x") == 400


async def test_tags_find_packages(http: httpx.AsyncClient) -> None:
    """`tag=Key=Value`: the key in its case, the value in any; the first equals sign divides; status is required."""
    made = await make(http, "A", tags=[{"key": "Line", "value": "Straße=1"}, {"key": "Empty"}])
    await make(http, "B", tags=[{"key": "Line", "value": "2"}])

    async def found(**query: str) -> object:
        answer = await http.get("/api/Software/PackagesByTag", params=query)
        return [package["name"] for package in answer.json()] if answer.status_code == 200 else answer.status_code

    assert await found(tag="Line=STRASSE=1", status="Draft") == ["A"]
    assert await found(tag="Empty=", status="Draft") == ["A"]
    assert await found(tag="line=2", status="Draft") == []
    assert await found(tag="Line=2", status="Released") == []
    assert await found(tag="Line=2") == 400
    assert await found(tag="Line", value="2", status="Draft") == 400
    assert await found(tag="=2", status="Draft") == 400
    assert await found(tag="", status="Draft") == 400
    assert await found(status="Draft") == 400
    await walk(http, made, "Pending")
    assert await found(tag="Line=straße=1", status="Pending") == ["A"]


async def test_only_a_draft_or_a_revoked_package_is_deleted(http: httpx.AsyncClient) -> None:
    """By id or by name and version, which is required then; pending and released ones stay; the next version counts."""
    one, two, three = [await make(http) for _ in range(3)]
    by_name = "/api/Software/PackageByName"
    await walk(http, one, "Pending")
    answers = [
        await http.delete(f"{PACKAGE}/{one['packageId']}"),
        await http.delete(by_name, params={"name": "Loader", "version": "1"}),
        await http.delete(by_name, params={"name": "Loader"}),
        await http.delete(by_name, params={"version": "1"}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400]
    assert "package 'Loader' is Pending; only a Draft or a Revoked" in answers[0].json()["Message"]
    await walk(http, one, "Released", "Revoked")
    assert (await http.delete(f"{PACKAGE}/{one['packageId']}")).status_code == 200
    assert (await http.delete(by_name, params={"name": "Loader", "version": "2"})).status_code == 200
    assert (await http.get("/api/Software/Packages")).json() == [three]
    assert (await http.delete(f"{PACKAGE}/{two['packageId']}")).status_code == 404
    assert (await http.delete(by_name, params={"name": "Loader", "version": "2"})).status_code == 404
    assert (await make(http))["version"] == 4


async def test_an_unknown_package_is_404(http: httpx.AsyncClient) -> None:
    """On every route with an id, whether the id is a UUID or not."""
    for key in (NOBODY, "7", "{x}"):
        answers = [
            await http.get(f"{PACKAGE}/{key}"),
            await http.put(f"{PACKAGE}/{key}", json={"name": "x"}),
            await http.delete(f"{PACKAGE}/{key}"),
            await http.post(f"/api/Software/PackageStatus/{key}?status=Pending"),
            await http.get(f"/api/Software/PackageFiles/{key}"),
            await http.post(f"{PACKAGE}/UploadZip/{key}"),
            await http.post(f"{PACKAGE}/FileAttribute/{key}?attribute=x"),
        ]
        assert [answer.status_code for answer in answers] == [404] * 7
        assert all("There is no package" in answer.json()["Message"] for answer in answers)


async def test_a_read_only_token_only_reads_packages(http: httpx.AsyncClient) -> None:
    """403 on all that changes something."""
    made = await make(http)
    headers = {"Authorization": f"Basic {READ_ONLY}"}
    assert (await http.get(f"{PACKAGE}/{made['packageId']}", headers=headers)).status_code == 200
    for method, url in (
        ("POST", PACKAGE),
        ("PUT", f"{PACKAGE}/{made['packageId']}"),
        ("DELETE", f"{PACKAGE}/{made['packageId']}"),
        ("POST", f"/api/Software/PackageStatus/{made['packageId']}?status=Pending"),
        ("POST", f"{PACKAGE}/UploadZip/{made['packageId']}"),
    ):
        assert (await http.request(method, url, headers=headers)).status_code == 403
