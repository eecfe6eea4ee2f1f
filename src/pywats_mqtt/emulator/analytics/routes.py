"""The routes of `/api/App` that compute something. TopFailed, OeeAnalysis and the other analyses are not there."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.analytics import histories, yields
from pywats_mqtt.emulator.route import Confidence, Route, Routes

ANALYTICS_ROUTES: Routes = {
    "/api/app/dynamicyield": {"POST": Route(yields.dynamic_yield, Needs.READ, Confidence.LOW)},
    "/api/app/volumeyield": dict.fromkeys(("GET", "POST"), Route(yields.volume_yield, Needs.READ, Confidence.LOW)),
    "/api/app/serialnumberhistory": {"POST": Route(histories.serial_number_history, Needs.READ, Confidence.LOW)},
    "/api/app/uutreport": dict.fromkeys(("GET", "POST"), Route(histories.uut_reports, Needs.READ, Confidence.LOW)),
    "/api/app/uurreport": {"POST": Route(histories.uur_reports, Needs.READ, Confidence.LOW)},
}
