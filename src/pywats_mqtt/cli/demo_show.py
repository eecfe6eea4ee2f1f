"""Where a demo shows itself: a live picture in a terminal, a line now and then elsewhere, or nothing with `--json`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import typer
from rich.console import Console
from rich.live import Live

from pywats_mqtt.cli.demo_screen import Scene, draw, one_line

LINE_EVERY_S = 5.0
"""Seconds between two lines where there is no terminal."""
DRAWN_PER_SECOND = 4
STARTING = "starting a broker, a WATS emulator and the bridge"

Show: TypeAlias = Callable[[Scene], None]
Say: TypeAlias = Callable[[str], None]


@contextlib.contextmanager
def showing(console: Console, *, quiet: bool) -> Iterator[tuple[Show, Say]]:
    """Give what shows a scene, and what says a line.

    Args:
        console: where standard output goes.
        quiet: show nothing; what is to be said goes to standard error.
    """
    if quiet:
        yield _ignore, lambda text: typer.echo(text, err=True)
    elif console.is_terminal:
        console.print(STARTING, markup=False)
        with Live(console=console, refresh_per_second=DRAWN_PER_SECOND, transient=True) as live:
            yield lambda scene: live.update(draw(scene)), lambda text: console.print(text, markup=False)
    else:
        typer.echo(STARTING)
        yield _Lines(), typer.echo


def _ignore(_scene: Scene) -> None:
    """Show nothing."""


class _Lines:
    """A line at each new phase, and every `LINE_EVERY_S` within one."""

    def __init__(self) -> None:
        self._phase = ""
        self._next_at = 0.0

    def __call__(self, scene: Scene) -> None:
        now = time.monotonic()
        if scene.phase == self._phase and now < self._next_at:
            return
        self._phase = scene.phase
        self._next_at = now + LINE_EVERY_S
        typer.echo(one_line(scene))
