"""What streams take in memory is bounded."""

from __future__ import annotations

from uuid import UUID

import pytest

from pywats_mqtt.events import MeasurementsReported, Samples
from pywats_mqtt.handlers import stream_notes
from pywats_mqtt.handlers.stream_notes import Head, StreamNotes
from tests.contract.wats_memory import MemoryNotes


async def test_the_streams_that_were_used_last_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the bound allows; the others come back when they are read."""
    monkeypatch.setattr(stream_notes, "POINTS_IN_MEMORY", 10)
    notes = MemoryNotes()
    known = StreamNotes(16)
    samples = Samples(path="A", times_us=(1, 2, 3), values=(1.0, 2.0, 3.0))
    sessions = []
    for number in range(6):
        head = Head(device="T", serial_number=f"U{number}", opened_us=number)
        session = await known.open(UUID(int=number), head, notes)
        said = MeasurementsReported(
            id=UUID(int=number), device="T", serial_number=f"U{number}", heard_us=1, at_us=1, channels=(samples,)
        )
        await known.append(session, said, notes)
        sessions.append(session)

    assert [session.stream is not None for session in sessions] == [False, False, False, True, True, True]
    assert (await known.read(sessions[0], notes)).channels["A"].values == [1.0, 2.0, 3.0]
    assert [session.stream is not None for session in sessions] == [True, False, False, False, True, True]
