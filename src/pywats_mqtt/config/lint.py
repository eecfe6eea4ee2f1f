"""Judges a configuration: what cannot work, what loses messages, and what to write instead. Pure: it asks nobody.

An error makes no sense in any plant; a warning may be what the operator wants, and says what it costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import combinations
from urllib.parse import SplitResult, urlsplit

from pywats_mqtt.config.findings import REFUSED, SHORTEST_REFRESH_S, Finding, Severity
from pywats_mqtt.config.findings import error as _error
from pywats_mqtt.config.findings import warning as _warning
from pywats_mqtt.config.lint_assets import asset_findings
from pywats_mqtt.config.lint_limits import limit_findings
from pywats_mqtt.config.model import BridgeConfig, MQTTConfig, SoftwareConfig, SpoolConfig, WatsConfig
from pywats_mqtt.config.overlap import overlaps, template_filter
from pywats_mqtt.config.production import NO_PHASE, PHASES, ProductionConfig
from pywats_mqtt.config.streams import StreamConfig
from pywats_mqtt.config.topics import TopicConfig
from pywats_mqtt.topics import covers, filter_problem, name_problem, render, template_fields

WATS_REQUESTS_PER_MINUTE = 500
"""What a WATS server allows a token in a minute, all kinds of calls together."""

FIELDS = {"alarm_topic": "alarm_type", "response_topic": "request_id", "verdict_topic": "device"}
"""The one field each template may have."""

KEPT = {
    "alarm_topic": "is one topic for all alarms, of which the broker keeps one of the bridge and one of each asset",
    "verdict_topic": "is one topic for all stations, of which the broker keeps one verdict",
}
"""What is wrong with a template without it, where the broker keeps what is published."""

PLACES = frozenset({"station", "line"})
"""The fields a template of a unit's location may have."""

DROPPED = ("quarantine", "telemetry")
"""Lanes of which something may be dropped for its age."""

TRACE_BYTES = 300
"""What a row of the ledger for `trace` takes at most, with ids of usual lengths."""

TAG_NAME = re.compile(r"(?!xml)[a-z_][a-z0-9_.-]*\Z", re.ASCII | re.IGNORECASE)
"""What names an XML element, in which WATS keeps a tag (XML 1.0, 2.3, ASCII only)."""


def lint(config: BridgeConfig) -> tuple[Finding, ...]:
    """Judge a configuration; errors first, otherwise in the order of the file."""
    found = (
        *_broker(config.mqtt),
        *_session(config.mqtt),
        *_topics(config.topics),
        *_wats(config.wats),
        *asset_findings(config),
        *_production(config.production),
        *_software(config.software, config.topics),
        *_streams(config.streams),
        *limit_findings(config),
        *_spool(config.spool, config.mqtt),
    )
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def _broker(mqtt: MQTTConfig) -> Iterator[Finding]:
    if not mqtt.broker.strip():
        yield _error("mqtt.broker", "is empty", "write the broker's host name or address")
    elif "/" in mqtt.broker or " " in mqtt.broker:
        yield _error(
            "mqtt.broker", "is more than a host", "write the host alone; the port goes in port, TLS in use_tls"
        )
    if mqtt.username is None and (mqtt.password is not None or mqtt.password_file is not None):
        yield _error("mqtt.username", "is missing, and there is a password", "name the user, or remove the password")
    if not mqtt.use_tls:
        for key in ("ca_cert", "client_cert", "client_key"):
            if getattr(mqtt, key) is not None:
                yield _error(f"mqtt.{key}", "has no effect without TLS", "set use_tls = true, or remove it")
        if mqtt.username is not None and not _is_loopback(mqtt.broker):
            fix = "set use_tls = true, and the broker's TLS port (8883 by custom)"
            yield _warning("mqtt.use_tls", "is off: user and password cross the network in clear text", fix)
    elif mqtt.client_key is not None and mqtt.client_cert is None:
        yield _error("mqtt.client_cert", "is missing, and there is its key", "name the certificate, or remove the key")


def _session(mqtt: MQTTConfig) -> Iterator[Finding]:
    if mqtt.default_qos == 0:
        yield _warning("mqtt.default_qos", "0 gives up every guarantee: a lost message is not sent again", "write 1")
    if mqtt.clean_session:
        yield _warning("mqtt.clean_session", "loses what was sent while the bridge was away", "write false")
    if mqtt.session_expiry_s == 0:
        problem = "0 lets the broker drop what it holds for us at each disconnect"
        yield _warning("mqtt.session_expiry_s", problem, "write the longest absence to bridge, such as 604800 (7 days)")
    if mqtt.keepalive == 0:
        yield _warning("mqtt.keepalive", "0 leaves a broker that vanished unnoticed", "write 60")
    if mqtt.max_reconnect_delay < mqtt.reconnect_delay:
        yield _error("mqtt.max_reconnect_delay", "is below reconnect_delay", "write at least as many seconds")


