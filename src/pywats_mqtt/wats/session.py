"""Calls to a WATS server through pywats' HTTP client, each within the quota and with an outcome of ours.

What pywats adds by default is off: its cache serves stale counts, its throttle blocks the event loop, its retries count
twice, its circuit breaker takes our own mistakes for the server's. `retry`, `quota` and `outcomes` do that work here.

What carries its requests is ours as well (`transport`): pywats makes its HTTP client where it has none yet.
"""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx
import msgspec
from pywats import AsyncWATS
from pywats.core.client import Response
from pywats.core.exceptions import ConnectionError as WatsConnectionError
from pywats.core.exceptions import ErrorMode, PyWATSError
from pywats.core.exceptions import TimeoutError as WatsTimeoutError

from pywats_mqtt.clocks.server import ServerClock
from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.errors import Fatal, Reject, Retry, Scope
from pywats_mqtt.messages import to_us
from pywats_mqtt.ports import Clock, instant
from pywats_mqtt.wats.outcomes import Answer, Call, is_there, is_too_many, problem_of_answer, retry_after_s
from pywats_mqtt.wats.quota import Quota
from pywats_mqtt.wats.token import Token
from pywats_mqtt.wats.transport import http_client

_UNAUTHORISED = 401
_NOT_FOUND = 404
_INTERNAL = "/api/internal/"
"""Routes that WATS keeps for its own pages, and tells by the Referer that it is one of them that asks."""


class Session:
    """One HTTP client for one server, to be used on one event loop."""

    def __init__(self, config: WatsConfig, quota: Quota, clock: Clock, server: ServerClock | None = None) -> None:
        """Prepare the client; nothing is sent.

        Args:
            config: the server.
            quota: how many calls it may get.
            clock: the time.
            server: learns the server's time.

        Raises:
            Fatal: the address or the token is missing or unusable.
        """
        if not config.url.startswith(("http://", "https://")):
            raise Fatal(f"wats.url: expected an address such as https://company.wats.com, got {config.url!r}")
        self._token = Token.configured(config)
        self._referer = {"Referer": config.url}
        self._timeout_s = config.timeout_s
        self._quota = quota
        self._clock = clock
        self._server = server
        self._date, self._date_us = "", 0
        self._api = AsyncWATS(
            base_url=config.url,
            token=self._token.reveal(),
            timeout=config.timeout_s,
            error_mode=ErrorMode.STRICT,
            enable_cache=False,
            enable_throttling=False,
            retry_enabled=False,
        )
        # Neither the breaker nor the client below has a public switch; tests fail when these names vanish.
        self._api.http_client._circuit_breaker_enabled = False  # noqa: SLF001

    async def __aenter__(self) -> Self:
        """Make the HTTP client now: loading the certificates blocks for some 150 ms.

        Raises:
            Fatal: `wats.url` is no address, or the certificates that the environment names cannot be read.
        """
        try:
            self._api.http_client._client = http_client(self._api.http_client.base_url, self._timeout_s)  # noqa: SLF001
        except httpx.InvalidURL as exc:
            raise Fatal(f"wats.url: {exc}") from exc
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise Fatal(
                f"the certificates to trust cannot be read ({reason}): correct SSL_CERT_FILE or SSL_CERT_DIR"
            ) from exc
        await self._api.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections, and note when the last calls ended."""
        try:
            await self._api.__aexit__(kind, error, trace)
        finally:
            await self._quota.close()

    async def call(self, call: Call, params: dict[str, str | int] | None = None, body: object = None) -> Answer:
        """Make one call and give its successful answer.

        Args:
            call: method and route.
            params: the query.
            body: a JSON value; None for no body.

        Raises:
            Retry: not done, or not known to be done; its scope says what has to wait.
            Reject: the server refuses what this call carries, or it cannot be written as JSON.
        """
        try:
            data = None if body is None else msgspec.json.encode(body)
        except (TypeError, ValueError, RecursionError) as exc:
            raise Reject(f"{call}: it cannot be written as JSON: {exc}") from exc
        answer = await self._send(call, params, data)
        self._require_success(answer, call)
        return answer

    async def look_up(self, call: Call) -> Answer | None:
        """Read one thing; None where there is none (404).

        Raises:
            Retry, Reject: as `call`.
        """
        answer = await self._send(call, None, None)
        if answer.status == _NOT_FOUND:
            return None
        self._require_success(answer, call)
        return answer

    def _require_success(self, answer: Answer, call: Call) -> None:
        problem = problem_of_answer(answer, call, self._clock.now())
        if problem is not None:
            raise self._without_token(problem)

    async def _send(self, call: Call, params: dict[str, str | int] | None, data: bytes | None) -> Answer:
        token = self._token.reveal()
        answer = await self._send_once(call, params, data)
        if answer.status == _UNAUTHORISED and await self._token.renew(token):
            return await self._send_once(call, params, data)
        return answer

    async def _send_once(self, call: Call, params: dict[str, str | int] | None, data: bytes | None) -> Answer:
        headers = {"Authorization": f"Basic {self._token.reveal()}"}
        if call.path.startswith(_INTERNAL):
            headers |= self._referer
        client = self._api.http_client
        async with self._quota.call() as began_s:
            asked_us = instant(self._clock).steady_us
            try:
                async with asyncio.timeout(self._timeout_s):
                    if call.method == "GET":
                        response = await client.get(call.path, params=params, headers=headers, retry=False)
                    elif call.method == "PUT":
                        response = await client.put(call.path, data, params=params, headers=headers, retry=False)
                    else:
                        response = await client.post(call.path, data, params=params, headers=headers, retry=False)
            except (PyWATSError, TimeoutError) as exc:
                self._quota.unanswered()
                raise self._without_token(problem_of_failure(exc, call)) from exc
            answer = _answer(response)
            self._learn_time(answer, asked_us)
        await self._tell_quota(answer, began_s)
        return answer

    async def _tell_quota(self, answer: Answer, began_s: float) -> None:
        """Let it learn from an answer how many calls the server takes."""
        too_many = is_too_many(answer.status)
        if too_many:
            await self._quota.refused(began_s, str(answer.status), retry_after_s(answer.headers, self._clock.now()))
        if not is_there(answer.status):
            self._quota.unanswered()
        elif not too_many:
            await self._quota.accepted(began_s)

    def _learn_time(self, answer: Answer, asked_us: int) -> None:
        """Learn the server's time (RFC 9110, 6.6.1), unless a cache answered."""
        date = answer.headers.get("date")
        if self._server is None or date is None or "age" in answer.headers:
            return
        if date != self._date:  # the same for all answers of a second
            try:
                self._date_us = to_us(parsedate_to_datetime(date))
            except (ValueError, TypeError):  # no date, or one without zone
                return
            self._date = date
        self._server.heard(self._date_us, asked_us, instant(self._clock).steady_us)

    def _without_token(self, problem: Retry | Reject) -> Retry | Reject:
        text = self._token.hide_in(str(problem))
        if text == str(problem):
            return problem
        if isinstance(problem, Retry):
            return Retry(text, scope=problem.scope, cause=problem.cause, after_s=problem.after_s)
        return Reject(text)


