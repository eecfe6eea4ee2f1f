"""The file that carries an export: compressed, and signed as a whole.

    pywats-mqtt export 1        one line: the form's version
    zlib stream                 of records, each behind its length (4 bytes, big-endian): the head, then the rows
    64 bytes                    Ed25519 signature of the SHA-512 of all before it

Nothing is unpacked before the signature is found good, so what is read was written by who has the key.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pywats_mqtt.errors import Fatal
from pywats_mqtt.events import decode
from pywats_mqtt.ports import LatestRow, OwedRow, Row
from pywats_mqtt.ports.handover import ROWS

VERSION: Final = 1
_NAME: Final = b"pywats-mqtt export "
_FIRST_LINE: Final = _NAME + b"%d\n" % VERSION
_SIGNATURE: Final = 64
_CONTEXT: Final = b"pywats-mqtt export file\x00"
"""Before what is signed, so that no other thing signed with the key can be taken for an export."""
_CHUNK: Final = 1_048_576


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself.

    Attributes:
        export: its id.
        bridge: client id of the bridge that wrote it.
        number: grows by one with each export of that bridge's spool.
        at_us: when it was begun.
        owed, latest, refused: rows of each sort.
    """

    export: str
    bridge: str
    number: int
    at_us: int
    owed: int
    latest: int
    refused: int

    @property
    def rows(self) -> int:
        """How many rows follow."""
        return self.owed + self.latest + self.refused


def require_writable(path: Path) -> None:
    """Try whether a file of this name can be made, before anything is taken out for it.

    Raises:
        Fatal: it is there already, or cannot be made.
    """
    part = _part_of(path)
    try:
        if path.exists():
            raise Fatal(f"{path} is there already: name another file")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        part.unlink()
    except FileExistsError:
        return  # another command writes it, or was killed as it did
    except OSError as error:
        raise _unwritable(path, error) from error


def write_export(path: Path, key: Ed25519PrivateKey, head: Head, rows: Iterable[bytes]) -> None:
    """Write a file; it has its name only once it is complete and on the disk, and else leaves nothing.

    Raises:
        Fatal: it cannot be written.
    """
    part = _part_of(path)
    try:
        _write_named(path, part, key, head, rows)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()  # where it got its name it is there no more


def _part_of(path: Path) -> Path:
    """Name the file that is written, until it is complete."""
    return path.with_name(f".{path.name}.part")


def _unwritable(path: Path, error: OSError) -> Fatal:
    if error.errno == errno.ENAMETOOLONG:
        return Fatal(f"{path} cannot be written: the name is too long, choose a shorter one")
    return Fatal(f"{path} cannot be written ({error.strerror}): its folder must be there, writable, and have room")


def _write_named(path: Path, part: Path, key: Ed25519PrivateKey, head: Head, rows: Iterable[bytes]) -> None:
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        digest = hashlib.sha512()
        for block in _blocks(head, rows):
            digest.update(block)
            file.write(block)
        file.write(key.sign(_CONTEXT + digest.digest()))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _blocks(head: Head, rows: Iterable[bytes]) -> Iterator[bytes]:
    yield _FIRST_LINE
    packer = zlib.compressobj(6)
    for record in chain((msgspec.msgpack.encode(head),), rows):
        yield packer.compress(len(record).to_bytes(4) + record)
    yield packer.flush()


class ExportFile:
    """A file that was found good; use it as a context manager.

    Attributes:
        head: what it says of itself.
    """

    def __init__(self, path: Path, trusted: Ed25519PublicKey) -> None:
        """Check all of it.

        Raises:
            Fatal: it is none, of a newer version, not signed with the key, changed, or cut.
        """
        self._path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise Fatal(f"{path} cannot be read: {error.strerror}") from error
        try:
            self._end = self._verified(trusted)
            self.head = self._checked()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def rows(self) -> Iterator[bytes]:
        """Give the packed rows, in their order."""
        records = self._records()
        next(records)
        yield from records

    def _verified(self, trusted: Ed25519PublicKey) -> int:
        """Check version and signature; gives where the signature begins."""
        first = self._file.readline(len(_FIRST_LINE) + 16)
        if not first.startswith(_NAME):
            raise Fatal(f"{self._path} is no export of a bridge")
        if first != _FIRST_LINE:
            raise Fatal(
                f"{self._path} has another version than {VERSION}: a newer program wrote it; import it with that one"
            )
        end = os.fstat(self._file.fileno()).st_size - _SIGNATURE
        digest = hashlib.sha512(first)
        left = end - len(first)
        while left > 0 and (block := self._file.read(min(_CHUNK, left))):
            digest.update(block)
            left -= len(block)
        try:
            trusted.verify(self._file.read(_SIGNATURE), _CONTEXT + digest.digest())
        except InvalidSignature as error:
            raise Fatal(
                f"{self._path} is not signed with the trusted key, or was changed or cut since: nothing is imported"
            ) from error
        return end

    def _checked(self) -> Head:
        """Read all rows once, so that none is imported where a later one cannot be read."""
        records = self._records()
        try:
            head = msgspec.msgpack.decode(next(records), type=Head)
            count = sum(1 for record in records if _readable(ROWS.decode(record)))
        except (msgspec.MsgspecError, zlib.error, StopIteration) as error:
            raise Fatal(
                f"{self._path} holds what this program cannot read ({error}): a newer one wrote it; import it with that"
            ) from error
        if count != head.rows:
            raise Fatal(f"{self._path} has {count} rows and names {head.rows}: write the export again")
        return head

    def _records(self) -> Iterator[bytes]:
        self._file.seek(len(_FIRST_LINE))
        unpacker = zlib.decompressobj()
        left = self._end - len(_FIRST_LINE)
        held = bytearray()
        while left > 0 and (block := self._file.read(min(_CHUNK, left))):
            left -= len(block)
            while block:
                held += unpacker.decompress(block, _CHUNK)
                block = unpacker.unconsumed_tail
                begin = 0
                while len(held) >= begin + 4 and len(held) >= (
                    end := begin + 4 + int.from_bytes(held[begin : begin + 4])
                ):
                    yield bytes(held[begin + 4 : end])
                    begin = end
                del held[:begin]


def _readable(row: Row) -> bool:
    """Unpack the event of a row; raises where it is none of this version."""
    if isinstance(row, OwedRow | LatestRow):
        decode(row.event)
    return True
