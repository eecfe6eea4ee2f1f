"""A process of its own that owns a spool, for tests that kill it or fill its disk.

`python -m tests.contract.spool_process put|hold|fill FILE`; it says on its standard output what it did, a line each.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from pywats_mqtt.errors import Fatal, Retry
from pywats_mqtt.ports import Receipt
from pywats_mqtt.spool import SqliteSpool
from tests.contract.spool_parts import SetClock, counts, lease, lease_latest, message, result, says, serials, take_in


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - its standard output is what the test reads


async def put_for_ever(spool: SqliteSpool) -> None:
    """Store one message after the other, several at a time, and say the number of each that is stored."""

    async def store(lane: int) -> None:
        for number in range(lane, sys.maxsize, 4):
            await spool.put(Receipt((message(number),)))
            say(f"stored {number}")

    async with asyncio.TaskGroup() as group:
        for lane in range(4):
            group.create_task(store(lane))


async def hold(spool: SqliteSpool) -> None:
    """Lease one of two results and a count, say so, and keep them until killed."""
    await take_in(spool, [says(result("A", 1)), says(result("A", 2)), says(counts("X", 1))])
    spool.tally_acknowledged(3)
    await spool.set_note("client_id", b"bridge-1")
    leased = serials(await lease(spool))
    latest = await lease_latest(spool)
    say(f"leased {leased} {len(latest)}")
    await asyncio.Event().wait()


async def fill(spool: SqliteSpool) -> None:
    """Store until files may not grow, say why it ended, lift the limit, and store once more."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    number = 0
    try:
        while True:
            await spool.put(Receipt(tuple(message(number * 1_000 + n) for n in range(1_000))))
            number += 1
    except Retry as error:
        say(f"{error.cause} {error.scope.value}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    batch = await spool.put(Receipt((message(0),)))
    say(f"stored {number} batches before, then batch {0 if batch is None else batch.number}")


async def main(task: str, path: Path) -> None:
    """Open the spool and do one of the tasks."""
    async with SqliteSpool.open(path, clock=SetClock()) as spool:
        await {"put": put_for_ever, "hold": hold, "fill": fill}[task](spool)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
    except Fatal as error:
        say(f"fatal: {error}")
        sys.exit(2)
