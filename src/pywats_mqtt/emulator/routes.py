"""Every route of the API, in one table. `{}` stands for one path segment, which keeps its case; the rest has none."""

from collections.abc import Mapping

import msgspec

from pywats_mqtt.emulator import app_info, asset_counts, asset_types, assets, report_headers, reports
from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.wire import Handler, Refusal

MOST_IDENTIFIERS = 1


class Route(msgspec.Struct, frozen=True):
    """What answers a method on a path, and what the token needs for it."""

    handler: Handler
    needs: Needs


ROUTES: Mapping[str, Mapping[str, Route]] = {
    "/api/app/version": {"GET": Route(app_info.version, Needs.READ)},
    "/api/app/processes": {"GET": Route(app_info.processes, Needs.READ)},
    "/api/asset": {
        "GET": Route(assets.get_assets, Needs.READ),
        "PUT": Route(assets.put_asset, Needs.WRITE),
        "DELETE": Route(assets.delete_asset, Needs.WRITE),
    },
    "/api/asset/{}": {"GET": Route(assets.get_asset, Needs.READ)},
    "/api/asset/count": {"PUT": Route(asset_counts.put_count, Needs.WRITE)},
    "/api/asset/setrunningcount": {"PUT": Route(asset_counts.set_running_count, Needs.COUNTS)},
    "/api/asset/settotalcount": {"PUT": Route(asset_counts.set_total_count, Needs.COUNTS)},
    "/api/asset/state": {"PUT": Route(asset_counts.put_state, Needs.WRITE)},
    "/api/asset/types": {
        "GET": Route(asset_types.get_types, Needs.READ),
        "PUT": Route(asset_types.put_type, Needs.WRITE),
    },
    "/api/report/wsjf": {"POST": Route(reports.post_report, Needs.WRITE)},
    "/api/report/wsjf/{}": {"GET": Route(reports.get_report, Needs.READ)},
    "/api/report/query/header": {"GET": Route(report_headers.get_headers, Needs.READ)},
}


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route of a request, and the segments that its `{}` stand for.

    A path without identifiers wins over one with them, whatever its methods, as in ASP.NET.

    Raises:
        Refusal: 404, no such path; 405, the path takes other methods.
    """
    segments = path.rstrip("/").split("/")
    for count in range(MOST_IDENTIFIERS + 1):
        fixed = segments[: len(segments) - count]
        methods = ROUTES.get("/".join(fixed).lower() + "/{}" * count)
        if methods is None:
            continue
        if method not in methods:
            allowed = ", ".join(methods)
            raise Refusal(405, f"The resource takes {allowed}, not {method}.", {"Allow": allowed})
        return methods[method], tuple(segments[len(fixed) :])
    raise Refusal(404, f"No HTTP resource was found that matches the request URI '{path}'.")
