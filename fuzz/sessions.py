"""Target: what happens to a session, one byte an event; whatever it is, nothing is lost, doubled or out of order.

A broker publishes, loses connections, stands still, forgets the session or breaks the rules; meanwhile the application
stores what it gets, at once or late, and publishes. In the end all of it goes on undisturbed, and both ends must agree:
each message of QoS 1 came at least once and each of QoS 2 exactly once, in order, and was acknowledged only when it was
stored. `python -m fuzz.sessions --runs N`
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from fuzz.driving import drive

if TYPE_CHECKING:
    from pywats_mqtt.config.model import MQTTConfig
    from pywats_mqtt.ports import Receipt
    from pywats_mqtt.transport.connection import Connection
    from pywats_mqtt.transport.session import MqttSession

KEEPALIVE_S = 10
LONGEST = 400
"""Events of an input; what comes after them is left out."""
TURNS = 12
"""Of the event loop after each event, in which all that can happen at once does."""
PATIENCE = 60
"""Tens of seconds in which all must come to its end, once nothing disturbs any more."""

EVENTS = (
    *("publish",) * 8,
    *("take",) * 6,
    *("wait",) * 5,
    *("be published to",) * 3,
    *("lose", "lose", "forget", "be deaf", "break a rule", "hold releases", "hold answers", "refuse", "cut"),
    "acknowledge late",
)
"""What five bits of a byte stand for; the other three say how."""
QOS_OF = (2, 1, 2, 1, 2, 1, 2, 0)
WAITS_S = (0.001, 1, 2, 3, 1, 2, 10, 30)
BROKEN = (
    *(b"\x30\x04\x00\x01\xff\x00", b"\x36\x06\x00\x01t\x00\x01\x00", b"\x00\x00", b"\x30\xff\xff\xff\xff\x01"),
    *(b"\x32\x06\x00\x01t\x00\x00\x00", b"\x20\x03\x00\x00\x00", b"\x30\x04\x00\x00\x00\x00", b"\xc0\x00"),
)
"""What no broker may send."""


def load() -> Callable[[bytes], None]:
    """Import the session, and give the check of one input."""
    os.environ["RUST_BACKTRACE"] = "0"  # the reader panics on text that is no UTF-8; a trace of each takes far longer

    from fuzz.broker import Loop  # noqa: PLC0415 - under the fuzzer's eyes
    from pywats_mqtt.transport import session  # noqa: PLC0415

    def check(data: bytes) -> None:
        line = Line()
        with patch.object(session, "open_connection", line.open), asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(line.play(data[:LONGEST]))

    return check


class _Stopped:
    """A clock that stands: nothing here depends on it."""

    def now(self) -> datetime:
        return datetime(2026, 1, 26, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


class Line:
    """A broker, a session, and an application that stores; made anew for each input."""

    def __init__(self) -> None:
        from fuzz.broker import Broker  # noqa: PLC0415 - see load
        from pywats_mqtt.spool.memory import MemorySpool  # noqa: PLC0415

        self._stored: Counter[int] = Counter()
        self._order: list[int] = []
        self._spool = MemorySpool(clock=_Stopped())
        self._broker = Broker(lambda number: self._stored[number] > 0)
        self._takes = asyncio.Semaphore(0)
        self._may_acknowledge = asyncio.Event()
        self._may_acknowledge.set()
        self._published: list[tuple[int, asyncio.Task[None]]] = []
        self._wrong: list[Mapping[str, Any]] = []
        self._session: MqttSession | None = None

    async def open(self, config: MQTTConfig, make: Callable[[], Connection]) -> Connection:
        """Open a connection, in place of the transport's own way."""
        del config
        from pywats_mqtt.transport.reasons import Loss, Refused  # noqa: PLC0415 - see load

        if self._broker.refuses:
            self._broker.refuses -= 1
            raise Refused(Loss("nobody listens"))
        return self._broker.connect(make())

    async def play(self, data: bytes) -> None:
        """Let all of it happen, and compare both ends.

        Raises:
            AssertionError: something does not hold.
        """
        from pywats_mqtt.config.model import MQTTConfig  # noqa: PLC0415 - see load
        from pywats_mqtt.transport.session import MqttSession  # noqa: PLC0415

        asyncio.get_running_loop().set_exception_handler(lambda _, context: self._wrong.append(context))
        config = MQTTConfig(keepalive=KEEPALIVE_S, default_qos=2, reconnect_delay=1.0, max_reconnect_delay=4.0)
        self._session = session = MqttSession(
            config, client_id="s", filters=("t/#",), clock=_Stopped(), jitter=lambda: 0.5
        )
        running = asyncio.create_task(session.run())
        storing = asyncio.create_task(self._store(session))
        events = iter(data)
        for event in events:
            await self._happen(event, session)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if running.done() or storing.done():
                break
        if not running.done() and not storing.done():
            await self._come_to_an_end()
            await session.stop()
        storing.cancel()
        await asyncio.wait({storing, running})
        running.result()
        if not storing.cancelled():
            storing.result()
        self._compare()

    async def _store(self, session: MqttSession) -> None:
        while True:
            await self._takes.acquire()
            receipt: Receipt = await session.receive()
            batch = await self._spool.put(receipt)
            for message in batch.messages if batch else ():
                number = int(message.payload)
                self._stored[number] += 1
                if message.qos and self._stored[number] == 1:
                    self._order.append(number)
            await self._may_acknowledge.wait()
            session.acknowledge(receipt)

    async def _happen(self, event: int, session: MqttSession) -> None:
        place, more = event % 32, event // 32
        match EVENTS[place]:
            case "take":
                self._takes.release()
            case "wait":
                await asyncio.sleep(WAITS_S[more])
            case "be published to":
                self._publish(session, QOS_OF[more])
            case "break a rule":
                self._break_a_rule(more)
            case "acknowledge late":
                (self._may_acknowledge.clear if more % 2 else self._may_acknowledge.set)()
            case what:
                self._happen_at_the_broker(what, more)

    def _happen_at_the_broker(self, what: str, more: int) -> None:
        broker = self._broker
        match what:
            case "publish":
                broker.publish(QOS_OF[more])
            case "lose":
                broker.lose()
            case "forget":
                broker.forget()
            case "be deaf":
                broker.deaf = True
            case "hold releases":
                broker.holds_releases = not broker.holds_releases
            case "hold answers":
                broker.holds_answers = more % 3
            case "refuse":
                broker.refuses = more % 4
            case "cut":
                broker.step = more + 1 if more else 65_536

    def _break_a_rule(self, more: int) -> None:
        """Send what ends a connection; with nothing of a former packet before it, since that would swallow it."""
        broker = self._broker
        if broker.connected and not broker.deaf:
            before = len(broker.hung_up)
            broker.say(BROKEN[more % len(BROKEN)])
            asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, self._expect_end, before)

    def _expect_end(self, before: int) -> None:
        if self._broker.connected or not all(code >= 0x80 for code in self._broker.hung_up[before:]):  # noqa: PLR2004 - 3.14.2.1
            raise AssertionError("what breaks the rules did not end the connection")

    def _publish(self, session: MqttSession, qos: int) -> None:
        from pywats_mqtt.ports import Publication  # noqa: PLC0415 - see load

        number = len(self._published)
        publication = Publication(topic="bridge/1", payload=b"%d" % number, qos=qos)
        self._published.append((qos, asyncio.create_task(session.publish(publication))))

    async def _come_to_an_end(self) -> None:
        """Let all go on undisturbed, until everything is said and done."""
        broker = self._broker
        broker.refuses = 0
        broker.step = 65_536
        self._may_acknowledge.set()
        broker.lose()  # what was held back or not heard is said again
        for _ in range(PATIENCE):
            for _ in range(20):
                self._takes.release()
            await asyncio.sleep(10)
            if broker.connected and broker.done and all(task.done() for _, task in self._published):
                return
            if self._wrong:
                break
        self._complain()
        raise AssertionError("it does not come to its end")

    def _complain(self) -> None:
        if self._wrong:
            raise AssertionError(f"raised in the event loop: {self._wrong!r:.2000}")

    def _compare(self) -> None:
        broker = self._broker
        self._complain()
        wanted = [number for number in broker.numbers if number not in broker.forgotten]
        if [number for number in self._order if number not in broker.forgotten] != wanted:
            raise AssertionError(f"stored {self._order}, sent {wanted}")
        if self._order != sorted(self._order):
            raise AssertionError(f"out of order: {self._order}")
        if doubled := [number for number, qos in broker.numbers.items() if qos == 2 and self._stored[number] > 1]:  # noqa: PLR2004 - QoS 2
            raise AssertionError(f"doubled: {doubled}")
        if repeated := [n for n in broker.numbers if self._stored[n] > 1 + broker.repeated[n]]:
            raise AssertionError(f"stored again although nobody had to send them again: {repeated}")
        for number, (qos, task) in enumerate(self._published):
            task.result()
            heard = broker.heard[number]
            if qos and (not heard or (qos == 2 and heard > 1 and not broker.forgets)):  # noqa: PLR2004 - QoS 2
                raise AssertionError(f"publication {number} with QoS {qos} was heard {heard} times")
        if list(broker.heard) != sorted(broker.heard):
            raise AssertionError(f"heard out of order: {list(broker.heard)}")


def corpus() -> Sequence[bytes]:
    """Make sequences of events by a fixed seed, from short to long."""
    chance = random.Random(0)  # noqa: S311 - the same each time
    return [chance.randbytes(length) for length in (5, 10, 20, 40, 80, 160, 320) for _ in range(20)]


if __name__ == "__main__":
    logging.disable()  # a session tells of each connection
    drive(load, corpus)
