"""Operations: those of the user's own server, and which of them a client is shown."""

from __future__ import annotations

import subprocess

import httpx
import msgspec
import pytest

from pywats_mqtt.emulator import Settings, serve
from pywats_mqtt.emulator.processes import SEEDED, Process, parse_processes
from tests.emulator.conftest import TOKEN, client_of
from tests.emulator.examples import repair, report
from tests.emulator.server import running_emulator
from tests.emulator.test_program import EMULATE, LIMIT_S
from tests.emulator.test_reports import WSJF

PROCESSES = "/api/App/Processes"


def test_reads_operations() -> None:
    """A code, a name, and a kind after the last colon; without one it is a test; the index is the place."""
    texts = ["7=Burn In", "8=Fix=it : all:repair", "2147483647=Ship:wip"]
    assert list(parse_processes(texts).values()) == [
        Process(7, "Burn In", 0, is_test_operation=True),
        Process(8, "Fix=it : all", 1, is_repair_operation=True),
        Process(2147483647, "Ship", 2, is_wip_operation=True),
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["Burn In"], "expected CODE=NAME"),
        (["=Burn In"], "expected CODE=NAME"),
        (["x=Burn In"], "expected CODE=NAME"),
        (["-1=Burn In"], "expected CODE=NAME"),
        (["٣=Burn In"], "expected CODE=NAME"),
        (["9" * 5_000 + "=Burn In"], "expected CODE=NAME"),
        (["2147483648=Burn In"], "a code is at most 2147483647"),
        (["7=Burn In:tests"], "test, repair or wip"),
        (["7=Burn: In"], "test, repair or wip"),
        (["7=Burn In:"], "test, repair or wip"),
        (["7="], "1 to 100 printable"),
        (["7= :wip"], "1 to 100 printable"),
        (["7=" + "x" * 101], "1 to 100 printable"),
        (["7=Burn\nIn"], "1 to 100 printable"),
        (["7=A", "7=B"], "code 7 is given twice"),
        (["7=A", "8=a:wip"], "name 'a' is given twice"),
    ],
)
def test_refuses_what_is_no_operation(texts: list[str], message: str) -> None:
    """In one line, with what is right."""
    with pytest.raises(ValueError, match=message) as refused:
        parse_processes(texts)
    assert "\n" not in str(refused.value)


def test_a_wrong_operation_is_one_line_and_exit_2() -> None:
    """The program does not start, and says which option is wrong."""
    run = subprocess.run(
        [*EMULATE, "--process", "7=Burn In:tests"], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith("pywats-mqtt emulate: --process '7=Burn In:tests': after the last colon comes")


def test_operations_and_tag_keys_are_options() -> None:
    """Given any operation, reports and lists know those only; tags of packages take the keys that are listed."""
    options = ["--process", "7=Burn In", "--process", "8=Fix:repair", "--process", "9=Ship:wip"]
    with running_emulator(*options, "--known-tags", "Line, SwVersion") as emulator:
        headers = {"Authorization": f"Basic {emulator.token}"}
        with httpx.Client(base_url=emulator.url, headers=headers, trust_env=False) as http:
            assert [(p["code"], p["processIndex"]) for p in http.get(PROCESSES).json()] == [(7, 0), (8, 1), (9, 2)]
            assert http.post(WSJF, json=report(processCode=7)).status_code == 200
            assert [row["processCode"] for row in emulator.state()["reports"]] == [7]
            uur = repair()["uur"]
            assert http.post(WSJF, json=repair(processCode=8, uur={**uur, "processCode": 7})).status_code == 200
            refused = http.post(WSJF, json=report(processCode=100)).json()["Message"]
            assert refused == "processCode: 100 is no test operation of this server; use one of 7"
            package = {"name": "x", "tags": [{"key": "Color", "value": "red"}]}
            assert "use one of Line, SwVersion" in http.post("/api/Software/Package", json=package).json()["Message"]


async def test_a_server_without_repairs_says_so() -> None:
    """Where no operation fits, the refusal names none."""
    async with (
        serve(Settings(port=0, processes=parse_processes(["7=A"]))) as running,
        client_of(running, TOKEN) as http,
    ):
        answer = await http.post(WSJF, json=repair())
        assert "500 is no repair operation of this server; it has none" in answer.json()["Message"]


async def test_operations_are_shown_by_kind_and_state() -> None:
    """All kinds unless one is switched off, those of no kind always; inactive ones where they are asked for."""
    chosen = dict(parse_processes(["1=T", "2=R:repair", "3=W:wip", "4=Old", "5=None"]))
    chosen[4] = msgspec.structs.replace(chosen[4], state=2)
    chosen[5] = msgspec.structs.replace(chosen[5], is_test_operation=False)
    async with serve(Settings(port=0, processes=chosen)) as running, client_of(running, TOKEN) as http:

        async def codes(**flags: str) -> list[int]:
            return [process["code"] for process in (await http.get(PROCESSES, params=flags)).json()]

        tests, repairs, wips = "includeTestOperations", "includeRepairOperations", "includeWipOperations"
        assert await codes() == [1, 2, 3, 5]
        assert await codes(**{repairs: "true"}) == [1, 2, 3, 5]
        assert await codes(**{tests: "false"}) == [2, 3, 5]
        assert await codes(**{tests: "False", repairs: "false", wips: "true"}) == [3, 5]
        assert await codes(**{tests: "false", repairs: "false", wips: "false"}) == [5]
        assert await codes(includeInactiveProcesses="true") == [1, 2, 3, 4, 5]
        assert await codes(includeInactiveProcesses="true", **{tests: "false"}) == [2, 3, 5]
        assert await codes(includeInactiveProcesses="false") == [1, 2, 3, 5]
        for wrong in ("1", "", "yes"):
            assert (await http.get(PROCESSES, params={wips: wrong})).status_code == 400


async def test_an_operation_has_all_its_fields(http: httpx.AsyncClient) -> None:
    """Without options a server has the seeded operations, active, numbered from 0, and nothing is null."""
    shown = (await http.get(PROCESSES)).json()
    assert [process["processIndex"] for process in shown] == list(range(len(SEEDED)))
    assert shown[6] == {
        "code": 100,
        "name": "End of line test",
        "description": "",
        "isTestOperation": True,
        "isRepairOperation": False,
        "isWipOperation": False,
        "processIndex": 6,
        "state": 1,
    }
