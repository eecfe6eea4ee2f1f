"""Tables on the terminal; into a pipe or a file they go uncut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

UNCUT = 100_000
"""Columns of a table that goes into a pipe or a file."""


def printable(text: str) -> str:
    """Show what a device sent without letting it steer the terminal: control characters are written as escapes."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, headed: bool) -> None:
    """Print rows under their columns."""
    table = Table(*columns, show_header=headed, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(printable, row))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=UNCUT)  # for grep: nothing cut, nothing wrapped
    console.print(table)
