"""Runs a demo from the first program's start to the last one's end, and prints what it came to."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import typer
from rich.console import Console

from pywats_mqtt.cli.demo_children import DemoError
from pywats_mqtt.cli.demo_outcome import Outcome
from pywats_mqtt.cli.demo_play import Play
from pywats_mqtt.cli.demo_screen import draw_outcome
from pywats_mqtt.cli.demo_show import showing
from pywats_mqtt.cli.demo_stage import set_stage
from pywats_mqtt.simulator.runner import Load
from pywats_mqtt.transport.loopback import HOST

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for: the options of `demo`."""

    seconds: float | None
    devices: int
    rate: float
    seed: int
    as_json: bool


async def run_demo(wish: Wish) -> Outcome:
    """Set the stage, play, and take everything down again, whatever happens.

    Raises:
        DemoError: a program did not start, or died.
        BrokenPipeError: nobody reads what is shown any more.
        asyncio.CancelledError: the user told it twice to end.
    """
    stopping = asyncio.Event()
    outcome: list[Outcome] = []
    errors: list[DemoError | BrokenPipeError] = []
    with _signals(stopping), showing(Console(), quiet=wish.as_json) as (show, say):
        try:
            async with asyncio.TaskGroup() as group, set_stage(group) as stage:
                load = Load(
                    host=HOST,
                    port=stage.broker_port,
                    devices=wish.devices,
                    rate=wish.rate,
                    seconds=wish.seconds,
                    seed=wish.seed,
                )
                outcome.append(await Play(stage, load, stopping=stopping, show=show, say=say).run())
        except* (DemoError, BrokenPipeError) as group_of_errors:
            errors += _flat(group_of_errors)
    for error in errors:
        if isinstance(error, BrokenPipeError):
            raise error
    if errors:
        raise DemoError("\n".join(map(str, errors)))
    return outcome[0]


def report(outcome: Outcome, *, as_json: bool) -> None:
    """Print what a demo came to."""
    if as_json:
        typer.echo(msgspec.json.encode(outcome).decode())
    else:
        Console(highlight=False).print(draw_outcome(outcome))


@contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    """Within the block the first signal ends the fleet, the second everything at once; later ones change nothing."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    calls: Iterator[Callable[[], object]] = iter((stopping.set, lambda: main.cancel() if main else None))

    def told() -> None:
        next(calls, lambda: None)()

    for number in SIGNALS:
        loop.add_signal_handler(number, told)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _flat(
    errors: BaseExceptionGroup[DemoError | BrokenPipeError],
) -> Iterator[DemoError | BrokenPipeError]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error
