"""Tags of an asset: what a save makes of those it had.

A server's rule is not public. Here a list without `change` replaces all tags, and a list in which any entry has a
`change` other than 0 is a list of changes: 1 adds, 2 updates, 3 deletes.
"""

from collections.abc import Sequence

import msgspec

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject

DELETE = 3
LAST_CHANGE = 6


def merged_tags(known: str, sent: Sequence[JsonObject]) -> list[dict[str, str]]:
    """The tags after a save.

    Args:
        known: The tags before, a JSON list of `{"key", "value"}`.
        sent: What the save names: `{"key", "value", "change"?}`.

    Raises:
        Refusal: 400, a key that cannot name an XML element, in which WATS keeps a tag, or a wrong value or change.
    """
    changes = [
        (fields.xml_name(tag, "key"), fields.text(tag, "value", 5000), fields.whole(tag, "change", 0, LAST_CHANGE))
        for tag in sent
    ]
    keeps = any(change for _, _, change in changes)
    tags = {tag["key"]: tag["value"] for tag in msgspec.json.decode(known, type=list[dict[str, str]])} if keeps else {}
    for key, value, change in changes:
        if change == DELETE:
            tags.pop(key, None)
        else:
            tags[key] = value or ""
    return [{"key": key, "value": value} for key, value in tags.items()]
