"""What the operator of an emulator may choose."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path

import msgspec

from pywats_mqtt.emulator.clock import ServerClock
from pywats_mqtt.emulator.fault import Fault
from pywats_mqtt.emulator.processes import SEEDED, Processes
from pywats_mqtt.ports import Timer

DEFAULT_TOKEN = "c2VjcmV0"  # noqa: S105 - the documented example token, no secret


_TOKEN = re.compile(r"[!-~]+\Z")


class Permission(Enum):
    """What a token may do."""

    FULL = "full"
    NO_COUNTS = "no-counts"
    """All but SetRunningCount and SetTotalCount, which a WATS server keeps behind "Edit Total count"."""
    READ_ONLY = "read-only"


def named_tokens(given: Mapping[Permission, Iterable[str]]) -> Mapping[str, Permission]:
    """Tokens with what each may do.

    Raises:
        ValueError: One cannot be sent, or is given twice.
    """
    found: dict[str, Permission] = {}
    for permission, tokens in given.items():
        for token in tokens:
            if not _TOKEN.match(token):
                raise ValueError(f"{token!r}: a token is what stands behind 'Basic ', visible ASCII without spaces")
            if token in found:
                raise ValueError(f"{token!r} is given twice; a token has one set of permissions")
            found[token] = permission
    return found


class Server(Enum):
    """Which release of a WATS server this is; the newer one has all routes of the older."""

    V2025_3 = "2025.3"
    """What the released pywats is documented for."""
    V2026_3 = "2026.3"
    """What pywats 0.6 asks for; such a server is not public, so its additions are taken from that client."""


class AlarmShape(Enum):
    """Which fields `GET /api/Asset/Status` has. Two clients of the vendor read it differently, so this is a guess."""

    CSHARP = "csharp"
    """`status` 0, 2 or 3 and by how much each limit is exceeded, as the C# client reads it."""
    PYWATS = "pywats"
    """`alarmState` 0, 1 or 2 and the days since the last calibration and maintenance, as pywats reads it."""
    BOTH = "both"
    """All of them."""


class CountReply(Enum):
    """What the routes that change a count answer. The API description leaves it open, so this is a guess."""

    NUMBER = "number"
    """The status as a number, 0, 2 or 3, as the C# client reads it."""
    OBJECT = "object"
    """The body of `GET /api/Asset/Status`."""


class LowerTotal(Enum):
    """What becomes of a `totalCount` on `/api/Asset/Count` that is below the present one. Not public, so a guess."""

    IGNORE = "ignore"
    """It is taken and changes no count."""
    REFUSE = "refuse"
    """It is refused with 400."""


class TagList(Enum):
    """What a saved list of tags without `change` does to the tags that it leaves out. Not public, so a guess."""

    REPLACE = "replace"
    """They go."""
    MERGE = "merge"
    """They stay."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One emulator.

    Attributes:
        host: Address to listen on. The inspection routes ask for no token, so keep it a loopback address.
        port: TCP port, 0 for a free one.
        tokens: What `Authorization: Basic <token>` may carry, and what each token may do.
        state: SQLite file that survives a restart; None keeps everything in memory.
        server: The release to be; it decides which routes there are, and what the version says.
        processes: The operations that reports may name, by code; every server has its own.
        known_tags: The keys that tags of a package may have, as a server's Tag Manager lists them; empty for any.
        rate_limit: Requests per token in any 60 s; 0 for no limit. A WATS server allows about 500.
        keep_requests: How many requests the log holds; older ones go. 200,000 reports of 1 kB take some 700 MB in
            memory, log and reports together.
        faults: Faults that are in force from the start.
        count_asset_use: Whether `assets[]` of a report adds to the counters of those assets. That a server does so is a
            guess.
        auto_products: Whether `PUT /api/Production/Units` (and, in 2026.3, `Unit` and `ChangeUnit`) makes products and
            revisions that are missing. Off: the vendor's tests make them first; what a server does is not public.
        unit_changes: Whether `GET /api/Production/Units/Changes` tells what became of units. On, so that tests see it;
            a server has it off until its owner switches it on.
        report_units: Whether a report makes its product, revision and unit where they are missing. That a server does
            so is a guess.
        alarm_shape: The fields of an asset's status.
        count_reply: What a changed count is answered with.
        lower_total: What becomes of a total count below the present one.
        tags: What a list of tags without `change` does to the others.
        calibration_resets: Whether a calibration sets the running count to 0, which pywats describes as the count since
            the last one. A server's rule is not public, so this is a guess.
        lenient_messages: Whether `POST /api/Asset/Message` also takes the body that pywats sends, which does not fit
            the API description. That a server refuses it is a guess.
        count_asset_use_again: Whether a report that is sent again counts its assets again. Whether a server does is not
            known; once for each report id is our guess.
        lenient_assets: Whether `assets[]` of a report may name an asset by `sn`, as pywats does. The description knows
            only `assetSN`; that a server refuses `sn` is our guess.
        any_repair_code: Whether a failure in a repair may have any category and code, not only the seeded ones. A
            server knows its own, which are not these.
        clock: The time; throttling, outages and all that is stored go by it. Delays of an answer take the machine's.
        max_body_bytes: Longest body taken, else 413. 30,000,000 is what IIS, which WATS runs on, takes by default.
    """

    host: str = "127.0.0.1"
    port: int = 8088
    tokens: Mapping[str, Permission] = msgspec.field(default_factory=lambda: {DEFAULT_TOKEN: Permission.FULL})
    state: Path | None = None
    server: Server = Server.V2025_3
    processes: Processes = msgspec.field(default_factory=lambda: SEEDED)
    known_tags: frozenset[str] = frozenset()
    rate_limit: int = 500
    keep_requests: int = 200_000
    faults: Sequence[Fault] = ()
    count_asset_use: bool = True
    auto_products: bool = False
    unit_changes: bool = True
    report_units: bool = True
    alarm_shape: AlarmShape = AlarmShape.BOTH
    count_reply: CountReply = CountReply.NUMBER
    lower_total: LowerTotal = LowerTotal.IGNORE
    tags: TagList = TagList.REPLACE
    calibration_resets: bool = False
    lenient_messages: bool = False
    count_asset_use_again: bool = False
    lenient_assets: bool = False
    any_repair_code: bool = False
    clock: Timer = msgspec.field(default_factory=ServerClock)
    max_body_bytes: int = 30_000_000

    def with_tokens(self, tokens: Mapping[str, Permission]) -> "Settings":
        """The same with other tokens."""
        return msgspec.structs.replace(self, tokens=tokens)
