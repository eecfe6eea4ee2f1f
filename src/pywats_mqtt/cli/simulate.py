"""`pywats-mqtt simulate`: a fleet of devices that publishes to a broker."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pywats_mqtt.app.clock import clock_of
from pywats_mqtt.cli.clocks import OffsetOption, RateOption, SinceOption
from pywats_mqtt.cli.stopping import told_to_stop

if TYPE_CHECKING:
    from pywats_mqtt.ports import Timer
    from pywats_mqtt.simulator.runner import Load, Summary

DEFAULT_PORT = 1883
HIGHEST_PORT = 65_535


def simulate(
    *,
    broker: Annotated[str, typer.Option(metavar="HOST[:PORT]", help="The MQTT 5 broker.")] = "127.0.0.1:1883",
    devices: Annotated[int, typer.Option(min=1, help="Fixtures, testers and jigs in all.")] = 8,
    rate: Annotated[float, typer.Option(min=0.001, help="Messages per second, of all devices together.")] = 10.0,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="How long to publish; without it until Ctrl-C or SIGTERM.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Where all values begin; two fleets on one broker need two seeds.")] = 1,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append what was published and acknowledged, one JSON object a line."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    clock_rate: RateOption = 1.0,
    clock_offset: OffsetOption = 0.0,
    clock_since: SinceOption = None,
) -> None:
    """Simulate a fleet of devices: numbered results and telemetry at QoS 1, sent again until acknowledged."""
    import msgspec  # noqa: PLC0415 - only when called

    from pywats_mqtt.simulator.runner import Load  # noqa: PLC0415 - only when called

    host, port = parse_broker(broker)
    clock = clock_of(clock_rate, clock_offset, clock_since)
    load = Load(host=host, port=port, devices=devices, rate=rate, seconds=seconds, seed=seed)
    logging.getLogger("pywats_mqtt").addHandler(logging.NullHandler())  # the fleet says it itself, once for all links
    summary = asyncio.run(_simulate(load, journal, clock))
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(summary)))
    else:
        kinds = ", ".join(f"{count} {kind}" for kind, count in summary.by_kind.items())
        typer.echo(
            f"{summary.acknowledged} of {summary.published} messages acknowledged in {summary.seconds:.1f} s"
            f" ({kinds or 'none published'}) by {summary.devices} devices; {summary.unanswered} without an answer,"
            f" {summary.refused} refused"
        )
    raise typer.Exit(1 if summary.refused else 0)


def parse_broker(text: str) -> tuple[str, int]:
    """Split `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; the port is 1883 where none is named.

    Raises:
        typer.BadParameter: it is none of these.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(DEFAULT_PORT)
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare and not host.startswith("[")):
        raise typer.BadParameter(
            f"{text!r} is no HOST[:PORT], such as 127.0.0.1:1883 or [::1]:1883", param_hint="--broker"
        )
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= HIGHEST_PORT:
        raise typer.BadParameter(
            f"{port!r} in {text!r} is no port; name one from 1 to {HIGHEST_PORT}", param_hint="--broker"
        )
    return bare, int(port)


async def _simulate(load: Load, journal: Path | None, clock: Timer) -> Summary:
    from pywats_mqtt.simulator.journal import Journal  # noqa: PLC0415 - only when called
    from pywats_mqtt.simulator.journal_file import appending  # noqa: PLC0415 - the same
    from pywats_mqtt.simulator.runner import run_fleet  # noqa: PLC0415 - the same

    stopping = told_to_stop()

    def say(text: str) -> None:
        typer.echo(text, err=True)

    if journal is None:
        return await run_fleet(load, Journal(), stopping=stopping, say=say, clock=clock)
    with appending(journal) as sink:
        return await run_fleet(load, Journal(sink), stopping=stopping, say=say, clock=clock)
