"""Tables on the terminal; into a pipe or a file they go uncut."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from pywats_mqtt.cli.terminal import one_line

UNCUT = 100_000
"""Columns of a table that goes into a pipe or a file."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, headed: bool) -> None:
    """Print rows under their columns."""
    table = Table(*columns, show_header=headed, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(one_line, row))
    console = Console(markup=False, highlight=False)
    if console.is_terminal:
        console.print(table)
        return
    console = Console(markup=False, highlight=False, width=UNCUT)  # for grep: nothing cut, nothing wrapped
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        typer.echo(line.rstrip())
