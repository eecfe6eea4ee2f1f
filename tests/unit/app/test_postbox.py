"""What the bridge says by the way, where the broker's answer does not come."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from pywats_mqtt.app import postbox
from pywats_mqtt.app.postbox import Postbox
from pywats_mqtt.ports import Broker, Publication


class Unread:
    """A broker whose answers are not read: a full spool stops reading. Or one that answers, where that is said."""

    def __init__(self, *, answers: bool = False) -> None:
        self._answers = answers
        self.written: list[str] = []
        self.all_written = asyncio.Event()

    async def publish(self, publication: Publication) -> None:
        """Write it, and wait for ever for the answer there is not."""
        self.written.append(publication.topic)
        if len(self.written) == 3:
            self.all_written.set()
        if not self._answers:
            await asyncio.Event().wait()


async def test_one_that_is_not_answered_keeps_no_other_from_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order: the alarm of a full spool stands behind others when nothing is read."""
    monkeypatch.setattr(postbox, "HEAD_S", 0.01)
    broker, line = Unread(), Postbox()
    for name in ("a", "b", "c"):
        assert line.add(Publication(topic=name, payload=b""))
    running = asyncio.create_task(line.run(cast("Broker", broker)))
    try:
        await asyncio.wait_for(broker.all_written.wait(), 20)
    finally:
        running.cancel()
    assert broker.written == ["a", "b", "c"]


async def test_answers_that_wait_keep_no_alarm_and_no_note_out() -> None:
    """However many there are, as after an outage of the broker in which WATS took results."""
    broker, line, done = Unread(answers=True), Postbox(), asyncio.Event()

    async def note() -> None:
        done.set()

    answer = Publication(topic="answer", payload=b"")
    taken = sum(line.add(answer) for _ in range(2 * postbox.LONGEST))
    line.add_alarm(Publication(topic="alarm", payload=b""))
    line.do(note)
    running = asyncio.create_task(line.run(cast("Broker", broker)))
    try:
        await asyncio.wait_for(done.wait(), 20)
    finally:
        running.cancel()
    assert broker.written == ["answer"] * taken + ["alarm"]
    assert taken == postbox.LONGEST
