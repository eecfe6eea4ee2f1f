"""Refused messages as their operator handles them: found, understood, tried again after a fix, thrown away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_by_hand import command, publish
from tests.guarantees.line import Line, line
from tests.waiting import block_until

pytestmark = pytest.mark.slow

OTHER_ID = '{"serial_number": "SN-%d", "part_number": "PN", "device_id": "JIG", "message_id": "%d", "result": "P"}'
WRONG = '{"serial_number": "SN-9", "part_number": "PN", "result": "P", "steps": [{"name": "A", "value": "high"}]}'
STRICT = "[topics]\nstrict_ids = true\n"
COUNTS = '{"counters": {"total_count": 45000}}'


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Line]:
    """A line whose bridge makes no assets and is strict about ids, and what it refused therefore."""
    with line(tmp_path) as made:
        config = made.bridge.config
        config.write_text(config.read_text().replace("token =", "create_assets = false\ntoken =") + STRICT)
        made.mosquitto.start()
        made.start_wats()
        made.bridge.start()
        made.await_session()
        publish(made, "testers/T1/results", OTHER_ID % (1, 1))
        publish(made, "testers/T2/results", OTHER_ID % (2, 2))
        publish(made, "testers/T1/results", WRONG)
        publish(made, "assets/F1/counters", COUNTS)
        await_quarantined(made, 4)
        yield made


def be_lenient(made: Line) -> None:
    """Mend the configuration: let the topic's id count, and make assets."""
    config = made.bridge.config
    config.write_text(config.read_text().replace(STRICT, "").replace("create_assets = false", "create_assets = true"))


def await_quarantined(made: Line, count: int) -> None:
    """Wait until so many are in quarantine."""
    block_until(lambda: made.bridge.status().get("quarantined") == count, what=f"{count} in quarantine")


def spool(made: Line, *words: str, code: int = 0) -> Any:
    """Run a command of `spool`, and give its JSON."""
    done = command("spool", *words, "-c", str(made.bridge.config), "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def ids(made: Line, *options: str) -> list[int]:
    """Give the ids of what is listed."""
    return [row["id"] for row in spool(made, "list", *options)]


def test_rows_are_found_by_reason_topic_device_and_time(made: Line) -> None:
    """Each narrows; nothing like that is an empty list."""
    everything = ids(made)
    by_reason = ids(made, "--reason", "STRICT_IDS")
    assert len(everything) == 4
    assert len(by_reason) == 2
    assert ids(made, "--reason", "strict_ids", "--topic", "testers/+/results", "--device", "T2") == by_reason[1:]
    assert ids(made, "--device", "F1", "--topic", "assets/#") == [everything[-1]]
    assert ids(made, "--until", "2020-01-01") == []
    assert ids(made, "--since", "2020-01-01") == everything
    assert ids(made, "--limit", "1") == everything[:1]


def test_show_tells_what_is_expected_at_the_place_that_was_refused(made: Line) -> None:
    """The path, the schema's words for it, and the payload."""
    (number,) = ids(made, "--device", "T1", "--reason", "expected")
    found = spool(made, "show", str(number))
    assert found["path"] == "$.steps[0].value"
    assert "number" in found["expected"]
    assert found["payload"]["steps"] == [{"name": "A", "value": "high"}]


def test_after_a_fix_the_difference_is_shown_and_then_made(made: Line) -> None:
    """A dry run changes nothing; the running bridge needs the fixed configuration too; then both results arrive."""
    be_lenient(made)
    wanted = ("--all", "--reason", "strict_ids")
    foreseen = spool(made, "retry", *wanted, "--dry-run")
    assert [row["accepted"] for row in foreseen] == [True, True]
    assert all("report" in row["now"] and "strict_ids" in row["before"] for row in foreseen)
    assert len(ids(made)) == 4

    told = command("spool", "retry", *wanted, "-c", str(made.bridge.config))
    assert told.returncode == 1
    assert "restart it" in told.stderr
    assert len(ids(made)) == 4

    assert made.bridge.stop() == 0
    made.bridge.start()
    made.await_session()
    assert [row["accepted"] for row in spool(made, "retry", *wanted)] == [True, True]
    made.await_reports(2)
    assert sorted(report["sn"] for report in made.reports()) == ["SN-1", "SN-2"]
    await_quarantined(made, 2)
    assert spool(made, "retry", *wanted) == []


def test_a_bridge_that_does_not_run_takes_them_when_it_starts(made: Line) -> None:
    """What WATS refused is refused no more: the asset's counts go as they are known by then."""
    assert made.bridge.stop() == 0
    be_lenient(made)
    told = spool(made, "retry", "--all", code=1)
    assert [row["accepted"] for row in told] == [True, True, False, True]
    made.bridge.start()
    made.await_reports(2)
    assert made.emulator is not None
    emulator = made.emulator
    block_until(lambda: emulator.state()["assets"], what="the asset in WATS")
    block_until(lambda: emulator.state()["assets"][0]["totalCount"] == 45000, what="its count")
    assert len(ids(made)) == 1


def test_what_is_thrown_away_is_gone_and_counted(made: Line) -> None:
    """Only after a yes, or where it was said before; also of a bridge that does not run."""
    first, *_ = ids(made)
    asked = command("spool", "discard", str(first), "-c", str(made.bridge.config))
    assert asked.returncode == 1
    assert len(ids(made)) == 4
    assert spool(made, "discard", str(first), "--yes") == {"discarded": 1}
    assert made.bridge.status()["discarded"] == 1
    assert made.bridge.stop() == 0
    assert spool(made, "discard", "--all", "--topic", "assets/#", "--yes") == {"discarded": 1}
    assert len(ids(made)) == 2


@pytest.mark.parametrize("verb", ["retry", "discard"])
def test_a_command_about_nothing_or_about_a_row_that_is_not_there_says_so(made: Line, verb: str) -> None:
    """Neither ids nor --all, both, or an unknown id: exit code 2 and what to do."""
    for words, said in (((), "or say --all"), (("1", "--all"), "or say --all"), (("99",), "has the id 99")):
        done = command("spool", verb, *words, "-c", str(made.bridge.config))
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
