"""What is said of a station: as tags of its asset, as misc infos of its reports, and as a message. Pure."""

from __future__ import annotations

import msgspec

from pywats_mqtt.adapters.texts import WATS_CHARACTERS, cut
from pywats_mqtt.config.model import SoftwareConfig
from pywats_mqtt.events import AssetSoftware, SoftwareReported
from pywats_mqtt.messages import from_us
from pywats_mqtt.schemas.published import ConfigVerdict, VerdictMessage
from pywats_mqtt.software.stations import Station
from pywats_mqtt.software.verdicts import Verdict

CHECK = "software_check"
CONFIG = "config_version"
CONFIG_CHECK = "config_check"
REMOVED = "removed"
"""Value of the tag of what is no longer there: a tag can be written, but no known call takes one off."""

TAGS = 500
"""Tags remembered of a station, but for those of its present software: names that change all the time fill no note."""

NO_VERSION = "?"
"""What a report says of software without version and hash: WATS refuses a report with an empty text."""


def told(
    device: str, station: Station, verdict: Verdict, settings: SoftwareConfig, asked: SoftwareReported | None = None
) -> bytes:
    """Write the verdict as JSON; the same for the same state of things.

    Args:
        device: the station.
        station: what is known of it.
        verdict: what is said of its software.
        settings: which configuration is wanted.
        asked: the question this answers, or None.
    """
    said = VerdictMessage(
        device=device,
        verdict=str(verdict.word),
        reason=verdict.reason,
        software=verdict.software,
        config=configured(device, station.config_version, settings),
        as_of=from_us(station.as_of_us).isoformat() if station.as_of_us else None,
    )
    if asked is not None:
        said = msgspec.structs.replace(
            said,
            request_id=asked.request_id,
            status="checked",
            part_number=asked.part_number,
            remarks=asked.remarks,
        )
    return msgspec.json.encode(said)


def configured(device: str, reported: str | None, settings: SoftwareConfig) -> ConfigVerdict:
    """Compare the reported version of a station's configuration with the wanted one."""
    wanted = settings.wanted_configs.get(device, settings.wanted_config)
    if wanted is None or reported is None:
        return ConfigVerdict("unknown", reported, wanted)
    return ConfigVerdict("match" if reported == wanted else "differs", reported, wanted)


def tags_of(event: AssetSoftware, station: Station, settings: SoftwareConfig) -> dict[str, str]:
    """Give the tags that an event leads to, and those of what is no longer there."""
    tags: dict[str, str] = {}
    if event.software is not None:
        tags = {f"{settings.tag_prefix}{software.name}": software.text for software in event.software}
        gone = [
            name
            for name, value in station.tags.items()
            if value != REMOVED and _is_software(name, settings.tag_prefix) and name not in tags
        ]
        tags |= dict.fromkeys(gone, REMOVED)
    if event.config_version is not None:
        config = configured(event.asset, event.config_version, settings)
        tags[CONFIG] = event.config_version
        if config.wanted is not None:
            tags[CONFIG_CHECK] = config.verdict if config.verdict == "match" else f"differs: wanted {config.wanted}"
    for package, words in event.updates.items():
        known = station.updates.get(package)
        newer = known is not None and known.as_of_us >= event.updates_us.get(package, 0)
        tags[update_tag(package)] = cut(known.words if known is not None and newer else words)
    return tags


def _is_software(tag: str, prefix: str) -> bool:
    """Tell the tags of software from our others, whatever the prefix is."""
    return tag.startswith(prefix) and tag not in {CHECK, CONFIG, CONFIG_CHECK} and not tag.startswith(update_tag(""))


def remembered(tags: dict[str, str], written: dict[str, str]) -> dict[str, str]:
    """Merge the tags that were written into those known; beyond `TAGS` of them, the oldest of what is past goes."""
    merged = tags | written
    past = [
        name
        for name, value in merged.items()
        if name not in written and (value == REMOVED or name.startswith(update_tag("")))
    ]
    for name in past[: max(0, len(merged) - TAGS)]:
        del merged[name]
    return merged


def update_tag(package: str) -> str:
    """Name the tag of a package's update."""
    return f"update_{package}"


def misc_infos(station: Station, settings: SoftwareConfig) -> list[tuple[str, str]]:
    """Give what a report says of its station: at most `on_reports` pieces of software, and the configuration."""
    if not settings.on_reports:
        return []
    software = station.software or ()
    infos = [
        (f"{settings.tag_prefix}{one.name}"[:WATS_CHARACTERS], cut(one.text or NO_VERSION))
        for one in software[: settings.on_reports]
    ]
    if len(software) > settings.on_reports:
        infos.append(("software_more", f"{len(software) - settings.on_reports} more: see the tags of the asset"))
    if station.config_version is not None:
        infos.append((CONFIG, cut(station.config_version)))
    return infos
