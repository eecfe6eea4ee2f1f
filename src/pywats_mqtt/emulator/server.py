"""The emulator on a socket: it listens, goes down and comes up again, and ends at once."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from pywats_mqtt.emulator.connection import Connection, Live
from pywats_mqtt.emulator.responder import Emulator
from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store

BACKLOG = 1024
_STOP_S = 1
_TURNS = 3
"""Turns of asyncio's loop from the one that last accepts a connection to the one in which that can be closed."""


class Running(msgspec.Struct, frozen=True):
    """An emulator that listens.

    Attributes:
        url: Its base URL with the real port, no slash at the end.
        settings: What it was started with.
    """

    url: str
    settings: Settings


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Running]:
    """Run an emulator on this event loop; it listens when the block begins and has ended when it is left.

    Raises:
        OSError: The address cannot be listened on, for instance because the port is in use.
        StateFileError: The state file cannot be used.
    """
    with bound(settings.host, settings.port) as listener:
        store = Store(settings.state)
        try:
            app = Emulator(settings, store)
            outage_s = app.faults.take_outage()
            if not outage_s:
                listener.listen(BACKLOG)
            server = _Server(app, settings, listener, outage_s)
            app.go_down = server.go_down
            try:
                # The socket listens already: a client that is early waits in its queue.
                yield Running(_url(settings.host, listener), settings)
            finally:
                app.stopping.set()
                await server.stop()
        finally:
            store.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket with this address that refuses connections until it listens; port 0 takes a free one.

    Raises:
        OSError: Not possible; the message is the system's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, unlike in socket.create_server: asyncio turns Nagle's delay off only where it sees TCP.
    unused = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        unused.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        unused.bind((host, port))
    except BaseException:
        unused.close()
        raise
    return unused


class _Server:
    """Connections of an emulator that come in at a socket; begins to listen after `outage_s`."""

    def __init__(self, app: Emulator, settings: Settings, listener: socket.socket, outage_s: float) -> None:
        self._app = app
        self._longest = settings.max_body_bytes
        self._clock = settings.clock
        self._live = Live()
        self._listener = listener
        self._accepting: asyncio.Server | None = None
        # The one task beside those of faults; it ends with the server.
        self._starting = asyncio.create_task(self._come_up(outage_s), name="emulator")

    async def go_down(self, seconds: float, last: Callable[[], None]) -> None:
        """Do `last`, close every connection and refuse new ones until `seconds` have passed."""
        await self._accept_no_more()
        if self._app.stopping.is_set():
            return
        last()
        place = self._listener.getsockname()
        self._starting.cancel()
        self._close_all()
        # Bound, but not listening: the system refuses who connects, and gives the port to nobody who asks for any.
        self._listener = bound(*place[:2])
        self._starting = asyncio.create_task(self._come_up(seconds), name="emulator")

    async def stop(self) -> None:
        """Close every connection; what waits on one sees its client gone and ends."""
        self._starting.cancel()
        await asyncio.wait([self._starting])
        await self._accept_no_more()
        self._close_all()
        if self._live.tasks:
            await asyncio.wait(self._live.tasks, timeout=_STOP_S)

    async def _come_up(self, after_s: float) -> None:
        if after_s:
            await asyncio.sleep(self._clock.real_s(after_s))
        loop = asyncio.get_running_loop()
        self._accepting = await loop.create_server(self._connection, sock=self._listener, backlog=BACKLOG)

    def _connection(self) -> Connection:
        return Connection(self._app.respond, self._longest, self._live, self._clock)

    async def _accept_no_more(self) -> None:
        """Wait until whom the loop has accepted already is a connection.

        Closed in between, asyncio.Server would leave the client with an open socket that nobody looks at.
        """
        asyncio.get_running_loop().remove_reader(self._listener)
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _close_all(self) -> None:
        if self._accepting is not None:
            self._accepting.close()
            self._accepting = None
        self._listener.close()
        for connection in list(self._live.connections):
            connection.drop()


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
