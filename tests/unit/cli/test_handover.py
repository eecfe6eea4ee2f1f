"""What `spool export` and its kin say where something stands in the way, on a spool whose bridge does not run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.app.export_keys import make_keys
from pywats_mqtt.app.handover import Step, Stepped
from pywats_mqtt.cli import handover, quarantine
from pywats_mqtt.cli.commands import app
from pywats_mqtt.cli.quarantine import opened
from pywats_mqtt.cli.status import explain, read_status
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.messages import RawMessage
from pywats_mqtt.ports import ExportState, Receipt
from pywats_mqtt.spool.sqlite import SqliteSpool

RESULT = '{"serial_number": "SN-%d", "part_number": "PN", "result": "P", "timestamp": "2026-01-26T10:00:0%dZ"}'
WRONG = b'{"serial_number": "SN-9", "part_number": "PN", "result": "high", "steps": 5}'


class Place:
    """A spool, its configuration and a pair of keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "bridge.toml"
        self.config.write_text(f'[spool]\npath = "{folder / "spool.db"}"\n')
        self.key = folder / "key"
        make_keys(self.key)

    def with_spool(self, work: Callable[[SqliteSpool], Awaitable[object]]) -> None:
        """Do something with the spool, as its bridge, which then ends."""

        async def done() -> None:
            async with SqliteSpool.open(self.folder / "spool.db", clock=SystemClock()) as spool:
                await work(spool)

        asyncio.run(done())

    def store(self, *payloads: bytes) -> None:
        """Store messages of one tester."""
        messages = tuple(RawMessage("testers/T1/results", payload, 1_769_500_000_000_000, 1) for payload in payloads)
        self.with_spool(lambda spool: spool.put(Receipt(messages)))

    def results(self, count: int) -> None:
        """Store results."""
        self.store(*((RESULT % (n, n)).encode() for n in range(count)))

    def run(self, *words: str) -> Result:
        """Run a command of `spool`; what is told as `Fatal` is what `main` prints."""
        return CliRunner().invoke(app, ["spool", words[0], "-c", str(self.config), *words[1:]])

    def refusal(self, *words: str) -> str:
        """Run a command that refuses, and give what it says."""
        done = self.run(*words)
        assert isinstance(done.exception, Fatal), done.output
        return str(done.exception)

    def refuses_import(self, name: str) -> str:
        """Import a file into the spool that made it, and give what it says."""
        return self.refusal("import", str(self.folder / name), "--trust", f"{self.key}.pub")

    def export(self, name: str, *words: str) -> Result:
        """Hand over."""
        return self.run("export", "--to", str(self.folder / name), "--key", str(self.key), *words)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Make one; three results wait."""
    made = Place(tmp_path)
    made.results(3)
    return made


def test_an_export_that_was_never_finished_is_named_so(place: Place) -> None:
    """What it took is given back by `revoke`, which is said wherever it is met; then it is gone."""
    place.with_spool(lambda spool: spool.open_export("e1", waiting=True))
    assert "`spool revoke e1` gives its rows back" in place.run("exports").stderr
    assert "`spool revoke e1` gives its rows back" in dict(explain(read_status(place.config)))["export e1"]
    again = place.refusal("export", "--to", str(place.folder / "f"), "--key", str(place.key), "--again", "e1")
    assert "export e1 was never finished" in again
    assert "`spool revoke e1` gives its rows back" in again
    assert "owed" in place.run("revoke", "e1").stdout
    assert json.loads(place.run("exports", "--json").stdout) == []


@pytest.mark.parametrize("words", [["--waiting"], ["--all"], ["--all", "--waiting"]])
def test_the_spool_that_made_an_export_does_not_import_it(place: Place, words: list[str]) -> None:
    """It has the rows yet, and both would be owed: `revoke` is what was meant."""
    place.store(WRONG)
    place.export("first", "--waiting")
    revoked = json.loads(place.run("exports", "--json").stdout)[0]["id"]
    place.run("revoke", revoked)  # what was stored is looked at now
    handed = json.loads(place.export("out", *words, "--json").stdout)
    assert handed["owed"] + handed["refused"] == 3 * ("--waiting" in words) + ("--all" in words)
    assert f"`spool revoke {handed['export']}`" in place.refuses_import("out")
    assert json.loads(place.run("exports", "--json").stdout)[0]["id"] == handed["export"]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([ExportState.SEALED], "`spool export --again e1` does, or `spool revoke e1` gives its rows back"),
        ([ExportState.SEALED, ExportState.WRITTEN, ExportState.FORGETTING], "`spool confirm e1` goes on with it"),
    ],
)
def test_a_command_that_was_killed_leaves_words_of_what_is_to_be_done(
    place: Place, states: list[ExportState], said: str
) -> None:
    """Nobody delivers the rows of a sealed export, and its file may never have been written."""

    async def left(spool: SqliteSpool) -> None:
        await spool.open_export("e1", waiting=True)
        for state in states:
            await spool.mark_export("e1", state)

    place.with_spool(left)
    assert said in place.run("exports").stderr
    assert said in dict(explain(read_status(place.config)))["export e1"]


def test_nothing_is_to_be_done_about_an_export_that_is_written(place: Place) -> None:
    """Whoever imports it says when it can be confirmed."""
    place.export("out", "--waiting")
    assert place.run("exports").stderr == ""
    assert read_status(place.config).unfinished_exports == {}


def routed(place: Place) -> None:
    """Have what was stored looked at, as a bridge does at once."""
    handed = json.loads(place.export("routed", "--waiting", "--json").stdout)
    assert handed["staying"] == 0
    place.run("revoke", handed["export"])


def with_one_under_way(monkeypatch: pytest.MonkeyPatch, *, ends_at: int = 0) -> None:
    """Let a delivery be under way while something is exported, until it is begun for the n-th time."""
    opens = 0

    @asynccontextmanager
    async def desk(config: BridgeConfig) -> AsyncIterator[tuple[handover.Ask, bool]]:
        async with opened(config) as spool:
            leased = await spool.lease(1, 1_800_000_000_000_000)
            assert leased

            async def ask(ask_spool: handover.Ask, step: Step) -> Stepped:
                nonlocal opens
                opens += step.do == "open"
                if opens == ends_at and step.do == "open":
                    await spool.give_back(leased)
                return await ask_spool(step)

            yield partial(ask, partial(handover._ask_stopped, config, spool)), True  # noqa: SLF001 - stands in for it

    monkeypatch.setattr(handover, "desk", desk)


def test_what_stays_since_its_line_is_under_way_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much, of which line, and to repeat it; nothing is written, and the exit code says it was not all."""
    routed(place)
    with_one_under_way(monkeypatch)
    monkeypatch.setattr(handover, "PATIENCE_S", 0.0)
    done = place.export("out", "--waiting")
    assert done.stdout == "nothing is handed over\n"
    assert "3 deliveries stay, since one of T1 is under way" in done.stderr
    assert done.exit_code == 1
    assert not (place.folder / "out").exists()


