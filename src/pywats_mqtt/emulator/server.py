"""The emulator on a socket: uvicorn with the h11 protocol, whose connections can be dropped."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pywats_mqtt.emulator.asgi import Emulator
from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store

KEEP_ALIVE_S = 120  # IIS's default; uvicorn's 5 s would close connections that clients believe are open
_STOP_S = 1


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
    with listen(settings.host, settings.port) as listener:
        store = Store(settings.state)
        try:
            app = Emulator(settings, store)
            server = _Server(_config(app))
            # No task group: it would wrap what the caller's block raises. The task ends with this block all the same.
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="emulator")
            try:
                # The socket listens already: a client that is early waits in its queue.
                yield Running(_url(settings.host, listener), settings)
            finally:
                app.stopping.set()
                server.should_exit = True
                await serving
        finally:
            store.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: Not possible; the message is the system's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, unlike in socket.create_server: asyncio turns Nagle's delay off only where it sees TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


class _Connection(H11Protocol):
    """An HTTP connection that the application can close without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn's class
        super().connection_made(transport)
        self.app_state = {**self.app_state, "drop": transport.abort}


class _Server(uvicorn.Server):
    """A server that leaves signals to its caller and ends at once, with requests under way or not."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override] # a generator there
        return nullcontext()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Close every connection; what waits on one sees its client gone and ends."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_STOP_S)


def _config(app: Emulator) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
