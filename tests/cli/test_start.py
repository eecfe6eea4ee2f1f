"""What the program imports where a service starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def write_config(tmp_path: Path) -> Path:
    """Write the configuration of a bridge that reaches nobody."""
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[mqtt]\nbroker = "127.0.0.1"\nport = 1\n[wats]\nurl = "http://127.0.0.1:9"\ntoken = "x"\n'
        f'[spool]\npath = "{tmp_path / "spool.db"}"\n'
    )
    return config


def loaded(tmp_path: Path) -> set[str]:
    """Start `run` up to its event loop, in a process of its own; gives the top packages that are loaded by then."""
    config = write_config(tmp_path)
    look = (
        "import asyncio, sys\n"
        "def stop_here(bridge, **options):\n"
        "    bridge.close()\n"
        "    names = {name.split('.')[0] for name, module in sys.modules.items() if module}\n"
        "    print(*names)\n"
        "    return 0\n"
        "asyncio.run = stop_here\n"
        "from pywats_mqtt.cli.main import main\n"
        f"main(['run', '-c', {str(config)!r}])\n"
    )
    run = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_run_loads_nothing_of_the_command_line_and_the_web(tmp_path: Path) -> None:
    """Neither typer nor rich, also not by way of httpx, nor anything that serves pages; the client of WATS is there."""
    found = loaded(tmp_path)

    assert {"pywats_mqtt", "pywats", "httpx", "mqtt5"} <= found
    assert not found & {"typer", "click", "rich", "pygments", "textual", "starlette", "uvicorn", "httptools", "paho"}


def test_run_says_of_a_disk_that_takes_nothing_that_it_is_full(tmp_path: Path) -> None:
    """In one line; who supervises the program starts it again."""
    config = write_config(tmp_path)
    start = (
        "import errno, os\n"
        "def fill(*_):\n"
        "    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "os.pwrite = fill\n"
        "from pywats_mqtt.cli.main import main\n"
        f"main(['run', '-c', {str(config)!r}])\n"
    )
    run = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "No space left on device" in run.stderr
    assert "Traceback" not in run.stderr
