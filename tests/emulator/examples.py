"""What the emulator takes, to be changed by tests: reports, a zip for a package, products, units, types and assets."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

Json = dict[str, Any]
REPORT_ID = "daf6f3a9-aba9-4abd-86bf-f9e9cf8c0528"


def numeric_step(name: str = "V", **changes: object) -> dict[str, Any]:
    """A passed numeric step."""
    measurement = {"status": "P", "value": 5.0, "unit": "V", "compOp": "GELE", "lowLimit": 4.5, "highLimit": 5.5}
    return {
        "stepType": "ET_NLT",
        "name": name,
        "group": "M",
        "status": "P",
        "numericMeas": [measurement],
        **changes,
    }


def report(**changes: object) -> dict[str, Any]:
    """A passed UUT report with one numeric step."""
    return {
        "id": REPORT_ID,
        "type": "T",
        "pn": "PN-1",
        "sn": "SN-1",
        "rev": "A",
        "processCode": 100,
        "result": "P",
        "machineName": "ST1",
        "location": "Lab",
        "purpose": "Production",
        "start": "2026-01-02T03:04:05.123456Z",
        "uut": {"user": "op", "execTime": 1.5, "batchSN": "B1", "testSocketIndex": 1},
        "subUnits": [{"pn": "P2", "rev": "A", "sn": "S2", "partType": "PCB"}],
        "miscInfos": [{"description": "Lot", "text": "L1"}],
        "assets": [],
        "root": {
            "stepType": "SequenceCall",
            "name": "MainSequence Callback",
            "group": "M",
            "status": "P",
            "seqCall": {"path": "C:/SequenceCall.seq", "name": "TestSequence.seq", "version": "1.0.0"},
            "steps": [numeric_step()],
        },
        **changes,
    }


def repair(**changes: object) -> dict[str, Any]:
    """A repair report with one failure."""
    failure = {"category": "Component", "code": "Defect Component", "comment": "C7 burnt"}
    changes = {
        "type": "R",
        "processCode": 500,
        "uur": {
            "user": "op",
            "processCode": 100,
            "refUUT": REPORT_ID,
            "execTime": 60,
            "confirmDate": "2026-01-02T04:00:00Z",
            "finalizeDate": "2026-01-02T05:00:00Z",
        },
        "subUnits": [{"pn": "PN-1", "sn": "SN-1", "rev": "A", "partType": "Main", "idx": 0, "failures": [failure]}],
        **changes,
    }
    plain = report(**changes)
    del plain["uut"], plain["root"]
    return plain


def zip_of(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these files, by path; a path that ends in a slash is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


async def make_product(http: httpx.AsyncClient, part_number: str = "PN-1", revision: str = "A") -> dict[str, Any]:
    """A product with a revision; the revision as the server shows it."""
    (await http.put("/api/Product", json={"partNumber": part_number})).raise_for_status()
    answer = await http.put("/api/Product/Revision", json={"partNumber": part_number, "revision": revision})
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


async def make_unit(http: httpx.AsyncClient, serial: str = "SN-1", part_number: str = "PN-1", **more: object) -> None:
    """A unit, with its product and revision A."""
    await make_product(http, part_number)
    unit = {"serialNumber": serial, "partNumber": part_number, "revision": "A", **more}
    answer = await http.put("/api/Production/Units", json=[unit])
    assert answer.json()["errors"] == []


async def unit_in(http: httpx.AsyncClient, serial: str = "SN-1", part_number: str = "PN-1") -> dict[str, Any]:
    """A unit as the server shows it."""
    answer = await http.get(f"/api/Production/Unit/{serial}/{part_number}")
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def make_type(http: httpx.AsyncClient, name: str = "Fixture", **fields: object) -> str:
    """A new asset type's id."""
    answer = await http.put("/api/Asset/Types", json={"typeName": name, **fields})
    assert answer.status_code == 200, answer.text
    type_id: str = answer.json()["typeId"]
    return type_id


async def save(http: httpx.AsyncClient, **fields: object) -> Json:
    """An asset as saved."""
    answer = await http.put("/api/Asset", json=fields)
    assert answer.status_code == 200, answer.text
    asset: Json = answer.json()
    return asset


async def log(http: httpx.AsyncClient) -> list[tuple[str, int, str | None]]:
    """The asset log as (asset id, type, property)."""
    state = (await http.get("/_emulator/state")).json()
    return [(row["assetId"], row["type"], row["property"]) for row in state["asset_log"]]


def days_from_now(days: float) -> str:
    """A time as a client writes it."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()  # noqa: TID251 - against the emulator's own clock
