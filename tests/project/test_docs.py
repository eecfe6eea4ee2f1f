"""The documents: links lead somewhere, commands exist, examples work."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.config.lint import lint
from pywats_mqtt.config.load import load
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.interpret import RouteTable
from tests.ports import free_port
from tests.waiting import block_until
from tools.bootstrap import ROOT

PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607  # git is on PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    if name
)
DECISIONS = ROOT / "docs/decisions"
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")


def links(page: Path) -> Iterator[str]:
    """Give the targets of a page's links."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        yield target.partition("#")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """A link to a file of the project names one that is there."""
    missing = [link for link in links(page) if link and "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("[!R]*.md")), ids=lambda page: page.stem)
def test_every_decision_is_complete_and_in_the_index(page: Path) -> None:
    """A page says question, decision, reason, limits and consequences, and the index knows it with its status."""
    text = page.read_text()
    headings = ["Question", "Decision", "Why", "What it is not", "Consequences"]
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == headings
    title, status = re.findall(r"^# (.*)$|^Status: (.*)\.$", text, flags=re.MULTILINE)
    assert f"| [{title[0]}]({page.name}) | {status[1]} |" in (DECISIONS / "README.md").read_text()


def commands() -> list[list[str]]:
    """Give the words of each command of ours in the code blocks of the pages."""
    found: list[list[str]] = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL):
            lines = [line.partition("#")[0].split() for line in block.splitlines()]
            found += [words[1:] for words in lines if words and words[0] in {"./bridge", "pywats-mqtt"}]
    return [words for words in found if words[0] != "test"]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_in_the_documents_exists(words: list[str]) -> None:
    """The program knows each command of a code block, with its options."""
    path = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
    shown = subprocess.run(
        [sys.executable, "-m", "pywats_mqtt", *path, "--help"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert all(re.search(rf"(?<![\w-]){word}\b", shown.stdout) for word in words if word.startswith("-"))


def test_the_example_configuration_works() -> None:
    """The configuration of the walk-through is read, and lint has nothing to say."""
    assert lint(load(ROOT / "examples/bridge.toml", {})) == ()


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("result", "testers/T1/results"),
        ("status", "assets/F/status"),
        ("utilization", "assets/F/utilization"),
        ("unit", "stations/S/unit"),
    ],
)
def test_the_example_payloads_are_json_for_a_topic_of_the_defaults(name: str, topic: str) -> None:
    """What the walk-through publishes is JSON, and its topic has an adapter that decodes it."""
    route = RouteTable(TopicConfig()).route(topic)
    assert route.adapter is not None
    payload = (ROOT / f"examples/{name}.json").read_bytes()
    assert isinstance(msgspec.json.decode(payload), dict)
    route.decode(payload)


@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto; apt-get install mosquitto")
def test_the_example_of_the_broker_works(tmp_path: Path) -> None:
    """Mosquitto starts with the configuration we ship, and listens where the bridge's example connects."""
    port, text = free_port(), (ROOT / "examples/mosquitto.conf").read_text()
    assert (
        f"port = {re.findall('^listener (18830) ', text, flags=re.MULTILINE)[0]}\n"
        in (ROOT / "examples/bridge.toml").read_text()
    )
    assert "\nmax_queued_messages 0\n" in text
    (tmp_path / "mosquitto.conf").write_text(text.replace("listener 18830", f"listener {port}"))
    assert MOSQUITTO is not None
    with subprocess.Popen([MOSQUITTO, "-c", "mosquitto.conf"], cwd=tmp_path, stderr=subprocess.DEVNULL) as broker:
        try:
            block_until(lambda: _listens(port) or broker.poll() is not None, what="Mosquitto")
            assert broker.poll() is None
        finally:
            broker.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_changelog_has_a_place_for_what_comes() -> None:
    """A change finds its heading."""
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()
