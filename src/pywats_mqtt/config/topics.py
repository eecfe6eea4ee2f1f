"""Which topics the bridge subscribes to, by domain, and what it publishes on."""

from __future__ import annotations

import msgspec


class TopicConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[topics]` table: subscription filters by domain, and templates for publishing.

    The first `+` of a filter stands for the id of the device, asset, line or station. A message is taken by the first
    filter that matches, in the order of the fields below. What matches a domain this version has no adapter for is
    stored and kept in quarantine with that reason, never dropped.

    Attributes:
        asset_topics: filters for asset telemetry; where the last level is `alerts` it is an alert, where it is
            `calibration` a calibration, where it is `utilization` what the asset did and made.
        report_topics: filters for test results; where the last level is `selftest` it is a self-test, where it is
            `repairs` a repair, where it is `measurements` samples while a test runs.
        software_topics: filters for software inventories, configuration versions and, where the last level is
            `updates`, the progress of updates.
        production_topics: filters for shop floor events, read by their last level: `scan`, `batch`, `unit` or
            `operator`.
        alarm_topic: template the bridge publishes its alarms on; `{alarm_type}` is `bridge_offline` (its Will),
            `session_lost`, `token_refused` and `call_refused` (by WATS), `missing_exit`, `missing_entry`,
            `offline`, `counter_backwards`, `spool_filling`, `spool_full` and others. What stands until it ends is
            retained below it meanwhile, under the id of its asset or the client id of the bridge.
        response_topic: template the bridge answers on when a result names a `request_id`: delivered, or
            refused; and a software message, with the verdict.
        verdict_topic: template the bridge keeps its verdict on each station's software on, retained.
        strict_ids: refuse a payload that names another id than its topic. Off, the topic's id is who speaks, and the
            other one is kept on the report as `reported_device`.
    """

    asset_topics: tuple[str, ...] = (
        "assets/+/status",
        "assets/+/counters",
        "assets/+/environment",
        "assets/+/alerts",
        "assets/+/calibration",
        "assets/+/utilization",
    )
    report_topics: tuple[str, ...] = (
        "testers/+/results",
        "devices/+/selftest",
        "testers/+/repairs",
        "testers/+/measurements",
    )
    software_topics: tuple[str, ...] = ("devices/+/software", "devices/+/updates", "devices/+/config")
    production_topics: tuple[str, ...] = ("lines/+/scan", "lines/+/batch", "stations/+/unit", "stations/+/operator")
    alarm_topic: str = "wats/alarms/{alarm_type}"
    response_topic: str = "wats/responses/{request_id}"
    verdict_topic: str = "wats/software/{device}"
    strict_ids: bool = False

    def filters(self) -> tuple[str, ...]:
        """Give all subscription filters, in the order of the fields."""
        return (*self.asset_topics, *self.report_topics, *self.software_topics, *self.production_topics)

    def domains(self) -> dict[str, str]:
        """Give the domain of each filter, in the same order; of a filter that stands twice, the first."""
        found: dict[str, str] = {}
        for domain in ("asset", "report", "software", "production"):
            for topic_filter in getattr(self, f"{domain}_topics"):
                found.setdefault(topic_filter, domain)
        return found
