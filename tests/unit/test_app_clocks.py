"""The clocks of a running bridge: kept over a restart, and its own told when it is wrong."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from pywats_mqtt.app.clocks import KEEP_S, NOTE, Clocks
from pywats_mqtt.config.clock import ClockConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.events import TestResult
from pywats_mqtt.folding.updates import Gathering
from pywats_mqtt.handlers.alarms import Alarms
from pywats_mqtt.interpret import RouteTable, interpret
from pywats_mqtt.messages import RawMessage, to_us
from pywats_mqtt.pipeline.route import Inbox, route
from pywats_mqtt.ports import Outcome, Publication, Receipt
from pywats_mqtt.spool import MemorySpool
from tests.contract.wats_memory import HandClock, MemoryNotes, MemoryWats

ROUTES = RouteTable(TopicConfig())


class Bench:
    """Clocks of a bridge; what they keep outlives `restart`."""

    def __init__(self, correct: str = "flag") -> None:
        self.config = msgspec.convert({"correct": correct}, ClockConfig)
        self.clock = HandClock()
        self.notes = MemoryNotes()
        self.said: list[Publication] = []
        self.clocks = self._made()

    def _made(self) -> Clocks:
        return Clocks(self.config, self.clock, Alarms("wats/alarms/{alarm_type}", "b", self.clock, self._say), "b")

    def _say(self, publication: Publication, _then: object) -> bool:
        self.said.append(publication)
        return True

    async def restart(self) -> None:
        """Forget what only memory holds."""
        self.clocks = self._made()
        await self.clocks.load(self.notes)

    async def look(self) -> None:
        """Do what falls due."""
        await self.clocks.look(MemoryWats(), self.notes)

    def message(self, topic: str, payload: dict[str, object]) -> RawMessage:
        """Give the next message of a device that is ten minutes behind."""
        sent = {**payload, "timestamp": (self.clock.now() - timedelta(minutes=10)).isoformat()}
        message = RawMessage(topic, msgspec.json.encode(sent), to_us(self.clock.now()), qos=1)
        self.clock.seconds += 10
        return message

    def hear(self, topic: str, payload: dict[str, object]) -> Outcome:
        """Hear a message of that device."""
        message = self.message(topic, payload)
        outcome = self.clocks.hearing(lambda message: interpret(message, ROUTES))(message)
        gathering = Gathering()
        gathering.take(message, outcome)
        self.clocks.hear_updates(gathering.made, message.received_at_us)
        return outcome

    def hear_telemetry(self) -> None:
        """Hear enough to know its clock."""
        for _ in range(40):
            self.hear("assets/T/status", {"status": "running"})

    def answer(self, ahead_s: float) -> None:
        """Hear WATS say the time."""
        steady_us = round(self.clock.monotonic() * 1e6)
        self.clocks.server.heard(to_us(self.clock.now()) + round(ahead_s * 1e6), steady_us, steady_us)


def is_stamped(outcome: Outcome) -> bool:
    """Tell whether a result carries what is known of its device's clock."""
    assert isinstance(outcome, tuple)
    (found,) = outcome
    assert isinstance(found.event, TestResult)
    return found.event.stamp is not None


async def test_what_is_known_is_kept_now_and_then_and_over_a_restart() -> None:
    """One write in five minutes, however many messages; none where none was heard."""
    bench = Bench()
    await bench.look()
    bench.hear("assets/T/status", {"status": "running"})
    await bench.look()
    assert await bench.notes.note(NOTE) is None

    bench.clock.seconds += KEEP_S
    await bench.look()
    assert await bench.notes.note(NOTE) is not None
    await bench.notes.set_note(NOTE, None)
    bench.clock.seconds += KEEP_S
    await bench.look()
    assert await bench.notes.note(NOTE) is None

    bench.hear_telemetry()
    await bench.clocks.keep(bench.notes)
    await bench.restart()
    assert bench.clocks.off()["T"].ahead_s == -600.0
    assert is_stamped(bench.hear("testers/T/results", {"serial_number": "S", "result": "P"}))


async def test_a_batch_that_took_longer_is_no_clock_that_was_put_back() -> None:
    """Receiving stood still: telemetry is heard with its batch, after what came later and has an id."""
    bench, inbox = Bench(), Inbox()
    bench.hear_telemetry()
    bench.clock.seconds += 60
    plain = bench.message("assets/T/counters", {"total_count": 1})
    bench.clock.seconds += 60
    named = bench.message("assets/T/counters", {"total_count": 2, "message_id": "m"})
    spool = MemorySpool(clock=bench.clock)
    await spool.put(Receipt((plain, named)))
    inbox.close()
    heard = bench.clocks.hearing(lambda message: interpret(message, ROUTES))
    await route(inbox, spool, heard, lambda *_: None, bench.clocks.hear_updates)
    assert bench.clocks.off()["T"].ahead_s == -600.0


def test_a_result_that_is_tried_again_is_no_clock_that_was_put_back() -> None:
    """It was received long ago, as a row of the quarantine; it is stamped, too, and so is the next one."""
    bench, sent = Bench(), {"serial_number": "S", "result": "P", "duration_ms": 0}
    kept = bench.message("testers/T/results", sent)
    bench.hear_telemetry()
    again = bench.clocks.hearing(lambda message: interpret(message, ROUTES))(kept)
    assert is_stamped(again)
    assert is_stamped(bench.hear("testers/T/results", sent))


def test_a_clock_of_ours_that_was_put_back_makes_all_others_unknown() -> None:
    """What was heard before says nothing about what comes."""
    bench = Bench()
    bench.hear_telemetry()
    bench.clock.seconds -= 3_600
    bench.hear("assets/T/status", {"status": "running"})
    assert bench.clocks.off() == {}


async def test_off_nothing_is_estimated() -> None:
    """Messages are read as if there were no clocks, and a refused message stays refused."""
    bench = Bench("off")
    bench.hear_telemetry()
    assert not is_stamped(bench.hear("testers/T/results", {"serial_number": "S", "result": "P"}))
    assert bench.clocks.off() == {}
    assert Bench().hear("testers/T/results", {}) == bench.hear("testers/T/results", {})


async def test_the_bridges_own_clock_is_told_when_it_is_wrong_and_when_it_is_right_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once each; and a device that agrees with WATS is right."""
    bench = Bench()
    await bench.look()
    bench.answer(5.0)
    await bench.look()
    assert (bench.said, caplog.records) == ([], [])

    bench.hear_telemetry()
    bench.answer(-600.0)
    with caplog.at_level(logging.WARNING):
        await bench.look()
        await bench.look()
    assert len(caplog.records) == 1
    told = [msgspec.json.decode(said.payload) for said in bench.said if not said.retain]
    assert [(one["alarm"], one["asset"], one["active"], one["server_ahead_s"]) for one in told] == [
        ("clock_skew", "b", True, -599.5)
    ]
    assert bench.clocks.off() == {}

    bench.answer(0.0)
    await bench.look()
    ended = msgspec.json.decode(bench.said[-2].payload)
    assert (ended["active"], bench.said[-1].payload) == (False, b"")
    assert bench.clocks.off()["T"].ahead_s == -600.0
