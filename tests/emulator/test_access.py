from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core import exceptions

from pywats_mqtt.emulator import Settings, serve
from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.wire import Refusal
from tests.emulator.conftest import TOKEN


def waits(throttle: Throttle, token: str, now_s: float) -> int:
    """How many seconds a request must wait, 0 when it passes."""
    try:
        throttle.admit(token, now_s)
    except Refusal as refusal:
        return int(refusal.headers["Retry-After"])
    return 0


def test_the_window_slides_per_token() -> None:
    """No more than the limit in any 60 s; refused requests do not count; `Retry-After` is when one passes again."""
    throttle = Throttle(2)
    assert [waits(throttle, "a", now_s) for now_s in (0, 10, 20, 59.5)] == [0, 0, 40, 1]
    assert waits(throttle, "b", 20) == 0
    assert [waits(throttle, "a", now_s) for now_s in (60, 60.5, 70)] == [0, 10, 0]
    throttle.reset()
    assert waits(throttle, "a", 70) == 0


def test_without_a_limit_everything_passes() -> None:
    """A limit of 0 is none."""
    throttle = Throttle(0)
    assert not any(waits(throttle, "a", 1) for _ in range(1_000))


async def test_a_throttled_client_is_told_when_to_come_back() -> None:
    """429 with `Retry-After` in the log, too; inspection is never throttled."""
    async with serve(Settings(port=0, rate_limit=3)) as running:
        async with AsyncWATS(
            base_url=running.url, token=TOKEN, enable_cache=False, enable_throttling=False, retry_enabled=False
        ) as client:
            for _ in range(3):
                await client.asset.get_assets()
            with pytest.raises(exceptions.PyWATSError) as refused:
                await client.asset.get_assets()
            assert refused.value.details["status_code"] == 429
            answer = await client.http_client.get("/api/App/Version")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        async with httpx.AsyncClient(base_url=running.url, trust_env=False) as inspector:
            log = (await inspector.get("/_emulator/requests")).json()
            assert [entry["status"] for entry in log] == [200, 200, 200, 429, 429]


class LateClock:
    """A clock on which a minute passes between two looks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """The time, in the year it is far ahead in."""
        return datetime(2040, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """A minute later than before."""
        self.seconds += 60.0
        return self.seconds

    def real_s(self, seconds: float) -> float:
        """Nothing is waited for here."""
        return seconds


async def test_the_emulator_goes_by_the_clock_it_is_given() -> None:
    """Throttling, what is logged and what an answer is dated with."""
    async with (
        serve(Settings(port=0, rate_limit=1, clock=LateClock())) as running,
        httpx.AsyncClient(base_url=running.url, trust_env=False) as client,
    ):
        for _ in range(3):
            answer = await client.get("/api/App/Version", headers={"Authorization": f"Basic {TOKEN}"})
            assert answer.status_code == 200
            assert "2040" in answer.headers["date"]
        log = (await client.get("/_emulator/requests")).json()
        assert {entry["at"][:4] for entry in log} == {"2040"}
