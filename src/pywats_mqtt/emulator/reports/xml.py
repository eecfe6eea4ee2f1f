"""An XML document as a tree of plain elements, without what makes XML dangerous. Pure."""

from collections.abc import Iterator
from xml.parsers import expat

import msgspec

MOST_ELEMENTS = (
    200_000  # a report of 10,000 steps has some 30,000; each takes microseconds, in which nobody else is served
)


class XmlError(ValueError):
    """The text is no XML document, or one that is not taken; the message says why."""


class Element(msgspec.Struct):
    """An element: its name without namespace, attributes, elements in it, and all text right in it."""

    name: str
    attributes: dict[str, str]
    children: "list[Element]"
    text: str = ""

    def all(self, name: str) -> "Iterator[Element]":
        """The elements of this name right below."""
        return (child for child in self.children if child.name == name)

    def one(self, name: str) -> "Element | None":
        """The first element of this name right below."""
        return next(self.all(name), None)


def parse_xml(body: bytes) -> Element:
    """The root of a document.

    Raises:
        XmlError: No well-formed document; one with a document type, whose entities could make it grow without bound;
            or one with more than `MOST_ELEMENTS`.
    """
    count = 0
    open_elements, texts = [Element("", {}, [])], [list[str]()]
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS:
            raise XmlError(f"the document has more than {MOST_ELEMENTS} elements")
        element = Element(name.rpartition(" ")[2], attributes, [])
        open_elements[-1].children.append(element)
        open_elements.append(element)
        texts.append([])

    def end(_name: str) -> None:
        open_elements.pop().text = "".join(texts.pop())

    def characters(text: str) -> None:
        texts[-1].append(text)

    def document_type(*_declared: object) -> None:
        raise XmlError("the document declares a document type, which is not taken")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = document_type
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat takes no keywords
    except expat.ExpatError as exc:
        raise XmlError(f"the body is no well-formed XML: {exc}") from exc
    except (ValueError, LookupError) as exc:
        raise exc if isinstance(exc, XmlError) else XmlError(f"the body cannot be read: {exc}") from exc
    return open_elements[0].children[0]
