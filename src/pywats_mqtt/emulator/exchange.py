"""One request, once it is read: access, route, area, log, in one transaction. Nothing here waits."""

import sys
import traceback

from pywats_mqtt.emulator.access import INTERNAL, Throttle, check_permission, check_referer, token_of
from pywats_mqtt.emulator.incoming import Headers
from pywats_mqtt.emulator.request_log import Arrival, RequestLog
from pywats_mqtt.emulator.routes import find_route
from pywats_mqtt.emulator.settings import Settings
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Handler, Refusal, Reply, json_reply, refusal_reply


class Exchange:
    """Turns requests into answers and records both."""

    def __init__(self, settings: Settings, store: Store, log: RequestLog, throttle: Throttle) -> None:
        self._settings = settings
        self._store = store
        self._log = log
        self._throttle = throttle

    def process(
        self,
        arrival: Arrival,
        headers: Headers,
        *,
        fault: str | None = None,
        recorded: bool = False,
        answered: bool = True,
    ) -> Reply:
        """Do what a request asks; what it changed and its log row are committed together.

        Args:
            arrival: The request.
            headers: Its headers, names in lower case.
            fault: The kind of fault that hits it, for the log.
            recorded: Whether `record` has logged it already.
            answered: Whether the client will see the answer; if not, the log shows no status.
        """
        self._store.begin()
        try:
            reply = self._api(arrival, headers)
        except Refusal as refusal:
            self._start_over()
            reply = refusal_reply(refusal)
        except Exception:  # noqa: BLE001 - the loop's edge: a mistake of ours answers 500, as a server's would
            reply = self._mistake()
        status = reply.status if answered else None
        if not recorded:
            self._log.write(arrival, status, fault)
        elif status is not None:
            self._log.answer(arrival.seq, status)
        self._store.commit()
        return reply

    def record(self, arrival: Arrival, status: int | None, fault: str | None) -> None:
        """Log a request that is refused unread, or that a fault refuses, keeps waiting or drops."""
        self._store.begin()
        self._log.write(arrival, status, fault)
        self._store.commit()

    def inspect(self, handler: Handler, arrival: Arrival) -> Reply:
        """Run an inspection route, which leaves no trace in the log."""
        self._store.begin()
        try:
            reply = handler(self._call(arrival, ()))
        except Refusal as refusal:
            self._start_over()
            reply = refusal_reply(refusal)
        except Exception:  # noqa: BLE001 - the loop's edge, as in `process`
            reply = self._mistake()
        self._store.commit()
        return reply

    def _api(self, arrival: Arrival, headers: Headers) -> Reply:
        token = token_of(headers, self._settings.tokens)
        self._throttle.admit(token, self._settings.clock.monotonic())
        route, identifiers = find_route(arrival.method, arrival.path, self._settings.server)
        check_permission(self._settings.tokens[token], route.needs)
        if arrival.path.lower().startswith(INTERNAL):
            check_referer(headers)
        return route.handler(self._call(arrival, identifiers))

    def _call(self, arrival: Arrival, identifiers: tuple[str, ...]) -> Call:
        return Call(
            store=self._store,
            settings=self._settings,
            seq=arrival.seq,
            now=arrival.at,
            identifiers=identifiers,
            query={name.lower(): value for name, value in arrival.query.items()},
            body=arrival.body,
        )

    def _mistake(self) -> Reply:
        """The answer to a request that made us fail; stderr gets the reason."""
        traceback.print_exc(file=sys.stderr)
        self._start_over()
        return json_reply({"Message": "An error has occurred."}, 500)

    def _start_over(self) -> None:
        self._store.rollback()
        self._store.begin()
