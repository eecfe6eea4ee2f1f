"""`pywats-mqtt emulate`: a WATS server to test against."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pywats_mqtt.app.clock import clock_of
from pywats_mqtt.cli.clocks import OffsetOption, RateOption, SinceOption
from pywats_mqtt.cli.memory import collect_seldom
from pywats_mqtt.cli.parent import WITH_PARENT, end_with_parent

_WRONG_USAGE = 2
_FAILED = 1
_EXTRA = frozenset({"httptools"})


def emulate(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8088,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="Token that may do all; repeatable. The default goes when a token of any kind is named.",
            show_default="c2VjcmV0",
        ),
    ] = None,
    no_counts_token: Annotated[
        list[str] | None, typer.Option(help='Token without the permission "Edit Total count"; repeatable.')
    ] = None,
    read_only_token: Annotated[list[str] | None, typer.Option(help="Token that may only read; repeatable.")] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep what was stored and asked in this file; else in memory.")
    ] = None,
    server: Annotated[Literal["2025.3", "2026.3"], typer.Option(help="Release of WATS to be.")] = "2025.3",
    process: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE=NAME[:KIND]",
            help="Operation of the server, of kind test, repair or wip; repeatable. Given any, there are no others.",
        ),
    ] = None,
    known_tags: Annotated[
        str, typer.Option(metavar="KEY,…", help="Keys that tags of a software package may have; else any.")
    ] = "",
    rate_limit: Annotated[int, typer.Option(min=0, help="Requests per minute and token; 0 for no limit.")] = 500,
    keep_requests: Annotated[int, typer.Option(min=1, help="Requests that the log holds.")] = 200_000,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND[=VALUE][,NAME=VALUE]...", help="Misbehave from the start; repeatable."),
    ] = None,
    asset_use: Annotated[bool, typer.Option(help="Count the assets that a report names as used.")] = True,
    auto_products: Annotated[bool, typer.Option(help="Make the product of a unit that is saved.")] = False,
    unit_changes: Annotated[
        bool, typer.Option(help="Tell in Units/Changes what became of units; a server: off.")
    ] = True,
    report_units: Annotated[bool, typer.Option(help="Make the product and the unit of a report.")] = True,
    alarm_shape: Annotated[
        Literal["csharp", "pywats", "both"], typer.Option(help="Fields of an asset's status: whose client reads them.")
    ] = "both",
    count_reply: Annotated[
        Literal["number", "object"], typer.Option(help="Answer to a changed count: the status, or all of Asset/Status.")
    ] = "number",
    lower_total: Annotated[
        Literal["ignore", "refuse"], typer.Option(help="What becomes of a total count below the present one.")
    ] = "ignore",
    tags: Annotated[
        Literal["replace", "merge"],
        typer.Option(help="What a saved list of an asset's tags does to those it leaves out."),
    ] = "replace",
    calibration_resets: Annotated[bool, typer.Option(help="Set the running count to 0 at a calibration.")] = False,
    lenient_messages: Annotated[
        bool, typer.Option(help="Take the body that pywats sends with a message on an asset.")
    ] = False,
    asset_use_again: Annotated[
        bool, typer.Option(help="Count those assets again when the report is sent again.")
    ] = False,
    lenient_assets: Annotated[bool, typer.Option(help="Take pywats' key sn for an asset in a report, too.")] = False,
    any_repair_code: Annotated[
        bool, typer.Option(help="Take every failure category and code in a repair report.")
    ] = False,
    clock_rate: RateOption = 1.0,
    clock_offset: OffsetOption = 0.0,
    clock_since: SinceOption = None,
    with_parent: Annotated[bool, typer.Option(WITH_PARENT, hidden=True)] = False,
) -> None:
    """Run a WATS server to test against, until SIGTERM or Ctrl-C; a browser shows at its address what it holds."""
    try:
        from pywats_mqtt.emulator import (  # noqa: PLC0415 - its libraries are an extra
            AlarmShape,
            CountReply,
            LowerTotal,
            Permission,
            Server,
            Settings,
            TagList,
        )
        from pywats_mqtt.emulator.fault_words import fault_of  # noqa: PLC0415 - the same
        from pywats_mqtt.emulator.processes import SEEDED, parse_processes  # noqa: PLC0415 - the same
        from pywats_mqtt.emulator.program import StartError, run  # noqa: PLC0415 - the same
        from pywats_mqtt.emulator.settings import named_tokens  # noqa: PLC0415 - the same
    except ModuleNotFoundError as exc:
        missing = (exc.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        typer.echo(f"pywats-mqtt emulate needs {missing}: pip install 'pywats-mqtt[emulator]'", err=True)
        raise typer.Exit(_FAILED) from exc
    try:
        tokens = named_tokens(
            {
                Permission.FULL: token or (),
                Permission.NO_COUNTS: no_counts_token or (),
                Permission.READ_ONLY: read_only_token or (),
            }
        )
    except ValueError as exc:
        typer.echo(f"pywats-mqtt emulate: token {exc}", err=True)
        raise typer.Exit(_WRONG_USAGE) from exc
    try:
        processes = parse_processes(process) if process else SEEDED
    except ValueError as exc:
        typer.echo(f"pywats-mqtt emulate: --process {exc}", err=True)
        raise typer.Exit(_WRONG_USAGE) from exc
    faults = []
    for words in fault or ():
        try:
            faults.append(fault_of(words))
        except ValueError as exc:
            typer.echo(f"pywats-mqtt emulate: --fault {words!r}: {exc}", err=True)
            raise typer.Exit(_WRONG_USAGE) from exc
    settings = Settings(
        host=host,
        port=port,
        state=state,
        server=Server(server),
        processes=processes,
        known_tags=frozenset(key.strip() for key in known_tags.split(",") if key.strip()),
        rate_limit=rate_limit,
        keep_requests=keep_requests,
        faults=faults,
        count_asset_use=asset_use,
        auto_products=auto_products,
        unit_changes=unit_changes,
        report_units=report_units,
        alarm_shape=AlarmShape(alarm_shape),
        count_reply=CountReply(count_reply),
        lower_total=LowerTotal(lower_total),
        tags=TagList(tags),
        calibration_resets=calibration_resets,
        lenient_messages=lenient_messages,
        count_asset_use_again=asset_use_again,
        lenient_assets=lenient_assets,
        any_repair_code=any_repair_code,
        clock=clock_of(clock_rate, clock_offset, clock_since),
    )
    if tokens:
        settings = settings.with_tokens(tokens)
    collect_seldom()
    if with_parent:
        end_with_parent()
    try:
        run(settings, typer.echo)
    except StartError as exc:
        typer.echo(f"pywats-mqtt emulate: {exc}", err=True)
        raise typer.Exit(_WRONG_USAGE) from exc
