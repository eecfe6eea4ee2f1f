"""The configuration as values: one declaration gives parsing, checking and documentation.

Nothing here reads a file, the environment or the clock; `config.load` does, and `config.lint` judges what it read.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pywats_mqtt.config.clock import ClockConfig
from pywats_mqtt.config.environment import UNITS, Threshold, Watching
from pywats_mqtt.config.limits import LimitsConfig
from pywats_mqtt.config.production import ProductionConfig
from pywats_mqtt.config.shifts import ShiftsConfig, UtilizationConfig
from pywats_mqtt.config.streams import StreamConfig
from pywats_mqtt.config.topics import TopicConfig

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Secret:
    """A text that prints as `***`; `reveal()` gives it to the one place that needs it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself."""
        return self._text

    def __repr__(self) -> str:
        """Hide the text."""
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Two secrets are equal when their texts are."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """Hash as the text does."""
        return hash(self._text)


class MQTTConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[mqtt]` table: how to reach the broker, and what to ask of it.

    Attributes:
        broker: host name or address.
        port: 1883 without TLS, 8883 with it, by custom.
        client_id: names our session at the broker. Empty: generated once and kept in the spool, so that a restart finds
            its session again.
        username: who we are to the broker; not set, we log in without a name.
        password: the password itself; better kept in `password_file`.
        password_file: a file that holds the password, read at each connect; excludes `password`.
        use_tls: encrypt, and check the broker's certificate and host name.
        ca_cert: PEM file of the authorities to trust; not set, the system's are.
        client_cert: PEM file of our certificate, for brokers that ask for one.
        client_key: PEM file of its key; not set where `client_cert` holds it.
        default_qos: QoS of our subscriptions, and of what we publish. 0 gives up every guarantee.
        clean_session: throw away the session at each start. False by default, unlike in the proposal: a clean session
            loses what was sent while we were away.
        keepalive: seconds without a packet after which we ping; 0 turns it off.
        auto_reconnect: reconnect for ever. Off, the bridge drains and ends when the connection is lost.
        reconnect_delay: seconds before the first try to reconnect; doubled, with jitter, at each further one.
        max_reconnect_delay: seconds the wait never exceeds; also the wait after bad credentials.
        session_expiry_s: seconds the broker keeps our session, and queues for it, while we are away; 7 days.
        receive_maximum: messages the broker may send before we acknowledge the first (MQTT 5, 3.1.2.11.3).
        max_packet_bytes: larger packets are refused by the broker (MQTT 5, 3.1.2.11.4), or end the connection. It
            protects memory; `[limits]` bounds what is in a packet.
        topic_alias_maximum: topic names the broker may abbreviate towards us (MQTT 5, 3.1.2.11.5). 0 by default: it
            saves a few bytes, and a broker that gives one alias to a whole filter, as rumqttd (the embedded one) does,
            would put one device's results on another.
    """

    broker: str = "localhost"
    port: Port = 1883
    client_id: str = ""
    username: str | None = None
    password: Secret | None = None
    password_file: str | None = None
    use_tls: bool = False
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    default_qos: Literal[0, 1, 2] = 1
    clean_session: bool = False
    keepalive: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 60
    auto_reconnect: bool = True
    reconnect_delay: Seconds = 5.0
    max_reconnect_delay: Seconds = 300.0
    session_expiry_s: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] = 604_800
    receive_maximum: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 2_000
    max_packet_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=268_435_455)] = 4_194_304
    topic_alias_maximum: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0

    def __post_init__(self) -> None:
        """Take a password given as text, as the proposal's examples do, and hide it."""
        if isinstance(self.password, str):
            msgspec.structs.force_setattr(self, "password", Secret(self.password))  # type: ignore[unreachable] # untyped callers


class WatsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[wats]` table: the server, and what reports and assets get where a device says nothing.

    Attributes:
        url: base address of the server, such as `https://company.wats.com`.
        token: the API token itself; not set where `token_file` or `WATS_AUTH_TOKEN` gives it.
        token_file: a file that holds the token, read again when the server refuses the one we have.
        location: station location on reports.
        purpose: station purpose on reports.
        operation_codes: test type to WATS operation code.
        default_operation_code: code of a test type that is not in the map.
        default_repair_code: WATS operation code of a repair that names none.
        default_part_number: part number of a result that names none; not set, such a result is quarantined.
        default_revision: revision of a result that names none.
        asset_type: name of the WATS asset type of new assets; made when missing and `create_assets` is on.
        count_from: what counts the use of an asset: `topic`, its own counters, or `reports`, the `assets` of results.
            No use counts twice: with `topic` the assets of a result are only noted, as misc infos `asset_used`; with
            `reports` counters are left alone, and a result whose answer was lost is looked for in WATS before it is
            sent again.
        count_from_exceptions: serial numbers of the assets that the other one counts.
        max_attachment_bytes: size of the largest attachment of a step that is sent; a result with a larger one is
            quarantined. WATS' own client sends no larger ones than this.
        create_assets: create an asset when a device first reports; off, telemetry of unknown assets is quarantined.
        requests_per_minute: calls in any 60 s, all kinds together; 0 for no limit of ours. Where WATS refuses some as
            too many (429, 503) the bridge makes fewer, and more again as they are accepted; with 0 fewer than it
            made in the last minute, and any number again when WATS has accepted those for a minute.
        telemetry_share: part of them that counters, states, tags and inventories may use at most. The rest is kept for
            results, units and alerts, which therefore never wait for telemetry; telemetry that is owed longer gets
            older instead, as `status` tells. A tenth is telemetry's, whatever else there is to do.
        concurrency: results and repairs under way at once; besides them as many unit events, as many alerts and other
            things, and of each kind of telemetry a quarter of that.
        timeout_s: seconds a call may take.
        attempts: tries of a delivery that the server answers with 500 while it takes others, or that a defect of the
            bridge fails, before it is quarantined.
        update_interval_s: shortest time between two updates of the same asset's counts. Its state, which costs a call
            only where it changed, follows within ten seconds, or this if it is shorter.
        tags_interval_s: shortest time between two writes of the same asset's environment tags.
    """

    url: str = ""
    token: Secret | None = None
    token_file: str | None = None
    location: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Edge"
    purpose: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Production"
    operation_codes: dict[str, int] = msgspec.field(default_factory=dict)
    default_operation_code: int = 100
    default_repair_code: int = 500
    default_part_number: str | None = None
    default_revision: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "-"
    asset_type: Annotated[str, msgspec.Meta(min_length=1)] = "MQTT device"
    create_assets: bool = True
    count_from: Literal["topic", "reports"] = "topic"
    count_from_exceptions: tuple[str, ...] = ()
    max_attachment_bytes: Annotated[int, msgspec.Meta(ge=0)] = 2_048_000
    requests_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 450
    telemetry_share: Annotated[float, msgspec.Meta(ge=0.1, le=1.0)] = 0.7
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    timeout_s: Seconds = 30.0
    attempts: Annotated[int, msgspec.Meta(ge=1)] = 5
    update_interval_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    tags_interval_s: Annotated[float, msgspec.Meta(ge=0)] = 120.0

    def is_counted_by_reports(self, asset: str) -> bool:
        """Tell whether the use of an asset is counted by the results that name it, and not by its counters."""
        return (self.count_from == "reports") is not (asset in self.count_from_exceptions)


class AssetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[assets]` table: what the words of devices mean for their assets.

    Attributes:
        states: a device's word, in lower case, to the WATS asset state it means. 1 is in operation, 2 in transit, 3 in
            maintenance, 4 in calibration, 5 in storage, 6 scrapped, and 0 none. What is not here keeps its meaning:
            running is 1, error, fault and maintenance 3, calibration 4, and any other word changes no state.
        override_states: let a device end In maintenance, In calibration, In storage and Scrapped also where a person
            set it. Off, the bridge ends only what it set itself.
        maintenance_from: an active alert of this severity or a graver one puts its asset in maintenance. `info`,
            `warning`, `error` or `critical`; or `never`. When it is cleared the asset gets the state it had before, or
            that its device said since.
        selftest_failed: what follows from a self-test (`devices/{id}/selftest`) that failed or is overdue. `tag` shows
            it in the tag `selftest` of the asset, its log and an alarm, and as misc info `selftest_check` on reports of
            units that the device tests meanwhile, as tester, fixture or asset; `block` also puts the asset in
            maintenance until a self-test passes; `off` does nothing.
        selftest_every_h: hours after which the next self-test of a device is overdue; 0 for never. One that never sent
            any is not.
        calibration_limits: parameter of a calibration to the deviation, in either direction, that it may not exceed,
            where its device names no limit; `default` is for all that are not here.
        calibration_warn_days: days ahead in which to warn: of a limit that the trend of a deviation surely reaches,
            and of the date that a device says its calibration is due.
        calibration_warn_percent: share of its limit, up to 100, from which on a deviation warns, whatever its trend.
        limits_refresh_s: seconds the types of assets with their limits are used before they are read again; one call
            for all assets.
        status_refresh_s: seconds in which each asset is compared once with what WATS says of it, so that a
            calibration, a reset or a new limit that people enter in WATS is seen; about one call an asset. 0 compares
            none.
        history_window_s: length of a window of the environment's history, one report for each asset and window; 0 for
            no history. 900 is a quarter of an hour: a report a minute for each 15 assets.
        history_late_s: seconds after its end in which a window still takes late values. What comes even later is
            reported as a supplement.
        history_part_number: part number of these reports; no product's, so that no yield counts them.
        history_name: name of their test, and test type in `wats.operation_codes`.
        units: end of a channel's name, after its last `_` and in lower case, to the unit of its values; empty for none.
            What is not here keeps its meaning: `c` is °C, `pct` %, `bar` bar.
        thresholds: limits of a channel: `low`, `high`, `hysteresis`, and `level` (`warning` or `alarm`). Under
            `"ASSET/channel"` those of one asset, which replace the general ones; without limits it is not watched
            there.
        offline_after_s: seconds without any message of a device, on whatever topic, after which it is offline: its tag
            `online` says so, and the alarm `offline` is raised until it is heard again. 0: never. It is watched once it
            was heard on an asset or a software topic; while the broker is away, nobody is taken for silent.
        counter_backwards: what follows when a device's total is lower than one before, as that of a replaced PLC, or
            than WATS' own. It is an alarm in each case. `ignore` leaves WATS' total until the device's passes it;
            `rebase` takes it for another counter, which began at 0, and goes on from WATS' total: what the device
            counts is added from then on; `quarantine` keeps its counts aside until its total passes WATS'. For
            `rebase` messages need a `timestamp` or a `message_id`, or an old one that comes again would pass for
            another counter.
    """

    states: dict[str, int] = msgspec.field(default_factory=dict)
    override_states: bool = False
    maintenance_from: Literal["info", "warning", "error", "critical", "never"] = "critical"
    selftest_failed: Literal["off", "tag", "block"] = "off"
    selftest_every_h: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    calibration_limits: dict[str, float] = msgspec.field(default_factory=dict)
    calibration_warn_days: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    calibration_warn_percent: Annotated[float, msgspec.Meta(gt=0, le=100)] = 80.0
    limits_refresh_s: Seconds = 900.0
    status_refresh_s: Annotated[float, msgspec.Meta(ge=0)] = 3_600.0
    history_window_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    history_late_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    history_part_number: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "ENVIRONMENT"
    history_name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "environment_history"
    units: dict[str, str] = msgspec.field(default_factory=dict)
    thresholds: dict[str, Threshold] = msgspec.field(default_factory=dict)
    offline_after_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    counter_backwards: Literal["ignore", "rebase", "quarantine"] = "ignore"

    def watching(self) -> Watching:
        """Give what is done with the values of channels."""
        return Watching(
            window_us=int(self.history_window_s * 1e6),
            late_us=int(self.history_late_s * 1e6),
            thresholds=self.thresholds,
            units={**UNITS, **self.units},
        )


class SoftwareConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[software]` table: whether stations run what WATS has released, and what follows where they do not.

    Attributes:
        require_software: what happens to a result of a station whose software is not what WATS has released, or is not
            known. `block` keeps it in quarantine with the verdict, `tag` writes the verdict on the report as misc info
            `software_check`, `off` does neither.
        refresh_s: seconds the list of released packages is used before it is read again, one call for all stations.
        version_tag: tag of a package that says its version as devices write it; without it, WATS' own number counts.
        hash_tag: tag of a package that says the hash a device must report.
        station_tag: tag that narrows a package to the station it names.
        part_number_tag: tag that narrows a package to the product it names.
        unchecked: names of software that no package is expected for; it counts for no verdict.
        tag_prefix: what the names of tags and misc infos begin with, before the name of the software.
        on_reports: pieces of software written on each report as misc infos at most, and the configuration version with
            them; 0 for none.
        update_timeout_s: seconds without a word after which an update that goes on has timed out.
        wanted_config: configuration version that devices have to report; not set, none is compared.
        wanted_configs: device to the configuration version it has to report instead.
    """

    require_software: Literal["off", "tag", "block"] = "off"
    refresh_s: Seconds = 300.0
    version_tag: Annotated[str, msgspec.Meta(min_length=1)] = "SwVersion"
    hash_tag: Annotated[str, msgspec.Meta(min_length=1)] = "Hash"
    station_tag: Annotated[str, msgspec.Meta(min_length=1)] = "StationName"
    part_number_tag: Annotated[str, msgspec.Meta(min_length=1)] = "PartNumber"
    unchecked: tuple[str, ...] = ()
    tag_prefix: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] = "sw_"
    on_reports: Annotated[int, msgspec.Meta(ge=0, le=100)] = 20
    update_timeout_s: Seconds = 3_600.0
    wanted_config: str | None = None
    wanted_configs: dict[str, str] = msgspec.field(default_factory=dict)


class SpoolConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[spool]` table: where messages are kept until WATS has them.

    Attributes:
        path: the SQLite file; relative to the configuration file. Its folder must exist. A new file is a new session at
            the broker unless `mqtt.client_id` is set: what the broker queues for the former one reaches no bridge until
            the old file is used again; where that one lies beside it, `check` and the first start name it.
        max_bytes: at this size the bridge stops reading from the broker until deliveries make room. From 80 % of it on
            the alarm `spool_filling` stands, and `spool_full` while nothing is read.
        min_free_bytes: the bridge stops reading, too, while the disk has less left than this; 0 for no such bound. It
            alarms from a quarter more on.
        max_age_days: lane to the days after which what is older is dropped: `quarantine`, and `telemetry` that is not
            folded, which is the history of the environment. A lane that is not here keeps all; results, units and
            alerts are never dropped. `spool_filling` tells it before: from 80 % of the age on, and at least an hour.
        identity_days: days an id is remembered to tell a duplicate.
        drain_s: seconds a stop may take to deliver what is stored; the rest is delivered after the next start.
        trace_rows: messages whose way `trace` can tell, the newest ones; 0 for none. One takes some 250 bytes.
        trace_days: days it can tell it.
    """

    path: str = "spool.db"
    max_bytes: Annotated[int, msgspec.Meta(ge=1_048_576)] = 2_147_483_648
    min_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = 67_108_864
    max_age_days: dict[str, float] = msgspec.field(default_factory=dict)
    identity_days: Annotated[int, msgspec.Meta(ge=1)] = 30
    drain_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    trace_rows: Annotated[int, msgspec.Meta(ge=0)] = 100_000
    trace_days: Annotated[int, msgspec.Meta(ge=1)] = 30


class BridgeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    mqtt: MQTTConfig = msgspec.field(default_factory=MQTTConfig)
    topics: TopicConfig = msgspec.field(default_factory=TopicConfig)
    wats: WatsConfig = msgspec.field(default_factory=WatsConfig)
    assets: AssetConfig = msgspec.field(default_factory=AssetConfig)
    shifts: ShiftsConfig = msgspec.field(default_factory=ShiftsConfig)
    utilization: UtilizationConfig = msgspec.field(default_factory=UtilizationConfig)
    production: ProductionConfig = msgspec.field(default_factory=ProductionConfig)
    software: SoftwareConfig = msgspec.field(default_factory=SoftwareConfig)
    streams: StreamConfig = msgspec.field(default_factory=StreamConfig)
    clock: ClockConfig = msgspec.field(default_factory=ClockConfig)
    limits: LimitsConfig = msgspec.field(default_factory=LimitsConfig)
    spool: SpoolConfig = msgspec.field(default_factory=SpoolConfig)
