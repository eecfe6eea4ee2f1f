"""A test result becomes one report.

A report sent again under its id overwrites itself. What nobody knows is whether WATS then counts the assets it used
once more. So a result that counts assets is written down before it is sent; if it comes again, since its answer was
lost or we died, it is sent only where WATS does not show it. One note for each device is enough: its results are
delivered one after the other.
"""

from __future__ import annotations

from collections.abc import Callable

from pywats_mqtt.errors import Reject
from pywats_mqtt.events import TestResult
from pywats_mqtt.ports import Notes, Wats


class ResultHandler:
    """The handler of test results; one instance for one server.

    Args:
        is_counted: whether the use of an asset is counted by the results that name it.
    """

    def __init__(self, is_counted: Callable[[str], bool]) -> None:
        self._is_counted = is_counted
        self._there: set[str] = set()

    async def handle(self, event: TestResult, wats: Wats, notes: Notes) -> None:
        """Store the report."""
        used = [use.asset for use in event.assets if self._is_counted(use.asset)]
        if used:
            name, sent = note_name(event.device), str(event.report_id).encode()
            if await notes.note(name) == sent and await wats.known_test(event.report_id) is not None:
                return
            await self._make(used, wats)
            await notes.set_note(name, sent)
        await wats.submit_report(event)

    async def _make(self, assets: list[str], wats: Wats) -> None:
        """Make assets that WATS does not know, since it counts no others; without them the report goes all the same."""
        for asset in assets:
            if asset not in self._there:
                try:
                    await wats.asset(asset)
                except Reject:
                    continue
                self._there.add(asset)


def note_name(device: str) -> str:
    """Name the note that holds the device's last result that counts assets."""
    return f"counting/{device}"
