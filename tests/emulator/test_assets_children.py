"""What is below an asset."""

from __future__ import annotations

import httpx

from tests.emulator.examples import make_type, save


async def test_children_are_shown_to_a_level(http: httpx.AsyncClient) -> None:
    """Level 1 are the direct ones, 0 and none all of them, nearest first, each as if it were read by itself."""
    type_id = await make_type(http)
    for serial, parent in (("A", None), ("B", "A"), ("C", "B"), ("D", "A"), ("E", "C"), ("F", None)):
        await save(http, serialNumber=serial, typeId=type_id, parentSerialNumber=parent)

    async def serials(query: str) -> list[str]:
        answer = await http.get(f"/api/Asset/SubAssets?{query}")
        assert answer.status_code == 200, answer.text
        return [asset["serialNumber"] for asset in answer.json()]

    assert await serials("serialNumber=A") == ["B", "D", "C", "E"]
    assert await serials("serialNumber=A&level=0") == ["B", "D", "C", "E"]
    assert await serials("serialNumber=A&level=1") == ["B", "D"]
    assert await serials("id=1&level=2") == ["B", "D", "C"]
    assert await serials("id=2&level=1") == ["C"]
    assert await serials("id=5") == []
    (child,) = (await http.get("/api/Asset/SubAssets?id=3")).json()
    assert child == (await http.get("/api/Asset/E")).json()


async def test_wrong_levels_and_assets_are_refused(http: httpx.AsyncClient) -> None:
    """400 or 404 says which parameter."""
    await save(http, serialNumber="A", typeId=await make_type(http))
    for query in ("", "serialNumber=A&level=-1", "serialNumber=A&level=x", "serialNumber=A&level=2147483648"):
        assert (await http.get(f"/api/Asset/SubAssets?{query}")).status_code == 400
    assert (await http.get("/api/Asset/SubAssets?id=2")).status_code == 404
    assert (await http.put("/api/Asset/SubAssets?id=1")).status_code == 405
