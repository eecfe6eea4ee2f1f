from __future__ import annotations

import httpx
import pytest

from tests.emulator.examples import repair, report
from tests.emulator.server import running_emulator
from tests.emulator.test_reports import WSJF


@pytest.mark.parametrize(
    ("options", "statuses", "uses"),
    [
        ([], (400, 400), 2),
        (["--lenient-assets", "--any-repair-code", "--asset-use-again"], (200, 200), 8),
        (["--no-asset-use", "--lenient-assets"], (200, 400), 0),
    ],
)
def test_switches_for_reports_are_options(options: list[str], statuses: tuple[int, int], uses: int) -> None:
    """What it is started with decides on the key `sn` for an asset, unknown failure codes, and what is counted."""
    wrong = repair()
    wrong["subUnits"][0]["failures"][0]["category"] = "Ours"
    with running_emulator(*options) as emulator:
        headers = {"Authorization": f"Basic {emulator.token}"}
        with httpx.Client(base_url=emulator.url, headers=headers, trust_env=False) as http:
            kind = http.put("/api/Asset/Types", json={"typeName": "Fixture"}).json()["typeId"]
            http.put("/api/Asset", json={"serialNumber": "F1", "typeId": kind})
            for key in ("assetSN", "sn"):
                for _ in range(2):
                    sent = http.post(WSJF, json=report(assets=[{key: "F1", "usageCount": 2}]))
            assert (sent.status_code, http.post(WSJF, json=wrong).status_code) == statuses
            assert http.get("/api/Asset/F1").json()["totalCount"] == uses
