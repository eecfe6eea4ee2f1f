"""Answers a request, or misbehaves where a fault says so: `routes` is the routing table, `exchange` does the work."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from urllib.parse import parse_qsl

from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.exchange import Exchange
from pywats_mqtt.emulator.fault import Fault, Kind
from pywats_mqtt.emulator.fault_answers import refusal, spoil
from pywats_mqtt.emulator.faults import Faults
from pywats_mqtt.emulator.incoming import Incoming
from pywats_mqtt.emulator.inspection import Inspection
from pywats_mqtt.emulator.request_log import Arrival, RequestLog
from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Refusal, Reply, refusal_reply

_LOGIN = "/login"
_LOGIN_PAGE = Reply(b"<!doctype html><title>Log in</title><h1>Log in</h1>", content_type="text/html; charset=utf-8")
_LOGGED_FIRST = frozenset({Kind.HANG, Kind.RESET, Kind.DROP_BEFORE, Kind.DELAY})
_NO_QUERY: Mapping[str, str] = {}

GoDown = Callable[[float, Callable[[], None]], Coroutine[None, None, None]]
"""Close all connections and refuse new ones for so many seconds; the second argument is the last thing done before."""


class Emulator:
    """One emulator; `server` gives it requests with their connections."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._longest = settings.max_body_bytes
        self._clock = settings.clock
        self._log = RequestLog(store, settings.keep_requests)
        self.faults = Faults()
        """Those in force; those of the settings are from the start."""
        for fault in settings.faults:
            self.faults.add(fault, self._clock.monotonic())
        throttle = Throttle(settings.rate_limit)
        self._exchange = Exchange(settings, store, self._log, throttle)
        self._inspection = Inspection(store, self._log, self.faults, throttle, self._clock)
        self.stopping = asyncio.Event()
        """Set when the server ends: what a delay holds back then stays undone and unanswered."""
        self.go_down: GoDown = _stay_up
        """How to refuse everybody for a time; the server puts its own in place."""

    def respond(self, request: Incoming) -> Coroutine[None, None, None] | None:
        """Answer a request, or give what will do so, or not, in its time."""
        if request.body is None:
            refused = Refusal(413, f"The body is longer than {self._longest} bytes.")
            self._exchange.record(self._arrival(request, self._log.next_seq(), b""), refused.status, None)
            request.link.answer(refusal_reply(refused))
            return None
        if request.path == _LOGIN:
            request.link.answer(_LOGIN_PAGE)
            return None
        inspected = self._inspection.find(request.method, request.path)
        if inspected is not None:
            reply = self._exchange.inspect(inspected, self._arrival(request, 0, request.body))
            if outage_s := self.faults.take_outage():
                return self.go_down(outage_s, lambda: request.link.answer(reply))
            request.link.answer(reply)
            return None
        arrival = self._arrival(request, self._log.next_seq(), request.body)
        fault = self.faults.take(arrival.method, arrival.path, self._clock.monotonic())
        if fault is not None:
            return self._misbehave(fault, arrival, request)
        request.link.answer(self._exchange.process(arrival, request.headers))
        return None

    async def _misbehave(self, fault: Fault, arrival: Arrival, request: Incoming) -> None:
        """Do to a request what a fault wants, once the log has it."""
        refused = refusal(fault, arrival.at)
        if refused is not None:
            self._exchange.record(arrival, refused.status, fault.kind.value)
            request.link.answer(refused)
            return
        if fault.kind in _LOGGED_FIRST:
            self._exchange.record(arrival, None, fault.kind.value)
        match fault.kind:
            case Kind.HANG:
                await request.link.until_gone()
            case Kind.RESET:
                request.link.reset()
                await request.link.until_gone()
            case Kind.DROP_BEFORE:
                request.link.drop()
                await request.link.until_gone()
            case Kind.DELAY:
                if await self._lived_through(fault.delay_s):
                    request.link.answer(self._process(fault, arrival, request))
                else:
                    await request.link.until_gone()
            case _:
                await self._answer_badly(fault, self._process(fault, arrival, request), request)

    def _process(self, fault: Fault, arrival: Arrival, request: Incoming) -> Reply:
        recorded, answered = fault.kind in _LOGGED_FIRST, fault.kind is not Kind.DROP_AFTER
        kind = fault.kind.value
        return self._exchange.process(arrival, request.headers, fault=kind, recorded=recorded, answered=answered)

    async def _answer_badly(self, fault: Fault, reply: Reply, request: Incoming) -> None:
        """Answer a request that was processed."""
        match fault.kind:
            case Kind.DROP_AFTER:
                request.link.drop()
                await request.link.until_gone()
            case Kind.DELAY_AFTER:
                if await self._lived_through(fault.delay_s):
                    request.link.answer(reply)
                else:
                    await request.link.until_gone()
            case Kind.TRUNCATED:
                request.link.answer_half(reply)
            case Kind.SLOW_BODY:
                await request.link.answer_slowly(reply, fault.byte_s, fault.longest_s)
            case _:
                request.link.answer(spoil(fault, reply))

    async def _lived_through(self, seconds: float) -> bool:
        """Wait; False as soon as the server ends."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False

    def _arrival(self, request: Incoming, seq: int, body: bytes) -> Arrival:
        query = _NO_QUERY
        if request.query:
            pairs = parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)
            query = dict(reversed(pairs))  # of a key given twice, the first counts
        return Arrival(seq, self._clock.now(), request.method, request.path, query, body)


async def _stay_up(_seconds: float, last: Callable[[], None]) -> None:
    """Refuse nobody: without a server there is no socket."""
    last()
