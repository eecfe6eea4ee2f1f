"""What makes an event the same event when it arrives again.

Identity belongs to events and is computed from what the device sent, before any correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final
from uuid import UUID, uuid5

import msgspec

NAMESPACE = UUID("8d0ae1f0-6c0d-5d53-9a51-6ac1f7c5c2b4")
"""The product's UUIDv5 namespace: a constant for ever, or old results would get new ids."""


CONFLICT: Final = "identity conflict"
"""How the reason begins of what was refused since its id came before with another content."""


class Identity(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What makes an event the same event when it arrives again.

    Attributes:
        id: UUIDv5 of the fields its kind names.
        digest: digest of the payload; the same id with another digest is an identity conflict, not a duplicate.
    """

    id: UUID
    digest: bytes

    @property
    def key(self) -> bytes:
        """The 16 bytes of the id."""
        return self.id.bytes


def identify(fields: Sequence[str], payload: bytes) -> Identity:
    """Derive an identity from fields in a fixed order; no two different field lists give the same id.

    Args:
        fields: kind, device and what else the kind names; each as the device sent it.
        payload: the message's bytes.
    """
    name = "\x1f".join(f"{len(field)}:{field}" for field in fields)
    return Identity(id=uuid5(NAMESPACE, name), digest=payload_digest(payload))


def payload_digest(payload: bytes) -> bytes:
    """Digest a payload to 16 bytes."""
    return blake2b(payload, digest_size=16).digest()
