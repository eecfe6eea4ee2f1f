"""Reading the configuration: what is taken from where, and one line for each mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.environment import Threshold
from pywats_mqtt.config.load import load
from pywats_mqtt.config.model import BridgeConfig, Secret, SpoolConfig, WatsConfig
from pywats_mqtt.config.settings import settings
from pywats_mqtt.errors import Fatal

SMALLEST = """
[mqtt]
broker = "127.0.0.1"
port = 18830
[topics]
[wats]
url = "http://127.0.0.1:8088"
token = "c2VjcmV0"
default_operation_code = 100
create_assets = true
asset_type = "MQTT device"
requests_per_minute = 450
[wats.operation_codes]
self_test = 10
[spool]
path = "spool.db"
"""
"""The smallest configuration of the design: keys every program may rely on."""


def write(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "bridge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path | None, env: dict[str, str] | None = None) -> str:
    """Give the one line a wrong configuration is refused with, without the folder it is in."""
    with pytest.raises(Fatal) as caught:
        load(path, env or {})
    line = str(caught.value)
    assert "\n" not in line
    return line.replace(f"{path.parent}{os.sep}", "") if path else line


def test_no_file_and_no_environment_give_the_defaults() -> None:
    """Without anything, every setting has its default."""
    assert load(None, {}) == BridgeConfig()


def test_the_smallest_file_is_read(tmp_path: Path) -> None:
    """The keys of the design arrive where they belong, and paths start at the file's folder."""
    config = load(write(tmp_path, SMALLEST), {})
    assert (config.mqtt.broker, config.mqtt.port) == ("127.0.0.1", 18830)
    assert config.wats == WatsConfig(
        url="http://127.0.0.1:8088", token=Secret("c2VjcmV0"), operation_codes={"self_test": 10}
    )
    assert config.spool == SpoolConfig(path=str(tmp_path / "spool.db"))


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """A file saved by an editor that begins it with a byte order mark is read."""
    assert load(write(tmp_path, "\ufeff[mqtt]\nport = 1\n"), {}).mqtt.port == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[mqtt]\nprot = 1883", "bridge.toml: [mqtt] prot is no setting; did you mean `port`?"),
        ("[mqtt]\nurl = 'x'", "bridge.toml: [mqtt] url is no setting; it belongs in [wats]"),
        (
            "[spool]\nfoo = 1",
            "bridge.toml: [spool] foo is no setting; known are path, max_bytes, min_free_bytes, max_age_days",
        ),
        ("[mqt]\nport = 1", "bridge.toml: [mqt] is no table; did you mean `mqtt`?"),
        ("broker = 'x'", "bridge.toml: broker stands outside of a table; it belongs in [mqtt]"),
        ("mqtt = 3", "bridge.toml: [mqtt]: expected a table, got an integer; write [mqtt] on its own line"),
        ("[[mqtt]]", "bridge.toml: [mqtt]: expected a table, got an array; write [mqtt] on its own line"),
        (
            "[mqtt]\nport = '1883'",
            (
                "bridge.toml: [mqtt] port: expected an integer from 1 to 65535, got a string; "
                "write port = 1883 without quotes"
            ),
        ),
        (
            "[mqtt]\nport = '70000'",
            "bridge.toml: [mqtt] port: expected an integer from 1 to 65535, got a string; write port = 1883",
        ),
        (
            "[mqtt]\nport = 70000",
            "bridge.toml: [mqtt] port: expected an integer from 1 to 65535, got 70000; write port = 1883",
        ),
        (
            "[mqtt]\nuse_tls = 'true'",
            "bridge.toml: [mqtt] use_tls: expected true or false, got a string; write use_tls = true without quotes",
        ),
        (
            "[mqtt]\nuse_tls = 1",
            "bridge.toml: [mqtt] use_tls: expected true or false, got 1; write use_tls = false",
        ),
        (
            "[mqtt]\ndefault_qos = 3",
            "bridge.toml: [mqtt] default_qos: expected 0, 1 or 2, got 3; write default_qos = 1",
        ),
        (
            "[mqtt]\nreconnect_delay = inf",
            "bridge.toml: [mqtt] reconnect_delay: expected a number above 0, got inf; write reconnect_delay = 5.0",
        ),
        (
            f"[mqtt]\nreconnect_delay = 1{'0' * 400}",
            (
                "bridge.toml: [mqtt] reconnect_delay: expected a number above 0, got a number far too large; "
                "write reconnect_delay = 5.0"
            ),
        ),
        (
            "[mqtt]\nkeepalive = 1979-05-27",
            (
                "bridge.toml: [mqtt] keepalive: expected an integer from 0 to 65535, got a date or time; "
                "write keepalive = 60"
            ),
        ),
        (
            "[mqtt]\nusername = 7",
            "bridge.toml: [mqtt] username: expected a string, got an integer; put it in quotes",
        ),
        (
            "[mqtt]\nbroker = []",
            'bridge.toml: [mqtt] broker: expected a string, got an array; write broker = "localhost"',
        ),
        (
            "[mqtt]\nbroker = 'a\\nb'\n[wats]\nlocation = \"a\\nb\"",
            "bridge.toml: [wats] location: holds a control character; remove it",
        ),
        (
            "[wats]\nlocation = ''",
            (
                "bridge.toml: [wats] location: expected a string of 1 to 100 characters, got one of 0; "
                'write location = "Edge"'
            ),
        ),
        (
            "[topics]\nreport_topics = 'a/+'",
            (
                "bridge.toml: [topics] report_topics: expected a list of strings, got a string; "
                'write report_topics = ["testers/+/results", "devices/+/selftest", "testers/+/repairs",'
            ),
        ),
        (
            "[topics]\nreport_topics = ['a', 7]",
            "bridge.toml: [topics] report_topics[1]: expected a string, got an integer; put it in quotes",
        ),
        (
            "[wats.operation_codes]\nself_test = 'ten'",
            (
                "bridge.toml: [wats] operation_codes.self_test: expected an integer, got a string; "
                "write operation_codes.self_test = 10"
            ),
        ),
        (
            "[software.wanted_configs]\nT1 = 5",
            "bridge.toml: [software] wanted_configs.T1: expected a string, got an integer; put it in quotes",
        ),
        (
            "[software.wanted_configs]\nT1 = []",
            (
                "bridge.toml: [software] wanted_configs.T1: expected a string, got an array; "
                'write wanted_configs.T1 = "…"'
            ),
        ),
        (
            "[wats.operation_codes]\nself_test = '12'",
            (
                "bridge.toml: [wats] operation_codes.self_test: expected an integer, got a string; "
                "write operation_codes.self_test = 12 without quotes"
            ),
        ),
        (
            "[production.processes]\nS1 = 1.5",
            (
                "bridge.toml: [production] processes.S1: expected an integer or a string, got a float; "
                "write processes.S1 = 10"
            ),
        ),
        (
            "[assets.thresholds]\nt = 30",
            (
                "bridge.toml: [assets] thresholds.t: expected a table, got an integer; "
                "write [assets.thresholds.t] on a line of its own"
            ),
        ),
        (
            "[assets.thresholds]\na = {high = 30}\nb = {low = [1]}",
            "bridge.toml: [assets] thresholds.b low: expected a number, got an array; write low = 10",
        ),
        (
            "[assets.thresholds.t]\nhigh = 'hot'",
            "bridge.toml: [assets] thresholds.t high: expected a number, got a string; write high = 10",
        ),
        (
            "[assets.thresholds.t]\nhihg = 30",
            "bridge.toml: [assets] thresholds.t: hihg is no setting; did you mean `high`?",
        ),
        (
            "[streams.limits]\nA = 5",
            (
                "bridge.toml: [streams] limits.A: expected a table, got an integer; "
                "write [streams.limits.A] on a line of its own"
            ),
        ),
        (
            "[production.testers]\nT1 = 7",
            "bridge.toml: [production] testers.T1: expected a string, got an integer; put it in quotes",
        ),
        (
            "[mqtt]\nport = = 3",
            "bridge.toml: Invalid value (at line 2, column 8); write key = value, and put text in quotes",
        ),
        (
            "[mqtt]\nport = 1\nport = 2",
            "bridge.toml: Cannot overwrite a value (at line 3, the last); keep one of the two: it is there twice",
        ),
        ("a = " + "[" * 5000, "bridge.toml: brackets nested too deep; write key = value"),
        ('[mqtt]\n"a\\nb" = 1', "bridge.toml: [mqtt] a\\nb is no setting; known are"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_its_place_and_its_fix(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake in the file is named with file, table, key and what to write instead."""
    assert refusal(write(tmp_path, text)).startswith(line)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """A configuration that is not there is said so, with the option that names one."""
    assert refusal(tmp_path / "no.toml") == "no.toml: no such file; name the configuration with -c FILE"


def test_a_folder_for_a_file_is_one_line(tmp_path: Path) -> None:
    """A folder is no configuration."""
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_another_encoding_is_one_line(tmp_path: Path) -> None:
    """A file in Latin-1 is refused with the position of the byte."""
    path = tmp_path / "bridge.toml"
    path.write_bytes(b"# caf\xe9\n")
    assert refusal(path) == "bridge.toml: byte 5 is not UTF-8; save the file as UTF-8"


@pytest.mark.parametrize("key", ["password_file", "ca_cert", "client_cert", "client_key"])
def test_a_named_file_must_be_there(tmp_path: Path, key: str) -> None:
    """A file that is named is looked for beside the configuration; there, its path is resolved, else it is refused."""
    path = write(tmp_path, f"[mqtt]\n{key} = 'secret/it'\n")
    assert refusal(path) == (
        f"bridge.toml: [mqtt] {key}: no such file: secret/it; correct the path; it starts at this file's folder"
    )
    (tmp_path / "secret/it").mkdir(parents=True)
    assert f"[mqtt] {key}: secret/it is a folder; name the file in it" in refusal(path)
    (tmp_path / "secret/it").rmdir()
    (tmp_path / "secret/it").write_text("x")
    assert getattr(load(path, {}).mqtt, key) == str(tmp_path / "secret/it")


def test_a_file_behind_a_file_is_one_line(tmp_path: Path) -> None:
    """A path that cannot be, since a part of it is no folder, is refused with the system's reason."""
    path = write(tmp_path, "[wats]\ntoken_file = 'bridge.toml/token'\n")
    assert "[wats] token_file: bridge.toml/token cannot be read: Not a directory" in refusal(path)


def test_the_spool_needs_its_folder(tmp_path: Path) -> None:
    """The folder of the spool is not made silently, and a folder is no spool."""
    assert "[spool] path: there is no folder" in refusal(write(tmp_path, "[spool]\npath = 'no/spool.db'\n"))
    assert "is a folder; name a file in it" in refusal(write(tmp_path, "[spool]\npath = '.'\n"))


def test_the_spool_is_a_file_that_can_be_one(tmp_path: Path) -> None:
    """What the system refuses to name, or what is no file, is told in one line; a traceback or a hang before."""
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        ("/dev/full", "/dev/full is no file; name one on a disk"),
        ("pipe", "pipe is no file"),
        ("loop", "loop cannot be used: Too many levels of symbolic links"),
        ("x" * 300, "cannot be used: File name too long"),
    ):
        refused = refusal(write(tmp_path, f"[spool]\npath = '{path}'\n"))
        assert refused.startswith("bridge.toml: [spool] path: ")
        assert said in refused


def test_the_environment_lies_over_the_file(tmp_path: Path) -> None:
    """Strings stand bare, everything else as TOML; names of test types are lower case; others are left alone."""
    config = load(
        write(tmp_path, SMALLEST),
        {
            "PYWATS_MQTT__MQTT__BROKER": "true",
            "PYWATS_MQTT__MQTT__PORT": "1",
            "PYWATS_MQTT__MQTT__CLEAN_SESSION": "true",
            "PYWATS_MQTT__MQTT__RECONNECT_DELAY": "2",
            "PYWATS_MQTT__TOPICS__REPORT_TOPICS": '["a/+", "b/+"]',
            "PYWATS_MQTT__WATS__TOKEN": "zzz",
            "PYWATS_MQTT__WATS__OPERATION_CODES__FINAL": "12",
            "PYWATS_MQTT__ASSETS__THRESHOLDS__T_C": "{high = 30}",
            "PYWATS_MQTT_SOMETHING": "else",
            "PATH": "/bin",
        },
    )
    assert (config.mqtt.broker, config.mqtt.port, config.mqtt.clean_session) == ("true", 1, True)
    assert config.mqtt.reconnect_delay == 2.0
    assert config.topics.report_topics == ("a/+", "b/+")
    assert config.wats.token == Secret("zzz")
    assert config.wats.operation_codes == {"self_test": 10, "final": 12}
    assert config.assets.thresholds == {"t_c": Threshold(high=30)}


def test_an_empty_variable_takes_an_optional_setting_away(tmp_path: Path) -> None:
    """An empty variable leaves an optional setting without a value, so that a token file can replace a token."""
    (tmp_path / "t").write_text("x")
    env = {"PYWATS_MQTT__WATS__TOKEN": "", "PYWATS_MQTT__WATS__TOKEN_FILE": "t"}
    config = load(write(tmp_path, SMALLEST), env)
    assert (config.wats.token, config.wats.token_file) == (None, str(tmp_path / "t"))


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("MQTT__PROT", "1", "[mqtt] has no setting `prot`; did you mean `port`?"),
        ("MQTT__URL", "1", "[mqtt] has no setting `url`; it belongs in [wats]"),
        ("MQTT__PORT__X", "1", "[mqtt] has no setting `port__x`; did you mean `port`?"),
        ("MQTT", "{port = 1}", "[mqtt] has no setting ``; known are broker, port"),
        ("MQT__PORT", "1", "there is no table [mqt]; did you mean `mqtt`?"),
        (
            "MQTT__PORT",
            "eighteen",
            "expected an integer from 1 to 65535, got a string; write PYWATS_MQTT__MQTT__PORT=1883",
        ),
        ("MQTT__PORT", "1\nkeepalive = 2", "holds a control character; remove it"),
        ("MQTT__PORT", "0", "expected an integer from 1 to 65535, got 0; write PYWATS_MQTT__MQTT__PORT=1883"),
        ("MQTT__USE_TLS", "yes", "expected true or false, got a string; write PYWATS_MQTT__MQTT__USE_TLS=false"),
        ("MQTT__BROKER", "a\0b", "holds a control character; remove it"),
        (
            "TOPICS__REPORT_TOPICS",
            "a/+",
            (
                "expected a list of strings, got a string; write PYWATS_MQTT__TOPICS__REPORT_TOPICS="
                '["testers/+/results", "devices/+/selftest", "testers/+/repairs", "testers/+/measurements"]'
            ),
        ),
        (
            "WATS__OPERATION_CODES__FINAL",
            "x",
            "expected an integer, got a string; write PYWATS_MQTT__WATS__OPERATION_CODES__FINAL=10",
        ),
        ("WATS__TOKEN_FILE", "no", "no such file: no; correct the path"),
    ],
)
def test_a_mistake_in_the_environment_is_one_line(name: str, text: str, line: str) -> None:
    """A mistake in the environment is named with its variable."""
    assert refusal(None, {f"PYWATS_MQTT__{name}": text}).startswith(f"PYWATS_MQTT__{name}: {line}")


