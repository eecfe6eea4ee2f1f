"""Try a write of the spool until it succeeds: a full disk stops the line, and the line goes on when there is room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from pywats_mqtt.errors import Retry
from pywats_mqtt.ports import Notes
from pywats_mqtt.retry import Backoff, next_attempt

logger = logging.getLogger(__name__)

Written = TypeVar("Written")

STORE_AGAIN = Backoff(first_s=0.5, longest_s=5.0)
"""A full disk is looked at this often: seldom enough to be quiet, often enough to go on soon by itself."""


async def until_stored(write: Callable[[], Awaitable[Written]]) -> Written:
    """Run `write` until it no longer raises Retry; one line when it stops working, and one when it works again."""
    failures = 0
    while True:
        try:
            written = await write()
        except Retry as error:
            if not failures:
                logger.warning(
                    "the spool cannot be written, so nothing is acknowledged: %s", error, extra={"cause": error.cause}
                )
            await asyncio.sleep(next_attempt(error, STORE_AGAIN, failures, 1.0))
            failures += 1
        else:
            if failures:
                logger.warning("the spool can be written again")
            return written


class PatientNotes:
    """Notes that wait for room on the disk, so that a handler's failure is WATS' alone."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def note(self, name: str) -> bytes | None:
        """See `ports.Notes.note`."""
        return await until_stored(lambda: self._notes.note(name))

    async def set_note(self, name: str, value: bytes | None) -> None:
        """See `ports.Notes.set_note`."""
        await until_stored(lambda: self._notes.set_note(name, value))

    async def notes(self, prefix: str) -> Mapping[str, bytes]:
        """See `ports.Notes.notes`."""
        return await until_stored(lambda: self._notes.notes(prefix))
