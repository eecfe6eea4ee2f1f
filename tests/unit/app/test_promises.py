"""Which file system a spool is on, and whose clock is off."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pywats_mqtt.app.promises import BRIDGE, MOUNTS, facts_of, filesystem_of
from pywats_mqtt.clocks.table import Shown
from pywats_mqtt.config.clock import ClockConfig
from pywats_mqtt.config.model import BridgeConfig
from pywats_mqtt.observe import Health

TABLE = """\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:30 / /data rw master:3 shared:9 - nfs4 server:/x rw
31 30 0:31 / /data/my\\040spool rw - tmpfs tmpfs rw
32 27 0:32 / /data2 rw - xfs /dev/vdb rw
a broken line
"""


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("/var/spool.db", "ext4"),
        ("/data/spool.db", "nfs4"),
        ("/data/my spool/spool.db", "tmpfs"),
        ("/data2/spool.db", "xfs"),
        ("/database/spool.db", "ext4"),
    ],
)
def test_the_deepest_mount_tells(tmp_path: Path, place: str, found: str) -> None:
    """Not one whose name only begins alike."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(TABLE)
    assert filesystem_of(Path(place), mounts) == found


def test_where_nothing_tells_it_nothing_is_said(tmp_path: Path) -> None:
    """As on a system without such a table."""
    assert not filesystem_of(tmp_path, tmp_path / "none")


@pytest.mark.skipif(not MOUNTS.exists(), reason="only Linux has this table")
def test_the_table_of_this_system_is_read(tmp_path: Path) -> None:
    """Whatever it is, the folder of a test is on something."""
    assert filesystem_of(tmp_path, MOUNTS)


@pytest.mark.parametrize("correct", ["flag", "correct", "off"])
def test_a_clock_that_is_off_breaks_a_promise_unless_its_times_are_corrected(correct: str) -> None:
    """That of the bridge cannot be corrected by us."""
    health = Health()
    health.clocks = {"T1": Shown(ahead_s=90.0, drift_ppm=0.0, messages=30)}
    health.server_ahead_s = 7.5
    config = BridgeConfig(clock=msgspec.convert({"correct": correct}, ClockConfig))

    of_devices = {} if correct == "correct" else {"device T1": "its clock is 90 s ahead"}
    assert facts_of(config, health, {}).clocks == {BRIDGE: "its clock is 7.5 s behind", **of_devices}
    assert facts_of(config, None, {}).clocks == {}
