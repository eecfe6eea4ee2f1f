"""`pywats-mqtt schema`: the messages of devices and bridge as JSON Schemas, and all topics as an AsyncAPI document."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from pywats_mqtt.schemas.export import MESSAGES, PUBLISHED, files, json_schema

_WRONG_USAGE = 2

schema = typer.Typer(help="JSON Schemas of all messages, and the topics as AsyncAPI.", no_args_is_help=True)


@schema.callback()
def _group() -> None:
    """JSON Schemas of all messages, and the topics as AsyncAPI."""


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
        typer.echo(
            json.dumps({name: json_schema(name) for name in (*MESSAGES, *PUBLISHED)}, indent=2, ensure_ascii=False)
        )
        return
    written: list[str] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files().items():
            (out / name).write_text(text, encoding="utf-8")
            written.append(str(out / name))
    except OSError as exc:
        raise _unwritable("export", out, exc) from exc
    typer.echo(json.dumps(written) if as_json else "\n".join(written))


@schema.command("asyncapi")
def asyncapi(
    *,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it here; else print it.")] = None,
) -> None:
    """Give all topics with their messages as an AsyncAPI 3.0 document, in JSON."""
    from pywats_mqtt.asyncapi import document  # noqa: PLC0415 - only when called

    text = document(version("pywats-mqtt"))
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise _unwritable("asyncapi", out, exc) from exc


def _unwritable(command: str, out: Path, error: OSError) -> typer.Exit:
    typer.echo(f"pywats-mqtt schema {command}: cannot write to {out}: {error.strerror}", err=True)
    return typer.Exit(_WRONG_USAGE)
