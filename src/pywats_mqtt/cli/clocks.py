"""The hidden options that let a program's clock go faster, to test with; see `app.clock.FastClock`."""

from __future__ import annotations

from typing import Annotated

import typer

RateOption = Annotated[
    float, typer.Option("--clock-rate", hidden=True, help="Seconds of the program's clock in one of the machine's.")
]
OffsetOption = Annotated[
    float, typer.Option("--clock-offset", hidden=True, help="Seconds the program's clock is ahead.")
]
SinceOption = Annotated[
    float | None,
    typer.Option("--clock-since", hidden=True, help="When that began, in seconds since 1970; else now."),
]
