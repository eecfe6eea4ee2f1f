"""The routes of `/api/Report`."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.reports import headers, stored
from pywats_mqtt.emulator.route import Confidence, Route, Routes

REPORT_ROUTES: Routes = {
    "/api/report/wsjf": {"POST": Route(stored.post_report, Needs.WRITE, Confidence.MEDIUM)},
    "/api/report/wsjf/{}": {"GET": Route(stored.get_report, Needs.READ, Confidence.HIGH)},
    "/api/report/query/header": {"GET": Route(headers.get_headers, Needs.READ, Confidence.HIGH)},
}
