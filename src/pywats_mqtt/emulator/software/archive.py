"""What is in a zip: pure, bytes in, files out, and never more of them or larger ones than allowed.

The sizes that the zip declares bound the work: they are summed up first, and no file is unpacked beyond its own.
"""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

import msgspec

from pywats_mqtt.emulator.wire import Refusal

MOST_FILES = 10_000  # a second or two of work; those of zips in the zip may count, too
MOST_BYTES = 300_000_000  # ten times the longest body: program files shrink to a third or so, a bomb to a thousandth
LONGEST_PATH = 260  # Windows' MAX_PATH: that is where packages are installed

_ENTRY = b"PK\x01\x02"  # APPNOTE 4.3.12: begins each entry of the central directory
_ENCRYPTED = 0x1  # APPNOTE 4.4.4: bit 0 of the flags
_CHUNK = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, RuntimeError, struct.error)
"""What zipfile raises on bytes that are no sound zip; RuntimeError is also NotImplementedError."""


class Member(msgspec.Struct, frozen=True):
    """A file in a zip; `folder` has slashes between its parts and none at its ends."""

    folder: str
    name: str
    size_bytes: int
    sha256: str


def members_of(content: bytes, *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> list[Member]:
    """The files in a zip, in its order; entries for folders are left out.

    Raises:
        Refusal: 400, it is no sound zip, holds a file that is not in a folder, encrypted, compressed in another way
            than deflate, of a bad name or there twice, or is larger than allowed when unpacked.
    """
    if content.count(_ENTRY) > most_files:  # before zipfile makes an object of each
        raise Refusal(400, f"the zip holds more than {most_files} files")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            files = [entry for entry in archive.infolist() if not entry.filename.endswith(("/", "\\"))]
            declared = sum(entry.file_size for entry in files)
            if declared > most_bytes:
                raise Refusal(400, f"the zip unpacks to {declared} bytes, at most {most_bytes} are taken")
            return list(_read(archive, files))
    except _BROKEN as exc:
        raise Refusal(400, f"the body is no sound zip: {exc}") from exc


def _read(archive: zipfile.ZipFile, files: list[zipfile.ZipInfo]) -> Iterator[Member]:
    seen: set[str] = set()
    for entry in files:
        path = _checked_path(entry.filename)
        if path.lower() in seen:
            raise Refusal(400, f"the zip holds {path!r} twice")
        seen.add(path.lower())
        if entry.flag_bits & _ENCRYPTED:
            raise Refusal(400, f"{path!r} in the zip is encrypted")
        # The others may ask for gigabytes of memory in a few bytes of header.
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Refusal(400, f"{path!r} in the zip is compressed in another way than deflate")
        folder, _, name = path.rpartition("/")
        size_bytes = entry.file_size
        yield Member(folder, name, size_bytes, _hash(archive, entry, path))


def _checked_path(filename: str) -> str:
    """The path of a file with slashes; zips of older .NET programs have backslashes."""
    path = filename.replace("\\", "/")
    parts = path.split("/")
    if len(path) > LONGEST_PATH:
        raise Refusal(400, f"{path[:40]!r}… in the zip: {len(path)} characters, at most {LONGEST_PATH} are taken")
    if _DRIVE.match(path) or any(part.strip() in {"", ".", ".."} for part in parts):
        raise Refusal(400, f"{path!r} in the zip is no path below the package")
    if len(parts) == 1:
        raise Refusal(400, f"{path!r} lies at the root of the zip; put every file into a folder")
    return path


def _hash(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> str:
    """The hash of a file, which is as long as declared; zipfile compares its checksum.

    Raises:
        Refusal: 400, it is longer.
    """
    declared, size = entry.file_size, 0
    entry.file_size = declared + 1  # zipfile stops there; left alone, it would cut the file without a word
    digest = hashlib.sha256()
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > declared:
                raise Refusal(400, f"{path!r} in the zip is larger than the {declared} bytes it declares")
            digest.update(chunk)
    if size < declared:
        raise Refusal(400, f"{path!r} in the zip has {size} bytes, not the {declared} it declares")
    return digest.hexdigest()
