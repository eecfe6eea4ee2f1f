"""What goes wrong between the bridge and WATS, one by one, on the emulator: which outcome, and nothing doubled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.errors import Fatal, Reject, Retry, Scope
from pywats_mqtt.events import Measurement, Step, TestResult
from pywats_mqtt.ports import Wats
from pywats_mqtt.wats.client import PywatsClient
from tests.contract.wats_memory import MemoryNotes
from tests.contract.wats_servers import FULL, SystemClock, configure
from tests.emulator.server import RunningEmulator
from tests.ports import free_port

RESULT = TestResult(
    report_id=UUID("daf6f3a9-aba9-4abd-86bf-f9e9cf8c0528"),
    device="TESTER-1",
    kind="results",
    serial_number="SN-1",
    result="P",
    start=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
    steps=(Step(name="Power", status="P", measurement=Measurement(value=5.02, unit="V", low=4.9, high=5.1)),),
)
"""Names no part number; the configuration has one."""


@asynccontextmanager
async def client(config: WatsConfig) -> AsyncIterator[Wats]:
    """Give a client."""
    async with PywatsClient(config, MemoryNotes(), SystemClock()) as wats:
        yield wats


CALLS: dict[str, tuple[str, Callable[[Wats], Coroutine[None, None, object]]]] = {
    "report": ("/api/Report/WSJF", lambda wats: wats.submit_report(RESULT)),
    "read": ("/api/Asset/F1", lambda wats: wats.asset("F1")),
    "total": ("/api/Asset/Count", lambda wats: wats.set_total_count("F1", 10)),
    "running": ("/api/Asset/SetRunningCount", lambda wats: wats.set_running_count("F1", 5)),
    "state": ("/api/Asset/State", lambda wats: wats.set_state("F1", 3)),
    "tags": ("/api/Asset", lambda wats: wats.set_tags("F1", {"a": "b"})),
}

OUTCOMES = [
    pytest.param("status", {"status": 400}, Reject, None, id="400"),
    pytest.param("status", {"status": 401}, Scope.SERVER, "401", id="401"),
    pytest.param("status", {"status": 403}, Scope.CALL, "403", id="403"),
    pytest.param("status", {"status": 408}, Scope.SERVER, "408", id="408"),
    pytest.param("status", {"status": 409}, Reject, None, id="409"),
    pytest.param("status", {"status": 413}, Reject, None, id="413"),
    pytest.param("status", {"status": 422}, Reject, None, id="422"),
    pytest.param("status", {"status": 429}, Scope.SERVER, "429", id="429"),
    pytest.param("status", {"status": 500}, Scope.DELIVERY, "500", id="500"),
    pytest.param("status", {"status": 502}, Scope.SERVER, "502", id="502"),
    pytest.param("status", {"status": 503}, Scope.SERVER, "503", id="503"),
    pytest.param("status", {"status": 504}, Scope.SERVER, "504", id="504"),
    pytest.param("redirect", {}, Scope.SERVER, "redirect", id="redirect to a login page"),
    pytest.param("drop_before", {}, Scope.SERVER, "dropped", id="dropped before"),
    pytest.param("drop_after", {}, Scope.SERVER, "dropped", id="dropped after"),
    pytest.param("hang", {}, Scope.SERVER, "timeout", id="no answer"),
]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("kind", "options", "outcome", "cause"), OUTCOMES)
async def test_each_failure_of_each_call(  # noqa: PLR0917 - pytest gives them by name
    emulator: RunningEmulator,
    name: str,
    kind: str,
    options: dict[str, object],
    outcome: Scope | type[Reject],
    cause: str | None,
) -> None:
    """One request is made, never repeated by pywats; the outcome says what waits. Then the same call gets through."""
    path, call = CALLS[name]
    async with client(configure(emulator)) as wats:
        await wats.asset("F1")
    async with client(configure(emulator, timeout_s=0.3 if kind == "hang" else 20.0)) as wats:
        emulator.fault(kind, path=path, **options)
        before = emulator.requests()[-1]["seq"]
        with pytest.raises((Retry, Reject)) as failed:
            await call(wats)

        made = [request["path"] for request in emulator.requests(after=before)]
        emulator.clear_faults()
    async with client(configure(emulator)) as wats:
        await call(wats)

    assert len(made) == 1
    error = failed.value
    if isinstance(error, Retry):
        assert (error.scope, error.cause) == (outcome, cause)
    else:
        assert outcome is Reject
        assert "Fault: status" in str(error)
    assert FULL not in str(error)
    assert all(report["receiveCount"] <= 2 for report in emulator.state()["reports"])
    assert emulator.state()["counts"]["reports"] <= 1


@pytest.mark.parametrize(
    ("kind", "cause"), [("empty", "empty answer"), ("malformed", "unreadable answer")], ids=["empty", "half an answer"]
)
async def test_a_report_whose_answer_says_nothing_is_sent_again_alone(
    emulator: RunningEmulator, kind: str, cause: str
) -> None:
    """What became of it is unknown; under its id it overwrites itself."""
    async with client(configure(emulator)) as wats:
        emulator.fault(kind, path="/api/Report", times=1)
        with pytest.raises(Retry) as failed:
            await wats.submit_report(RESULT)
        await wats.submit_report(RESULT)

    assert (failed.value.scope, failed.value.cause) == (Scope.DELIVERY, cause)
    assert [report["receiveCount"] for report in emulator.state()["reports"]] == [2]


async def test_a_total_whose_answer_is_lost_is_counted_once(emulator: RunningEmulator) -> None:
    """Absolute values make the second try harmless."""
    async with client(configure(emulator)) as wats:
        await wats.asset("F1")
        emulator.fault("drop_after", path="/api/Asset/Count", times=1)
        with pytest.raises(Retry):
            await wats.set_total_count("F1", 10)
        await wats.set_total_count("F1", 10)

        assert (await wats.asset("F1")).total == 10


async def test_retry_after_reaches_the_caller(emulator: RunningEmulator) -> None:
    """The server's wish, which pywats never honours."""
    async with client(configure(emulator)) as wats:
        emulator.fault("throttle", retry_after="17")
        with pytest.raises(Retry) as failed:
            await wats.submit_report(RESULT)

    assert failed.value.after_s == 17.0