def test_the_token_variable_helps_out_where_no_token_is_named(tmp_path: Path) -> None:
    """WATS_AUTH_TOKEN gives the token, and gives way to the configuration's own token or file."""
    env = {"WATS_AUTH_TOKEN": " dG9rZW4=\n"}
    assert load(None, env).wats.token == Secret("dG9rZW4=")
    assert load(write(tmp_path, SMALLEST), env).wats.token == Secret("c2VjcmV0")
    (tmp_path / "t").write_text("x")
    assert load(write(tmp_path, "[wats]\ntoken_file = 't'\n"), env).wats.token is None
    assert load(None, {"WATS_AUTH_TOKEN": ""}).wats.token is None


@pytest.mark.parametrize(("table", "secret"), [("wats", "token"), ("mqtt", "password")])
def test_a_secret_is_given_once(tmp_path: Path, table: str, secret: str) -> None:
    """A secret and a file for it contradict each other, wherever each of them is given."""
    path = write(tmp_path, f"[{table}]\n{secret} = 'hush'\n")
    line = refusal(path, {f"PYWATS_MQTT__{table.upper()}__{secret.upper()}_FILE": "/etc/hostname"})
    assert line == f"bridge.toml: [{table}]: {secret} and {secret}_file are both set; keep one of them"


