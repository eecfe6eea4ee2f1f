"""One order to misbehave: what happens, to which requests, and how often."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

import msgspec

HeaderText = Annotated[str, msgspec.Meta(pattern=r"^[!-~]([ -~]{0,62}[!-~])?$")]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]  # a year: of an endless one there is no end to tell
Wait = Annotated[float, msgspec.Meta(gt=0, le=3600)]

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"})


class Kind(Enum):
    """What happens to a request; `EFFECTS` says more."""

    STATUS = "status"
    THROTTLE = "throttle"
    FLAPPING = "flapping"
    REDIRECT = "redirect"
    HANG = "hang"
    REFUSE = "refuse"
    RESET = "reset"
    DROP_BEFORE = "drop_before"
    DELAY = "delay"
    DROP_AFTER = "drop_after"
    DELAY_AFTER = "delay_after"
    EMPTY = "empty"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    SLOW_BODY = "slow_body"


class Effect(msgspec.Struct, frozen=True):
    """A kind of fault.

    Attributes:
        text: What it does.
        processed: Whether the request does what it asks for.
        fields: The fields that only some kinds have. What follows the kind on the command line (`status=503`) is the
            first of them.
    """

    text: str
    processed: bool
    fields: tuple[str, ...] = ()


EFFECTS: Mapping[Kind, Effect] = {
    Kind.STATUS: Effect("Answered with `status`.", processed=False, fields=("status", "retry_after", "retry_after_as")),
    Kind.THROTTLE: Effect(
        "429 with `Retry-After: 1`, or what `retry_after` says.",
        processed=False,
        fields=("retry_after", "retry_after_as"),
    ),
    Kind.FLAPPING: Effect(
        "As `status`, in turn with times of good behaviour: give `up` and `down`, or `up_s` and `down_s`.",
        processed=False,
        fields=("status", "retry_after", "retry_after_as"),
    ),
    Kind.REDIRECT: Effect("302 to a log-in page in HTML, which answers 200.", processed=False),
    Kind.HANG: Effect("Never answered; ends when the client leaves.", processed=False),
    Kind.REFUSE: Effect(
        "At once, whatever is asked: all connections are closed, and new ones refused for `seconds` (ECONNREFUSED; the "
        "end is met to 0.1 s). The inspection API is away as well. Takes no other field.",
        processed=False,
        fields=("seconds",),
    ),
    Kind.RESET: Effect("The connection is reset without an answer (TCP RST).", processed=False),
    Kind.DROP_BEFORE: Effect("The connection is closed without an answer (TCP FIN).", processed=False),
    Kind.DELAY: Effect(
        "Processed and answered `delay_s` later, processed also when the client left.",
        processed=True,
        fields=("delay_s",),
    ),
    Kind.DROP_AFTER: Effect("Processed, then the connection is closed without an answer.", processed=True),
    Kind.DELAY_AFTER: Effect("Processed at once, answered `delay_s` later.", processed=True, fields=("delay_s",)),
    Kind.EMPTY: Effect("Processed; a success is answered with 200 and an empty body.", processed=True),
    Kind.MALFORMED: Effect("Processed; a success is answered with half a JSON text.", processed=True),
    Kind.TRUNCATED: Effect(
        "Processed; half of the body that `Content-Length` announces is sent, then the connection is closed.",
        processed=True,
    ),
    Kind.SLOW_BODY: Effect(
        "Processed; the answer's body comes a byte every `byte_s`, and whole after `longest_s`.",
        processed=True,
        fields=("byte_s", "longest_s"),
    ),
}
_SPECIAL = frozenset(field for effect in EFFECTS.values() for field in effect.fields) - {"seconds"}


class RetryAfterAs(Enum):
    """How `retry_after` becomes a header."""

    WRITTEN = "written"
    """As it is."""
    DATE = "date"
    """As the HTTP date that many seconds from then."""
    ABSENT = "absent"
    """Not at all."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order to misbehave. Without `times` and `seconds` it lasts until faults are deleted.

    Attributes:
        kind: What happens.
        method: Only requests with this method, in any case; all without it.
        path: Only paths that begin with this, in any case.
        after: Not the first so many requests that match.
        times: Only so many requests.
        seconds: Only so long from now on.
        probability: How likely it hits a request, 0 to 1.
        seed: What the chance begins with: the same requests with the same seed have the same hits.
        up: Let so many requests that match through, then hit `down`, and so on.
        down: See `up`.
        up_s: Behave so many seconds, then misbehave `down_s`, and so on.
        down_s: See `up_s`.
        status: The answer's status, 400 to 599.
        retry_after: The `Retry-After` header.
        retry_after_as: `written` sends it as it is, `date` as the HTTP date so many seconds ahead, `absent` not at all.
        delay_s: How long the answer waits, at most 3600 s.
        byte_s: Time between two bytes.
        longest_s: How long the body trickles at most.
    """

    kind: Kind
    method: str | None = None
    path: str = "/"
    after: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    times: Count | None = None
    seconds: Seconds | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    up: Count | None = None
    down: Count | None = None
    up_s: Wait | None = None
    down_s: Wait | None = None
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    retry_after: HeaderText | None = None
    retry_after_as: RetryAfterAs = RetryAfterAs.WRITTEN
    delay_s: Wait = 1.0
    byte_s: Wait = 0.1
    longest_s: Wait = 60.0

    def __post_init__(self) -> None:
        """Refuse what could never hit or would be ignored: a test would pass for nothing.

        Raises:
            ValueError: Names the field and what to do.
        """
        given = {field.name for field in msgspec.structs.fields(Fault) if getattr(self, field.name) != field.default}
        kind, own = self.kind.value, EFFECTS[self.kind].fields
        allowed = {"kind", *own} if self.kind is Kind.REFUSE else given - _SPECIAL | set(own)
        for name in sorted(given - allowed):
            fields = ", ".join(own) or "no field of its own"
            raise ValueError(f"{kind} does not look at {name}; it has {fields}")
        if self.method is not None and self.method.upper() not in METHODS:
            raise ValueError(f"method {self.method!r} is none of {', '.join(sorted(METHODS))}")
        if not self.path.startswith("/"):
            raise ValueError(f"path {self.path!r} must begin with /")
        if self.kind is Kind.REFUSE and self.seconds is None:
            raise ValueError("refuse needs seconds: nobody could end it")
        if self.retry_after_as is RetryAfterAs.DATE and not (self.retry_after or "").isdecimal():
            raise ValueError("retry_after_as date needs retry_after in whole seconds")
        self._check_turns()

    def _check_turns(self) -> None:
        """Check `up`, `down` and their like."""
        counted, timed = (self.up, self.down), (self.up_s, self.down_s)
        for names, pair in (("up and down", counted), ("up_s and down_s", timed)):
            if (pair[0] is None) != (pair[1] is None):
                raise ValueError(f"{names} go together")
        if self.up is not None and self.up_s is not None:
            raise ValueError("give up and down, or up_s and down_s, not both")
        if self.kind is Kind.FLAPPING and self.up is None and self.up_s is None:
            raise ValueError("flapping needs up and down, or up_s and down_s")

    def matches(self, method: str, path: str) -> bool:
        """Whether a request has its method and path."""
        if self.kind is Kind.REFUSE:
            return False
        right_method = self.method is None or self.method.upper() == method
        return right_method and path.lower().startswith(self.path.lower())

    def shown(self) -> dict[str, object]:
        """Kind, method, path, the first field of its kind, and what else is not as it would be by itself."""
        own = EFFECTS[self.kind].fields
        always = ("kind", "method", "path", *own[:1])
        defaults = {field.name: field.default for field in msgspec.structs.fields(Fault)}
        names = dict.fromkeys((*always, *own, *defaults))
        kept = (name for name in names if name in always or getattr(self, name) != defaults[name])
        return {name: msgspec.to_builtins(getattr(self, name)) for name in kept}