@pytest.mark.parametrize("as_what", ["written", "date"])
async def test_a_server_that_asks_for_patience_gets_no_call_meanwhile(emulator: RunningEmulator, as_what: str) -> None:
    """Whoever asks is told how long, without a call; whether the server told seconds or a date."""
    async with client(configure(emulator)) as wats:
        emulator.fault("throttle", retry_after="1700", retry_after_as=as_what, times=1)
        with pytest.raises(Retry):
            await wats.asset("F1")
        with pytest.raises(Retry, match="left alone") as held:
            await wats.submit_report(RESULT)

    assert (held.value.scope, held.value.cause) == (Scope.SERVER, "429")
    assert held.value.after_s is not None
    assert 1_600 < held.value.after_s <= 1_700
    assert [request["status"] for request in emulator.requests()] == [429]


async def test_an_absent_server(emulator: RunningEmulator) -> None:
    """It is named with its cause; starting without it is no failure."""
    config = configure(emulator, url=f"http://127.0.0.1:{free_port()}")
    async with client(config) as wats:
        with pytest.raises(Retry, match="cannot connect") as failed:
            await wats.submit_report(RESULT)

    assert (failed.value.scope, failed.value.cause) == (Scope.SERVER, "unreachable")


async def test_an_address_without_wats_sends_nothing_to_quarantine(emulator: RunningEmulator) -> None:
    """404 on the route of reports is the address' fault."""
    async with client(configure(emulator, url=f"{emulator.url}/elsewhere")) as wats:
        with pytest.raises(Retry, match=r"check wats\.url") as failed:
            await wats.submit_report(RESULT)

    assert failed.value.scope is Scope.SERVER


async def test_a_report_that_wats_finds_wrong_is_refused_with_its_words(emulator: RunningEmulator) -> None:
    """Such as an operation code it does not know."""
    async with client(configure(emulator, default_operation_code=4711)) as wats:
        with pytest.raises(Reject, match="processCode: 4711 is no test operation"):
            await wats.submit_report(RESULT)


