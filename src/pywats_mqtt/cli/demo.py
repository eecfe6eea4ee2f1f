"""`pywats-mqtt demo`: everything on this machine, from the devices to WATS, and the proof that nothing is lost."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import typer

INTERRUPTED = 130


def demo(
    *,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="How long the fleet publishes; without it until Ctrl-C or SIGTERM.")
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Fixtures, testers and jigs in all.")] = 8,
    rate: Annotated[float, typer.Option(min=0.001, help="Messages per second, of all devices together.")] = 20.0,
    seed: Annotated[int, typer.Option(help="Where all simulated values begin.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and nothing else.")] = False,
) -> None:
    """Show the bridge at work: a broker, a WATS emulator, the bridge and a fleet, all on this machine."""
    from pywats_mqtt.cli.demo_children import DemoError  # noqa: PLC0415 - only when called
    from pywats_mqtt.cli.demo_run import Wish, report, run_demo  # noqa: PLC0415 - the same

    logging.getLogger("pywats_mqtt").addHandler(logging.NullHandler())  # the picture says it
    wish = Wish(seconds=seconds, devices=devices, rate=rate, seed=seed, as_json=as_json)
    try:
        outcome = asyncio.run(run_demo(wish))
    except DemoError as error:
        typer.echo(f"pywats-mqtt demo: {error}", err=True)
        raise typer.Exit(1) from error
    except asyncio.CancelledError as ended:  # the second Ctrl-C
        raise typer.Exit(INTERRUPTED) from ended
    report(outcome, as_json=as_json)
    raise typer.Exit(0 if outcome.ok else 1)
