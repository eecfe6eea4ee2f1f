"""Two bridges, of which one hands over to the other, with kill -9 in between: every number once, counters exact."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywats_mqtt.app.export_file import ExportFile
from pywats_mqtt.app.export_keys import read_public
from pywats_mqtt.app.handover import Step
from pywats_mqtt.app.quarantine import Question
from pywats_mqtt.cli.quarantine import ask_bridge
from pywats_mqtt.config.load import load
from tests.cli.test_by_hand import command, publish
from tests.guarantees.line import BOUND_S, Bridge, Line, line
from tests.ports import free_port
from tests.waiting import block_until

pytestmark = pytest.mark.slow

TESTERS = ("T1", "T2")
WRONG = '{"serial_number": "SN-9", "part_number": "PN", "result": "P", "steps": [{"name": "A", "value": "high"}]}'


class Pair:
    """A bridge that does not reach WATS, and another one that does."""

    def __init__(self, made: Line) -> None:
        self.line = made
        self.published: dict[str, int] = defaultdict(int)
        self.counted = 0
        self.far = made.bridge
        far = self.far.config.read_text()
        (made.folder / "near").mkdir()
        self.near = Bridge(made.folder / "near" / "bridge.toml")
        self.near.config.write_text(far.replace('client_id = "bridge"', 'client_id = "near"') + OTHER_TOPICS)
        self.cut_off()
        self.key = made.folder / "key"
        assert command("spool", "keygen", "--out", str(self.key)).returncode == 0

    def cut_off(self) -> None:
        """Let the far bridge look for WATS where nothing is."""
        text = self.far.config.read_text()
        self.far.config.write_text(text.replace(f":{self.line.wats_port}", f":{free_port()}"))

    def publish(self, count: int) -> None:
        """Publish results of each tester and as many counts of a fixture, and wait until all of it is stored."""
        before = self.far.status()["stored"]
        for _ in range(count):
            for tester in TESTERS:
                number = self.published[tester]
                self.published[tester] += 1
                publish(self.line, f"testers/{tester}/results", result(tester, number))
            self.counted += 1
            publish(self.line, "assets/F1/counters", json.dumps({"increment": 1, "sequence": self.counted}))
        expected = before + count * (len(TESTERS) + 1)
        block_until(lambda: self.far.status().get("stored") == expected, bound_s=BOUND_S, what="all of it stored")

    def spool(self, bridge: Bridge, *words: str, code: int = 0) -> Any:
        """Run a command of `spool`, and give its JSON."""
        done = command("spool", *words, "-c", str(bridge.config), "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def export(self, name: str, *words: str) -> Any:
        """Hand over what waits."""
        return self.spool(self.far, "export", "--to", str(self.line.folder / name), "--key", str(self.key), *words)

    def take_in(self, name: str) -> Any:
        """Import a file at the near bridge."""
        return self.spool(self.near, "import", str(self.line.folder / name), "--trust", f"{self.key}.pub")

    def total(self) -> int:
        """Give the fixture's total in WATS."""
        assert self.line.emulator is not None
        return next(
            (row["totalCount"] for row in self.line.emulator.state()["assets"] if row["serialNumber"] == "F1"), 0
        )

    def assert_all_once(self) -> None:
        """Wait for everything, then: each number once, in order of each tester, and each count."""
        self.line.await_reports(sum(self.published.values()))
        block_until(lambda: self.total() >= self.counted, bound_s=BOUND_S, what="all counts in WATS")
        for bridge in (self.far, self.near):
            if bridge.status():
                block_until(lambda: bridge.status().get("waiting") == 0, bound_s=BOUND_S, what="nothing waits")  # noqa: B023 - waited for here
        assert self.total() == self.counted
        arrived: dict[str, list[str]] = defaultdict(list)
        for report in self.line.reports():
            arrived[report["machineName"]].append(report["sn"])
        assert arrived == {name: [f"{name}-{n:03d}" for n in range(count)] for name, count in self.published.items()}


OTHER_TOPICS = """
[topics]
report_topics = ["near/testers/+/results"]
asset_topics = ["near/assets/+/counters"]
software_topics = ["near/devices/+/software"]
production_topics = ["near/lines/+/scan"]
"""


