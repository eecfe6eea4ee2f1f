"""`status`: what a bridge has done and how it stands, from a second process; also of one that died."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pywats_mqtt.app.clock import SystemClock
from pywats_mqtt.app.local_socket import Silent, ask
from pywats_mqtt.app.promises import facts_of
from pywats_mqtt.app.quarantine import Answer
from pywats_mqtt.config.load import load
from pywats_mqtt.errors import Fatal
from pywats_mqtt.guarantees import guarantees_of
from pywats_mqtt.messages import to_us
from pywats_mqtt.observe import Status, status_of
from pywats_mqtt.ports import Staleness
from pywats_mqtt.spool.reader import SpoolReader


def read_status(config_path: Path) -> Status:
    """Ask the running bridge, or read the spool of one that does not run or does not answer.

    Raises:
        Fatal: the configuration is wrong, there is no spool yet, or the bridge says why it cannot tell.
    """
    config = load(config_path, os.environ)
    path = Path(config.spool.path)
    silent = False
    try:
        answer = ask(path)
    except Silent:
        answer, silent = None, True
    if answer is not None:
        return _told(answer)
    with SpoolReader(path) as reader:
        client_id = (reader.note("client_id") or b"").decode()
        staleness = reader.staleness(to_us(SystemClock().now()))
        guarantees = guarantees_of(facts_of(config, None, {}))
        known = status_of(
            reader.figures(),
            None,
            client_id=client_id,
            staleness=staleness,
            guarantees=guarantees,
            exports=reader.exports(),
        )
        return msgspec.structs.replace(known, is_silent=silent)


def _told(answer: bytes) -> Status:
    try:
        return msgspec.json.decode(answer, type=Status)
    except msgspec.ValidationError as exc:
        problem = msgspec.json.decode(answer, type=Answer).error
        raise Fatal(problem or f"the running bridge is of another version: {exc}; ask it with that one") from exc


def explain(status: Status) -> list[tuple[str, str]]:
    """Put a status in words, as (what, value) lines."""
    if not status.running:
        broker = wats = "the bridge runs and does not answer" if status.is_silent else "the bridge does not run"
    else:
        broker = f"connected to {status.broker}" if status.connected else f"not connected: {status.broker_problem}"
        wats = _wats(status)
    lines = [("broker", broker), ("WATS", wats)]
    lines += [
        (name, str(getattr(status, name)))
        for name in ("received", "stored", "acknowledged", "delivered", "waiting", "quarantined", "retried")
    ]
    lines += [
        (name, str(getattr(status, name)))
        for name in ("discarded", "exported", "duplicates", "conflicts", "ignored")
        if getattr(status, name)
    ]
    lines += [(f"export {export}", hint) for export, hint in status.unfinished_exports.items()]
    lines.append(("spool", f"{status.size_bytes / 1_048_576:.1f} MiB"))
    lines += _room(status)
    if status.sessions_lost:
        lines.append(("sessions lost", f"{status.sessions_lost}: what the broker had queued then is gone"))
    lines += [(f"refused {call}", text) for call, text in status.refused_calls.items()]
    lines += [
        (f"unknown fields {name}", ", ".join(f"{field} ({count})" for field, count in counts.items()))
        for name, counts in status.unknown_fields.items()
    ]
    lines += [(f"owed {kind}", _staleness(old)) for kind, old in status.staleness.items()]
    lines += [
        (f"counter of {asset or 'other assets'}", f"up to {uses} of its increments may be counted twice")
        for asset, uses in status.counters_inexact.items()
    ]
    if status.rate.why:
        wanted = status.rate.limit or "any number"
        lines.append(("calls", f"{status.rate.now} a minute instead of {wanted}: {status.rate.why}"))
    told = {each.route for each in status.guarantees if each.promise == "true times"}
    lines += [
        (f"clock of {device}", f"{abs(shown.ahead_s):g} s {'ahead' if shown.ahead_s > 0 else 'behind'}, corrected")
        for device, shown in status.clocks.items()
        if f"device {device}" not in told
    ]
    return lines + _guarantees(status) + _shopfloor(status)


def _wats(status: Status) -> str:
    if not status.wats_reachable:
        return f"not reached: {status.wats_problem or 'no call made yet'}"
    return f"reachable, asks for patience: {status.wats_problem}" if status.wats_problem else "reachable"


def _guarantees(status: Status) -> list[tuple[str, str]]:
    """Give what does not hold and what is not known; or one line where everything does, as far as it can be known."""
    unknown = [f"{each.reason} ({each.fix})" for each in status.guarantees if each.holds is None]
    broken = [
        (f"not guaranteed: {each.promise}", f"{each.route}: {each.reason}; {each.fix}")
        for each in status.guarantees
        if each.holds is False
    ]
    if broken or not status.running:
        return broken + [("not known", text) for text in unknown]
    return [("guaranteed", "; but ".join(["all routes: exactly once, in order", *unknown]))]


def _room(status: Status) -> list[tuple[str, str]]:
    """Give what someone should do about the room that the spool has, and what was dropped and will be."""
    room = status.room
    lines = [(f"spool {room.level}", room.problem)] if room.level else []
    if status.running and not status.is_checked:
        lines.append(("spool check", "its file is being checked, and nothing is received until it was found whole"))
    lines += [(f"dropped from {lane}", f"{count} rows") for lane, count in status.dropped.items() if count]
    lines += [(f"will drop from {lane}", f"what is too old, at {at}") for lane, at in room.will_drop.items()]
    return lines


def _staleness(old: Staleness) -> str:
    return (
        f"of {old.owed} assets; half for {old.p50_s:.0f} s, one in twenty for {old.p95_s:.0f} s or more, "
        f"{old.longest} for {old.max_s:.0f} s"
    )


def _shopfloor(status: Status) -> list[tuple[str, str]]:
    """Give what someone should look at; the figures of all stations are in `--json`."""
    floor = status.shopfloor
    lines = [
        (f"station {name}", f"{station.missing_exits} units without exit, {station.missing_entries} without entry")
        for name, station in floor.stations.items()
        if station.missing_exits or station.missing_entries
    ]
    lines += [(f"process of {name}", text) for name, text in floor.unknown_processes.items()]
    lines += [
        (f"other id on {name}", f"payloads name {text!r}; the topic counts")
        for name, text in floor.reported_ids.items()
    ]
    lines += [(f"unread fields ({kind})", names) for kind, names in floor.unread_fields.items()]
    if floor.older_events:
        lines.append(("older unit events", f"{floor.older_events} moved no unit back"))
    return lines
