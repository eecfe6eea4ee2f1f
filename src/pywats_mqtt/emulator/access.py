"""Who may ask, and how often."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from enum import Enum

from pywats_mqtt.emulator.settings import Permission
from pywats_mqtt.emulator.wire import Refusal

WINDOW_S = 60.0
INTERNAL = "/api/internal/"


class Needs(Enum):
    """What a route asks of a token."""

    READ = "read"
    WRITE = "write"
    COUNTS = "counts"


_GRANTED = {
    Permission.FULL: frozenset(Needs),
    Permission.NO_COUNTS: frozenset({Needs.READ, Needs.WRITE}),
    Permission.READ_ONLY: frozenset({Needs.READ}),
}


def token_of(headers: Iterable[tuple[bytes, bytes]], tokens: Mapping[str, Permission]) -> str:
    """The known token in `Authorization: Basic <token>`; `headers` have lower-case names.

    Raises:
        Refusal: 401, the header is missing, of another scheme, or its token unknown.
    """
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "basic" and token.strip() in tokens:
                return token.strip()
    # RFC 9110 11.6.1: a 401 names the scheme that would be taken.
    raise Refusal(401, "Authorization has been denied for this request.", {"WWW-Authenticate": "Basic"})


def check_permission(permission: Permission, needs: Needs) -> None:
    """Let a token through to a route.

    Raises:
        Refusal: 403, the token lacks the permission.
    """
    if needs not in _GRANTED[permission]:
        missing = 'the permission "Edit Total count"' if needs is Needs.COUNTS else "write access"
        raise Refusal(403, f"This token lacks {missing}.")


def check_referer(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Let a request through to `/api/internal`, which a server keeps for its own pages.

    Raises:
        Refusal: 403, it has no `Referer` on this server. The status is a guess.
    """
    sent = dict(headers)
    scheme, _, rest = sent.get(b"referer", b"").partition(b"://")
    if not scheme or rest.partition(b"/")[0] != sent.get(b"host", b""):
        raise Refusal(403, "Routes below /api/internal need a Referer header with this server's address.")


class Throttle:
    """At most `limit` requests per token in any 60 s; 0 for no limit. A refused request does not count."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: dict[str, deque[float]] = {}

    def admit(self, token: str, now_s: float) -> None:
        """Count a request at `now_s`, monotonic seconds.

        Raises:
            Refusal: 429 with `Retry-After` in whole seconds, after which one request will pass.
        """
        if not self._limit:
            return
        admitted = self._admitted.setdefault(token, deque())
        while admitted and admitted[0] <= now_s - WINDOW_S:
            admitted.popleft()
        if len(admitted) >= self._limit:
            wait_s = max(1, math.ceil(admitted[0] + WINDOW_S - now_s))
            message = f"API calls quota exceeded! maximum admitted {self._limit} per minute."
            raise Refusal(429, message, {"Retry-After": str(wait_s)})
        admitted.append(now_s)

    def reset(self) -> None:
        """Forget what was counted."""
        self._admitted.clear()
