"""The routes of `/api/Asset`."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.assets import children, counts, log, saved, status, types, upkeep
from pywats_mqtt.emulator.route import Confidence, Route, Routes

ASSET_ROUTES: Routes = {
    "/api/asset": {
        "GET": Route(saved.get_assets, Needs.READ, Confidence.HIGH),
        "PUT": Route(saved.put_asset, Needs.WRITE, Confidence.MEDIUM),
        "DELETE": Route(saved.delete_asset, Needs.WRITE, Confidence.MEDIUM),
    },
    "/api/asset/{}": {"GET": Route(saved.get_asset, Needs.READ, Confidence.MEDIUM)},
    "/api/asset/count": {"PUT": Route(counts.put_count, Needs.WRITE, Confidence.MEDIUM)},
    "/api/asset/setrunningcount": {"PUT": Route(counts.set_running_count, Needs.COUNTS, Confidence.MEDIUM)},
    "/api/asset/settotalcount": {"PUT": Route(counts.set_total_count, Needs.COUNTS, Confidence.MEDIUM)},
    "/api/asset/resetrunningcount": {"POST": Route(counts.post_reset, Needs.WRITE, Confidence.HIGH)},
    "/api/asset/state": {"PUT": Route(counts.put_state, Needs.WRITE, Confidence.HIGH)},
    "/api/asset/status": {"GET": Route(status.get_status, Needs.READ, Confidence.LOW)},
    "/api/asset/calibration": {"POST": Route(upkeep.post_calibration, Needs.WRITE, Confidence.MEDIUM)},
    "/api/asset/calibration/external": {
        "POST": Route(upkeep.post_calibration_external, Needs.WRITE, Confidence.MEDIUM)
    },
    "/api/asset/maintenance": {"POST": Route(upkeep.post_maintenance, Needs.WRITE, Confidence.MEDIUM)},
    "/api/asset/maintenance/external": {
        "POST": Route(upkeep.post_maintenance_external, Needs.WRITE, Confidence.MEDIUM)
    },
    "/api/asset/log": {"GET": Route(log.get_log, Needs.READ, Confidence.HIGH)},
    "/api/asset/message": {"POST": Route(log.post_message, Needs.WRITE, Confidence.MEDIUM)},
    "/api/asset/subassets": {"GET": Route(children.get_sub_assets, Needs.READ, Confidence.HIGH)},
    "/api/asset/types": {
        "GET": Route(types.get_types, Needs.READ, Confidence.MEDIUM),
        "PUT": Route(types.put_type, Needs.WRITE, Confidence.MEDIUM),
    },
}
