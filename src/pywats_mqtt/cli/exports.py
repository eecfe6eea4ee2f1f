"""`spool keygen|export|exports|revoke|confirm|import|salvage`: what leaves a spool for another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from pywats_mqtt.cli.options import ConfigOption, JsonOption
from pywats_mqtt.cli.spool import (
    AllOption,
    DeviceOption,
    IdsArgument,
    ReasonOption,
    SinceOption,
    TopicOption,
    UntilOption,
    print_nothing,
)
from pywats_mqtt.cli.tables import print_table
from pywats_mqtt.cli.terminal import json_text, one_line
from pywats_mqtt.errors import Fatal

LINES_NAMED = 5
"""Lines that are named of those which stay: at most as many are under way as `wats.concurrency` has."""

ExportArgument = Annotated[str, typer.Argument(metavar="EXPORT", help="The id that `spool exports` shows.")]


def spool_keygen(
    out: Annotated[Path, typer.Option(metavar="KEY", help="File of the private key; the public one is KEY.pub.")],
) -> None:
    """Make the pair of keys that exports are signed with and checked by."""
    from pywats_mqtt.app.export_keys import make_keys  # noqa: PLC0415 - only when called

    public = make_keys(out)
    typer.echo(f"{out} signs exports: keep it secret; {public} goes to whom imports them")


def spool_export(
    config: ConfigOption,
    ids: IdsArgument = None,
    *,
    to: Annotated[Path, typer.Option(metavar="OUT", help="The file to be written.")],
    key: Annotated[Path | None, typer.Option(help="The private key; else the spool's path with .key.")] = None,
    every: AllOption = False,
    reason: ReasonOption = "",
    topic: TopicOption = "",
    device: DeviceOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Also all that is owed to WATS.")] = False,
    again: Annotated[str, typer.Option(metavar="EXPORT", help="Write the file of this export once more.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Hand over what was refused, and with --waiting what is owed: it is no longer delivered here."""
    from pywats_mqtt.cli.handover import hand_over, write_again  # noqa: PLC0415 - only when called
    from pywats_mqtt.cli.quarantine import Wanted, chosen  # noqa: PLC0415 - the same

    if again:
        if ids or every or waiting or reason or topic or device or since or until:
            raise Fatal(f"--again writes export {again} as it is: name no ids, no filters, neither --all nor --waiting")
        handed = write_again(config, to, key, again)
    else:
        wanted = Wanted(reason=reason, topic=topic, device=device, since=since, until=until)
        numbers = chosen(config, ids or [], wanted, every=every) if ids or every or not waiting else []
        if not numbers and not waiting and not as_json:
            print_nothing(config, wanted)
            return
        handed = hand_over(config, to, key, numbers, waiting=waiting)
    if as_json:
        typer.echo(json_text(handed))
    elif handed.export:
        typer.echo(
            f"{handed.owed} deliveries, {handed.latest} states of assets and {handed.refused} refused messages are in "
            f"{handed.file}, as export {handed.export}; `spool revoke {handed.export}` takes them back"
        )
    else:
        typer.echo("nothing is handed over" if handed.staying else "there is nothing to hand over")
    if handed.left and not as_json:
        typer.echo(
            f"{handed.left} refused rows stay: what is known of an asset is handed over with --waiting", err=True
        )
    if handed.gone and not as_json:
        typer.echo(f"{handed.gone} refused rows are no longer there: another command took them", err=True)
    if handed.staying:
        named = ", ".join(handed.lines[:LINES_NAMED]) + (" and others" if len(handed.lines) > LINES_NAMED else "")
        typer.echo(
            f"pywats-mqtt: {handed.staying} deliveries stay, since one of {one_line(named)} is under way, and each "
            "line keeps its order: repeat this for them",
            err=True,
        )
        raise typer.Exit(1)


