"""Tags of products, revisions and units: another view of their `xmlData`, `<Root><Key Value="…"/></Root>`.

Reads give both. Which one counts in a save is a guess: first the `xmlData`, then every tag that says by its `change`
what is to become of it; tags that say nothing count only where no `xmlData` came along.
"""

from collections.abc import Mapping
from sqlite3 import Row
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import quoteattr

from pywats_mqtt.emulator import fields
from pywats_mqtt.emulator.assets.tags import DELETE, LAST_CHANGE
from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.wire import Refusal

LONGEST_XML = 100_000


def tags_in(xml: str | None) -> list[dict[str, str]]:
    """The tags in an `xmlData`: the elements below its root that have a `Value`.

    Raises:
        Refusal: 400, no well-formed XML, or one with a document type.
    """
    tags: dict[str, str] = {}
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        if depth == 1 and "Value" in attributes:
            tags[name] = attributes["Value"]
        depth += 1

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_declared: object) -> None:
        raise ValueError("a document type is not taken")

    if xml and xml.strip():
        parser = ParserCreate("utf-8")
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.StartDoctypeDeclHandler = refuse
        try:
            parser.Parse(xml.encode(), True)  # noqa: FBT003 - isfinal has no name
        except (ExpatError, ValueError) as exc:
            raise Refusal(400, f"xmlData: no well-formed XML: {exc}") from exc
    return [{"key": key, "value": value} for key, value in tags.items()]


def saved_xml(known: Row | None, body: JsonObject) -> str | None:
    """The `xmlData` after a save of `body`, None where it says nothing about it.

    Raises:
        Refusal: 400, a wrong `xmlData` or tag.
    """
    xml = fields.text(body, "xmlData", LONGEST_XML)
    tags_in(xml)
    before = (known["xmlData"] if known else None) if xml is None else xml
    changes: dict[str, str | None] = {}
    for tag in fields.objects(body, "tags") or []:
        change = fields.whole(tag, "change", 0, LAST_CHANGE)
        key, value = fields.xml_name(tag, "key"), fields.text(tag, "value", 5000) or ""
        if change or xml is None:
            changes[key] = None if change == DELETE else value
    return tagged_xml(before, changes) if changes else xml


def tagged_xml(xml: str | None, changes: Mapping[str, str | None]) -> str:
    """`xml` with tags set, or deleted where the value is None; what is no tag in it goes.

    Raises:
        Refusal: 400, a value with characters that XML cannot hold.
    """
    merged: dict[str, str | None] = {tag["key"]: tag["value"] for tag in tags_in(xml)}
    merged |= changes
    inner = "".join(f"<{key} Value={quoteattr(value)}/>" for key, value in merged.items() if value is not None)
    tagged = f"<Root>{inner}</Root>"
    tags_in(tagged)
    return tagged
