"""The `bench` commands."""

from __future__ import annotations

import json
from typing import Annotated

import typer

bench = typer.Typer(help="Measure the bridge beside its reference, in the same run.", no_args_is_help=True)

RoundsOption = Annotated[int, typer.Option(min=1, help="Rounds, in alternating order; medians are given.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@bench.command()
def ingest(
    *,
    messages: Annotated[int, typer.Option(min=1_000, help="Messages of each round's backlog.")] = 100_000,
    rounds: RoundsOption = 5,
    as_json: JsonOption = False,
) -> None:
    """Durable QoS 1 ingest beside mosquitto_sub."""
    from pywats_mqtt.cli.bench.ingest import ingest as measure  # noqa: PLC0415 - only when called

    _print(measure(messages, rounds, _say), as_json=as_json)


@bench.command()
def deliver(
    *,
    reports: Annotated[int, typer.Option(min=10, help="Reports of each round.")] = 1_000,
    rounds: RoundsOption = 5,
    as_json: JsonOption = False,
) -> None:
    """Deliver stored reports beside a bare loop of the same posts."""
    from pywats_mqtt.cli.bench.deliver import deliver as measure  # noqa: PLC0415 - only when called

    _print(measure(reports, rounds, _say), as_json=as_json)


@bench.command()
def emulator(
    *,
    reports: Annotated[int, typer.Option(min=100, help="Reports of each round.")] = 10_000,
    steps: Annotated[int, typer.Option(min=0, help="Numeric steps of each report.")] = 10,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are given.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Reports that the emulator takes on one core."""
    from pywats_mqtt.cli.bench.emulator import emulator as measure  # noqa: PLC0415 - only when called

    _print(measure(reports, steps, rounds, _say), as_json=as_json)


@bench.command()
def calls(
    *,
    fixtures: Annotated[int, typer.Option(min=1, help="Fixtures that say how they are.")] = 1_000,
    per_s: Annotated[float, typer.Option(min=0.001, help="Messages of each fixture in a second of the clock.")] = 1.0,
    testers: Annotated[int, typer.Option(min=1, help="Testers that send results meanwhile.")] = 10,
    results_per_minute: Annotated[float, typer.Option(min=0, help="Results of all testers together.")] = 60.0,
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of the clock they speak for.")] = 10.0,
    rate: Annotated[float, typer.Option(min=0.1, help="How many times as fast the clock goes.")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Calls to WATS that a fleet of fixtures costs, and how old what WATS holds of it gets."""
    from pywats_mqtt.cli.bench.calls import Load  # noqa: PLC0415 - only when called
    from pywats_mqtt.cli.bench.calls import calls as measure  # noqa: PLC0415 - only when called

    load = Load(
        fixtures=fixtures,
        per_s=per_s,
        testers=testers,
        results_per_minute=results_per_minute,
        minutes=minutes,
    )
    _print(measure(load, rate, _say), as_json=as_json)


@bench.command()
def latency(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long each side is measured in a round.")] = 10.0,
    per_s: Annotated[float, typer.Option(min=1, help="Results published in a second.")] = 50.0,
    rounds: RoundsOption = 5,
    as_json: JsonOption = False,
) -> None:
    """Publish to stored in WATS, beside a script on paho and httpx that keeps nothing."""
    from pywats_mqtt.cli.bench.latency import latency as measure  # noqa: PLC0415 - only when called

    _print(measure(seconds, per_s, rounds, _say), as_json=as_json)


@bench.command()
def restart(
    *,
    messages: Annotated[int, typer.Option(min=100, help="Results stored and not delivered.")] = 1_000_000,
    rounds: RoundsOption = 5,
    cold: Annotated[bool, typer.Option("--cold", help="Drop the spool from the file cache before each start.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Exec to first delivery on a long backlog, beside a script that imports pywats and posts."""
    from pywats_mqtt.cli.bench.restart import restart as measure  # noqa: PLC0415 - only when called

    _print(measure(messages, rounds, _say, cold=cold), as_json=as_json)


@bench.command()
def memory(
    *,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long the flood takes.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Resident memory, idle and under a flood with bad payloads in it."""
    from pywats_mqtt.cli.bench.memory import memory as measure  # noqa: PLC0415 - only when called

    _print(measure(minutes, _say), as_json=as_json)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _print(figures: dict[str, float], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        typer.echo(f"{name:22} {value:,}")
