"""Faults in words, as the command line has them: `status=503,path=/api/Report,times=3`."""

import msgspec

from pywats_mqtt.emulator.fault import EFFECTS, Fault, Kind


def fault_of(words: str) -> Fault:
    """A fault from its kind and its fields, separated by commas.

    The kind may be followed by its first own field: `delay=2` is `delay,delay_s=2`. A value has no comma in it; who
    needs one posts the fault as JSON.

    Raises:
        ValueError: Not a fault; the message says what is wrong.
    """
    first, *rest = [word.strip() for word in words.split(",")]
    name, has_value, value = first.partition("=")
    try:
        kind = Kind(name)
    except ValueError as exc:
        known = ", ".join(kind.value for kind in Kind)
        raise ValueError(f"{name!r} is no kind of fault; it begins with one of {known}") from exc
    found = {"kind": name}
    if has_value:
        own = EFFECTS[kind].fields
        if not own:
            raise ValueError(f"{name} takes no value, got {first!r}")
        found[own[0]] = value
    for word in rest:
        field, has_value, value = word.partition("=")
        if not has_value:
            raise ValueError(f"expected name=value, got {word!r}")
        if field in found:
            raise ValueError(f"{field} is given twice")
        found[field] = value
    try:
        return msgspec.convert(found, Fault, strict=False)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from exc
