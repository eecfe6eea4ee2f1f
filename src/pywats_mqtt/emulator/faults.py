"""Misbehaviour on demand: which requests it hits, and for how long."""

from enum import Enum
from typing import Annotated

import msgspec

from pywats_mqtt.emulator.wire import Refusal, Reply, json_reply


class Kind(Enum):
    """What happens to a request; all but the last five leave it unprocessed."""

    STATUS = "status"
    """Answered with `status`."""
    THROTTLE = "throttle"
    """429 with `Retry-After`."""
    REDIRECT = "redirect"
    """302 to a log-in page in HTML, which answers 200."""
    HANG = "hang"
    """Never answered; ends when the client leaves."""
    DROP_BEFORE = "drop_before"
    """The connection is closed without an answer."""
    DELAY = "delay"
    """Processed and answered `delay_s` later, processed also when the client left."""
    DROP_AFTER = "drop_after"
    """Processed, then the connection is closed without an answer."""
    DELAY_AFTER = "delay_after"
    """Processed at once, answered `delay_s` later."""
    EMPTY = "empty"
    """Processed; a success is answered with an empty body."""
    MALFORMED = "malformed"
    """Processed; a success is answered with half a JSON text."""


HeaderText = Annotated[str, msgspec.Meta(pattern=r"^[!-~]([ -~]{0,62}[!-~])?$")]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order to misbehave. Without `times` and `seconds` it lasts until faults are deleted.

    Attributes:
        method: Only requests with this method, in any case; None for all.
        path: Only paths that begin with this, in any case.
        status: For `status`: 400 to 599.
        times: Only that many requests.
        seconds: Only that long from now on.
        retry_after: For `status` and `throttle`: the `Retry-After` header as it is.
        delay_s: For `delay` and `delay_after`.
    """

    kind: Kind
    method: str | None = None
    path: str = "/"
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    retry_after: HeaderText | None = None
    delay_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 1.0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request with this method and path is hit."""
        right_method = self.method is None or self.method.upper() == method
        return right_method and path.lower().startswith(self.path.lower())

    def refusal(self) -> Reply | None:
        """The answer of a kind that answers without processing, None for the others."""
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        if self.kind is Kind.STATUS:
            return json_reply({"Message": f"Fault: status {self.status}."}, self.status, headers)
        if self.kind is Kind.THROTTLE:
            return json_reply({"Message": "API calls quota exceeded!"}, 429, {"Retry-After": "1", **headers})
        if self.kind is Kind.REDIRECT:
            return Reply(status=302, headers={"Location": "/login"})
        return None

    def spoil(self, reply: Reply) -> Reply:
        """What this fault leaves of the answer to a processed request."""
        if reply.status >= 400:  # noqa: PLR2004 - HTTP's first error status
            return reply
        if self.kind is Kind.EMPTY:
            return Reply()
        if self.kind is Kind.MALFORMED:
            return Reply(b'{"half": [' + reply.body[: len(reply.body) // 2])
        return reply


def parse_fault(body: bytes) -> Fault:
    """A fault from the JSON that an operator posted.

    Raises:
        Refusal: 400, with the place of the mistake.
    """
    try:
        return msgspec.json.decode(body, type=Fault)
    except (msgspec.DecodeError, RecursionError, ValueError) as exc:
        raise Refusal(400, f"not a fault: {exc}") from exc


class _Active(msgspec.Struct, kw_only=True):
    fault: Fault
    left: int | None
    until_s: float | None
    hits: int = 0

    def over(self, now_s: float) -> bool:
        return self.left == 0 or (self.until_s is not None and now_s >= self.until_s)


class Faults:
    """The faults in force, first posted first; the first that matches a request hits it."""

    def __init__(self) -> None:
        self._active: list[_Active] = []

    def add(self, fault: Fault, now_s: float) -> None:
        """Put `fault` in force at `now_s`, monotonic seconds."""
        until_s = None if fault.seconds is None else now_s + fault.seconds
        self._active.append(_Active(fault=fault, left=fault.times, until_s=until_s))

    def take(self, method: str, path: str, now_s: float) -> Fault | None:
        """The fault that hits this request, which counts as one of its `times`; None when none does."""
        for active in self._active:
            if active.fault.matches(method, path) and not active.over(now_s):
                active.hits += 1
                if active.left is not None:
                    active.left -= 1
                return active.fault
        return None

    def listed(self, now_s: float) -> list[dict[str, object]]:
        """Every fault posted since the last `clear`, with how often it hit and whether it is over."""
        return [
            {**msgspec.to_builtins(active.fault), "hits": active.hits, "over": active.over(now_s)}
            for active in self._active
        ]

    def clear(self) -> None:
        """Behave."""
        self._active.clear()
