"""`/_emulator`: what a test asks of the emulator. No token, no throttle, no faults, no entry in the request log."""

from collections.abc import Mapping

import msgspec

from pywats_mqtt.emulator.access import Throttle
from pywats_mqtt.emulator.app_info import VERSIONS
from pywats_mqtt.emulator.assets.rows import full
from pywats_mqtt.emulator.clock import wire_time
from pywats_mqtt.emulator.faults import Faults, parse_fault
from pywats_mqtt.emulator.page.asset import get_asset
from pywats_mqtt.emulator.page.lists import COUNTS, get_list
from pywats_mqtt.emulator.page.package import get_package
from pywats_mqtt.emulator.page.report import get_report
from pywats_mqtt.emulator.page.static_files import START, file_handler
from pywats_mqtt.emulator.page.unit import get_unit
from pywats_mqtt.emulator.production.serial_numbers import fill
from pywats_mqtt.emulator.production.shown import production_state
from pywats_mqtt.emulator.products.shown import all_products
from pywats_mqtt.emulator.request_log import RequestLog
from pywats_mqtt.emulator.software.folders import all_folders
from pywats_mqtt.emulator.software.rows import inspected
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Handler, Refusal, Reply, json_reply
from pywats_mqtt.ports import Timer

PREFIX = "/_emulator/"
PAGE_FILES = "page/"
PAGE, HIGHEST_PAGE = 1_000, 100_000

_REPORT_COLUMNS = """uuid AS id, receiveCount, quarantined, firstSeq AS first_seq, lastSeq AS last_seq,
reportType AS type, partNumber AS pn, serialNumber AS sn, stationName AS machineName, processCode, result, start"""


class Inspection:
    """The routes and what they look into."""

    def __init__(self, store: Store, log: RequestLog, faults: Faults, throttle: Throttle, clock: Timer) -> None:
        self._store = store
        self._log = log
        self._faults = faults
        self._throttle = throttle
        self._clock = clock
        self._started = wire_time(clock.now())
        self.routes: Mapping[tuple[str, str], Handler] = {
            ("GET", "requests"): self._get_requests,
            ("GET", "requests/{}"): self._get_request,
            ("GET", "state"): self._get_state,
            ("GET", "summary"): self._get_summary,
            ("GET", "reports/{}"): get_report,
            ("GET", "assets/{}"): get_asset,
            ("GET", "units/{}"): get_unit,
            ("GET", "packages/{}"): get_package,
            ("GET", "lists/{}"): get_list,
            ("GET", "faults"): self._get_faults,
            ("POST", "faults"): self._post_fault,
            ("DELETE", "faults"): self._delete_faults,
            ("POST", "serial_numbers"): fill,
            ("POST", "reset"): self._reset,
        }
        """Method and what follows the prefix, in lower case, to what answers."""

    def find(self, method: str, path: str) -> Handler | None:
        """What answers a request, None for a path that is not ours. The last segment may name what is asked for."""
        shows_file = method in {"GET", "HEAD"}
        if path == "/" and shows_file:
            return file_handler(START)
        if not path.lower().startswith(PREFIX):
            return None
        name = path[len(PREFIX) :].rstrip("/").lower()
        if name.startswith(PAGE_FILES) and shows_file:
            return file_handler(name[len(PAGE_FILES) :])
        found = self.routes.get((method, name))
        if found is not None:
            return found
        kind, _, identifier = name.partition("/")
        one = self.routes.get((method, f"{kind}/{{}}")) if identifier else None
        return self._unknown if one is None else _with_identifier(one, identifier)

    def _unknown(self, _call: Call) -> Reply:
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self.routes)
        raise Refusal(404, f"The emulator answers {known}.")

    def _get_requests(self, call: Call) -> Reply:
        """`?after=SEQ&limit=N`: requests numbered above `after`, oldest first; 1,000 without `limit`."""
        limit = call.whole("limit", highest=HIGHEST_PAGE)
        return json_reply(self._log.page(call.whole("after") or 0, PAGE if limit is None else limit))

    def _get_request(self, call: Call) -> Reply:
        """The request with this number, as `GET /_emulator/requests` shows it; 404 when there is none."""
        (text,) = call.identifiers
        # As many digits as SQLite's integers hold.
        seq = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 - see above
        page = self._log.page(seq - 1, 1)
        if not page or page[0]["seq"] != seq:
            raise Refusal(404, f"There is no request {text!r} in the log; older ones go.")
        return json_reply(page[0])

    def _get_summary(self, call: Call) -> Reply:
        """How much there is of everything, and `changes`, which grows whenever anything stored changes."""
        faults = self._faults.listed(self._clock.monotonic())
        counts = {
            **{name: count(self._store) for name, count in COUNTS.items()},
            "faults": len(faults),
            "inForce": sum(not fault["over"] for fault in faults),
        }
        server = call.settings.server
        return json_reply(
            {
                "server": server.value,
                "version": VERSIONS[server],
                "started": self._started,
                "changes": self._store.changes,
                "counts": counts,
            },
        )

    def _get_state(self, _call: Call) -> Reply:
        """All that was stored: assets by id, asset types, the asset log, reports in order of their first reception.

        Packages come with their files, and those with the size and hash of what was uploaded; products with their
        revisions; and what `production_state` tells of units.
        """
        reports = [
            {**dict(row), "quarantined": bool(row["quarantined"])}
            for row in self._store.rows(f"SELECT {_REPORT_COLUMNS} FROM reports ORDER BY number")  # noqa: S608 - our own column names
        ]
        assets = [full(self._store, row) for row in self._store.rows("SELECT * FROM asset_list ORDER BY number")]
        counts = {
            "assets": len(assets),
            "reports": len(reports),
            "quarantined": sum(1 for report in reports if report["quarantined"]),
            "requests": self._store.count("SELECT count(*) FROM requests"),
        }
        return json_reply(
            {
                "assets": assets,
                "types": [dict(row) for row in self._store.rows("SELECT * FROM asset_types ORDER BY typeName")],
                "asset_log": [dict(row) for row in self._store.rows("SELECT * FROM asset_log ORDER BY logId")],
                "reports": reports,
                "packages": inspected(self._store),
                "virtual_folders": all_folders(self._store),
                "products": all_products(self._store),
                **production_state(self._store),
                "counts": counts,
            },
        )

    def _get_faults(self, _call: Call) -> Reply:
        """Every fault posted and not deleted, with how often it hit."""
        return json_reply(self._faults.listed(self._clock.monotonic()))

    def _post_fault(self, call: Call) -> Reply:
        """Put a fault in force: a JSON object with its kind and fields; 201 with what it is."""
        fault = parse_fault(call.body)
        self._faults.add(fault, self._clock.monotonic())
        return json_reply(fault.shown(), 201)

    def _delete_faults(self, _call: Call) -> Reply:
        """Behave from now on."""
        self._faults.clear()
        return Reply(status=204)

    def _reset(self, _call: Call) -> Reply:
        """Forget what was stored, requests, faults and what was throttled. Request numbers go on."""
        self._store.clear()
        self._faults.clear()
        self._throttle.reset()
        return Reply(status=204)


def _with_identifier(handler: Handler, identifier: str) -> Handler:
    return lambda call: handler(msgspec.structs.replace(call, identifiers=(identifier,)))
