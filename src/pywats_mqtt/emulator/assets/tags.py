"""Tags of an asset: what a save makes of those it had.

A server's rule is not public. Here a list in which any entry has a `change` other than 0 is a list of changes: 1 adds,
2 updates, 3 deletes, 0 leaves the tag as it is, and an entry without `change`, or with the undescribed 4 to 6, is set.
Any other list replaces all tags or is merged into them, as the settings say.
"""

import re
from collections.abc import Sequence

import msgspec

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.settings import TagList
from pywats_mqtt.emulator.wire import Refusal

NO_CHANGE, DELETE = 0, 3
LAST_CHANGE = 6
LONGEST_VALUE = 5_000
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2: all but Char


def merged_tags(known: str, sent: Sequence[JsonObject], rule: TagList) -> list[dict[str, str]]:
    """The tags after a save.

    Args:
        known: The tags before, a JSON list of `{"key", "value"}`.
        sent: What the save names: `{"key", "value", "change"?}`.
        rule: What a list that is no list of changes does to the tags it leaves out.

    Raises:
        Refusal: 400, a key or value that cannot stand in XML, in which WATS keeps a tag, or a wrong change.
    """
    entries = [(fields.xml_name(tag, "key"), _value(tag), fields.whole(tag, "change", 0, LAST_CHANGE)) for tag in sent]
    are_changes = any(change for _, _, change in entries)
    keeps = are_changes or rule is TagList.MERGE
    tags = {tag["key"]: tag["value"] for tag in msgspec.json.decode(known, type=list[dict[str, str]])} if keeps else {}
    for key, value, change in entries:
        if are_changes and change == NO_CHANGE:
            continue
        if change == DELETE:
            tags.pop(key, None)
        else:
            tags[key] = value
    return [{"key": key, "value": value} for key, value in tags.items()]


def _value(tag: JsonObject) -> str:
    value = fields.text(tag, "value", LONGEST_VALUE) or ""
    wrong = _NO_XML.search(value)
    if wrong:
        raise Refusal(400, f"tags: value of {tag['key']!r}: character {wrong[0]!r} cannot be stored; leave it out")
    return value