def spool_exports(config: ConfigOption, *, as_json: JsonOption = False) -> None:
    """List what is handed over, and neither revoked nor confirmed."""
    from pywats_mqtt.cli.handover import read_exports, read_unfinished  # noqa: PLC0415 - only when called

    rows = read_exports(config)
    if as_json:
        typer.echo(json_text(rows))
    elif rows:
        print_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows], headed=True)
    else:
        typer.echo("nothing is handed over")
    for export, hint in read_unfinished(config).items():
        typer.echo(f"pywats-mqtt: export {export} {hint}", err=True)


def spool_revoke(export: ExportArgument, config: ConfigOption) -> None:
    """Take an export back: its rows are owed or refused here as before. Its file must not be imported any more."""
    from pywats_mqtt.cli.handover import end_export  # noqa: PLC0415 - only when called

    found = end_export(config, export, revoke=True)
    typer.echo(f"{found.owed + found.latest} are owed and {found.refused} refused here again; destroy the file")


def spool_confirm(export: ExportArgument, config: ConfigOption) -> None:
    """Say that the other bridge has an export: its rows are deleted here, and it can no longer be revoked."""
    from pywats_mqtt.cli.handover import end_export  # noqa: PLC0415 - only when called

    found = end_export(config, export, revoke=False)
    typer.echo(f"{found.rows} rows deleted")


def spool_import(
    file: Annotated[Path, typer.Argument(metavar="IN", help="The file of an export.")],
    config: ConfigOption,
    *,
    trust: Annotated[Path, typer.Option(metavar="PUBLIC_KEY", help="The .pub file of the key it is signed with.")],
    as_json: JsonOption = False,
) -> None:
    """Take over what another bridge exported; importing it twice does no harm."""
    from pywats_mqtt.cli.handover import take_in  # noqa: PLC0415 - only when called

    done = take_in(config, file, trust)
    taken = done.taken
    if as_json:
        typer.echo(json_text(done))
        return
    typer.echo(
        f"export {one_line(done.export)}, number {done.number} of {one_line(done.bridge)}: {taken.owed} deliveries, "
        f"{taken.latest} states of assets and {taken.refused} refused messages are here now"
    )
    if taken.repeated or taken.duplicates or taken.conflicts:
        typer.echo(
            f"{taken.repeated} were imported before, {taken.duplicates} were known here, {taken.conflicts} have an id "
            "that is known with another content, and are in quarantine"
        )
    if not done.running:
        typer.echo("pywats-mqtt: the bridge does not run; it delivers them when it starts", err=True)


def spool_salvage(
    broken: Annotated[Path, typer.Argument(help="The spool that is damaged; it stays as it is.")],
    *,
    to: Annotated[Path, typer.Option(metavar="NEW", help="The spool to be made of what is readable.")],
    as_json: JsonOption = False,
) -> None:
    """Bring back what is readable of a damaged spool into a new one, and tell what is lost."""
    from pywats_mqtt.app.clock import SystemClock  # noqa: PLC0415 - only when called
    from pywats_mqtt.spool.owner import Owner  # noqa: PLC0415 - the same
    from pywats_mqtt.spool.salvage import salvage  # noqa: PLC0415 - the same

    if not broken.is_file():
        raise Fatal(f"there is no file {broken}")
    owner = Owner(broken, since=SystemClock().now())
    try:
        found = salvage(broken, to)
    finally:
        owner.close()
    if as_json:
        typer.echo(json_text(found))
        return
    print_table(("table", "brought back"), [(name, str(count)) for name, count in found.rows.items()], headed=True)
    typer.echo(
        f"{found.unreadable} rows were seen and are unreadable; {found.damaged_pages} of {found.pages} pages are"
    )
    if found.lost is None:
        typer.echo("the counters are lost, so nobody can say what there was more")
    else:
        typer.echo("lost by the counters: " + ", ".join(f"{count} {name}" for name, count in found.lost.items()))


COMMANDS: dict[str, Callable[..., None]] = {
    "keygen": spool_keygen,
    "export": spool_export,
    "exports": spool_exports,
    "revoke": spool_revoke,
    "confirm": spool_confirm,
    "import": spool_import,
    "salvage": spool_salvage,
}
"""Commands of `spool` by name."""
