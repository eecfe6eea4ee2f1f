"""A test result becomes one report."""

from __future__ import annotations

from pywats_mqtt.events import TestResult
from pywats_mqtt.ports import Notes, Wats


async def handle_result(event: TestResult, wats: Wats, notes: Notes) -> None:  # noqa: ARG001 - one signature for all
    """Store the report; sent again it overwrites itself, so nothing needs to be remembered."""
    await wats.submit_report(event)
