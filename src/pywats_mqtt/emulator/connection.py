"""HTTP/1.1 on one connection: requests are parsed by httptools, handed on one at a time, and answered in their order.

A small server of its own, for two reasons. A fault must be able to do to a connection what no server offers: to reset
it, or to end it in the middle of an answer. And a report should cost little beside its check and its store: a request
that no fault delays is answered where it is parsed, without a task, in one write.
"""

import asyncio
import socket
import struct
import sys
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from urllib.parse import unquote

import httptools

from pywats_mqtt.emulator.clock import http_date
from pywats_mqtt.emulator.http_head import head_of
from pywats_mqtt.emulator.incoming import Incoming
from pywats_mqtt.emulator.wire import Reply, json_reply
from pywats_mqtt.ports import Clock

Respond = Callable[[Incoming], Coroutine[None, None, None] | None]
"""Answers a request at once, or gives what will."""

KEEP_ALIVE_S = 120  # IIS's default; a few seconds would close connections that clients believe are open
LINGER_S = 2.0
"""How long a client that sends more than is taken may read why; closed at once, the system would reset it."""

LONGEST_HEAD = 64 * 1024
"""Bytes that are taken of a request beside its body; IIS takes 16 KiB of request line and headers.

What came in one piece with the beginning, 256 KiB at most, is not counted: other requests may stand before it.
"""

_NO_HTTP = Reply(
    b"This is no HTTP/1.1 request; what is not ASCII in a path or query has to be percent-encoded.",
    400,
    content_type="text/plain; charset=utf-8",
)
_LONG_HEAD = Reply(b"More than %d bytes of headers." % LONGEST_HEAD, 431, content_type="text/plain; charset=utf-8")
_MISTAKE = json_reply({"Message": "An error has occurred."}, 500)
_NO_LINGER = struct.pack("ii", 1, 0)
"""Linger for no time at all: what is in the buffers is thrown away, and the other side reset (socket(7))."""


