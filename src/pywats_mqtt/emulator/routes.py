"""Every route of the API: the tables of all areas in one."""

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


def _of_release(server: Server) -> Routes:
    """What a server of this release has; their values order releases by age."""
    kept = {
        path: {method: route for method, route in methods.items() if route.since.value <= server.value}
        for path, methods in ROUTES.items()
    }
    return {path: methods for path, methods in kept.items() if methods}


_BY_RELEASE = {server: _of_release(server) for server in Server}


def find_route(method: str, path: str, server: Server) -> tuple[Route, tuple[str, ...]]:
    """The route of a request, and the segments that its `{}` stand for.

    A path without identifiers wins over one with them, whatever its methods, as in ASP.NET.

    Raises:
        Refusal: 404, no such path; 405, the path takes other methods.
    """
    routes = _BY_RELEASE[server]
    segments = path.rstrip("/").split("/")
    for count in range(MOST_IDENTIFIERS + 1):
        fixed = segments[: len(segments) - count]
        methods = routes.get("/".join(fixed).lower() + "/{}" * count)
        if "{}" in fixed:
            continue  # sent as it is, which only an identifier may be
        if methods is None:
            continue
        if method not in methods:
            allowed = ", ".join(methods)
            raise Refusal(405, f"The resource takes {allowed}, not {method}.", {"Allow": allowed})
        return methods[method], tuple(segments[len(fixed) :])
    raise Refusal(404, f"No HTTP resource was found that matches the request URI '{path}'.")
