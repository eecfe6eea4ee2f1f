"""The routes of `/api/Production` and `/api/Workflow`."""

from pywats_mqtt.emulator.access import Needs
from pywats_mqtt.emulator.production import (
    assembly,
    batches,
    changes,
    moves,
    phases,
    saved,
    serial_numbers,
    single,
    verification,
    workflow,
)
from pywats_mqtt.emulator.route import Confidence, Route, Routes
from pywats_mqtt.emulator.settings import Server

_READ, _WRITE = Needs.READ, Needs.WRITE
_HIGH, _MEDIUM, _LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW
_NEW = Server.V2026_3

PRODUCTION_ROUTES: Routes = {
    "/api/production/unit/{}/{}": {"GET": Route(saved.get_unit, _READ, _HIGH)},
    "/api/production/units": {"PUT": Route(saved.put_units, _WRITE, _MEDIUM)},
    "/api/production/setunitphase": {"PUT": Route(moves.set_unit_phase, _WRITE, _HIGH)},
    "/api/production/setunitprocess": {"PUT": Route(moves.set_unit_process, _WRITE, _MEDIUM)},
    "/api/production/unitverification": {"GET": Route(verification.get_verification, _READ, _MEDIUM)},
    "/api/production/addchildunit": {"POST": Route(assembly.add_child_unit, _WRITE, _MEDIUM)},
    "/api/production/removechildunit": {"POST": Route(assembly.remove_child_unit, _WRITE, _MEDIUM)},
    "/api/production/batches": {"PUT": Route(batches.put_batches, _WRITE, _LOW)},
    "/api/production/units/changes": {"GET": Route(changes.get_changes, _READ, _MEDIUM)},
    "/api/production/units/changes/{}": {"DELETE": Route(changes.delete_change, _WRITE, _MEDIUM)},
    "/api/production/serialnumbers/take": {"POST": Route(serial_numbers.take, _WRITE, _MEDIUM)},
    "/api/production/serialnumbers/types": {"GET": Route(serial_numbers.get_types, _READ, _MEDIUM)},
    "/api/internal/mes/getunitphases": {"GET": Route(phases.get_phases, _READ, _HIGH)},
    "/api/workflow/starttest": {"GET": Route(workflow.start_test, _WRITE, _LOW)},
    "/api/workflow/endtest": {"GET": Route(workflow.end_test, _WRITE, _LOW)},
    "/api/production/unit": {
        "POST": Route(single.post_unit, _WRITE, _LOW, _NEW),
        "PUT": Route(single.put_unit, _WRITE, _LOW, _NEW),
        "DELETE": Route(single.delete_unit, _WRITE, _LOW, _NEW),
    },
    "/api/production/unit/query": {"GET": Route(single.query_units, _READ, _LOW, _NEW)},
    "/api/production/changeunit": {"PUT": Route(single.change_unit, _WRITE, _LOW, _NEW)},
    "/api/production/unittag": {"PUT": Route(single.put_tag, _WRITE, _LOW, _NEW)},
}