def _topics(topics: TopicConfig) -> Iterator[Finding]:
    filters = _filters(topics)
    if not filters:
        yield _error(
            "topics", "no filter at all: there is nothing to receive", "remove the empty lists for the defaults"
        )
    usable: list[tuple[str, str]] = []
    for path, topic_filter in filters:
        problem = filter_problem(topic_filter)
        if problem is not None:
            yield _error(path, f"{topic_filter!r} is no topic filter: {problem}", "see MQTT 5, section 4.7.1")
        elif topic_filter.startswith("$share/"):
            problem = "a shared subscription brings a device's messages out of order"
            yield _error(path, problem, f"write {topic_filter.split('/', 2)[-1]}")
        else:
            usable.append((path, topic_filter))
            if "+" not in topic_filter.split("/"):
                yield _warning(path, f"{topic_filter!r} has no `+`, so its topics name no device", "write + for the id")
    for (first, taken), (second, other) in combinations(usable, 2):
        if first.partition("[")[0] != second.partition("[")[0] and overlaps(taken, other):
            what = "all" if covers(taken, other) else "some"
            yield _warning(
                second, f"{what} of its topics are taken by {first}, {taken!r}", "keep each topic to one list"
            )
    for key, field in FIELDS.items():
        yield from _template(f"topics.{key}", getattr(topics, key), field, usable)
    yield from _kept(topics)


def _kept(topics: TopicConfig) -> Iterator[Finding]:
    for key, problem in KEPT.items():
        template = getattr(topics, key)
        if name_problem(template) is None and "{" not in template:
            yield _warning(f"topics.{key}", problem, f"write a topic with {{{FIELDS[key]}}} in it")


def _filters(topics: TopicConfig) -> list[tuple[str, str]]:
    """Give each filter with its path, in the order in which they are asked."""
    keys = ("asset_topics", "report_topics", "software_topics", "production_topics")
    return [(f"topics.{key}[{number}]", text) for key in keys for number, text in enumerate(getattr(topics, key))]


def _template(path: str, template: str, field: str, filters: list[tuple[str, str]]) -> Iterator[Finding]:
    try:
        unknown = sorted(template_fields(template) - {field})
        problem = None if unknown else name_problem(render(template, {field: "x"}))
    except (ValueError, KeyError, AttributeError):
        yield _error(path, f"{template!r} is no template", f"write a topic with {{{field}}} in it")
        return
    if unknown:
        yield _error(path, f"there is nothing to put in for {{{unknown[0]}}}", f"the only field is {{{field}}}")
    elif problem is not None:
        yield _error(path, f"{template!r} makes no topic: {problem}", f"write a topic with {{{field}}} in it")
    else:
        for taken, topic_filter in filters:
            if overlaps(template_filter(template), topic_filter):
                problem = f"the bridge would receive what it publishes: {topic_filter!r} in {taken} matches"
                yield _error(path, problem, "publish below another topic, or narrow the filter")


def _wats(wats: WatsConfig) -> Iterator[Finding]:
    server = _server(wats.url)
    if not wats.url:
        yield _error("wats.url", "is empty", "write the server's address, such as https://company.wats.com")
    elif server is None:
        yield _error("wats.url", "is no address of a server", "write https://, the host, and a port if it has one")
    elif server.scheme == "http" and not _is_loopback(server.hostname or ""):
        yield _warning("wats.url", "without https the token crosses the network in clear text", "write https://")
    token = None if wats.token is None else wats.token.reveal()
    if token is None and wats.token_file is None:
        yield _error("wats.token", "is missing", "write token or token_file, or set WATS_AUTH_TOKEN")
    elif token is not None and not (token.isascii() and token.isprintable() and token.strip() == token != ""):
        yield _error(
            "wats.token", "has characters no token has, or none", "copy it again, without spaces or line breaks"
        )
    yield from _codes(wats)
    for number, asset in enumerate(wats.count_from_exceptions):
        if not asset.strip():
            yield _error(f"wats.count_from_exceptions[{number}]", "names no asset", "write its serial number")
    if not 0 < wats.requests_per_minute <= WATS_REQUESTS_PER_MINUTE:
        problem = f"the server refuses more than about {WATS_REQUESTS_PER_MINUTE} calls a minute"
        yield _warning("wats.requests_per_minute", problem, "write 450, and leave the rest to others of the same token")


def _codes(wats: WatsConfig) -> Iterator[Finding]:
    tests = {"wats.default_operation_code": wats.default_operation_code}
    tests |= {f"wats.operation_codes.{name}": code for name, code in wats.operation_codes.items()}
    for path, code in tests.items():
        if code < 1:
            yield _error(path, f"{code} is no operation code", "take one from the server's Process setup, such as 100")
    if wats.default_repair_code < 1:
        problem = f"{wats.default_repair_code} is no operation code"
        yield _error("wats.default_repair_code", problem, "take one from the server's Process setup, such as 500")