_AWAY: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    ((TimeoutError, WatsTimeoutError), "timeout", "no answer in time, what became of it is unknown; it is sent again"),
    ((WatsConnectionError,), "unreachable", "cannot connect"),
    ((httpx.UnsupportedProtocol, httpx.InvalidURL), "address", "check wats.url"),
    ((httpx.TransportError,), "dropped", "the connection was lost, what became of it is unknown; it is sent again"),
)
"""Errors, the first that fits; the short name of the cause; what is said."""


def problem_of_failure(error: PyWATSError | TimeoutError, call: Call) -> Retry | Reject:
    """Tell what the lack of an answer means: mostly that the server is away, which uses up no attempt.

    pywats wraps what it does not know as a bare PyWATSError; what it wrapped is the error's context.
    """
    inner = error.__context__
    for kinds, cause, words in _AWAY:
        if isinstance(error, kinds) or isinstance(inner, kinds):
            return Retry(f"{call}: {words} ({inner or error})".replace(" ()", ""), scope=Scope.SERVER, cause=cause)
    if isinstance(inner, UnicodeError) and not isinstance(inner, UnicodeEncodeError):
        # Of an answer, in a charset that is not the API's: as with HTML, somebody else speaks.
        said = f"{call}: an answer that is no text of its charset ({inner}); check wats.url"
        return Retry(said, scope=Scope.SERVER, cause="unreadable answer")
    if isinstance(inner, (TypeError, ValueError)):
        return Reject(f"{call}: it cannot be sent: {inner}")
    return Retry(f"{call}: {error}", scope=Scope.DELIVERY, cause=type(inner or error).__name__)


def _answer(response: Response) -> Answer:
    data = response.data
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=response.raw,
        data=data if data != "" else None,
    )
