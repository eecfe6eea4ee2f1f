"""The ASGI application: reads a request, misbehaves where a fault says so, and sends the answer.

A lean one, for speed: Starlette reads and writes, `routes` is the routing table, `exchange` does the work.
"""

import asyncio
import time
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.clock import utc_now
from pywats_mqtt.emulator.exchange import Exchange
from pywats_mqtt.emulator.faults import Fault, Faults, Kind
from pywats_mqtt.emulator.inspection import Inspection
from pywats_mqtt.emulator.request_log import Arrival, RequestLog
from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Refusal, Reply, refusal_reply

_LOGIN = "/login"
_LOGIN_PAGE = Reply(b"<!doctype html><title>Log in</title><h1>Log in</h1>", content_type="text/html; charset=utf-8")
_UNANSWERED = frozenset({Kind.HANG, Kind.DROP_BEFORE, Kind.DROP_AFTER})
_LOGGED_FIRST = frozenset({Kind.HANG, Kind.DROP_BEFORE, Kind.DELAY})


class Emulator:
    """One emulator; `server` gives it connections that can be dropped (`scope["state"]["drop"]`)."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._longest = settings.max_body_bytes
        self._log = RequestLog(store, settings.keep_requests)
        self._faults = Faults()
        throttle = Throttle(settings.rate_limit)
        self._exchange = Exchange(settings, store, self._log, throttle)
        self._inspection = Inspection(store, self._log, self._faults, throttle)
        self.stopping = asyncio.Event()
        """Set when the server ends: what a delay holds back then stays undone and unanswered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or leave it unanswered where a fault says so."""
        request = Request(scope, receive, send)
        try:
            body = await self._read(request)
        except ClientDisconnect:
            return
        except Refusal as refusal:
            self._exchange.record(_arrival(request, self._log.next_seq(), b""), refusal.status, None)
            await _send(refusal_reply(refusal), request, send)
            return
        reply = await self._answer(request, body)
        if reply is None:
            await _until_gone(request)
        else:
            await _send(reply, request, send)

    async def _read(self, request: Request) -> bytes:
        """The whole body.

        Raises:
            Refusal: 413, too long; the rest is not read, so the connection ends.
            ClientDisconnect: The client left before it was through.
        """
        chunks, size = [], 0
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > self._longest:
                raise Refusal(413, f"The body is longer than {self._longest} bytes.", {"Connection": "close"})
        return b"".join(chunks)

    async def _answer(self, request: Request, body: bytes) -> Reply | None:
        """The answer to a request; None when it gets none."""
        path: str = request.scope["path"]
        if path == _LOGIN:
            return _LOGIN_PAGE
        inspected = self._inspection.find(request.method, path)
        if inspected is not None:
            return self._exchange.inspect(inspected, _arrival(request, 0, body))
        arrival = _arrival(request, self._log.next_seq(), body)
        fault = self._faults.take(arrival.method, path, time.monotonic())
        if fault is None:
            return self._exchange.process(arrival, request.scope["headers"])
        return await self._misbehave(fault, arrival, request)

    async def _misbehave(self, fault: Fault, arrival: Arrival, request: Request) -> Reply | None:
        kind = fault.kind
        refusal = fault.refusal()
        if refusal is not None or kind in _LOGGED_FIRST:
            self._exchange.record(arrival, refusal.status if refusal else None, kind.value)
        if refusal is not None or kind is Kind.HANG:
            return refusal
        if kind is Kind.DELAY and not await self._lived_through(fault.delay_s):
            return None
        reply = None
        if kind is not Kind.DROP_BEFORE:
            recorded, answered = kind in _LOGGED_FIRST, kind is not Kind.DROP_AFTER
            headers = request.scope["headers"]
            reply = self._exchange.process(arrival, headers, fault=kind.value, recorded=recorded, answered=answered)
            reply = fault.spoil(reply)
        if kind in _UNANSWERED:
            request.scope["state"]["drop"]()
            return None
        if kind is Kind.DELAY_AFTER and not await self._lived_through(fault.delay_s):
            return None
        return reply

    async def _lived_through(self, seconds: float) -> bool:
        """Wait; False as soon as the server ends."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False


def _arrival(request: Request, seq: int, body: bytes) -> Arrival:
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = dict(reversed(pairs))  # of a key given twice, the first counts
    return Arrival(seq, utc_now(), request.method, request.scope["path"], query, body)


async def _until_gone(request: Request) -> None:
    """Wait until the connection is closed, so that the server does not answer in our place."""
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _send(reply: Reply, request: Request, send: Send) -> None:
    headers = dict(reply.headers)
    response = Response(reply.body, reply.status, headers, reply.content_type if reply.body else None)
    await response(request.scope, request.receive, send)
