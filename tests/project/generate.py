"""What is generated from the code, and where it stands; `python -m tests.project.generate` writes it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from pywats_mqtt.asyncapi import document
from pywats_mqtt.config import describe
from tests.project import emulator_page, excerpts, topics_table

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "src/pywats_mqtt/config/sample.toml"
PAGE = ROOT / "docs/configuration.md"
EMULATOR = ROOT / "docs/emulator.md"
MARK = "<!-- From here on generated from the model: .venv/bin/python -m tests.project.generate -->\n"
EMULATOR_MARK = MARK.replace("the model", "the code")
README = ROOT / "README.md"
ASYNCAPI = ROOT / "docs/asyncapi.json"
GUIDE = ROOT / "docs/adding-a-message.md"


def generated() -> dict[Path, str]:
    """Give each generated file with what must stand in it; of a page, what is above the mark is kept."""
    return {
        SAMPLE: describe.sample(),
        PAGE: PAGE.read_text().partition(MARK)[0] + MARK + describe.markdown(),
        EMULATOR: EMULATOR.read_text().partition(EMULATOR_MARK)[0] + EMULATOR_MARK + emulator_page.markdown(),
        README: _between(README.read_text(), "topics", topics_table.markdown()),
        ASYNCAPI: document(version("pywats-mqtt")),
        GUIDE: excerpts.filled(GUIDE.read_text()),
    }


def _between(page: str, name: str, text: str) -> str:
    """Put a text between the two marks of that name."""
    begin, end = f"<!-- {name}: generated from the code by tests.project.generate -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    assert found, f"no marks of {name}"
    return before + begin + text + end + after


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
