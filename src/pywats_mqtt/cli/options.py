"""Options that many commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration, TOML.", readable=False)
]
"""Whether it can be read is found where it is read, and told as all else that is wrong with it."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
