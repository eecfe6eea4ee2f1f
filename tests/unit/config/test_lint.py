"""What lint finds in a configuration that can be read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_mqtt.config.environment import Threshold
from pywats_mqtt.config.findings import Severity
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.config.lint import lint
from pywats_mqtt.config.model import (
    AssetConfig,
    BridgeConfig,
    MQTTConfig,
    Secret,
    SoftwareConfig,
    SpoolConfig,
    WatsConfig,
)
from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.config.streams import StreamConfig
from pywats_mqtt.config.topics import TopicConfig

WATS = WatsConfig(url="https://company.wats.com", token=Secret("c2VjcmV0"))
RIGHT = BridgeConfig(wats=WATS)


def findings(config: BridgeConfig) -> list[str]:
    """Give severity and path of each finding."""
    for finding in lint(config):
        assert finding.problem
        assert finding.fix
        assert "c2VjcmV0" not in f"{finding}"
    return [f"{finding.severity} {finding.path}" for finding in lint(config)]


def with_mqtt(**changes: object) -> BridgeConfig:
    """Give the right configuration with changes in [mqtt]."""
    return msgspec.structs.replace(RIGHT, mqtt=msgspec.convert(changes, MQTTConfig, strict=False, dec_hook=_secret))


def with_topics(**changes: object) -> BridgeConfig:
    """Give the right configuration with changes in [topics]."""
    return msgspec.structs.replace(RIGHT, topics=msgspec.convert(changes, TopicConfig))


def with_wats(**changes: object) -> BridgeConfig:
    """Give the right configuration with changes in [wats]."""
    return msgspec.structs.replace(RIGHT, wats=msgspec.structs.replace(WATS, **changes))


def _secret(_: type, value: object) -> Secret:
    return Secret(str(value))


def test_nothing_is_found_in_a_right_configuration() -> None:
    """Server and token are all it takes; the defaults are sound."""
    assert findings(RIGHT) == []


def test_what_the_defaults_lack_is_server_and_token() -> None:
    """Without a file the bridge does not know its server."""
    assert findings(BridgeConfig()) == ["error wats.url", "error wats.token"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"broker": " "}, ["error mqtt.broker"]),
        ({"broker": "mqtt://host"}, ["error mqtt.broker"]),
        ({"broker": "::1"}, []),
        ({"default_qos": 0}, ["warning mqtt.default_qos"]),
        ({"clean_session": True}, ["warning mqtt.clean_session"]),
        ({"session_expiry_s": 0}, ["warning mqtt.session_expiry_s"]),
        ({"keepalive": 0}, ["warning mqtt.keepalive"]),
        ({"reconnect_delay": 5.0, "max_reconnect_delay": 4.9}, ["error mqtt.max_reconnect_delay"]),
        ({"reconnect_delay": 5.0, "max_reconnect_delay": 5.0}, []),
        ({"ca_cert": "c"}, ["error mqtt.ca_cert"]),
        ({"client_cert": "c"}, ["error mqtt.client_cert"]),
        ({"client_cert": "c", "client_key": "k"}, ["error mqtt.client_cert", "error mqtt.client_key"]),
        ({"client_cert": "c", "client_key": "k", "use_tls": True}, []),
        ({"client_cert": "c", "use_tls": True}, []),
        ({"client_key": "k", "use_tls": True}, ["error mqtt.client_cert"]),
        ({"password": "p"}, ["error mqtt.username"]),
        ({"password_file": "p"}, ["error mqtt.username"]),
        ({"username": "u", "password": "p"}, []),
        ({"username": "u", "broker": "127.0.0.9"}, []),
        ({"username": "u", "broker": "10.0.0.9"}, ["warning mqtt.use_tls"]),
        ({"username": "u", "broker": "broker.example", "use_tls": True}, []),
    ],
)
def test_the_broker_and_the_session(changes: dict[str, object], expected: list[str]) -> None:
    """What contradicts itself is an error; what gives up a guarantee or shows a password is a warning."""
    assert findings(with_mqtt(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"report_topics": ["a/#/b"]}, ["error topics.report_topics[0]"]),
        ({"report_topics": ["t/+/r", "a+/b"]}, ["error topics.report_topics[1]"]),
        ({"report_topics": ["$share/g/t/+/r"]}, ["error topics.report_topics[0]"]),
        ({"report_topics": ["t/all"]}, ["warning topics.report_topics[0]"]),
        ({"report_topics": ["t/+/r", "t/#"]}, ["warning topics.report_topics[1]"]),
        ({"report_topics": ["t/+/r", "t/+/+"]}, []),
        ({"software_topics": ["devices/+/+"]}, ["warning topics.software_topics[0]"]),
        ({"asset_topics": [], "report_topics": [], "software_topics": [], "production_topics": []}, ["error topics"]),
        ({"alarm_topic": "alarms/{kind}"}, ["error topics.alarm_topic"]),
        ({"alarm_topic": "alarms/{alarm_type"}, ["error topics.alarm_topic"]),
        ({"alarm_topic": "alarms/{alarm_type:{width}}"}, ["error topics.alarm_topic"]),
        ({"alarm_topic": "alarms/{alarm_type.x}"}, ["error topics.alarm_topic"]),
        ({"alarm_topic": "alarms/+"}, ["error topics.alarm_topic"]),
        ({"alarm_topic": ""}, ["error topics.alarm_topic"]),
        ({"alarm_topic": "alarms"}, ["warning topics.alarm_topic"]),
        ({"alarm_topic": "assets/{alarm_type}/status"}, ["error topics.alarm_topic"]),
        ({"response_topic": "testers/{request_id}/results"}, ["error topics.response_topic"]),
        ({"response_topic": "answers/{alarm_type}"}, ["error topics.response_topic"]),
        ({"verdict_topic": "devices/{device}/software"}, ["error topics.verdict_topic"]),
        ({"verdict_topic": "verdicts"}, ["warning topics.verdict_topic"]),
    ],
)
def test_filters_and_templates(changes: dict[str, object], expected: list[str]) -> None:
    """A filter is valid and taken by one list; a template has its own field and leads nothing back to us."""
    assert findings(with_topics(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": ""}, ["error wats.url"]),
        ({"url": "company.wats.com"}, ["error wats.url"]),
        ({"url": "ftp://company.wats.com"}, ["error wats.url"]),
        ({"url": "https://"}, ["error wats.url"]),
        ({"url": "https://[broken"}, ["error wats.url"]),
        ({"url": "https://host:99999"}, ["error wats.url"]),
        ({"url": "https://user:pass@host"}, ["error wats.url"]),
        ({"url": "https://host/?a=b"}, ["error wats.url"]),
        ({"url": "http://wats.example"}, ["warning wats.url"]),
        ({"url": "http://127.0.0.1:8088"}, []),
        ({"url": "http://[::1]:8088"}, []),
        ({"url": "http://localhost:8088/"}, []),
        ({"token": None}, ["error wats.token"]),
        ({"token": None, "token_file": "t"}, []),
        ({"token": Secret("")}, ["error wats.token"]),
        ({"token": Secret("c2Vj\ncmV0")}, ["error wats.token"]),
        ({"token": Secret("c2VjcmV0 ")}, ["error wats.token"]),
        ({"default_operation_code": 0}, ["error wats.default_operation_code"]),
        ({"default_repair_code": 0}, ["error wats.default_repair_code"]),
        ({"count_from_exceptions": ("FIXTURE-1", " ")}, ["error wats.count_from_exceptions[1]"]),
        ({"operation_codes": {"final": -1}}, ["error wats.operation_codes.final"]),
        ({"requests_per_minute": 500}, []),
        ({"requests_per_minute": 501}, ["warning wats.requests_per_minute"]),
        ({"requests_per_minute": 0}, ["warning wats.requests_per_minute"]),
    ],
)
def test_the_server(changes: dict[str, object], expected: list[str]) -> None:
    """Address, token and codes are such as a server has them, and its limit is respected."""
    assert findings(with_wats(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"require_software": "block"}, []),
        ({"hash_tag": "SwVersion"}, ["error software.hash_tag"]),
        ({"tag_prefix": "1_"}, ["error software.tag_prefix"]),
        ({"tag_prefix": "xml"}, ["error software.tag_prefix"]),
        ({"tag_prefix": "SW-"}, []),
        ({"refresh_s": 5}, ["warning software.refresh_s"]),
        ({"wanted_config": " "}, ["error software.wanted_config"]),
        ({"wanted_configs": {"T1": ""}}, ["error software.wanted_configs.T1"]),
    ],
)
def test_software(changes: dict[str, object], expected: list[str]) -> None:
    """Tags are told apart and can be written; what nobody can report is not waited for."""
    config = msgspec.structs.replace(RIGHT, software=msgspec.convert(changes, SoftwareConfig))
    assert findings(config) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"Temperature/DUT": {"low": 10, "high": 85}, "Temperature/+": {"high": 90}, "#": {"low": 0}}, []),
        ({"A/#/B": {"low": 1}}, ["error streams.limits.A/#/B"]),
        ({"": {"low": 1}}, ["error streams.limits."]),
        ({"A": {}}, ["error streams.limits.A"]),
        ({"A": {"low": 2, "high": 1}}, ["error streams.limits.A"]),
    ],
)
def test_limits_of_streams(limits: dict[str, object], expected: list[str]) -> None:
    """A pattern that matches no path, and limits that nothing is compared with."""
    config = msgspec.structs.replace(RIGHT, streams=msgspec.convert({"limits": limits}, StreamConfig))
    assert findings(config) == expected


def test_software_that_nobody_can_report_is_not_required() -> None:
    """Without a topic for inventories every result would be kept back."""
    software = SoftwareConfig(require_software="tag")
    config = msgspec.structs.replace(with_topics(software_topics=[]), software=software)
    assert findings(config) == ["error software.require_software"]


def test_a_spool_holds_more_than_one_message() -> None:
    """A spool that one packet fills would never be read into again."""
    config = msgspec.structs.replace(RIGHT, spool=SpoolConfig(max_bytes=4_194_304, trace_rows=0))
    assert findings(config) == ["error spool.max_bytes"]


@pytest.mark.parametrize(
    ("lane", "days", "fix"),
    [("reports", 90, "write quarantine or telemetry"), ("quarantine", 0, "write 90, or leave it out")],
)
def test_only_lanes_that_may_be_dropped_have_an_age(lane: str, days: float, fix: str) -> None:
    """What is owed to WATS is kept, whatever is written."""
    config = msgspec.structs.replace(RIGHT, spool=SpoolConfig(max_age_days={lane: days}))
    (found,) = lint(config)
    assert (found.severity, found.path, found.fix) == (Severity.ERROR, f"spool.max_age_days.{lane}", fix)
    assert not lint(msgspec.structs.replace(RIGHT, spool=SpoolConfig(max_age_days={"quarantine": 90, "telemetry": 1})))


def test_traces_leave_room_for_messages() -> None:
    """They are bounded in rows, and the spool in bytes."""
    config = msgspec.structs.replace(RIGHT, spool=SpoolConfig(max_bytes=1 << 24, trace_rows=28_000))
    assert findings(config) == ["warning spool.trace_rows"]


def test_errors_come_first() -> None:
    """What keeps the bridge from starting stands above what is only a remark."""
    config = msgspec.structs.replace(with_mqtt(default_qos=0), wats=WatsConfig())
    assert [finding.severity for finding in lint(config)] == [Severity.ERROR, Severity.ERROR, Severity.WARNING]


@given(st.builds(TopicConfig, alarm_topic=st.text(), report_topics=st.tuples(st.text())), st.text(), st.text())
def test_lint_is_total(topics: TopicConfig, url: str, token: str) -> None:
    """Whatever the texts are, lint gives findings."""
    assert isinstance(lint(BridgeConfig(topics=topics, wats=WatsConfig(url=url, token=Secret(token)))), tuple)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"blocked": 5, "warming up": 0}, []),
        ({"blocked": 7}, ["error assets.states.blocked"]),
        ({"blocked": -1}, ["error assets.states.blocked"]),
        ({"Blocked": 5}, ["error assets.states.Blocked"]),
        ({" ": 1}, ["error assets.states. "]),
    ],
)
def test_words_of_devices_mean_states_that_there_are(states: dict[str, int], expected: list[str]) -> None:
    """A word is in lower case, since it is compared so, and its state is one of WATS', or 0 for none."""
    assert findings(msgspec.structs.replace(RIGHT, assets=AssetConfig(states=states))) == expected


