"""Takes the picture of the emulator's page that the README shows: `python -m tests.emulator.page_picture`."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from playwright.sync_api import expect

from tests.emulator.chromium import running_chromium
from tests.emulator.page_story import FAILED_ID, tell
from tests.emulator.server import running_emulator

PICTURE = Path(__file__).parents[2] / "docs/emulator-page.png"
_SIGNATURE_BYTES = 8


def packed(png: bytes) -> bytes:
    """The same picture in fewer bytes: a browser packs its pictures in a hurry."""
    chunks, at = [], _SIGNATURE_BYTES
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + size]))
        at += size + 12  # its size, its name and its checksum take four bytes each
    pixels = zlib.compress(zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT")), 9)
    kept = [(b"IHDR", chunks[0][1]), (b"IDAT", pixels), (b"IEND", b"")]
    return png[:_SIGNATURE_BYTES] + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in kept
    )


def main() -> None:
    """Tell an emulator the story, open the report that failed, and take the picture."""
    with running_emulator() as emulator, running_chromium() as browser:
        tell(emulator, good=7)
        page = browser.new_page(viewport={"width": 1120, "height": 860})
        page.goto(f"{emulator.url}/#/reports/{FAILED_ID}")
        expect(page.locator("#connection")).to_have_text("Live")
        page.locator("#detail").evaluate("node => node.scrollTo(0, node.querySelector('h3').offsetTop - 70)")
        PICTURE.write_bytes(packed(page.screenshot()))


if __name__ == "__main__":
    main()
