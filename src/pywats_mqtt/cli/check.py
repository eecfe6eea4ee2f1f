"""`check` and `lint`: is this configuration going to work."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import msgspec

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.app.session_name import is_new, is_spool, left_behind
from pywats_mqtt.cli.logs import silence
from pywats_mqtt.config.lint import lint
from pywats_mqtt.config.load import load
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.errors import Fatal
from pywats_mqtt.ports import Link
from pywats_mqtt.spool.reader import SpoolReader
from pywats_mqtt.spool.sqlerrors import Damaged
from pywats_mqtt.transport.session import MqttSession
from pywats_mqtt.wats.check import Finding, check_wats

PATIENCE_S = 10.0
"""Seconds the broker may take to answer."""


class LintFinding(msgspec.Struct, frozen=True):
    """One remark of `lint`.

    Attributes:
        severity: `error` or `warning`.
        path: the key, such as `mqtt.port`.
        problem: what is wrong.
        fix: what to do.
    """

    severity: str
    path: str
    problem: str
    fix: str


def lint_file(path: Path) -> list[LintFinding]:
    """Judge a configuration without connecting anywhere.

    Raises:
        Fatal: it cannot be read at all.
    """
    return [
        LintFinding(finding.severity, finding.path, finding.problem, finding.fix)
        for finding in lint(load(path, os.environ))
    ]


def check_all(path: Path) -> list[Finding]:
    """Try everything a configuration names, changing nothing anywhere.

    Raises:
        Fatal: the configuration cannot be read at all.
    """
    silence()
    config = load(path, os.environ)
    remarks = [
        Finding(ok=remark.severity != "error", what=f"{remark.path}: {remark.problem}", fix=remark.fix)
        for remark in lint(config)
    ]
    return [Finding(ok=True, what=f"{path} is read"), *remarks, *_spool(config), *asyncio.run(_ask(config))]


def _spool(config: BridgeConfig) -> list[Finding]:
    """Tell whether the spool can be opened, and of a session at the broker that would be another one."""
    path = Path(config.spool.path)
    if not os.access(path.parent, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
        fix = "let the bridge's user read and write it and its folder, for the files that SQLite puts beside it"
        return [Finding(ok=False, what=f"spool.path: {path} cannot be written", fix=fix)]
    try:
        if path.is_file() and path.stat().st_size:
            with SpoolReader(path) as reader:
                reader.require_whole()
        if not is_new(config):
            return []
    except Fatal as error:
        # What an older program wrote is brought up to date at the start.
        fine = is_spool(path) and not isinstance(error, Damaged)
        return [] if fine else [Finding(ok=False, what="spool.path", fix=str(error))]
    behind = left_behind(config, time.time())
    what = f"spool.path: {config.spool.path} is new, and with it the session at the broker"
    return [Finding(ok=True, what=behind or what)]


async def _ask(config: BridgeConfig) -> list[Finding]:
    found = await _broker(config)
    found += [finding async for finding in check_wats(config.wats, SystemClock(), config.production.processes)]
    return found


async def _broker(config: BridgeConfig) -> list[Finding]:
    """Log in and subscribe under a client id of its own, so that a running bridge is not disturbed."""
    settled = asyncio.Event()

    def changed(link: Link) -> None:
        if link.connected or link.reason:
            settled.set()

    name = f"{config.mqtt.client_id or 'pywats-mqtt'}-check"
    once = msgspec.structs.replace(config.mqtt, clean_session=True, session_expiry_s=0, auto_reconnect=False)
    session = MqttSession(once, client_id=name, filters=config.topics.filters(), on_link=changed, clock=SystemClock())
    place = f"broker {config.mqtt.broker}:{config.mqtt.port}"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(session.run(), name="check")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await settled.wait()
        except TimeoutError:
            found = [Finding(ok=False, what=place, fix=f"no answer within {PATIENCE_S:g} s; check the address")]
        else:
            found = _judge(session, place)
        await session.stop()
        running.cancel()
    return found


def _judge(session: MqttSession, place: str) -> list[Finding]:
    if not session.link.connected:
        return [Finding(ok=False, what=place, fix=session.link.reason)]
    found = [Finding(ok=True, what=f"{place} accepts the login")]
    for name, grant in session.granted.items():
        if grant.qos is None:
            found.append(Finding(ok=False, what=f"subscription {name}", fix=grant.problem))
        else:
            found.append(Finding(ok=not grant.problem, what=f"subscription {name}: QoS {grant.qos}", fix=grant.problem))
    return found