@pytest.mark.parametrize(
    ("assets", "expected"),
    [
        (AssetConfig(history_window_s=900, history_late_s=7_200), []),
        (AssetConfig(history_window_s=900, history_late_s=7_201), ["error assets.history_late_s"]),
        (AssetConfig(history_late_s=7_201), []),
        (AssetConfig(history_window_s=59, history_late_s=1), ["warning assets.history_window_s"]),
        (AssetConfig(history_part_number=" "), ["error assets.history_part_number"]),
        (AssetConfig(history_part_number="A/B"), ["error assets.history_part_number"]),
        (AssetConfig(units={"C": "°C"}), ["error assets.units.C"]),
        (AssetConfig(units={"c": ""}), []),
        (AssetConfig(thresholds={"t": Threshold()}), ['error assets.thresholds."t"']),
        (AssetConfig(thresholds={"F1/t": Threshold()}), []),
        (AssetConfig(thresholds={"t": Threshold(low=1, high=3, hysteresis=2)}), []),
        (AssetConfig(thresholds={"t": Threshold(low=1, high=3, hysteresis=2.5)}), ['error assets.thresholds."t"']),
        (AssetConfig(thresholds={"t": Threshold(high=float("inf"))}), ['error assets.thresholds."t"']),
    ],
)
def test_history_units_and_limits_can_work(assets: AssetConfig, expected: list[str]) -> None:
    """Windows that are kept as long as asked, a part number that WATS takes, and limits with room between them."""
    assert findings(msgspec.structs.replace(RIGHT, assets=assets)) == expected