def result(tester: str, number: int) -> str:
    """Make a result."""
    return json.dumps(
        {
            "serial_number": f"{tester}-{number:03d}",
            "part_number": "PN",
            "result": "P",
            "timestamp": f"2026-01-26T10:{number // 60 % 60:02d}:{number % 60:02d}Z",
        }
    )


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two bridges at one broker, the near one without topics of its own; the far one runs."""
    with line(tmp_path) as made:
        pair = Pair(made)
        made.mosquitto.start()
        made.start_wats()
        pair.far.start()
        made.await_session()
        try:
            yield pair
        finally:
            pair.near.kill()


def test_an_export_that_is_killed_is_taken_back_and_the_next_one_arrives(pair: Pair) -> None:
    """Kill -9 of the far bridge before its file is written, of the near one in the middle of the import."""
    pair.publish(4)
    config = load(pair.far.config, {})
    for step in (Step(do="open", export="e", waiting=True), Step(do="owed", export="e")):
        answer = ask_bridge(config, Question(ask="handover", step=step))
        assert answer is not None
        assert not answer.error
    assert pair.far.status()["exported"] > 0
    pair.far.kill()
    pair.far.start()
    block_until(lambda: pair.far.status().get("exported") == 0, bound_s=BOUND_S, what="the export taken back")
    pair.publish(2)

    handed = pair.export("one", "--waiting")
    assert (handed["owed"], handed["latest"], handed["refused"]) == (12, 1, 0)
    assert [row["state"] for row in pair.spool(pair.far, "exports")] == ["written"]
    pair.far.kill()
    pair.far.start()
    block_until(lambda: pair.far.status().get("exported") == 18, bound_s=BOUND_S, what="the export still out")
    assert pair.far.status()["waiting"] == 0

    pair.near.start()
    block_until(lambda: pair.near.status().get("running"), bound_s=BOUND_S, what="the near bridge")
    with ExportFile(pair.line.folder / "one", read_public(Path(f"{pair.key}.pub"))) as file:
        some = Step(do="take_in", export=handed["export"], rows=list(file.rows())[:5])
    answer = ask_bridge(load(pair.near.config, {}), Question(ask="handover", step=some))
    assert answer is not None
    pair.near.kill()
    pair.near.start()
    block_until(lambda: pair.near.status().get("running"), bound_s=BOUND_S, what="the near bridge again")
    taken = pair.take_in("one")["taken"]
    assert (taken["owed"], taken["latest"], taken["repeated"]) == (7, 1, 5)
    assert pair.take_in("one")["taken"]["repeated"] == 13
    pair.assert_all_once()


def test_counts_are_exact_when_a_revoked_export_was_imported(pair: Pair) -> None:
    """Both bridges deliver what was in it: reports overwrite themselves, and counts are counted once."""
    pair.publish(3)
    first = pair.export("one", "--waiting")
    assert pair.line.emulator is not None
    for method, path in (("PUT", "/api/Asset/Count"), ("PUT", "/api/Asset"), ("POST", "/api/Report/WSJF")):
        pair.line.emulator.fault("drop_after", method=method, path=path, times=1)
    pair.near.start()
    block_until(lambda: pair.near.status().get("running"), bound_s=BOUND_S, what="the near bridge")
    pair.take_in("one")
    pair.assert_all_once()
    assert command("spool", "revoke", first["export"], "-c", str(pair.far.config)).returncode == 0
    assert pair.far.status()["waiting"] == 9
    pair.publish(2)
    assert pair.far.stop() == 0
    text = pair.far.config.read_text()
    port = text.split('url = "http://127.0.0.1:')[1].split('"')[0]
    pair.far.config.write_text(text.replace(f":{port}", f":{pair.line.wats_port}"))
    pair.far.start()
    pair.assert_all_once()


def test_refused_messages_are_handed_over_by_a_bridge_that_does_not_run(pair: Pair) -> None:
    """With the filters of the list; revoked, they are refused here again; the other bridge lists them once."""
    publish(pair.line, "testers/T1/results", WRONG)
    publish(pair.line, "testers/T2/results", WRONG)
    block_until(lambda: pair.far.status().get("quarantined") == 2, bound_s=BOUND_S, what="two refused")
    assert pair.far.stop() == 0
    handed = pair.export("one", "--all", "--device", "T1")
    assert handed["refused"] == 1
    assert [row["device"] for row in pair.spool(pair.far, "list")] == ["T2"]
    assert pair.take_in("one")["taken"]["refused"] == 1
    assert pair.take_in("one")["taken"]["repeated"] == 1
    assert [row["device"] for row in pair.spool(pair.near, "list")] == ["T1"]
    again = pair.export("two", "--again", handed["export"])
    assert again["export"] == handed["export"]
    assert pair.take_in("two")["taken"]["repeated"] == 1
    assert command("spool", "revoke", handed["export"], "-c", str(pair.far.config)).returncode == 0
    assert [row["device"] for row in pair.spool(pair.far, "list")] == ["T1", "T2"]
    assert pair.spool(pair.far, "exports") == []
    nothing = pair.export("three", "--all", "--device", "T7")
    assert nothing["export"] == ""
    assert not (pair.line.folder / "three").exists()


def test_what_is_wrong_is_said_in_one_line(pair: Pair) -> None:
    """Exit code 2, and nothing is imported: another key, another file, no key, a file that is there."""
    pair.publish(1)
    pair.export("one", "--waiting")
    near, far = str(pair.near.config), str(pair.far.config)
    one, key, public = str(pair.line.folder / "one"), str(pair.key), f"{pair.key}.pub"
    assert command("spool", "keygen", "--out", str(pair.line.folder / "other")).returncode == 0
    for words, said in (
        (
            ("import", one, "-c", near, "--trust", str(pair.line.folder / "other.pub")),
            "not signed with the trusted key",
        ),
        (("import", far, "-c", near, "--trust", public), "is no export of a bridge"),
        (("import", one, "-c", near, "--trust", one), "is no public key"),
        (("export", "-c", far, "--waiting", "--to", one, "--key", key), "is there already"),
        (("export", "-c", far, "--waiting", "--to", f"{one}.new"), "there is no key"),
        (("export", "-c", far, "--to", f"{one}.new", "--key", key), "or say --all"),
        (("revoke", "nothing", "-c", far), "there is no export nothing"),
        (("confirm", "nothing", "-c", far), "there is no export nothing"),
        (("export", "-c", far, "--to", f"{one}.new", "--key", key, "--again", "nothing"), "there is no export nothing"),
    ):
        done = command("spool", *words)
        assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr
    assert not (pair.line.folder / "near" / "spool.db").exists()
