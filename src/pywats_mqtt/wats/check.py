"""Is the `[wats]` table going to work: asked of the server itself, for `pywats-mqtt check`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from types import MappingProxyType

import msgspec

from pywats_mqtt.config.model import WatsConfig
from pywats_mqtt.config.production import find
from pywats_mqtt.errors import Fatal, Reject, Retry
from pywats_mqtt.ports import Clock
from pywats_mqtt.wats.assets import equals, named
from pywats_mqtt.wats.outcomes import Answer, Call
from pywats_mqtt.wats.quota import Quota
from pywats_mqtt.wats.session import Session

_VERSION = Call("GET", "/api/App/Version")
_PROCESSES = Call("GET", "/api/App/Processes")
_TYPES = Call("GET", "/api/Asset/Types")


class Finding(msgspec.Struct, frozen=True):
    """One line of the check.

    Attributes:
        ok: whether it works.
        what: what was looked at, and what was found.
        fix: what to do about it; empty where it works.
    """

    ok: bool
    what: str
    fix: str = ""


async def check_wats(
    config: WatsConfig, clock: Clock, processes: Mapping[str, int | str] = MappingProxyType({})
) -> AsyncGenerator[Finding]:
    """Give what was found, as it is found: at most three calls, nothing is changed.

    What cannot be looked at, since something before it fails, is left out.

    Args:
        config: the `[wats]` table.
        clock: the time.
        processes: of the `[production]` table.
    """
    try:
        session = Session(config, Quota(config.requests_per_minute, None, clock), clock)
    except Fatal as problem:
        yield Finding(ok=False, what="WATS settings", fix=str(problem))
        return
    async with session:
        reached = await _reach(session, config.url)
        for finding in reached:
            yield finding
        if not all(finding.ok for finding in reached):
            return
        for finding in await _operations(session, config, processes):
            yield finding
        yield await _asset_type(session, config)


async def _reach(session: Session, url: str) -> list[Finding]:
    try:
        answer = await session.call(_VERSION)
    except Retry as problem:
        if problem.cause in {"401", "403"}:
            token = Finding(ok=False, what="WATS token", fix=str(problem))
            return [Finding(ok=True, what=f"WATS at {url} answers"), token]
        return [Finding(ok=False, what=f"WATS at {url}", fix=f"{problem}; check wats.url and the network")]
    except Reject as problem:
        return [Finding(ok=False, what=f"WATS at {url}", fix=f"{problem}; check wats.url")]
    answers = f"WATS {answer.data} at {url} answers"
    return [Finding(ok=True, what=answers), Finding(ok=True, what="WATS token is accepted")]


async def _operations(session: Session, config: WatsConfig, wanted: Mapping[str, int | str]) -> list[Finding]:
    """Look up each operation that reports or units may get."""
    answer = await _ask(session, _PROCESSES)
    if isinstance(answer, Finding):
        return [answer]
    processes = [entry for entry in answer.data if isinstance(entry, dict)] if isinstance(answer.data, list) else []
    tests = {entry.get("code"): entry.get("name") for entry in processes if entry.get("isTestOperation")}
    others = {entry.get("code"): entry.get("name") for entry in processes if entry.get("code") not in tests}
    places = {f"wats.operation_codes.{name}": code for name, code in config.operation_codes.items()}
    places["wats.default_operation_code"] = config.default_operation_code
    known = ", ".join(f"{code} {name}" for code, name in tests.items())
    findings = []
    for place, code in places.items():
        what = f"operation code {code} ({place})"
        if code in tests:
            findings.append(Finding(ok=True, what=f"{what} is {tests[code]}"))
            continue
        wrong = f"{code} {others[code]} is no test operation" if code in others else "WATS does not know it"
        findings.append(Finding(ok=False, what=what, fix=f"{wrong}; use one of: {known}"))
    findings.append(_repairs(processes, config.default_repair_code))
    names = {code: str(name) for code, name in {**tests, **others}.items() if isinstance(code, int)}
    return findings + [_process(place, process, names) for place, process in wanted.items()]


def _repairs(processes: list[dict[object, object]], code: int) -> Finding:
    """Look up the operation code of repairs; it may be missing where nobody repairs."""
    repairs = {entry.get("code"): entry.get("name") for entry in processes if entry.get("isRepairOperation")}
    what = f"repair operation code {code} (wats.default_repair_code)"
    if code in repairs:
        return Finding(ok=True, what=f"{what} is {repairs[code]}")
    known = ", ".join(f"{known} {name}" for known, name in repairs.items()) or "there is none"
    return Finding(ok=True, what=f"{what} is not there, so a repair that names none is refused; known: {known}")


def _process(place: str, process: int | str, names: Mapping[int, str]) -> Finding:
    what = f"operation {process} (production.processes.{place})"
    found = find(process, names)
    if found is not None:
        return Finding(ok=True, what=f"{what} is {found[0]} {found[1]}")
    known = ", ".join(f"{code} {name}" for code, name in names.items())
    return Finding(ok=False, what=what, fix=f"WATS does not know it; use one of: {known}")


async def _asset_type(session: Session, config: WatsConfig) -> Finding:
    name = config.asset_type
    answer = await _ask(session, _TYPES, {"$filter": equals("typeName", name), "$top": 10})
    if isinstance(answer, Finding):
        return answer
    if named(answer.data, "typeName", name) is not None:
        return Finding(ok=True, what=f"asset type {name!r} is there")
    if config.create_assets:
        return Finding(ok=True, what=f"asset type {name!r} is not there; it is made with the first asset")
    return Finding(ok=True, what=f"asset type {name!r} is not there, and not needed: wats.create_assets is off")


async def _ask(session: Session, call: Call, params: dict[str, str | int] | None = None) -> Answer | Finding:
    try:
        return await session.call(call, params)
    except (Retry, Reject) as problem:
        return Finding(ok=False, what=f"WATS {call}", fix=str(problem))
