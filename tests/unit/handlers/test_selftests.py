"""What self-tests say of the units around them, and which of those are written down. No handler, no server."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.handlers.selftests import LINES, SelfTests, Suspect, check, follow, is_suspect, told
from pywats_mqtt.handlers.suspects import CHUNK, CHUNKS, Suspects
from tests.contract.wats_memory import MemoryNotes
from tests.unit.handlers.selftest_bench import HOUR_US, SIX_US, self_test

TESTS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("PFET")), max_size=8)


@given(TESTS, st.integers(0, 9))
def test_a_unit_is_marked_or_suspect_as_the_self_tests_around_it_say(tests: list[tuple[int, str]], hour: int) -> None:
    """In order of time: marked after a failed one that none passed since, suspect between a good and a failed one."""
    known = SelfTests()
    done = sorted(dict(tests).items())
    for at, result in done:
        known = follow(follow(known, self_test(at, result)), self_test(at, result))
    says = [(at, result) for at, result in done if result != "T"]
    before = [result for at, result in says if at <= hour]
    after = [result for at, result in says if at > hour]
    is_bad = bool(before) and before[-1] != "P"
    text = check(known, SIX_US + hour * HOUR_US, 0)
    if not says or (before and "P" not in after):  # nothing, or the present state
        assert text.startswith("failed") == is_bad
        assert text == "" or is_bad or (bool(after) and text.startswith("suspect"))
    assert is_suspect(known, SIX_US + hour * HOUR_US) == bool(says and says[-1][1] == "P" and before and after == [])


def test_the_lines_in_the_log_are_bounded() -> None:
    """Of very many units the rest is counted; no line is longer than a report's comment may be."""
    before = follow(SelfTests(), self_test(0))
    many = [Suspect(f"{number:090}", str(number), 1) for number in range(4_000)]
    owed = told(before, follow(before, self_test(1, "F")), many).owed
    assert len(owed) == LINES + 1
    assert max(map(len, owed)) < 2_200
    named = sum(line.count(",") for line in owed[1:])
    assert owed[-1].endswith(f" and {4_000 - named} more")
    assert len(set(owed)) == len(owed)


async def test_suspects_are_bounded_and_the_newest_are_kept() -> None:
    """In small notes; a good self-test leaves none but those tested after it."""
    suspects, notes = Suspects(), MemoryNotes()
    most = CHUNK * CHUNKS
    for number in range(most + 3 * CHUNK + 1):
        await suspects.add("F", Suspect(f"U{number}", str(number), number), notes)
    kept = await suspects.all("F", notes)
    assert [kept[0].at_us, kept[-1].at_us] == [4 * CHUNK, most + 3 * CHUNK]
    assert max(map(len, notes.kept.values())) < 2_000
    written = notes.written
    await suspects.add("F", kept[-1], notes)
    assert notes.written == written
    await suspects.add("F/1", Suspect("ELSEWHERE", "E", 7), notes)
    assert await suspects.all("F", notes) == kept
    await suspects.forget("F", most, notes)
    await suspects.add("F", Suspect("NEW", "NEW", 2 * most), notes)
    again = await Suspects().all("F", notes)
    assert [one.at_us for one in again] == [*range(most, most + 3 * CHUNK + 1), 2 * most]
    assert [one.serial_number for one in await suspects.all("F/1", notes)] == ["ELSEWHERE"]


class SlowNotes(MemoryNotes):
    """Notes that let others go on meanwhile, as those of a spool do."""

    async def note(self, name: str) -> bytes | None:
        """Give a note."""
        await asyncio.sleep(0)
        return await super().note(name)

    async def set_note(self, name: str, value: bytes | None) -> None:
        """Keep a note."""
        await asyncio.sleep(0)
        await super().set_note(name, value)

    async def notes(self, prefix: str) -> dict[str, bytes]:
        """Give the notes that begin so."""
        found = await super().notes(prefix)
        await asyncio.sleep(0)
        return found


async def test_testers_that_share_a_fixture_lose_no_suspect() -> None:
    """All of them write at once, while a good self-test forgets those before it."""
    suspects, notes = Suspects(), SlowNotes()
    await suspects.add("F", Suspect("OLD", "OLD", 0), notes)
    adding = [suspects.add("F", Suspect(f"U{number}", str(number), number), notes) for number in range(1, 200)]
    await asyncio.gather(*adding[:9], suspects.forget("F", 1, notes), *adding[9:])
    assert [one.at_us for one in await suspects.all("F", notes)] == list(range(1, 200))
