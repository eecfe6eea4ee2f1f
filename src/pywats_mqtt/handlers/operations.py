"""The server's operations, to which the configuration's codes and names are matched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from pywats_mqtt.config.production import find
from pywats_mqtt.ports import Wats


class Operation(msgspec.Struct, frozen=True):
    """An operation of the server; the code as units have it, a text."""

    code: str
    name: str


class Operations:
    """Asks the server for its operations once; whoever adds one there restarts the bridge."""

    def __init__(self, unknown: dict[str, str]) -> None:
        """Know nothing yet.

        Args:
            unknown: where it is noted that a place's operation is none of the server's, and what to do.
        """
        self._unknown = unknown
        self._names: Mapping[int, str] | None = None
        self._asking = asyncio.Lock()

    async def find(self, place: str, wanted: int | str, wats: Wats) -> Operation | None:
        """Give the operation of a place; None, and a note, where the server has none such.

        The unit's location still goes to WATS: a mistake in the configuration is not the unit's.

        Args:
            place: the station or line.
            wanted: its code, also as digits in a text, or its name in any case.
            wats: is asked the first time.

        Raises:
            Retry: the server cannot be asked.
        """
        async with self._asking:
            if self._names is None:
                self._names = await wats.operations()
        found = find(wanted, self._names)
        if found is not None:
            return Operation(str(found[0]), found[1])
        known = ", ".join(f"{code} {name}" for code, name in self._names.items())
        self._unknown[place] = f"the server has no operation {wanted!r}; set production.processes to one of: {known}"
        return None
