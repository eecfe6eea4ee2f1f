"""The command line's entry: `run` without detour, everything else through typer.

`run` is what a service starts, so neither typer nor rich is imported on its way, not by httpx either.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Final

from pywats_mqtt.cli.memory import leave_out_command_lines
from pywats_mqtt.cli.terminal import printable
from pywats_mqtt.errors import Fatal

WRONG_USAGE = 2
INTERRUPTED = 130
OUTPUT_FAILS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a write to standard output says of where it goes, such as a full disk."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 success, 1 a finding or failure, 2 wrong usage or set-up, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show all that devices name
    try:
        try:
            code = _dispatch(words)
        finally:
            if sys.stdout is not None:  # as Python has it where it was started with a closed one
                sys.stdout.flush()
    except Fatal as error:
        sys.stderr.write(f"pywats-mqtt: {printable(str(error))}\n")
        code = WRONG_USAGE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # the reader has gone: nobody to tell
        code = 1
    except OSError as error:
        if error.errno not in OUTPUT_FAILS or error.filename is not None:
            raise
        _drop_output()
        sys.stderr.write(f"pywats-mqtt: the output cannot be written: {error.strerror}\n")
        code = 1
    sys.exit(code)


def _drop_output() -> None:
    """Let what is not written yet go nowhere, or Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(words: list[str]) -> int:
    if words[:1] == ["run"]:
        leave_out_command_lines()
        from pywats_mqtt.cli.run import run  # noqa: PLC0415 - see the module's docstring

        return run(words[1:])
    from pywats_mqtt.cli.commands import app  # noqa: PLC0415 - the same

    app(words, prog_name="pywats-mqtt")  # ends the process itself; wrong usage is told in words, with exit code 2
    return 0
