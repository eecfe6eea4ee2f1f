"""The emulator as a program: says where it listens, ends on SIGTERM or Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable

from pywats_mqtt.emulator.server import serve
from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import StateFileError


class StartError(Exception):
    """The emulator cannot start with these settings; its message says why and what to do."""


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; `say` gets the one line that tells where it listens.

    Raises:
        StartError: The address or the state file cannot be used.
    """
    try:
        asyncio.run(_run(settings, say))
    except StateFileError as exc:
        raise StartError(str(exc)) from exc
    except OSError as exc:
        place = f"{settings.host}:{settings.port}"
        reason = exc.strerror or str(exc)
        message = f"cannot listen on {place}: {reason}; choose another --port (0 takes a free one) or --host"
        raise StartError(message) from exc


async def _run(settings: Settings, say: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serve(settings) as running:
        tokens = ", ".join(settings.tokens)
        say(f"WATS emulator listening on {running.url} (token {tokens})")
        await ended.wait()
