"""A program that sends reports within a quota kept in a real spool, for a test to kill.

python -m tests.contract.quota_program URL SPOOL LIMIT FIRST COUNT
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pywats_mqtt.config.model import Secret, WatsConfig
from pywats_mqtt.events import TestResult
from pywats_mqtt.spool.sqlite import SqliteSpool
from pywats_mqtt.wats.client import PywatsClient
from tests.contract.wats_servers import FULL, FastClock


async def send(url: str, path: Path, limit: int, first: int, count: int) -> None:
    """Send `count` reports, eight at a time."""
    clock = FastClock()
    config = WatsConfig(url=url, token=Secret(FULL), default_part_number="PN-1", requests_per_minute=limit)
    numbers = iter(range(first, first + count))
    async with (
        SqliteSpool.open(path, clock=clock) as notes,
        PywatsClient(config, notes, clock, clock.sleep) as wats,
        asyncio.TaskGroup() as group,
    ):

        async def work() -> None:
            for number in numbers:
                await wats.submit_report(
                    TestResult(
                        report_id=UUID(int=number),
                        device="TESTER-1",
                        kind="results",
                        serial_number=f"SN-{number}",
                        result="P",
                        start=datetime(2026, 1, 26, 6, 0, tzinfo=UTC),
                    )
                )

        for _ in range(8):
            group.create_task(work())


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1], Path(sys.argv[2]), *(int(text) for text in sys.argv[3:])))
