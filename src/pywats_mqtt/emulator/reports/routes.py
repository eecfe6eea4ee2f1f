"""The routes of `/api/Report`, and of `/api/internal/Process`, where the failure codes of repairs are found."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.reports import files, headers, operations, state, stored, wsxf
from pywats_mqtt.emulator.route import Confidence, Route, Routes

_INTERNAL = "/api/internal/process"

REPORT_ROUTES: Routes = {
    "/api/report/wsjf": {"POST": Route(stored.post_report, Needs.WRITE, Confidence.MEDIUM)},
    "/api/report/wsjf/{}": {"GET": Route(stored.get_report, Needs.READ, Confidence.HIGH)},
    "/api/report/wsxf": {"POST": Route(wsxf.post_report, Needs.WRITE, Confidence.LOW)},
    "/api/report/attachment": {"GET": Route(files.get_attachment, Needs.READ, Confidence.LOW)},
    "/api/report/attachments/{}": {"GET": Route(files.get_attachments, Needs.READ, Confidence.LOW)},
    "/api/report/query/header": {"GET": Route(headers.get_headers, Needs.READ, Confidence.HIGH)},
    "/api/report/query/headerbymiscinfo": {
        "GET": Route(headers.get_headers_by_misc_info, Needs.READ, Confidence.LOW),
    },
    "/api/internal/report/getreportstate/{}": {"GET": Route(state.get_report_state, Needs.READ, Confidence.LOW)},
    f"{_INTERNAL}/getprocesses": {"GET": Route(operations.get_processes, Needs.READ, Confidence.LOW)},
    f"{_INTERNAL}/getprocess/{{}}": {"GET": Route(operations.get_process, Needs.READ, Confidence.LOW)},
    f"{_INTERNAL}/getrepairoperations": {"GET": Route(operations.get_repair_operations, Needs.READ, Confidence.LOW)},
    f"{_INTERNAL}/getrepairoperation/{{}}": {"GET": Route(operations.get_repair_operation, Needs.READ, Confidence.LOW)},
}