async def test_an_asset_that_wats_refuses_is_tried_once_more_at_most(emulator: RunningEmulator) -> None:
    """Also with an asset type that was remembered."""
    async with client(configure(emulator)) as wats:
        await wats.asset("F1")
        emulator.fault("status", method="PUT", path="/api/Asset", status=400)
        with pytest.raises(Reject, match="Fault: status 400"):
            await wats.asset("F2")

    assert [request["method"] for request in emulator.requests()].count("PUT") == 4


async def test_a_refused_token_is_told(emulator: RunningEmulator) -> None:
    """With what to check, and without the token."""
    async with client(configure(emulator, token=Secret("d3Jvbmc="))) as wats:
        with pytest.raises(Retry, match=r"401 .*check wats\.token") as failed:
            await wats.submit_report(RESULT)

    assert failed.value.scope is Scope.SERVER
    assert "d3Jvbmc=" not in str(failed.value)


async def test_a_rotated_token_is_picked_up(emulator: RunningEmulator, tmp_path: Path) -> None:
    """The refused call is made once more with the new token: nobody notices."""
    file = tmp_path / "token"
    file.write_text("b2xk\n")
    async with client(configure(emulator, token=None, token_file=str(file))) as wats:
        with pytest.raises(Retry):
            await wats.submit_report(RESULT)
        file.write_text(f"{FULL}\n")
        await wats.submit_report(RESULT)

    assert [request["status"] for request in emulator.requests()] == [401, 401, 200]


async def test_a_rotated_token_is_picked_up_by_all_calls_that_it_refused_at_once(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    """One of them finds the new token; for the others it is another one than theirs already."""
    file = tmp_path / "token"
    file.write_text("b2xk")
    async with client(configure(emulator, token=None, token_file=str(file))) as wats:
        file.write_text(FULL)
        await asyncio.gather(*(wats.asset_types() for _ in range(4)))

    assert sorted(request["status"] for request in emulator.requests()) == [200] * 4 + [401] * 4


@pytest.mark.parametrize("url", ["", "wats.example.com", "ftp://wats.example.com"])
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    """A wrong set-up is told before anything is sent."""
    with pytest.raises(Fatal, match=r"wats\.url: expected an address such as"):
        PywatsClient(WatsConfig(url=url, token=Secret(FULL)), MemoryNotes(), SystemClock())


async def test_an_impossible_address_stops_the_start() -> None:
    """What the HTTP client cannot read is a wrong set-up, too."""
    with pytest.raises(Fatal, match=r"wats\.url: "):
        async with PywatsClient(
            WatsConfig(url="http://127.0.0.1:port", token=Secret(FULL)), MemoryNotes(), SystemClock()
        ):
            pass


async def test_nothing_logs_the_token(emulator: RunningEmulator, caplog: pytest.LogCaptureFixture) -> None:
    """Neither pywats nor httpx, at any level; nor in failures."""
    caplog.set_level(logging.DEBUG)
    async with client(configure(emulator)) as wats:
        await wats.asset("F1")
        emulator.fault("drop_before", times=1)
        with pytest.raises(Retry):
            await wats.submit_report(RESULT)

    assert caplog.records
    assert not [record for record in caplog.records if FULL in f"{record.getMessage()} {record.__dict__}"]


async def test_many_failures_open_no_breaker(emulator: RunningEmulator) -> None:
    """Pywats' circuit breaker would refuse everything for a minute after five of them."""
    async with client(configure(emulator)) as wats:
        emulator.fault("drop_before", times=8)
        for _ in range(8):
            with pytest.raises(Retry, match="connection was lost"):
                await wats.submit_report(RESULT)
        await wats.submit_report(RESULT)

    assert emulator.state()["counts"]["reports"] == 1


async def test_what_is_read_back_is_what_was_sent(emulator: RunningEmulator) -> None:
    """Values, limits, units and statuses stand in WATS."""
    async with client(configure(emulator)) as wats:
        await wats.submit_report(RESULT)

    (sent,) = emulator.requests()
    step = sent["body"]["root"]["steps"][0]
    assert step["numericMeas"] == [
        {"status": "P", "value": 5.02, "unit": "V", "compOp": "GELE", "lowLimit": 4.9, "highLimit": 5.1}
    ]
    (stored,) = emulator.state()["reports"]
    assert (stored["id"], stored["pn"], stored["quarantined"]) == (str(RESULT.report_id), "PN-1", False)
