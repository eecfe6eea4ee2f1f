"""The first loop: what arrives is stored, and only then acknowledged."""

from __future__ import annotations

import asyncio
import contextlib

from pywats_mqtt.pipeline.route import Inbox
from pywats_mqtt.pipeline.storing import until_stored
from pywats_mqtt.ports import Broker, Receipt, Spool

END_S = 2.0
"""Seconds a stop waits for the receipt at hand; storing takes milliseconds."""


class Receiving:
    """Moves receipts from the broker into the spool, one transaction each.

    While a receipt is being stored no other is taken, so the transport pauses reading when the store falls behind.
    """

    def __init__(self, broker: Broker, spool: Spool, inbox: Inbox) -> None:
        self._broker = broker
        self._spool = spool
        self._inbox = inbox
        self._storing = asyncio.Lock()

    async def run(self) -> None:
        """Receive for ever; ends by `end`."""
        while True:
            receipt = await self._broker.receive()
            async with self._storing:
                await self._take(receipt)

    async def end(self, running: asyncio.Task[None]) -> None:
        """Cancel the task of `run` between two receipts: what was stored is acknowledged too.

        A receipt that cannot be stored within `END_S` (a full disk, a spool at its bound) is left: it was not
        acknowledged, so the broker sends it again.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S), self._storing:
                running.cancel()
        running.cancel()
        await asyncio.wait({running})

    async def _take(self, receipt: Receipt) -> None:
        batch = await until_stored(lambda: self._spool.put(receipt))
        self._broker.acknowledge(receipt)
        self._spool.tally_acknowledged(len(receipt.messages))
        if batch is not None:
            self._inbox.offer(batch)
