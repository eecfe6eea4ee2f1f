"""A save of many things at once: each on its own, the mistakes told together."""

from collections.abc import Callable

from pywats_mqtt.emulator.fields import JsonObject
from pywats_mqtt.emulator.wire import Call, Refusal, Reply, json_reply


def save_each(call: Call, save: Callable[[Call, JsonObject], bool]) -> Reply:
    """Save every object in the list that is the body; how many were made, changed and refused, and why.

    Of this answer only `errorCount` is public; pywats raises where it is not 0. What is right is kept all the same,
    which is a guess.

    Args:
        call: The request.
        save: Saves one object, and says whether it was new. It changes nothing when it refuses.

    Raises:
        Refusal: 400, the body is no list of objects.
    """
    counts = {True: 0, False: 0}
    errors: list[str] = []
    sent = call.json_list()
    items = [item for item in sent if isinstance(item, dict)]
    if len(items) != len(sent):
        raise Refusal(400, "the body must be a list of objects")
    for index, item in enumerate(items):
        try:
            counts[save(call, item)] += 1
        except Refusal as refusal:
            errors.append(f"[{index}].{refusal}")
    answer = {"errorCount": len(errors), "insertCount": counts[True], "updateCount": counts[False], "errors": errors}
    return json_reply(answer)