def test_ending_what_people_set_is_warned_of() -> None:
    """It may be wanted, and says what it costs."""
    config = msgspec.structs.replace(RIGHT, assets=AssetConfig(override_states=True))
    assert findings(config) == ["warning assets.override_states"]


@pytest.mark.parametrize(
    ("offline_after_s", "expected"), [(0, []), (119, ["warning assets.offline_after_s"]), (120, [])]
)
def test_a_silence_that_a_broken_connection_can_make_is_warned_of(offline_after_s: float, expected: list[str]) -> None:
    """It is noticed after the time of keepalive; until then every device would seem silent."""
    config = msgspec.structs.replace(RIGHT, assets=AssetConfig(offline_after_s=offline_after_s))
    assert findings(config) == expected


def test_self_tests_that_nobody_sends_or_looks_at_are_found() -> None:
    """What is to mark needs a topic, and what is overdue something that follows from it."""
    every = msgspec.structs.replace(RIGHT, assets=AssetConfig(selftest_failed="block", selftest_every_h=24))
    assert findings(every) == []
    unused = msgspec.structs.replace(RIGHT, assets=AssetConfig(selftest_every_h=24))
    assert findings(unused) == ["warning assets.selftest_every_h"]
    for filters, expected in (
        (("testers/+/results",), ["error assets.selftest_failed"]),
        (("testers/+/results", "devices/+/#"), []),
    ):
        topics = TopicConfig(report_topics=filters, software_topics=())
        assert findings(msgspec.structs.replace(every, topics=topics)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"limits_refresh_s": 10.0, "status_refresh_s": 60.0, "calibration_limits": {"gain": 0.1, "default": 1}}, []),
        ({"limits_refresh_s": 9.0}, ["warning assets.limits_refresh_s"]),
        ({"status_refresh_s": 59.0}, ["warning assets.status_refresh_s"]),
        ({"status_refresh_s": 0.0}, []),
        ({"calibration_limits": {" gain": 0.1}}, ["error assets.calibration_limits. gain"]),
        ({"calibration_limits": {"": 0.1}}, ["error assets.calibration_limits."]),
        (
            {"calibration_limits": {"gain": 0, "offset": -1.5}},
            [f"error assets.calibration_limits.{n}" for n in ("gain", "offset")],
        ),
    ],
)
def test_limits_are_not_asked_for_too_often(changes: dict[str, object], expected: list[str]) -> None:
    """Each reading is a call of the quota; and a parameter has a name, which is compared as it is written."""
    config = msgspec.structs.replace(RIGHT, assets=msgspec.convert(changes, AssetConfig))
    assert findings(config) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"phase_on_entry": 3}, ["error production.phase_on_entry"]),
        ({"phase_on_exit": 16, "phase_on_entry": 0}, []),
        ({"phase_on_exit": 17}, ["error production.phase_on_exit"]),
        ({"location": "Hall/{line}/{station}", "location_on_exit": "out"}, []),
        ({"location": "{device}"}, ["error production.location"]),
        ({"location_on_exit": "{"}, ["error production.location_on_exit"]),
        ({"processes": {"S": 60, "T": "ICT"}, "testers": {"T1": "S"}}, []),
        ({"processes": {"S": 0, "T": " "}}, ["error production.processes.S", "error production.processes.T"]),
        ({"testers": {"T1": ""}}, ["error production.testers.T1"]),
        ({"lines": {"T1": "LINE1"}, "batch_report_s": 0}, []),
        ({"lines": {"T1": " "}}, ["error production.lines.T1"]),
        ({"default_part_number": "P-1"}, []),
        ({"default_part_number": "P*"}, ["error production.default_part_number"]),
        ({"default_part_number": ""}, ["error production.default_part_number"]),
    ],
)
def test_production(changes: dict[str, object], expected: list[str]) -> None:
    """Phases, templates, operations and part numbers that WATS would not take."""
    production = msgspec.convert(changes, ProductionConfig)
    assert findings(msgspec.structs.replace(RIGHT, production=production)) == expected


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({}, []),
        (dict.fromkeys(LimitsConfig.__struct_fields__, 0), []),
        ({"topic_bytes": 10}, ["error limits.topic_bytes"]),
        ({"payload_bytes": 500}, ["error limits.payload_bytes", "warning limits.payload_bytes"]),
        ({"nesting": 2}, ["error limits.nesting"]),
        ({"string_bytes": 1_000_000}, ["warning limits.string_bytes"]),
        ({"string_bytes": 9}, ["error limits.string_bytes", "warning limits.string_bytes"]),
        ({"name_bytes": 9}, ["error limits.name_bytes"]),
        ({"list_items": 9}, ["error limits.list_items"]),
        ({"values": 9}, ["error limits.values"]),
        ({"number_digits": 9}, ["error limits.number_digits"]),
        ({"quarantine_bytes": 65_536}, ["warning limits.quarantine_bytes"]),
    ],
)
def test_limits(limits: dict[str, int], found: list[str]) -> None:
    """A limit that refuses what every device sends is an error; one that attachments cannot pass is a warning."""
    assert findings(msgspec.structs.replace(RIGHT, limits=LimitsConfig(**limits))) == found


def test_limits_leave_room_for_attachments() -> None:
    """Where larger attachments are let through to WATS, the limits before it are told."""
    found = findings(with_wats(max_attachment_bytes=3_000_000))
    assert found == ["warning limits.payload_bytes", "warning limits.string_bytes"]