def _software(software: SoftwareConfig, topics: TopicConfig) -> Iterator[Finding]:
    if software.require_software != "off" and not topics.software_topics:
        problem = "asks for software that no station can report: topics.software_topics is empty"
        yield _error("software.require_software", problem, 'write "off", or remove the empty list for the defaults')
    keys = ("version_tag", "hash_tag", "station_tag", "part_number_tag")
    for first, second in combinations(keys, 2):
        if getattr(software, first) == getattr(software, second):
            yield _error(f"software.{second}", f"is the same tag as {first}", "name another tag of the packages")
    if not TAG_NAME.match(software.tag_prefix):
        problem = "tags begin with a letter or `_`, then letters, digits, `_`, `-` and `.`: it would be changed"
        yield _error("software.tag_prefix", problem, "write sw_")
    if software.refresh_s < SHORTEST_REFRESH_S:
        problem = f"asks WATS for all packages {60 / software.refresh_s:g} times a minute, from the quota of all calls"
        yield _warning("software.refresh_s", problem, "write 300")
    for path, version in (
        ("software.wanted_config", software.wanted_config),
        *((f"software.wanted_configs.{device}", version) for device, version in software.wanted_configs.items()),
    ):
        if version is not None and not version.strip():
            yield _error(path, "is empty, which no device reports", "write the version, or remove it")


def _server(url: str) -> SplitResult | None:
    """Take a URL apart; None where it is not just a server's address."""
    try:
        server = urlsplit(url)
        port_is_right = server.port is None or server.port > 0
    except ValueError:
        return None
    is_plain = not (server.query or server.fragment or server.username or server.password) and " " not in url
    return server if server.scheme in {"http", "https"} and server.hostname and is_plain and port_is_right else None


def _production(production: ProductionConfig) -> Iterator[Finding]:
    for key in ("phase_on_entry", "phase_on_exit"):
        phase = getattr(production, key)
        if phase not in {NO_PHASE, *PHASES}:
            known = ", ".join(map(str, PHASES))
            yield _error(f"production.{key}", f"{phase} is no phase of a WATS unit", f"write 0 for none, or {known}")
    for key in ("location", "location_on_exit"):
        template = getattr(production, key)
        if not _is_place(template):
            problem = f"{template!r} has a part that stands for nothing"
            yield _error(f"production.{key}", problem, "the only parts in braces are {station} and {line}")
    for name, operation in production.processes.items():
        if not str(operation).strip() or (isinstance(operation, int) and operation < 1):
            fix = "write the code or the name of an operation from the server's Process setup"
            yield _error(f"production.processes.{name}", f"{operation!r} is no operation", fix)
    for name, station in production.testers.items():
        if not station.strip():
            yield _error(f"production.testers.{name}", "names no station", "write the id of the station it stands at")
    yield from _lines(production)
    number = production.default_part_number
    if number is not None and (not number.strip() or REFUSED & set(number)):
        fix = f"take one without {' '.join(sorted(REFUSED))}, or remove it"
        yield _error("production.default_part_number", f"{number!r} is no part number that WATS takes", fix)


def _lines(production: ProductionConfig) -> Iterator[Finding]:
    for name, line in production.lines.items():
        if not line.strip():
            yield _error(f"production.lines.{name}", "names no line", "write the id of the line it stands at")


def _is_place(template: str) -> bool:
    try:
        return template_fields(template) <= PLACES
    except ValueError:
        return False


def _streams(streams: StreamConfig) -> Iterator[Finding]:
    for pattern, limits in streams.limits.items():
        path = f"streams.limits.{pattern}"
        problem = filter_problem(pattern)
        if problem is not None:
            yield _error(path, f"is no path of a channel: {problem}", "write names with / between them, + or #")
        if limits.low is None and limits.high is None:
            yield _error(path, "has no limits", "write low, high, or both")
        elif limits.low is not None and limits.high is not None and limits.low > limits.high:
            yield _error(path, f"the low limit {limits.low:g} is above the high limit {limits.high:g}", "exchange them")


def _spool(spool: SpoolConfig, mqtt: MQTTConfig) -> Iterator[Finding]:
    if spool.max_bytes < 2 * mqtt.max_packet_bytes:
        problem = "is less than two of the largest packets, so one message could fill it for good"
        yield _error("spool.max_bytes", problem, f"write at least {2 * mqtt.max_packet_bytes}")
    for lane, days in spool.max_age_days.items():
        if lane not in DROPPED:
            problem = "is no lane of which something may be dropped; all else is kept until WATS has it"
            yield _error(f"spool.max_age_days.{lane}", problem, f"write {' or '.join(DROPPED)}")
        elif not days > 0:
            yield _error(f"spool.max_age_days.{lane}", f"{days:g} days would drop all", "write 90, or leave it out")
    most = spool.max_bytes // 2 // TRACE_BYTES
    if spool.trace_rows > most:
        problem = f"would fill more than half of spool.max_bytes, with {TRACE_BYTES} bytes a row"
        yield _warning("spool.trace_rows", problem, f"write at most {most}, or raise spool.max_bytes")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")
