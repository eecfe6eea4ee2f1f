"""All commands with their options; each one's work is in a file of its own, imported when it is called."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from pywats_mqtt.cli.bench.commands import bench
from pywats_mqtt.cli.demo import demo
from pywats_mqtt.cli.emulate import emulate
from pywats_mqtt.cli.exports import COMMANDS
from pywats_mqtt.cli.options import ConfigOption, JsonOption
from pywats_mqtt.cli.schema import schema
from pywats_mqtt.cli.simulate import simulate
from pywats_mqtt.cli.spool import HIGHEST, spool
from pywats_mqtt.cli.tables import print_table
from pywats_mqtt.cli.terminal import json_text, one_line

app = typer.Typer(
    name="pywats-mqtt",
    help="A durable bridge from MQTT devices to a WATS test data server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, command in COMMANDS.items():
    spool.command(name)(command)
app.add_typer(spool, name="spool")
app.add_typer(schema, name="schema")
app.add_typer(bench, name="bench")
app.command()(simulate)
app.command()(emulate)
app.command()(demo)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer hands an option's value over like this
    if wanted:
        typer.echo(f"pywats-mqtt {version('pywats-mqtt')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A durable bridge from MQTT devices to a WATS test data server."""


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def run(context: typer.Context) -> None:
    """Run the bridge in the foreground: run -c FILE."""
    from pywats_mqtt.cli.run import run as run_bridge  # noqa: PLC0415 - only when called

    raise typer.Exit(run_bridge(context.args))


@app.command()
def check(config: ConfigOption, *, as_json: JsonOption = False) -> None:
    """Try a configuration: broker login, subscriptions granted, WATS token, operation codes, asset type."""
    from pywats_mqtt.cli.check import check_all  # noqa: PLC0415 - only when called

    findings = check_all(config)
    if as_json:
        typer.echo(json_text(findings))
    else:
        for finding in findings:
            said = f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}" + (f": {finding.fix}" if finding.fix else "")
            typer.echo(one_line(said))
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def lint(config: ConfigOption, *, as_json: JsonOption = False) -> None:
    """Judge a configuration without connecting anywhere."""
    from pywats_mqtt.cli.check import lint_file  # noqa: PLC0415 - only when called

    findings = lint_file(config)
    if as_json:
        typer.echo(json_text(findings))
    else:
        for finding in findings:
            typer.echo(one_line(f"{finding.severity}: {finding.path}: {finding.problem}: {finding.fix}"))
        if not findings:
            typer.echo(f"{config}: nothing to remark")
    raise typer.Exit(1 if any(finding.severity == "error" for finding in findings) else 0)


@app.command()
def status(config: ConfigOption, *, as_json: JsonOption = False) -> None:
    """Show what the bridge has done and how it stands; of one that does not run, what its spool says."""
    from pywats_mqtt.cli.status import explain, read_status  # noqa: PLC0415 - only when called

    found = read_status(config)
    if as_json:
        typer.echo(json_text(found))
    else:
        print_table(("", ""), explain(found), headed=False)


@app.command()
def trace(
    word: Annotated[str, typer.Argument(metavar="SERIAL|MESSAGE_ID|REPORT_ID", help="What the messages name.")],
    config: ConfigOption,
    *,
    limit: Annotated[int, typer.Option(min=1, max=HIGHEST, help="Messages at most, the newest ones.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Show the way of a unit's messages, hop by hop; exits 1 where nothing is known of it."""
    from pywats_mqtt.cli.trace import heading, unknown  # noqa: PLC0415 - only when called
    from pywats_mqtt.cli.trace import trace as read_ways  # noqa: PLC0415 - only when called

    ways = read_ways(config, word, limit)
    if as_json:
        typer.echo(json_text(ways))
    for way in () if as_json else ways:
        typer.echo(one_line(heading(way)))
        print_table(("", "", ""), [(hop.at or "", hop.hop, hop.what) for hop in way.hops], headed=False)
        typer.echo()
    if not ways:
        typer.echo(f"pywats-mqtt: {one_line(unknown(config, word))}", err=True)
    raise typer.Exit(0 if ways else 1)
