"""The keys that exports are signed with, and checked by: Ed25519, as PEM files."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pywats_mqtt.errors import Fatal

PRIVATE = 0o600
PUBLIC = 0o644


def public_path(path: Path) -> Path:
    """Name the file of the public key beside that of a private one."""
    return path.with_name(path.name + ".pub")


def make_keys(path: Path) -> Path:
    """Make a pair of keys; gives where the public one is.

    Raises:
        Fatal: one of the files is there, or cannot be made; then neither is left.
    """
    if not path.name:
        raise Fatal(f"{path} is no file: name the one that the private key is to be in")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if os.path.lexists(public_path(path)):
        raise Fatal(
            f"{public_path(path)} is there already: name another file, or remove it if nothing is signed with it"
        )
    _write(path, private, PRIVATE)
    try:
        _write(public_path(path), public, PUBLIC)
    except Fatal:
        path.unlink()
        raise
    return public_path(path)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Make a file; one that cannot be written to the end is removed, so that the next try finds none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink()
            raise
    except OSError as error:
        raise Fatal(f"{path} cannot be made ({error.strerror}): its folder must have room, or name another") from error


def read_private(path: Path) -> Ed25519PrivateKey:
    """Read the key to sign with.

    Raises:
        Fatal: there is none, or it is of another sort.
    """
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Fatal(f"{path} is no private key without a password: make one with `spool keygen`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Fatal(f"{path} is no Ed25519 key: make one with `spool keygen`")
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """Read the key to check with.

    Raises:
        Fatal: there is none, or it is of another sort.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Fatal(f"{path} is no public key: it is the .pub file that `spool keygen` made") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Fatal(f"{path} is no Ed25519 key: it is the .pub file that `spool keygen` made")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Fatal(f"there is no key at {path} ({error.strerror}): `spool keygen --out FILE` makes one") from error
