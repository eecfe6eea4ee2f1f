"""What is generated from the model, and where it stands; `python -m tests.project.generate` writes it."""

from __future__ import annotations

from pathlib import Path

from pywats_mqtt.config import describe

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "src/pywats_mqtt/config/sample.toml"
PAGE = ROOT / "docs/configuration.md"
MARK = "<!-- From here on generated from the model: .venv/bin/python -m tests.project.generate -->\n"


def generated() -> dict[Path, str]:
    """Give each generated file with what must stand in it; of the page, what is above the mark is kept."""
    return {SAMPLE: describe.sample(), PAGE: PAGE.read_text().partition(MARK)[0] + MARK + describe.markdown()}


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
