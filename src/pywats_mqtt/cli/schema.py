"""`pywats-mqtt schema`: the JSON Schemas of the messages that devices send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pywats_mqtt.schemas.export import MESSAGES, files, json_schema

_WRONG_USAGE = 2

schema = typer.Typer(help="JSON Schemas of the messages that devices send.", no_args_is_help=True)


@schema.callback()
def _group() -> None:
    """JSON Schemas of the messages that devices send."""


@schema.command()
def export(
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write one file a message here; else print them all.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --out: name the files written as a JSON array.")
    ] = False,
) -> None:
    """Export the JSON Schemas: to files with --out, else as one JSON object by name."""
    if out is None:
        typer.echo(json.dumps({name: json_schema(name) for name in MESSAGES}, indent=2, ensure_ascii=False))
        return
    written: list[str] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files().items():
            (out / name).write_text(text, encoding="utf-8")
            written.append(str(out / name))
    except OSError as exc:
        typer.echo(f"pywats-mqtt schema export: cannot write to {out}: {exc.strerror}", err=True)
        raise typer.Exit(_WRONG_USAGE) from exc
    typer.echo(json.dumps(written) if as_json else "\n".join(written))
