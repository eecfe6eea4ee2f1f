"""An emulator on this event loop, and the clients that tests use on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pywats import AsyncWATS
from pywats.core.exceptions import ErrorMode

from pywats_mqtt.emulator import Permission, Running, Settings, serve

TOKEN = "c2VjcmV0"
READ_ONLY = "cmVhZA=="
NO_COUNTS = "bm9jb3VudHM="


def client_of(running: Running, token: str) -> httpx.AsyncClient:
    """A client with this token."""
    headers = {"Authorization": f"Basic {token}"}
    return httpx.AsyncClient(base_url=running.url, headers=headers, trust_env=False)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """An emulator without rate limit and with a token of each permission."""
    tokens = {TOKEN: Permission.FULL, READ_ONLY: Permission.READ_ONLY, NO_COUNTS: Permission.NO_COUNTS}
    async with serve(Settings(port=0, rate_limit=0, tokens=tokens, max_body_bytes=100_000)) as running:
        yield running


@pytest.fixture
async def http(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token that may do all."""
    async with client_of(running, TOKEN) as client:
        yield client


def pywats_of(running: Running) -> AsyncWATS:
    """The real client as the bridge uses it: no cache, no throttle, no retry."""
    return AsyncWATS(
        base_url=running.url,
        token=TOKEN,
        error_mode=ErrorMode.STRICT,
        enable_cache=False,
        enable_throttling=False,
        retry_enabled=False,
    )


@pytest.fixture
async def pywats(running: Running) -> AsyncIterator[AsyncWATS]:
    """The real client, as `pywats_of` makes it."""
    async with pywats_of(running) as client:
        yield client
