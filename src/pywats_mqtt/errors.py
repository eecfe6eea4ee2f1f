"""The errors of the bridge; an error's type is its outcome.

Whatever goes wrong on a message's way ends as one of three: try again later (`Retry`), keep it aside with its reason
(`Reject`), or stop, since the set-up is wrong (`Fatal`). A shell translates what its library raises into one of them.
"""

from __future__ import annotations

from enum import Enum
from typing import Self


class BridgeError(Exception):
    """What all errors of the bridge have in common; never raised itself."""

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Refuse the base class: a caller could not tell what to do about it."""
        if cls is BridgeError:
            raise TypeError("raise Retry, Reject or Fatal: the type is the outcome")
        return super().__new__(cls, *args, **kwargs)


class Scope(Enum):
    """How much a `Retry` concerns, and so what has to wait."""

    SERVER = "server"
    """The server is away, refuses the token or asks for patience: nothing is sent until it is back."""
    CALL = "call"
    """This kind of call is refused (403): its deliveries wait, all others go on."""
    DELIVERY = "delivery"
    """The server failed on this one (500): it uses up an attempt and waits alone."""


class Retry(BridgeError):
    """Not done, and worth another try; the delivery is kept.

    Attributes:
        scope: what has to wait.
        cause: a short, stable name of the reason, such as `unreachable`, `401`, `503`; shown in `status`.
        after_s: seconds the server asked to wait (Retry-After), or None where it named none.
    """

    def __init__(self, message: str, *, scope: Scope, cause: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.scope = scope
        self.cause = cause
        self.after_s = after_s


class Reject(BridgeError):
    """Never acceptable as it is: it goes to quarantine with this reason, and what follows goes on.

    Attributes:
        reason: what is wrong and what was expected, in a sentence.
        path: where in the payload, such as `$.steps[0].value`; empty where the whole is meant.
    """

    def __init__(self, reason: str, *, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


class Fatal(BridgeError):
    """A wrong set-up that no waiting mends; the program says so in one line and ends with exit code 2."""
