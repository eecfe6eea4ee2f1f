"""`/api/Software/PackageStatus`: the life of a package, in one table."""

from collections.abc import Mapping
from datetime import datetime
from sqlite3 import Row

from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.software.rows import USER, Status, addressed, required_status, shown
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply

NEXT: Mapping[Status, tuple[Status, ...]] = {
    Status.DRAFT: (Status.PENDING,),
    Status.PENDING: (Status.DRAFT, Status.RELEASED),
    Status.RELEASED: (Status.REVOKED,),
    Status.REVOKED: (),
}
"""Where a package may go from where it is. To stay is no step: it is refused, too, which is a guess."""

_STAMPS = {Status.RELEASED: "released", Status.REVOKED: "revoked"}


def post_status(call: Call) -> Reply:
    """POST /api/Software/PackageStatus/{id}: the package becomes `status`; the package.

    Raises:
        Refusal: 400, status is absent, none, or not the next in the life of this package; 404, as `addressed`.
    """
    row, status = addressed(call), required_status(call)
    step(call.store, row, status, call.now)
    return json_reply(shown(addressed(call)))


def step(store: Store, row: Row, status: Status, now: datetime) -> None:
    """Give a package another status, and note who released or revoked it and when.

    Raises:
        Refusal: 400, this status does not follow the present one.
    """
    present = Status(row["status"])
    if status not in NEXT[present]:
        allowed = " or ".join(after.value for after in NEXT[present]) or "nothing else"
        raise Refusal(400, f"status: package {row['name']!r} is {present.value} and may become {allowed}")
    moment = wire_time(now)
    store.run(
        "UPDATE packages SET status = ?, modified = ?, modifiedBy = ? WHERE number = ?",
        status.value,
        moment,
        USER,
        row["number"],
    )
    stamp = _STAMPS.get(status)
    if stamp:
        sql = f"UPDATE packages SET {stamp} = ?, {stamp}By = ? WHERE number = ?"  # noqa: S608 - one of our two column names
        store.run(sql, moment, USER, row["number"])
