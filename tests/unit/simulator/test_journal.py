from __future__ import annotations

import io

import msgspec
import pytest

from pywats_mqtt.simulator.journal import Journal, read_record
from pywats_mqtt.simulator.outgoing import Entry


def entry(number: int, kind: str = "result") -> Entry:
    """One of T1's messages."""
    return Entry(message_id=f"T1-{number}", device="T1", number=number, kind=kind, serial_number=f"S{number}")


def test_what_is_written_is_read_back() -> None:
    """Another process finds what was published, acknowledged and refused, and what is open."""
    sink = io.BytesIO()
    journal = Journal(sink)
    for number in (1, 2, 3):
        journal.published(entry(number))
    journal.acknowledged(entry(2))
    journal.refused(entry(3), "not authorised")
    record = read_record(sink.getvalue().splitlines(keepends=True))
    assert record.entries == (entry(1), entry(2), entry(3))
    assert record.acknowledged == {"T1-2"}
    assert record.refused == {"T1-3": "not authorised"}
    assert record.open == journal.open == (entry(1),)


def test_a_publication_is_written_before_it_is_acknowledged() -> None:
    """Each line is with the sink when the call returns: a kill loses none that went out."""
    sink = io.BytesIO()
    Journal(sink).published(entry(1))
    assert read_record(sink.getvalue().splitlines(keepends=True)).open == (entry(1),)


def test_a_line_cut_off_by_a_crash_is_left_out() -> None:
    """The last line may be half; what stands before it counts."""
    sink = io.BytesIO()
    journal = Journal(sink)
    journal.published(entry(1))
    journal.acknowledged(entry(1))
    for cut in range(1, 20):
        record = read_record(sink.getvalue()[:-cut].splitlines(keepends=True))
        assert record.entries == (entry(1),)
        assert not record.acknowledged


def test_a_foreign_file_is_refused() -> None:
    """A file that is no journal is not read as an empty one."""
    with pytest.raises(msgspec.DecodeError):
        read_record([b'{"what":"else"}\n'])


def test_it_counts_by_kind() -> None:
    """The summary says how many of each kind were published."""
    journal = Journal()
    for number, kind in enumerate(("result", "counters", "counters"), 1):
        journal.published(entry(number, kind))
    journal.acknowledged(entry(1))
    assert journal.counts == {"published": 3, "acknowledged": 1, "refused": 0}
    assert journal.by_kind == {"counters": 2, "result": 1}