def test_what_is_under_way_alone_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A try ends within seconds."""
    routed(place)
    with_one_under_way(monkeypatch, ends_at=2)
    monkeypatch.setattr(handover, "AGAIN_S", 0.0)
    done = place.export("out", "--waiting", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["owed"] == 3


@pytest.mark.parametrize("words", [["5"], ["--all"], ["--waiting"], ["--reason", "x"], ["--since", "2026-01-01"]])
def test_an_export_is_written_again_as_it_is(place: Place, words: list[str]) -> None:
    """What else is named would be left out in silence."""
    said = place.refusal("export", "--to", str(place.folder / "f"), "--again", "e1", *words)
    assert "--again writes export e1 as it is" in said


def test_rows_that_another_command_took_are_not_said_to_stay(place: Place) -> None:
    """They are no longer there."""
    place.store(WRONG)
    routed(place)
    (number,) = [row["id"] for row in json.loads(place.run("list", "--json").stdout)]
    handed = handover.hand_over(place.config, place.folder / "out", place.key, [number, 99], waiting=False)
    assert (handed.refused, handed.left, handed.gone) == (1, 0, 1)


UNDATED = b'{"serial_number": "SN-8", "part_number": "PN", "result": "P"}'


@pytest.mark.parametrize(("end", "said"), [("revoke", "destroy the file"), ("confirm", "import the file there")])
def test_the_spool_that_made_an_export_never_imports_it(place: Place, end: str, said: str) -> None:
    """What has no identity would be here twice after `revoke`, and at both bridges after `confirm`."""
    place.store(WRONG, UNDATED)
    routed(place)
    handed = json.loads(place.export("out", "--all", "--waiting", "--json").stdout)
    assert (handed["owed"], handed["refused"]) == (4, 1)
    place.run(end, handed["export"])
    assert said in place.refuses_import("out")
    assert len(json.loads(place.run("list", "--json").stdout)) == (end == "revoke")


@pytest.mark.parametrize(
    "words", [["list"], ["retry", "--all"], ["discard", "--all"], ["export", "--all", "--to", "x"]]
)
def test_a_reason_that_nothing_has_is_told_with_those_there_are(place: Place, words: list[str]) -> None:
    """Nothing is asked, and no table is empty; what else leaves nothing is told otherwise."""
    assert "the quarantine is empty" in place.run(*words).stdout
    place.store(WRONG, WRONG, b"")
    routed(place)
    told = place.run(*words, "--reason", "zzz")
    assert told.exit_code == 0
    said, *rows = told.stdout.splitlines()
    assert said == "no reason in quarantine has 'zzz' in it; the reasons are"
    assert [row.split(None, 1) for row in rows] == [
        ["rows", "reason"],
        ["2", "expected array, got int"],
        ["1", "the payload is empty; expected a JSON object"],
    ]
    assert place.run(*words, "--reason", "ARRAY", "--device", "T7").stdout == "nothing in quarantine is like that\n"
    assert len(json.loads(place.run("list", "--json").stdout)) == 3


@pytest.mark.parametrize("end", ["", "revoke", "confirm"])
def test_what_another_bridge_hands_back_is_owed_here_once(place: Place, tmp_path: Path, end: str) -> None:
    """Whatever becomes of the export it left with: it was known here, and at neither bridge."""
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    there = json.loads(place.export("there", "--waiting", "--json").stdout)["export"]
    other.run("import", str(place.folder / "there"), "--trust", f"{place.key}.pub")
    assert json.loads(other.export("back", "--waiting", "--json").stdout)["owed"] == 3
    taken = place.run("import", str(other.folder / "back"), "--trust", f"{other.key}.pub")
    assert "3 deliveries, 0 states of assets and 0 refused messages are here now" in taken.stdout
    if end:
        place.run(end, there)
    assert json.loads(place.export("all", "--waiting", "--json").stdout)["owed"] == 3


def test_a_file_that_cannot_be_made_is_refused_before_anything_leaves(place: Place) -> None:
    """A name that is too long, also with what stands around it until the file is whole; a folder that is not there."""
    for name, said in (("x" * 300, "name is too long"), ("x" * 252, "name is too long"), ("no/folder", "No such file")):
        to = ("--to", str(place.folder / name), "--key", str(place.key))
        assert said in place.refusal("export", *to, "--waiting")
        assert said in place.refusal("export", *to, "--again", "e1")
    assert json.loads(place.run("exports", "--json").stdout) == []
    assert sorted(path.name for path in place.folder.iterdir() if path.name.endswith(".part")) == []


def test_an_export_without_a_file_is_not_confirmed(place: Place) -> None:
    """Its rows would be nowhere; what to do is said."""

    async def left(spool: SqliteSpool) -> None:
        await spool.open_export("e1", waiting=True)
        await spool.mark_export("e1", ExportState.SEALED)

    place.with_spool(left)
    assert "`spool export --again e1` does, or `spool revoke e1` gives its rows back" in place.refusal("confirm", "e1")


def test_what_stays_refused_is_not_said_to_be_taken_at_the_next_start(place: Place) -> None:
    """Nor is a row that is no longer there told as nothing at all."""
    place.store(WRONG)
    routed(place)
    done = place.run("retry", "--all")
    assert "0 are tried again, 1 stay refused" in done.stdout
    assert done.stderr == ""


def test_a_row_that_another_command_took_meanwhile_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was there when it was chosen."""
    place.store(WRONG)
    routed(place)
    monkeypatch.setattr(quarantine, "chosen", lambda *_words, **_options: [1, 7])
    assert "1 are no longer there: another command took them" in place.run("retry", "--all").stderr
