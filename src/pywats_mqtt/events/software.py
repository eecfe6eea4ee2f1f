"""What runs on a device: its software, its configuration and its updates."""

from __future__ import annotations

import msgspec


class Software(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One piece of software on a device.

    Attributes:
        name: 1 to 100 characters; the name of its package in WATS, by convention.
        version: as the device wrote it, empty where it sent none.
        hash: as the device wrote it, empty where it sent none.
    """

    name: str
    version: str = ""
    hash: str = ""

    @property
    def text(self) -> str:
        """Version and hash as they stand in tags and misc infos: `2.3.1;abc123`."""
        return f"{self.version};{self.hash}" if self.hash else self.version


class SoftwareReported(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="software_reported"
):
    """A device said what runs on it, or asked whether it may test; delivered in the line of its results.

    So a result is judged by the inventory that was sent before it, and each change is seen.

    Attributes:
        device: the id in the topic.
        software: all there is, or None where the message does not say.
        config_version: version of its configuration, or None where the message does not say.
        part_number: of what is to be tested, for the verdict that is asked for; or empty.
        request_id: names the answer; empty for no answer.
        as_of_us: as in `AssetCounts`.
        heard_us: when it arrived, in microseconds since 1970 UTC.
        remarks: what was noticed about the message, such as fields that nobody reads.
    """

    device: str
    software: tuple[Software, ...] | None = None
    config_version: str | None = None
    part_number: str = ""
    request_id: str = ""
    as_of_us: int = 0
    heard_us: int = 0
    remarks: str = ""

    @property
    def key(self) -> str:
        """The line of the device."""
        return self.device


class UpdateReported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="update_reported"):
    """A device said how far an update of its software is; delivered in its line.

    Attributes:
        device: the id in the topic.
        package: name of the software.
        version: the version it becomes, or empty.
        state: one of `software.updates.State`, by its value.
        percent: progress from 0 to 100, or None.
        text: the device's own words, such as an error; as sent.
        sequence: number of the message, or None.
        as_of_us: as in `AssetCounts`.
        heard_us: as in `SoftwareReported`.
        remarks: as in `SoftwareReported`.
    """

    device: str
    package: str
    version: str = ""
    state: str
    percent: float | None = None
    text: str = ""
    sequence: int | None = None
    as_of_us: int = 0
    heard_us: int = 0
    remarks: str = ""

    @property
    def key(self) -> str:
        """The line of the device."""
        return self.device


class AssetSoftware(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="asset_software"):
    """The newest that is known of a device's software, configuration and updates; folded, for the tags of its asset.

    Attributes:
        asset: serial number of the asset: the id in the topic.
        software: the newest inventory, or None.
        config_version: the newest reported, or None.
        updates: package to what its update does, in words.
        as_of_us: time of the inventory, as in `AssetCounts`; 0 where there is none.
        config_us: time of `config_version`.
        updates_us: package to the time of its entry in `updates`.
    """

    asset: str
    software: tuple[Software, ...] | None = None
    config_version: str | None = None
    updates: dict[str, str] = {}
    as_of_us: int = 0
    config_us: int = 0
    updates_us: dict[str, int] = {}

    @property
    def key(self) -> str:
        """Whose it is: the asset."""
        return self.asset
