"""`run`: the bridge as a daemon, in the foreground until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from pywats_mqtt.app.bridge import Bridge
from pywats_mqtt.app.clock import clock_of
from pywats_mqtt.cli.logs import configure
from pywats_mqtt.cli.memory import collect_seldom
from pywats_mqtt.cli.parent import WITH_PARENT, end_with_parent
from pywats_mqtt.cli.stopping import told_to_stop
from pywats_mqtt.config.findings import Severity
from pywats_mqtt.config.lint import lint
from pywats_mqtt.config.load import load
from pywats_mqtt.errors import Fatal, Retry


def run(words: Sequence[str]) -> int:
    """Run the bridge until SIGTERM or Ctrl-C, then drain; a second one ends at once.

    Raises:
        Fatal: the configuration is wrong, another bridge owns the spool, or it cannot be opened now, as on a full disk.
    """
    parser = argparse.ArgumentParser("pywats-mqtt run", description="Run the bridge in the foreground.")
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the configuration, TOML")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.add_argument("--log-format", default="text", choices=["text", "json"])
    parser.add_argument("--clock-rate", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--clock-offset", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--clock-since", type=float, help=argparse.SUPPRESS)
    parser.add_argument(WITH_PARENT, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.with_parent:
        end_with_parent()
    clock = clock_of(options.clock_rate, options.clock_offset, options.clock_since)
    config = load(options.config, os.environ)
    errors = [finding for finding in lint(config) if finding.severity is Severity.ERROR]
    if errors:
        raise Fatal("; ".join(f"{options.config}: {found.path}: {found.problem}; {found.fix}" for found in errors))
    configure(options.log_level, options.log_format)
    collect_seldom()
    try:
        return asyncio.run(_run(Bridge(config, clock=clock)))
    except* (Fatal, Retry) as problems:
        raise Fatal("; ".join(_messages(problems))) from None


def _messages(problems: BaseExceptionGroup[Fatal | Retry]) -> list[str]:
    """Give the text of each problem, however deep in groups of tasks."""
    found: list[str] = []
    for problem in problems.exceptions:
        found += _messages(problem) if isinstance(problem, BaseExceptionGroup) else [str(problem)]
    return found


async def _run(bridge: Bridge) -> int:
    return await bridge.run(told_to_stop())
