"""`/api/Production/AddChildUnit` and `RemoveChildUnit`: units that are built into others."""

from sqlite3 import Row

from pywats_mqtt.emulator.production.phases import FINALIZED, PHASES
from pywats_mqtt.emulator.production.units import addressed, alter, children_of, is_within
from pywats_mqtt.emulator.products.box_build import parts_of, takes
from pywats_mqtt.emulator.products.rows import revision_of
from pywats_mqtt.emulator.store import Store
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def add_child_unit(call: Call) -> Reply:
    """POST /api/Production/AddChildUnit: build the child into the parent; `true`.

    `checkPartNumber` and `checkRevision` say what the child has to be, if they are not blank: their meaning is a guess.

    Raises:
        Refusal: 400, a parameter is missing (pywats leaves out the two above), or the child may not be built in; 404,
            no such unit.
    """
    parent, child = _both(call)
    for name, column in (("checkPartNumber", "partNumber"), ("checkRevision", "revision")):
        wanted = call.required(name)
        if wanted and wanted != child[column]:
            raise Refusal(400, f"query parameter {name}: {wanted!r} is asked for, the child has {child[column]!r}")
    problem = _problem(call.store, parent, child)
    if problem:
        raise Refusal(400, f"child unit {child['serialNumber']!r}: {problem}")
    alter(call, child, {"parent": parent["number"]})
    return json_reply(value=True)


def remove_child_unit(call: Call) -> Reply:
    """POST /api/Production/RemoveChildUnit: take the child out of the parent; `true`.

    Raises:
        Refusal: 400, a parameter is missing, or the child is not in this parent; 404, no such unit.
    """
    parent, child = _both(call)
    if child["parent"] != parent["number"]:
        raise Refusal(400, f"child unit {child['serialNumber']!r} is not built into {parent['serialNumber']!r}")
    alter(call, child, {"parent": None})
    return json_reply(value=True)


def _both(call: Call) -> tuple[Row, Row]:
    parent = addressed(call, "parentSerialNumber", "parentPartNumber")
    return parent, addressed(call, "childSerialNumber", "childPartNumber")


def _problem(store: Store, parent: Row, child: Row) -> str | None:
    """Why the child may not be built into the parent, None where it may."""
    if child["parent"]:
        return f"it is built into {child['parentSerialNumber']!r} already; take it out first"
    if is_within(store, parent, child):
        return "the parent is the same unit, or built into it"
    if child["unitPhaseId"] != FINALIZED:
        return f"it is in phase {PHASES[child['unitPhaseId']]!r}, and must be Finalized ({FINALIZED})"
    return _template_problem(store, parent, child)


def _template_problem(store: Store, parent: Row, child: Row) -> str | None:
    """What the box build template of the parent's revision has against the child; one that is empty takes all."""
    revision = revision_of(store, parent["partNumber"], parent["revision"])
    parts = parts_of(store, revision["productRevisionId"]) if revision else []
    fitting = [part for part in parts if takes(part, child["partNumber"], child["revision"])]
    shown = f"{child['partNumber']!r} revision {child['revision']!r}"
    if parts and not fitting:
        return f"the box build template of the parent has no place for {shown}"
    inside = children_of(store, parent)
    # Each unit inside takes one place of the first part that fits it.
    left = {part["number"]: part["quantity"] for part in parts}
    for unit in inside:
        place = next(
            (
                part["number"]
                for part in parts
                if left[part["number"]] and takes(part, unit["partNumber"], unit["revision"])
            ),
            None,
        )
        if place is not None:
            left[place] -= 1
    if parts and not any(left[part["number"]] for part in fitting):
        return f"all places that the box build template of the parent has for {shown} are taken"
    return None
