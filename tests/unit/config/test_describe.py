"""The sample and the documentation say what the model says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.config.environment import Threshold
from pywats_mqtt.config.lint import lint
from pywats_mqtt.config.load import load
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.config.settings import Setting, attribute_texts, settings
from pywats_mqtt.config.streams import StreamLimits
from tests.project.generate import PAGE, SAMPLE, generated

SETTINGS = [setting for table in settings().values() for setting in table.values()]


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    """`.venv/bin/python -m tests.project.generate` leaves nothing changed."""
    assert path.read_text() == generated()[path]


def test_the_sample_is_the_defaults() -> None:
    """The sample is read, and what it holds is what holds without it."""
    config = load(SAMPLE, {})
    assert config == msgspec.structs.replace(
        BridgeConfig(), spool=msgspec.structs.replace(config.spool, path=str(SAMPLE.parent / "spool.db"))
    )


def test_every_commented_setting_of_the_sample_is_one(tmp_path: Path) -> None:
    """With all its examples switched on but for the second of two secrets, the sample is read, and right in itself."""
    text = SAMPLE.read_text()
    for setting in SETTINGS:
        if setting.key not in {"token_file", "password_file"}:
            text = text.replace(f"# {setting.key} = ", f"{setting.key} = ")
    text = (
        text.replace("# self_test", "self_test")
        .replace("# blocked", "blocked")
        .replace("# temperature_c", "temperature_c")
        .replace("# TESTER-042", "TESTER-042")
        .replace('# "Temperature/DUT"', '"Temperature/DUT"')
        .replace('url = ""', 'url = "https://wats"')
        .replace("…", "hush")
    )
    text = text.replace("use_tls = false", "use_tls = true")
    for name in ("ca.pem", "bridge.pem", "bridge.key"):
        (tmp_path / name).touch()
    (tmp_path / "bridge.toml").write_text(text)
    config = load(tmp_path / "bridge.toml", {})
    assert config.wats.operation_codes == {"self_test": 10}
    assert config.assets.states == {"blocked": 5}
    assert config.assets.thresholds == {"temperature_c": Threshold(low=15, high=30, hysteresis=1, level="alarm")}
    assert config.wats.default_part_number == "UNKNOWN"
    assert config.software.wanted_configs == {"TESTER-042": "prod-v5"}
    assert config.streams.limits == {"Temperature/DUT": StreamLimits(low=10, high=85)}
    assert lint(config) == ()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.place)
def test_every_setting_is_in_the_sample_and_on_the_page(setting: Setting) -> None:
    """Each key stands in the sample below a comment of one line, and on the page with a text."""
    key = setting.key
    assert setting.text
    lines = SAMPLE.read_text().splitlines()
    starts = (f"{key} = ", f"# {key} = ", f"[{setting.table}.{key}]")
    places = [n for n, line in enumerate(lines) if line.startswith(starts)]
    assert places
    assert all(lines[n - 1].startswith("# ") for n in places)
    assert f"\n| `{key}` | " in PAGE.read_text()


def test_every_attribute_that_is_described_exists() -> None:
    """A docstring describes the fields there are, all of them and no others."""
    for name, table in settings().items():
        struct = type(getattr(BridgeConfig(), name))
        assert attribute_texts(struct).keys() == table.keys()
