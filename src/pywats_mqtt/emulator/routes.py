"""Every route of the API: the tables of all areas in one."""

from collections.abc import Mapping
from itertools import chain

from pywats_mqtt.emulator import app_info
from pywats_mqtt.emulator.analytics.routes import ANALYTICS_ROUTES
from pywats_mqtt.emulator.assets.routes import ASSET_ROUTES
from pywats_mqtt.emulator.production.routes import PRODUCTION_ROUTES
from pywats_mqtt.emulator.products.routes import PRODUCT_ROUTES
from pywats_mqtt.emulator.reports.routes import REPORT_ROUTES
from pywats_mqtt.emulator.route import Route, Routes
from pywats_mqtt.emulator.settings import Server
from pywats_mqtt.emulator.software.routes import SOFTWARE_ROUTES
from pywats_mqtt.emulator.wire import Refusal

MOST_IDENTIFIERS = 2

_AREAS = (
    app_info.ROUTES,
    ASSET_ROUTES,
    REPORT_ROUTES,
    ANALYTICS_ROUTES,
    SOFTWARE_ROUTES,
    PRODUCT_ROUTES,
    PRODUCTION_ROUTES,
)
ROUTES: Routes = dict(chain.from_iterable(area.items() for area in _AREAS))


def find_route(method: str, path: str, server: Server) -> tuple[Route, tuple[str, ...]]:
    """The route of a request, and the segments that its `{}` stand for.

    A path without identifiers wins over one with them, whatever its methods, as in ASP.NET.

    Raises:
        Refusal: 404, no such path; 405, the path takes other methods.
    """
    segments = path.rstrip("/").split("/")
    for count in range(MOST_IDENTIFIERS + 1):
        fixed = segments[: len(segments) - count]
        methods = ROUTES.get("/".join(fixed).lower() + "/{}" * count)
        if "{}" in fixed:
            continue  # sent as it is, which only an identifier may be
        if methods is None or not (there := _methods_of(methods, server)):
            continue
        if method not in there:
            allowed = ", ".join(there)
            raise Refusal(405, f"The resource takes {allowed}, not {method}.", {"Allow": allowed})
        return there[method], tuple(segments[len(fixed) :])
    raise Refusal(404, f"No HTTP resource was found that matches the request URI '{path}'.")


def _methods_of(methods: Mapping[str, Route], server: Server) -> Mapping[str, Route]:
    """The methods that a server of this release takes; their values order releases by age."""
    return {method: route for method, route in methods.items() if route.since.value <= server.value}
