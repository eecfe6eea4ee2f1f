"""A morning at a small line, told to an emulator over its API: what the tests of the page and its picture show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx

from tests.emulator.examples import numeric_step, repair, report, zip_of
from tests.emulator.server import RunningEmulator

Json = dict[str, Any]

FAILED_ID = str(uuid5(NAMESPACE_OID, "failed"))
REPAIR_ID = str(uuid5(NAMESPACE_OID, "repaired"))
FUTURE_ID = str(uuid5(NAMESPACE_OID, "future"))
START = datetime(2026, 1, 2, 7, 30, tzinfo=UTC)


def api_of(emulator: RunningEmulator) -> httpx.Client:
    """A client that may do all."""
    headers = {"Authorization": f"Basic {emulator.token}"}
    return httpx.Client(base_url=emulator.url, headers=headers, trust_env=False)


def send(api: httpx.Client, sent: Json) -> None:
    """Submit a report that is taken."""
    answer = api.post("/api/Report/WSJF", json=sent)
    assert answer.status_code == 200, answer.text


def make_asset(api: httpx.Client, serial: str, **fields: object) -> None:
    """An asset of the type `Fixture`, which is made when it is not there."""
    kinds = {kind["typeName"]: kind["typeId"] for kind in api.get("/api/Asset/Types").json()}
    if "Fixture" not in kinds:
        limits = {"runningCountLimit": 1000, "totalCountLimit": 50_000, "warningThreshold": 80, "alarmThreshold": 100}
        made = api.put("/api/Asset/Types", json={"typeName": "Fixture", **limits})
        kinds["Fixture"] = made.json()["typeId"]
    answer = api.put("/api/Asset", json={"serialNumber": serial, "typeId": kinds["Fixture"], **fields})
    assert answer.status_code == 200, answer.text


def passed(number: int) -> Json:
    """One of many good units."""
    start = (START + timedelta(minutes=4 * number)).isoformat()
    return report(
        id=str(uuid5(NAMESPACE_OID, f"passed {number}")),
        sn=f"C26-{1000 + number}",
        pn="CTRL-40",
        rev="C",
        start=start,
        machineName=f"EOL-{1 + number % 2}",
        assets=[{"assetSN": "FIX-001", "usageCount": 1}],
    )


def failed() -> Json:
    """A unit that fails in a sequence in a sequence, with a step of many kinds."""
    chart = {
        "chartType": "Line",
        "label": "Inrush current",
        "xLabel": "Time",
        "xUnit": "ms",
        "yLabel": "Current",
        "yUnit": "A",
        "series": [
            {
                "dataType": "XYG",
                "name": "measured",
                "xdata": "0;1;2;3;4;5;6;8;10;14;18",
                "ydata": "0;3.9;5.2;4.6;3.7;2.9;2.3;1.6;1.2;0.9;0.8",
            },
            {"dataType": "XYG", "name": "limit", "xdata": "0;4;4;18", "ydata": "6;6;3;3"},
        ],
    }
    inside = {"unit": "V", "compOp": "GELE"}
    rails = [
        {"name": "3V3", "status": "P", "value": 3.312, **inside, "lowLimit": 3.2, "highLimit": 3.4},
        {"name": "1V8", "status": "F", "value": 1.62, **inside, "lowLimit": 1.75, "highLimit": 1.85},
        {"name": "Ripple", "status": "P", "value": 12.5, "unit": "mV", "compOp": "LT", "lowLimit": 50},
    ]
    power = [
        numeric_step("Supply current", numericMeas=[{"status": "P", "value": 0.184, "unit": "A", "compOp": "LOG"}]),
        {"stepType": "Chart", "name": "Switch on", "group": "M", "status": "D", "chart": chart},
        {
            "stepType": "SequenceCall",
            "name": "Regulators",
            "group": "M",
            "status": "F",
            "totTime": 1.42,
            "steps": [
                {
                    "stepType": "ET_MNLT",
                    "name": "Rails",
                    "group": "M",
                    "status": "F",
                    "numericMeas": rails,
                    "reportText": "1V8 is low under load; check L3.",
                },
            ],
        },
    ]
    firmware = {"status": "P", "value": "2.4.1", "compOp": "EQ", "limit": "2.4.1"}
    steps = [
        {"stepType": "ET_SVT", "name": "Firmware", "group": "S", "status": "P", "stringMeas": [firmware]},
        {"stepType": "SequenceCall", "name": "Power", "group": "M", "status": "F", "totTime": 4.7, "steps": power},
        {"stepType": "ET_PFT", "name": "Link", "group": "M", "status": "S", "booleanMeas": [{"status": "S"}]},
        {
            "stepType": "Action",
            "name": "Photo",
            "group": "C",
            "status": "D",
            "attachment": {"name": "board.png", "contentType": "image/png", "data": "iVBORw0KGgo="},
        },
    ]
    plain = report(
        id=FAILED_ID,
        sn="C26-1042",
        pn="CTRL-40",
        rev="C",
        result="F",
        machineName="EOL-1",
        start=(START + timedelta(hours=2, minutes=41)).isoformat(),
        assets=[{"assetSN": "FIX-001", "usageCount": 1}, {"assetSN": "FIX-404"}],
        subUnits=[{"pn": "PSU-12", "rev": "B", "sn": "P7781", "partType": "Power board"}],
        miscInfos=[{"description": "Lot", "text": "2026-W01"}, {"description": "Cell", "numeric": 4}],
    )
    plain["root"] |= {"status": "F", "steps": steps}
    return plain


def make_package(api: httpx.Client, name: str, **fields: object) -> str:
    """A draft with one file; its id."""
    answer = api.post("/api/Software/Package", json={"name": name, **fields})
    assert answer.status_code == 200, answer.text
    package_id: str = answer.json()["packageId"]
    path, headers = f"/api/Software/Package/UploadZip/{package_id}", {"Content-Type": "application/zip"}
    assert api.post(path, content=zip_of({"bin/controller.hex": b":00000001FF"}), headers=headers).is_success
    return package_id


def tell(emulator: RunningEmulator, good: int = 14) -> None:
    """Tell the story: assets, software, good units, one that is repaired, one from the future, requests that fail."""
    with api_of(emulator) as api:
        make_asset(
            api, "FIX-001", assetName="EOL fixture 1", location="Line 2", tags=[{"key": "Firmware", "value": "3.1"}]
        )
        make_asset(api, "FIX-002", assetName="EOL fixture 2", location="Line 2", parentSerialNumber="FIX-001")
        make_asset(api, "FIX-003", assetName="Burn-in rack", location="Line 1")
        api.put("/api/Asset/Count", params={"serialNumber": "FIX-001", "totalCount": 846})
        api.put("/api/Asset/Count", params={"serialNumber": "FIX-003", "totalCount": 1012})
        api.put("/api/Asset/State", params={"serialNumber": "FIX-003", "state": 3})
        released = make_package(
            api, "Controller", description="Firmware of CTRL-40", tags=[{"key": "Line", "value": "2"}]
        )
        for status in ("Pending", "Released"):
            assert api.post(f"/api/Software/PackageStatus/{released}", params={"status": status}).is_success
        make_package(api, "Controller", description="Faster start")
        for number in range(good):
            send(api, passed(number))
        send(api, failed())
        mended = repair(id=REPAIR_ID, sn="C26-1042", pn="CTRL-40", rev="C", machineName="REP-1")
        mended["uur"]["refUUT"] = FAILED_ID
        mended["subUnits"][0] |= {"pn": "CTRL-40", "sn": "C26-1042", "rev": "C"}
        mended["start"] = (START + timedelta(hours=3)).isoformat()
        send(api, mended)
        now = datetime.now(UTC)  # noqa: TID251 - what the emulator compares with
        send(api, report(id=FUTURE_ID, sn="C26-1999", pn="CTRL-40", start=(now + timedelta(hours=1)).isoformat()))
        for change in ({"currentLocation": "Repair"}, {"batchNumber": "2026-W01"}):
            unit = {"serialNumber": "C26-1042", "partNumber": "CTRL-40", "revision": "C", **change}
            assert api.put("/api/Production/Units", json=[unit]).json()["errorCount"] == 0
        phase = {"serialNumber": "C26-1042", "partNumber": "CTRL-40", "phase": "4"}
        assert api.put("/api/Production/SetUnitPhase", params=phase).is_success
        emulator.fault("status", path="/api/Report", status=503, times=1)
        api.post("/api/Report/WSJF", json=passed(99))
        api.post("/api/Report/WSJF", json=report(result="X"))
        api.get("/api/Asset", params={"$filter": "location eq 'Line 2'"})
