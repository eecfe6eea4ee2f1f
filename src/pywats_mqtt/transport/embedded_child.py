"""The process of the embedded broker: `python -m pywats_mqtt.transport.embedded_child CONFIG`.

It ends with its parent: when the pipe at its standard input closes. Ctrl-C at the terminal reaches every process there;
this one ignores it, so that the bridge can still drain and acknowledge before it stops the broker itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from iotcore import Broker


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # the broker's threads know no way to be stopped


def main() -> None:
    """Serve until the parent goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    try:
        Broker(config_path=sys.argv[1]).run_forever()
    except OSError as exc:  # an orderly end would wait for the thread at standard input, and die of it
        sys.stderr.write(f"{exc}\n")
        os._exit(1)


if __name__ == "__main__":
    main()