class Live:
    """The connections of a server, and what works on them."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()


class Connection(asyncio.Protocol):
    """One connection; an `incoming.Link` for its requests.

    Args:
        respond: What answers a request.
        longest: Bytes of the longest body that is taken.
        live: Where it is listed while it is open.
        clock: Dates the answers.
    """

    def __init__(self, respond: Respond, longest: int, live: Live, clock: Clock) -> None:
        self._respond = respond
        self._longest = longest
        self._live = live
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Incoming, bool]] = deque()
        self._busy = self._is_head = self._is_blocked = False
        self._keep_alive = True
        self._too_long = False
        self._head_bytes = 0
        self._unread: Reply | None = None  # what is said of bytes that are no request, once all before is answered

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a listener for streams makes no others
        self._transport = transport
        self._live.connections.add(self)
        self._heard_s = self._loop.time()
        self._idle = self._loop.call_later(KEEP_ALIVE_S, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature; why does not matter
        """End, also what waits on it."""
        self._gone.set()
        self._idle.cancel()
        self._live.connections.discard(self)
        self._waiting.clear()
        self._parser = None

    def data_received(self, data: bytes) -> None:
        """Parse, and answer what is whole."""
        self._heard_s = self._loop.time()
        if self._parser is None:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._parser = None  # the request is answered in HTTP/1.1; behind it nothing can be parsed
        except httptools.HttpParserError:
            self._parser = None
            if self._too_long:
                self._waiting.append((self._incoming(None), False))
            else:
                self._unread = _NO_HTTP
        if self._head_bytes > LONGEST_HEAD and self._parser is not None:
            self._parser = None
            self._unread = _LONG_HEAD
            self._too_long = True
        self._answer_waiting()

    def pause_writing(self) -> None:
        """Answer nothing more while the client does not read what it was answered: it would all pile up here."""
        self._is_blocked = True

    def resume_writing(self) -> None:
        """Go on."""
        self._is_blocked = False
        self._go_on()

    # What the parser calls. It turns an error in here into one of its own.

    def on_message_begin(self) -> None:
        """Forget the request before."""
        self._head_bytes = 0
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Read the target, and ask for the body where the client waits for that (RFC 9110 10.1.1)."""
        assert self._parser is not None  # noqa: S101 - it calls
        self._method = self._parser.get_method().decode("ascii")
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        self._path = unquote(path) if "%" in path else path
        self._query = url.query or b""
        if (b"expect", b"100-continue") in self._headers and not self._busy:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self._head_bytes = 0
        self._size += len(chunk)
        if self._size > self._longest:
            self._too_long = True
            raise ValueError("the body is longer than is taken")
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """Put the request in the queue."""
        self._head_bytes = 0
        assert self._parser is not None  # noqa: S101 - it calls
        keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._waiting.append((self._incoming(body), keep_alive))

    # What answers, as `incoming.Link`.

    def answer(self, reply: Reply) -> None:
        """Send an answer in one piece; nothing once the client has left."""
        if self._gone.is_set():
            return
        body = b"" if self._is_head else reply.body  # RFC 9110 9.3.2
        self._transport.write(head_of(reply, http_date(self._clock.now()), keep_alive=self._keep_alive) + body)
        self._answered()

    def answer_half(self, reply: Reply) -> None:
        """Send all headers and half of the body, then close."""
        self._keep_alive = False
        self._transport.write(
            head_of(reply, http_date(self._clock.now()), keep_alive=False) + reply.body[: len(reply.body) // 2]
        )
        self._answered()

    async def answer_slowly(self, reply: Reply, byte_s: float, longest_s: float) -> None:
        """Send a byte of the body every `byte_s`, and what is left after `longest_s`; ends when the client leaves."""
        ends_s = self._loop.time() + longest_s
        self._transport.write(head_of(reply, http_date(self._clock.now()), keep_alive=self._keep_alive))
        sent = 0
        while sent < len(reply.body) - 1 and self._loop.time() + byte_s < ends_s:
            self._transport.write(reply.body[sent : sent + 1])
            sent += 1
            if await self._gone_within(byte_s):
                return
        self._transport.write(reply.body[sent:])
        self._answered()

    def drop(self) -> None:
        """Close now, with a FIN; what was not sent yet is lost."""
        self._transport.abort()

    def reset(self) -> None:
        """Close with a RST."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    async def until_gone(self) -> None:
        """Wait until it is closed."""
        await self._gone.wait()

    # The queue.

    def _incoming(self, body: bytes | None) -> Incoming:
        return Incoming(self._method, self._path, self._query, self._headers, body, self)

    def _answer_waiting(self) -> None:
        """Answer requests in their order, until one takes its time."""
        while self._waiting and not (self._busy or self._is_blocked or self._transport.is_closing()):
            request, self._keep_alive = self._waiting.popleft()
            self._busy, self._is_head = True, request.method == "HEAD"
            try:
                later = self._respond(request)
            except Exception:  # noqa: BLE001 - the loop's edge: a mistake of ours answers 500, as a server's would
                traceback.print_exc(file=sys.stderr)
                self.answer(_MISTAKE)
                continue
            if later is not None:
                task = self._loop.create_task(self._run(later), name="fault")
                self._live.tasks.add(task)
                task.add_done_callback(self._live.tasks.discard)
        if self._waiting:
            self._transport.pause_reading()  # what is parsed already waits; more would only pile up
        elif self._unread is not None and not self._busy:
            said, self._unread = self._unread, None
            self._keep_alive = self._is_head = False
            self.answer(said)

    async def _run(self, later: Coroutine[None, None, None]) -> None:
        try:
            await later
        except Exception:  # noqa: BLE001 - the loop's edge: what was sent so far is unknown, so no answer is
            traceback.print_exc(file=sys.stderr)
            self.drop()
        self._go_on()

    def _go_on(self) -> None:
        if not self._gone.is_set():
            self._transport.resume_reading()
            self._answer_waiting()

    def _answered(self) -> None:
        """Be ready for the next request, or close."""
        self._busy = False
        if self._keep_alive:
            return
        if self._too_long:
            self._transport.write_eof()
            self._idle.cancel()
            self._idle = self._loop.call_later(LINGER_S, self._transport.abort)
        else:
            self._transport.close()

    def _close_if_idle(self) -> None:
        """Close when nothing came for a while and nothing is under way; else look again when that could be."""
        left_s = self._heard_s + KEEP_ALIVE_S - self._loop.time()
        if left_s <= 0 and not self._busy:
            self._transport.close()
        else:
            self._idle = self._loop.call_later(max(left_s, 1.0), self._close_if_idle)

    async def _gone_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return False
        return True
