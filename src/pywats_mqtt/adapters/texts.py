"""Texts and the limits of WATS: what is too long is cut, and kept whole in an attachment."""

from __future__ import annotations

from pywats_mqtt.errors import Reject

WATS_CHARACTERS = 100
"""WATS refuses a report with a longer text in any of its fields."""

_REFUSED = frozenset("*%?[]^!/\\")
"""WATS refuses these in serial and part numbers: they are wildcards of its searches."""

_ATTACHMENT = "full_texts"
_ATTACHMENT_CHARACTERS = 500_000
"""At most 2 MB in UTF-8, which WATS' own client takes as the largest attachment."""

_MARK = "…"


class Texts:
    """Fits the texts of one report, and remembers what was cut."""

    __slots__ = ("_whole",)

    def __init__(self) -> None:
        self._whole: list[str] = []

    def fit(self, text: str, path: str, most: int = WATS_CHARACTERS) -> str:
        """Give the text with at most `most` characters, the last of them `…` where it was cut.

        Args:
            text: as sent.
            path: where it stood; the whole text is kept under it.
            most: characters that WATS takes there.
        """
        if len(text) <= most:
            return text
        self._whole.append(f"{path}:\n{text}\n")
        return cut(text, most)

    def attachments(self) -> tuple[tuple[str, str], ...]:
        """Give what was cut as (name, text) pairs: one file, or several where it is very long."""
        whole = "\n".join(self._whole)
        parts = [whole[at : at + _ATTACHMENT_CHARACTERS] for at in range(0, len(whole), _ATTACHMENT_CHARACTERS)]
        return tuple(
            (f"{_ATTACHMENT}.txt" if number == 1 else f"{_ATTACHMENT}_{number}.txt", part)
            for number, part in enumerate(parts, 1)
        )


def cut(text: str, most: int = WATS_CHARACTERS) -> str:
    """Give the text with at most `most` characters, the last of them `…` where it was cut."""
    return text if len(text) <= most else text[: most - 1] + _MARK


def check_number(text: str, path: str) -> str:
    r"""Give a serial or part number back if WATS takes it: at most 100 characters, none of `* % ? [ ] ^ ! / \`.

    It is never mended: another number would be another unit.

    Raises:
        Reject: it is too long, or has a character that WATS refuses or that cannot be seen.
    """
    check_length(text, path)
    for character in text:
        if character in _REFUSED or not (character.isprintable()):
            raise Reject(f"WATS refuses the character {character!r} in {text!r}", path=path)
    return text


def check_length(text: str, path: str) -> str:
    """Give a text back if it has at most 100 characters; for what identifies something, which must not be cut.

    Raises:
        Reject: it is longer.
    """
    if len(text) > WATS_CHARACTERS:
        raise Reject(f"has {len(text)} characters; WATS takes {WATS_CHARACTERS}", path=path)
    return text
