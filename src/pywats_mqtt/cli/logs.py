"""Set up logging for a program; nothing else in the package does."""

from __future__ import annotations

import logging
import time
from typing import Any, Literal

from pywats_mqtt.cli.terminal import one_line, printable

LIBRARIES = ("asyncio", "httpcore", "httpx", "pywats")
"""Their lines repeat what ours say once, call by call; what goes wrong reaches us as exceptions."""


def silence() -> None:
    """Log nothing: for a command whose output says it all."""
    logging.getLogger().handlers[:] = [logging.NullHandler()]


def configure(level: str, style: Literal["text", "json"]) -> None:
    """Log to standard error from a level on.

    Args:
        level: a name of the standard levels, such as `INFO`.
        style: one readable line each, or one JSON object each in pyWATS' own form.
    """
    handler = logging.StreamHandler()
    if style == "json":
        from pywats.core.logging import StructuredFormatter  # noqa: PLC0415 - costs half a second, and only here

        handler.setFormatter(StructuredFormatter())
    else:
        formatter = _TextFormatter("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)


_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class _TextFormatter(logging.Formatter):
    """One readable line; at DEBUG the facts of a line follow it, since its text there is only an event's name.

    What a broker, a server or a device said in it cannot add lines, nor steer a terminal.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return printable(super().formatException(ei))

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.levelno > logging.DEBUG:
            return line
        facts = {name: value for name, value in vars(record).items() if name not in _OWN}
        return " ".join([line, *(f"{name}={value!r}" for name, value in facts.items())])
