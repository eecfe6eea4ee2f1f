"""Tags of an asset: what a save makes of those it had."""

from __future__ import annotations

import httpx
import pytest

from pywats_mqtt.emulator import Settings, TagList, serve
from tests.emulator.conftest import TOKEN, client_of
from tests.emulator.examples import Json, make_type, save


def pairs(asset: Json) -> dict[str, str]:
    """The tags of an asset."""
    return {tag["key"]: tag["value"] for tag in asset["tags"]}


@pytest.mark.parametrize(
    ("rule", "kept"), [(TagList.REPLACE, {}), (TagList.MERGE, {"Lot": "1", "Room": "2"})], ids=["replace", "merge"]
)
async def test_a_plain_list_replaces_or_is_merged(rule: TagList, kept: dict[str, str]) -> None:
    """What the list leaves out goes or stays; entries with `change` 0 throughout are a plain list, too."""
    async with serve(Settings(port=0, rate_limit=0, tags=rule)) as running, client_of(running, TOKEN) as http:
        asset = {"serialNumber": "A", "typeId": await make_type(http)}
        await save(http, **asset, tags=[{"key": "Lot", "value": "1"}, {"key": "Room", "value": "2"}])
        assert pairs(await save(http, **asset)) == {"Lot": "1", "Room": "2"}
        assert pairs(await save(http, **asset, tags=[])) == kept
        saved = await save(http, **asset, tags=[{"key": "Room", "value": "3"}, {"key": "New", "change": 0}])
        assert pairs(saved) == {**kept, "Room": "3", "New": ""}


@pytest.mark.parametrize("rule", list(TagList))
async def test_a_list_of_changes_changes_what_it_names(rule: TagList) -> None:
    """1 adds, 2 updates, 3 deletes, 0 leaves alone; an entry without `change` and the undescribed codes set."""
    async with serve(Settings(port=0, rate_limit=0, tags=rule)) as running, client_of(running, TOKEN) as http:
        asset = {"serialNumber": "A", "typeId": await make_type(http)}
        await save(http, **asset, tags=[{"key": key, "value": "old"} for key in "abcdef"])
        changes = {"b": 0, "c": 2, "d": 3, "e": 6, "g": 1, "nowhere": 3}
        tags: list[Json] = [{"key": key, "value": "new", "change": change} for key, change in changes.items()]
        saved = await save(http, **asset, tags=[*tags, {"key": "f", "value": "new"}])
        assert pairs(saved) == {"a": "old", "b": "old", "c": "new", "e": "new", "f": "new", "g": "new"}


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ({"key": "a b", "value": "x"}, "key: 'a b' cannot be stored"),
        ({"key": "1a"}, "key: '1a' cannot be stored"),
        ({"key": "ä"}, "cannot be stored"),
        ({"key": "a\n"}, "cannot be stored"),
        ({"key": " "}, "key: required"),
        ({"key": None}, "key: required"),
        ({"key": "a", "value": 1}, "value: expected a text, got int"),
        ({"key": "a", "value": "x" * 5_001}, "value: 5001 characters"),
        ({"key": "a", "value": "nul \0"}, "value of 'a': character '\\x00' cannot be stored"),
        ({"key": "a", "value": "\ufffe"}, "cannot be stored"),
        ({"key": "a", "change": 7}, "change: expected a whole number 0 to 6"),
        ({"key": "a", "change": -1}, "change"),
        ({"key": "a", "change": "add"}, "change"),
    ],
)
async def test_what_cannot_stand_in_xml_is_refused(http: httpx.AsyncClient, tag: Json, message: str) -> None:
    """A tag is an XML element: 400 says which key or value, and no tag changes."""
    asset = {"serialNumber": "A", "typeId": await make_type(http)}
    await save(http, **asset, tags=[{"key": "kept", "value": "\t<ä🜨>\n"}])
    answer = await http.put("/api/Asset", json={**asset, "tags": [{"key": "new", "value": "x"}, tag]})
    assert answer.status_code == 400
    assert message in answer.json()["Message"]
    assert pairs((await http.get("/api/Asset/A")).json()) == {"kept": "\t<ä🜨>\n"}
