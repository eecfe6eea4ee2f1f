"""Tags of a package, as a save names them."""

from collections.abc import Collection

import msgspec

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.wire import Refusal

LONGEST_VALUE = 5000


def sent_tags(body: JsonObject, known_keys: Collection[str]) -> str:
    """The `tags` of a body as they are stored; absent or null is an empty list.

    A key may come more than once: a package may be for several stations.

    Args:
        body: What the client sent.
        known_keys: The keys that the Tag Manager has; empty for all.

    Raises:
        Refusal: 400, no list of objects with a key and a value, or a key that is not known.
    """
    tags = []
    for tag in fields.objects(body, "tags") or []:
        key = fields.xml_name(tag, "key")
        if known_keys and key not in known_keys:
            raise Refusal(400, f"tags: the Tag Manager has no key {key!r}; use one of {', '.join(sorted(known_keys))}")
        tags.append({"key": key, "value": fields.text(tag, "value", LONGEST_VALUE) or ""})
    return msgspec.json.encode(tags).decode()
