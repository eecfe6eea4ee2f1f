"""`/api/Workflow/StartTest` and `EndTest`: whether a unit may be tested now.

A server follows a flow chart of activities that its owner drew; without one, the emulator takes the operation of a
unit for its activity: that is a guess.
"""

from pywats_mqtt.emulator.production.units import addressed, alter, note
from pywats_mqtt.emulator.wire import Call, Reply, json_reply


def start_test(call: Call) -> Reply:
    """GET /api/Workflow/StartTest: begin a test; whether it may: the unit's operation is a test, none is under way.

    Raises:
        Refusal: 400, a parameter is missing; 404, no such unit.
    """
    unit, station = addressed(call), call.required("stationName")
    process = call.settings.processes.get(int(unit["processCode"])) if unit["processCode"] else None
    allowed = bool(process and process.is_test_operation and not unit["underTest"])
    if allowed:
        alter(call, unit, {"underTest": 1})
        note(call, unit, "test", f"started at {station}")
    return json_reply(allowed)


def end_test(call: Call) -> Reply:
    """GET /api/Workflow/EndTest: end a test with the result `passed`; whether one was under way.

    Raises:
        Refusal: 400, a parameter is missing, or `passed` neither true nor false; 404, no such unit.
    """
    unit, station = addressed(call), call.required("stationName")
    call.required("passed")
    result = "passed" if call.flag("passed") else "failed"
    if unit["underTest"]:
        alter(call, unit, {"underTest": 0})
        note(call, unit, "test", f"{result} at {station}")
    return json_reply(bool(unit["underTest"]))