@pytest.mark.parametrize(
    "text",
    [
        "[wats]\ntoken = 20231234",
        "[wats]\ntoken = 20231234.5",
        "[wats]\ntoken = ['20231234']",
        "[wats]\ntoken = {a = '20231234'}",
        '[wats]\ntoken = "20231234\\n"',
        "[wats]\ntokn = '20231234'",
        "[mqtt]\nport = '20231234'",
        "[wats]\ntoken = '20231234",
        "[wats]\ntoken = 20231234x",
        "[mqtt]\npassword = 20231234",
    ],
)
def test_no_message_shows_what_might_be_a_secret(tmp_path: Path, text: str) -> None:
    """A mistake on a secret's line, or a secret on another setting's line, is refused without showing it."""
    assert "20231234" not in refusal(write(tmp_path, text))


def test_a_secret_prints_as_stars() -> None:
    """Neither str nor repr of a configuration shows a secret."""
    config = load(None, {"PYWATS_MQTT__WATS__TOKEN": "hush", "PYWATS_MQTT__MQTT__PASSWORD": "hush"})
    assert "hush" not in f"{config} {config!r}"
    assert f"{config.wats.token}" == "***"


NAMES = [setting.variable for table in settings().values() for setting in table.values()]
VALUES = st.one_of(
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["true", "[]", "['a']", "{}", "{a = 1}", "nan", "1979-05-27", "[" * 3000, "9" * 5000, "\udcff"]),
)


@given(st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text().map("PYWATS_MQTT__{}".format)), VALUES, max_size=4))
def test_whatever_stands_in_the_environment_is_taken_or_refused_in_one_line(env: dict[str, str]) -> None:
    """No environment leads to anything but a configuration or a Fatal of one printable line."""
    try:
        config = load(None, env)
    except Fatal as exc:
        assert str(exc).isprintable()  # noqa: PT017  # both outcomes are right
    else:
        assert isinstance(config, BridgeConfig)
