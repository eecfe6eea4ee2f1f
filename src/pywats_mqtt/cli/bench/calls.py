"""Calls that a fleet of fixtures costs, and how old what WATS holds of it gets; on a clock that goes faster.

A broker, the emulator with its rate limit, the bridge with its defaults, and a simulated fleet, each a process of its
own, all go by the same clock. Each fixture says all it has to say as often as it is told: counters, environment and
state, in one message as in the proposal. Testers send results beside it. The assets are there from the start with their
counts, as in a factory that runs; the bridge knows nothing of them. When the fleet has ended, the bridge delivers the
rest, so that the age of each single value is known. What is found is read off the emulator's log of requests.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from pywats_mqtt.app.clock import clock_of
from pywats_mqtt.cli.bench import peers
from pywats_mqtt.cli.bench.calls_figures import Call, Said, figures_of
from pywats_mqtt.cli.bench.program import TOKEN, bridge, wait, write_config
from pywats_mqtt.cli.bench.rounds import run_worker
from pywats_mqtt.simulator.fixtures import Fixture
from pywats_mqtt.simulator.fleet import seeded

WORKER = "pywats_mqtt.cli.bench.calls_fleet"
LIMIT = 500
"""Requests a minute and token, as WATS allows."""
MADE_EACH = 150
"""Assets made under each token: three requests each."""
LEFT_S = 3_600.0
"""Seconds of the clock within which what is left at the end must be delivered."""
PAGE = 10_000
MAINTENANCE = timedelta(minutes=2)
"""How long a fixture is in maintenance: longer than the interval at which its state is looked at."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What the fleet says.

    Attributes:
        fixtures: how many.
        per_s: messages of each in a second of the clock.
        testers: how many.
        results_per_minute: of all testers together.
        minutes: of the clock, how long.
    """

    fixtures: int
    per_s: float = 1.0
    testers: int = 10
    results_per_minute: float = 60.0
    minutes: float = 10.0


def device(number: int) -> str:
    """Name a fixture."""
    return f"F{number}"


def fixture(number: int, now: datetime) -> Fixture:
    """Make a fixture: the same each time but for what follows from the time."""
    return Fixture(device=device(number), run="bench", rng=seeded(device(number)), now=now, maintenance=MAINTENANCE)


def calls(load: Load, rate: float, say: Callable[[str], None]) -> dict[str, float]:
    """Let the fleet speak, and give what it cost.

    Args:
        load: what it says.
        rate: seconds of the clock in one of the machine's.
        say: gets a line for each step.

    Raises:
        Fatal: Mosquitto is missing, a process failed, or the bridge does not come to an end.
    """
    since_s = time.time()
    clock = ("--clock-rate", str(rate), "--clock-since", repr(since_s))
    with tempfile.TemporaryDirectory(prefix="pywats-mqtt-bench-") as name:
        folder = Path(name)
        # The limit is per token: with others to make the assets, the bridge has all of its own.
        making = [f"making-{number}" for number in range(1 + load.fixtures // MADE_EACH)]
        tokens = [word for token in (TOKEN, *making) for word in ("--token", token)]
        options = ("--rate-limit", str(LIMIT), *tokens, *clock)
        with peers.mosquitto(folder) as port, peers.emulator(*options) as server:
            _make_assets(server.url, load.fixtures, making, clock_of(rate, 0.0, since_s).now())
            with bridge(write_config(folder, port, server.url), *clock) as program:
                settings = {**msgspec.structs.asdict(load), "port": port, "rate": rate, "since_s": since_s}
                say(f"{load.fixtures} fixtures speak for {load.minutes:g} minutes, {rate:g} times as fast")
                fleet = run_worker(WORKER, {**settings, "log": str(folder / "said")})
                shown = program.status()
                say(f"{fleet.count:,} messages in {fleet.seconds:.1f} s; the bridge delivers what is left")
                wait(lambda: not program.status().waiting, LEFT_S / rate, "something is owed still")
                said = msgspec.msgpack.decode((folder / "said").read_bytes(), type=Said)
                found = figures_of(said, _requests(server.url))
    in_status = {
        f"in_status_{kind}_p95_s": round(old.p95_s, 1) for kind, old in shown.staleness.items() if old.owed > 1
    }
    return {"fixtures": load.fixtures, "minutes": load.minutes, "clock_rate": rate, **found, **in_status}


def _make_assets(url: str, fixtures: int, tokens: list[str], now: datetime) -> None:
    """Make the assets of the fleet with the counts they have now, and their type, so many under each token."""
    with httpx.Client(base_url=url, trust_env=False) as http:

        def put(path: str, token: str, body: object = None) -> httpx.Response:
            answer = http.put(path, json=body, headers={"Authorization": f"Basic {token}"})
            return answer.raise_for_status()

        kind = put("/api/Asset/Types", tokens[-1], {"typeName": "MQTT device"}).json()
        for number in range(fixtures):
            token, name = tokens[number // MADE_EACH], device(number)
            put("/api/Asset", token, {"serialNumber": name, "typeId": kind["typeId"], "assetName": name, "state": 1})
            said = fixture(number, now).heartbeat(now).entry
            put(f"/api/Asset/Count?serialNumber={name}&totalCount={said.total}", token)
            put(f"/api/Asset/SetRunningCount?serialNumber={name}&runningCount={said.running}", token)


def _requests(url: str) -> list[Call]:
    """Read the log of all that the bridge asked."""
    found: list[Call] = []
    after = 0
    with httpx.Client(base_url=url, trust_env=False) as http:
        while page := http.get("/_emulator/requests", params={"after": after, "limit": PAGE}).raise_for_status().json():
            found += [msgspec.convert(entry, Call) for entry in page]
            after = page[-1]["seq"]
    return found
