"""`spool …`: what was refused, why, and what to do about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pywats_mqtt.adapters.texts import cut
from pywats_mqtt.cli.options import ConfigOption, JsonOption
from pywats_mqtt.cli.tables import print_table
from pywats_mqtt.cli.terminal import json_lines, json_text, one_line, printable
from pywats_mqtt.topics import filter_problem

if TYPE_CHECKING:
    from pywats_mqtt.cli.quarantine import Wanted

spool = typer.Typer(
    help="Look into the spool of a bridge, running or not, and handle its quarantine.", no_args_is_help=True
)

HIGHEST = 2**63 - 1
"""No row has a higher number in SQLite."""

LONGEST_CELL = 300
"""Characters of a cell of `list`: a topic has up to 65,535, and all rows are as wide. `show` and `--json` have all."""


def _words(context: typer.Context, option: typer.CallbackParam, text: str) -> str:
    """Take what an option was given, which is something: an empty variable of a script would mean all rows.

    Raises:
        typer.BadParameter: it was given nothing.
    """
    source = context.get_parameter_source(option.name or "")
    if not text and source is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter("it is empty, which would be all rows: say which, or leave the option out")
    return text


def _filter(context: typer.Context, option: typer.CallbackParam, text: str) -> str:
    """Take an MQTT filter, or none.

    Raises:
        typer.BadParameter: no topic could be in it.
    """
    problem = filter_problem(text) if _words(context, option, text) else None
    if problem:
        raise typer.BadParameter(f"{text!r} is no topic filter: {problem}")
    return text


IdsArgument = Annotated[
    list[int] | None, typer.Argument(metavar="[ID]…", min=0, max=HIGHEST, help="Ids that `spool list` shows.")
]
ReasonOption = Annotated[str, typer.Option(callback=_words, help="Rows whose reason has this in it, in any case.")]
TopicOption = Annotated[
    str, typer.Option(metavar="FILTER", callback=_filter, help="Rows whose topic this MQTT filter matches.")
]
DeviceOption = Annotated[str, typer.Option(callback=_words, help="Rows of this device.")]
SinceOption = Annotated[datetime | None, typer.Option(help="Rows received at or after this time (UTC).")]
UntilOption = Annotated[datetime | None, typer.Option(help="Rows received before this time (UTC).")]
AllOption = Annotated[bool, typer.Option("--all", help="All rows that the other options leave.")]


def print_nothing(config: Path, wanted: Wanted) -> None:
    """Say why no row of the quarantine is meant, and which reasons there are where the one asked for is not."""
    from pywats_mqtt.cli.quarantine import nothing_meant  # noqa: PLC0415 - only when called

    found = nothing_meant(config, wanted)
    typer.echo(one_line(found.why))
    if found.reasons:
        rows = [(str(count), cut(reason, LONGEST_CELL)) for reason, count in found.reasons.items()]
        print_table(("rows", "reason"), rows, headed=True)


@spool.command("list")
def spool_list(
    config: ConfigOption,
    *,
    reason: ReasonOption = "",
    topic: TopicOption = "",
    device: DeviceOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most, the oldest first.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List what is in quarantine, and why."""
    from pywats_mqtt.cli.quarantine import Wanted, read_quarantine  # noqa: PLC0415 - only when called

    wanted = Wanted(reason=reason, topic=topic, device=device, since=since, until=until)
    rows = read_quarantine(config, wanted, limit)
    if as_json:
        typer.echo(json_text(rows))
    elif rows:
        columns = ("id", "received_at", "topic", "path", "reason")
        print_table(columns, [[cut(str(row[name]), LONGEST_CELL) for name in columns] for row in rows], headed=True)
    else:
        print_nothing(config, wanted)


@spool.command("show")
def spool_show(
    number: Annotated[int, typer.Argument(metavar="ID", min=0, max=HIGHEST, help="The id `spool list` shows.")],
    config: ConfigOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show one row of the quarantine: why, what the schema expects there, and the payload."""
    from pywats_mqtt.cli.quarantine import details, read_one  # noqa: PLC0415 - only when called

    row = read_one(config, number)
    if row is None:
        typer.echo(f"pywats-mqtt: nothing in quarantine has the id {number}; `spool list` shows them", err=True)
        raise typer.Exit(1)
    found = details(config, row)
    if as_json:
        typer.echo(json_text(found))
        return
    payload = found.pop("payload")
    print_table(("", ""), [(name, str(value)) for name, value in found.items()], headed=False)
    typer.echo(printable(payload) if isinstance(payload, str) else json_lines(payload))


@spool.command("retry")
def spool_retry(
    config: ConfigOption,
    ids: IdsArgument = None,
    *,
    every: AllOption = False,
    reason: ReasonOption = "",
    topic: TopicOption = "",
    device: DeviceOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would become of each.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try refused messages again, as by the present configuration; those still refused stay as they are."""
    from pywats_mqtt.cli.quarantine import Wanted, chosen, retry  # noqa: PLC0415 - only when called

    wanted = Wanted(reason=reason, topic=topic, device=device, since=since, until=until)
    numbers = chosen(config, ids or [], wanted, every=every)
    told, remark = retry(config, numbers, dry_run=dry_run)
    if as_json:
        typer.echo(json_text(told))
    elif not numbers:
        print_nothing(config, wanted)
    else:
        columns = ("id", "before", "now" if not dry_run else "would be")
        print_table(columns, [(str(row.id), row.before, row.now) for row in told], headed=True)
        accepted = sum(row.accepted for row in told)
        verb = "would be tried again" if dry_run else "are tried again"
        typer.echo(f"{accepted} {verb}, {len(told) - accepted} stay refused")
    if len(told) < len(set(numbers)):
        gone = len(set(numbers)) - len(told)
        typer.echo(f"pywats-mqtt: {gone} are no longer there: another command took them", err=True)
    if remark:
        typer.echo(f"pywats-mqtt: {remark}", err=True)
    raise typer.Exit(0 if all(row.accepted for row in told) else 1)


@spool.command("discard")
def spool_discard(
    config: ConfigOption,
    ids: IdsArgument = None,
    *,
    every: AllOption = False,
    reason: ReasonOption = "",
    topic: TopicOption = "",
    device: DeviceOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Throw refused messages away for good."""
    from pywats_mqtt.cli.quarantine import Wanted, chosen, discard  # noqa: PLC0415 - only when called

    wanted = Wanted(reason=reason, topic=topic, device=device, since=since, until=until)
    numbers = chosen(config, ids or [], wanted, every=every)
    if not numbers and not as_json:
        print_nothing(config, wanted)
        return
    if numbers and not yes:
        typer.confirm(f"throw away {len(numbers)} refused messages for good?", abort=True, err=True)
    count = discard(config, numbers)
    typer.echo(json_text({"discarded": count}) if as_json else f"{count} thrown away")
